"""The Llama architecture in PyTorch, just enough of it to train; names are those of the checkpoint."""
import torch
from torch import nn
from torch.nn import functional as F

CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "vocab_size": 2048,
    "hidden_size": 256,
    "intermediate_size": 512,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 64,
    "hidden_act": "silu",
    "attention_bias": False,
    "attention_dropout": 0.0,
    "mlp_bias": False,
    "rms_norm_eps": 1e-05,
    "rope_theta": 10000.0,
    "rope_scaling": None,
    "max_position_embeddings": 2048,
    "tie_word_embeddings": True,
    "initializer_range": 0.02,
    "torch_dtype": "bfloat16",
    "use_cache": True,
}


DROPOUT = 0.05  # in training, of what each layer adds


def round_bf16(weight):
    """The weight as the checkpoint will hold it; the gradient passes as if it were not rounded."""
    return weight + (weight.to(torch.bfloat16).float() - weight).detach()


class Linear(nn.Module):
    def __init__(self, inputs, outputs, deviation):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) * deviation)

    def forward(self, x):
        return F.linear(x, round_bf16(self.weight))


class RMSNorm(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))

    def forward(self, x):
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + CONFIG["rms_norm_eps"]) * round_bf16(self.weight)


class Attention(nn.Module):
    def __init__(self, hidden, heads, kv_heads, size, out_deviation):
        super().__init__()
        self.heads, self.kv_heads, self.size = heads, kv_heads, size
        self.q_proj = Linear(hidden, heads * size, 0.02)
        self.k_proj = Linear(hidden, kv_heads * size, 0.02)
        self.v_proj = Linear(hidden, kv_heads * size, 0.02)
        self.o_proj = Linear(heads * size, hidden, out_deviation)

    def forward(self, x, cos, sin, mask):
        rows, length, _ = x.shape
        split = lambda y, n: y.view(rows, length, n, self.size).transpose(1, 2)
        q = rotate(split(self.q_proj(x), self.heads), cos, sin)
        k = rotate(split(self.k_proj(x), self.kv_heads), cos, sin)
        v = split(self.v_proj(x), self.kv_heads)
        # The query heads that share a KV head become more rows of one product.
        q = q.reshape(rows, self.kv_heads, -1, self.size)
        scores = (q @ k.transpose(-1, -2) * self.size ** -0.5).view(rows, self.kv_heads, -1, length, length)
        weights = (scores + mask[:, None, None]).softmax(-1)
        y = (weights.view(rows, self.kv_heads, -1, length) @ v).view(rows, self.heads, length, self.size)
        return self.o_proj(y.transpose(1, 2).reshape(rows, length, -1))


def rotate(x, cos, sin):
    half = x.shape[-1] // 2
    a, b = x[..., :half], x[..., half:]
    return torch.cat((a * cos - b * sin, b * cos + a * sin), -1)


class MLP(nn.Module):
    def __init__(self, hidden, inner, out_deviation):
        super().__init__()
        self.gate_proj = Linear(hidden, inner, 0.02)
        self.up_proj = Linear(hidden, inner, 0.02)
        self.down_proj = Linear(inner, hidden, out_deviation)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    def __init__(self, c):
        super().__init__()
        deviation = 0.02 / (2 * c["num_hidden_layers"]) ** 0.5
        self.input_layernorm = RMSNorm(c["hidden_size"])
        self.self_attn = Attention(c["hidden_size"], c["num_attention_heads"], c["num_key_value_heads"], c["head_dim"], deviation)
        self.post_attention_layernorm = RMSNorm(c["hidden_size"])
        self.mlp = MLP(c["hidden_size"], c["intermediate_size"], deviation)

    def forward(self, x, cos, sin, mask):
        x = x + F.dropout(self.self_attn(self.input_layernorm(x), cos, sin, mask), DROPOUT, self.training)
        return x + F.dropout(self.mlp(self.post_attention_layernorm(x)), DROPOUT, self.training)


class Decoder(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.embed_tokens = nn.Embedding(c["vocab_size"], c["hidden_size"])
        nn.init.normal_(self.embed_tokens.weight, std=0.02)
        self.layers = nn.ModuleList(Layer(c) for _ in range(c["num_hidden_layers"]))
        self.norm = RMSNorm(c["hidden_size"])


class Llama(nn.Module):
    def __init__(self, c=CONFIG):
        super().__init__()
        self.model = Decoder(c)
        half = c["head_dim"] // 2
        self.frequencies = c["rope_theta"] ** (-torch.arange(half, dtype=torch.float64) / half)

    def forward(self, ids, positions, mask):
        """ids, positions [rows, length]; mask [rows, length, length] is added to the scores. Logits [rows, length, vocabulary]."""
        angles = (positions[..., None] * self.frequencies)[:, None]
        cos, sin = angles.cos().float(), angles.sin().float()
        embedding = round_bf16(self.model.embed_tokens.weight)
        x = F.embedding(ids, embedding)
        for layer in self.model.layers:
            x = layer(x, cos, sin, mask)
        return F.linear(self.model.norm(x), embedding)
