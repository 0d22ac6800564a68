using KServePaged.Engine.Kernels;
using KServePaged.Engine.Models.Layers;
using KServePaged.Engine.Weights;

namespace KServePaged.Engine.Models;

/// <summary>A loaded decoder: token ids in, logits out.</summary>
internal sealed class DecoderModel
{
    private readonly TableWeight _embedding;
    private readonly RotaryEmbedding[] _rotaries;
    private readonly IBlock[] _blocks;
    /// <summary>Before each block, and behind the last.</summary>
    private readonly INorm[] _norms;

    private readonly Linear _head;

    private DecoderModel(DecoderSpec spec, ModelBuilder builder)
    {
        // The largest matrix first, so that no thread is left alone with it, and the table last, which this thread loads beside those that load matrices.
        _head = new Linear(builder.Weights.Linear(spec.Head));
        _blocks = [.. spec.Blocks.Select(block => block.Load(builder))];
        _norms = [.. _blocks.Select(block => block.InputNorm), spec.FinalNorm.Load(builder)];
        _embedding = builder.Weights.Table(spec.Embedding);
        _rotaries = [.. builder.Rotaries];
        builder.Weights.Finish();
    }

    /// <summary>Loads every weight.</summary>
    public static DecoderModel Load(DecoderSpec spec, ModelBuilder builder) => new(spec, builder);

    /// <summary>
    /// Computes the step's tokens; the final hidden states are in the context's <c>Normed</c> afterwards: of all tokens, or, where its
    /// <c>LogitTokens</c> is then 0, of those whose logits are wanted.
    /// </summary>
    public void Forward(ForwardContext context)
    {
        context.Stream.Embedding(
            _embedding.Buffer.Address, _embedding.Type, _embedding.Rows, _embedding.Columns, context.TokenIds, context.SampledTokens, context.Tokens,
            context.Residual);
        foreach (RotaryEmbedding rotary in _rotaries)
        {
            rotary.Prepare(context);
        }
        _norms[0].Forward(context);
        for (int i = 0; i < _blocks.Length; i++)
        {
            context.IsLastBlock = i == _blocks.Length - 1;
            _blocks[i].Forward(context, _norms[i + 1]);
        }
    }

    /// <summary>Logits of the step's logit rows, after <see cref="Forward"/>.</summary>
    /// <param name="context">The step's.</param>
    /// <param name="rows">All of them.</param>
    /// <param name="logits">[rows, vocabulary] f32.</param>
    public void Logits(ForwardContext context, int rows, nint logits)
    {
        if (context.LogitTokens == 0)
        {
            _head.Forward(context, context.Normed, context.ComputeType, rows, logits);
            return;
        }
        context.Scratch.Reset();
        nint gathered = context.Scratch.Take((long)rows * context.HiddenSize * ElementType.Float32.Bytes());
        context.Stream.Embedding(
            context.Normed, context.ComputeType, context.Tokens, context.HiddenSize, context.LogitTokens, sampled: 0, rows, gathered);
        _head.Forward(context, gathered, ElementType.Float32, rows, logits);
    }
}
