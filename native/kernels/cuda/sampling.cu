#include "abi/backend.h"
#include "cuda/device.h"
#include "cuda/sampling_draw.cuh"

namespace kp::cuda {
namespace {

__device__ __forceinline__ bool ChangesLogits(const kp_sampling_row& p) {
  return p.banned_count > 0 || p.bias_count > 0 ||
         (p.history_count > 0 && (p.repetition_penalty != 1.0f || p.frequency_penalty != 0.0f || p.presence_penalty != 0.0f));
}

/* The steps before the greedy choice, on a copy of the row. Ids of one list are distinct (or all that is done to them is the same), so that
 * threads share it out. */
template <int kThreads>
__device__ void ChangeLogits(const kp_sampling_args& args, const kp_sampling_row& p, const LogitRow<kThreads>& row, float* logits) {
  const int mine = static_cast<int>(threadIdx.x);
  row.ForEach([&](int64_t id, float logit) { logits[id] = logit; });
  __syncthreads();
  for (int i = mine; i < p.banned_count; i += kThreads) {
    logits[args.banned_ids[p.banned_start + i]] = -kInfinity;
  }
  __syncthreads();
  for (int i = mine; i < p.bias_count; i += kThreads) {
    logits[args.bias_ids[p.bias_start + i]] += args.bias_values[p.bias_start + i];
  }
  __syncthreads();
  for (int i = mine; i < p.history_count; i += kThreads) {
    float& logit = logits[args.history[p.history_start + i]];
    const float times = static_cast<float>(args.history_output_counts[p.history_start + i]);
    logit = logit > 0.0f ? logit / p.repetition_penalty : logit * p.repetition_penalty;
    logit -= p.frequency_penalty * times;
    logit -= times > 0.0f ? p.presence_penalty : 0.0f;
  }
  __syncthreads();
}

template <int kThreads>
__device__ int Choose(const kp_sampling_args& args, const kp_sampling_row& p, LogitRow<kThreads> row, float max, float* changed,
                      SelectMemory& memory) {
  if (ChangesLogits(p)) {
    ChangeLogits(args, p, row, changed);
    row.logits = changed;
    max = row.Max();
    if (!(max > -kInfinity)) {
      return -1;
    }
  }
  if (p.temperature == 0.0f) {
    return row.FirstOf(max);
  }
  constexpr float kColdest = 1e30f;  // keeps 0 * (1 / temperature) a number
  const Draw<kThreads> draw{row, max, fminf(1.0f / p.temperature, kColdest), p.seed, p.position};
  if (p.top_p >= 1.0f && p.min_p == 0.0f && (p.top_k == 0 || p.top_k >= row.vocabulary)) {
    return draw.FromAll();
  }
  return draw.FromFiltered(p, memory);
}

template <int kThreads>
__global__ void __launch_bounds__(kThreads) Sample(kp_sampling_args args) {
  __shared__ SelectMemory memory;
  const int64_t r = blockIdx.x;
  const kp_sampling_row p = args.row[r];
  const LogitRow<kThreads> row{args.logits + r * args.logits_stride, args.vocabulary};
  float* changed = static_cast<float*>(args.workspace) + r * args.vocabulary;
  int32_t* top_ids = args.top_ids + r * args.max_top_logprobs;
  float* top_logprobs = args.top_logprobs + r * args.max_top_logprobs;
  const float max = row.Max();
  const bool is_usable = max > -kInfinity;  // neither NaN nor all -infinity
  const int token = !is_usable ? -1 : p.given_token >= 0 ? p.given_token : Choose(args, p, row, max, changed, memory);
  float logprob = 0.0f;
  int rank = 0;
  int alternatives = 0;
  if (p.top_logprobs >= 0 && token >= 0) {
    const double log_sum = row.LogSum(max);
    logprob = static_cast<float>(static_cast<double>(row.logits[token]) - log_sum);
    rank = row.CountFrom(row.logits[token]);
    alternatives = p.top_logprobs;
    row.Best(alternatives, log_sum, memory, reinterpret_cast<int*>(changed), top_ids, top_logprobs);
  }
  if (threadIdx.x == 0) {
    args.token[r] = token;
    args.logprob[r] = logprob;
    args.rank[r] = rank;
  }
  for (int i = alternatives + static_cast<int>(threadIdx.x); i < args.max_top_logprobs; i += kThreads) {
    top_ids[i] = -1;
    top_logprobs[i] = -kInfinity;
  }
}

}  // namespace
}  // namespace kp::cuda

/* A row's logits as its penalties leave them, and later the list of its best ids. */
int64_t kp::backend::SampleWorkspace(kp_device*, int64_t rows, int64_t vocabulary) {
  return CheckedMultiply(rows, vocabulary * static_cast<int64_t>(sizeof(float)));
}

/* A block a row. The number of threads is part of the order of sums, so it follows from the vocabulary alone. */
kp_status kp::backend::Sample(kp_stream* stream, const kp_sampling_args& args) {
  const auto rows = static_cast<unsigned>(args.rows);
  if (args.vocabulary <= 1024) {
    return KP_LAUNCH(cuda::Sample<32>, rows, 32, 0, stream, args);
  }
  if (args.vocabulary <= 8192) {
    return KP_LAUNCH(cuda::Sample<128>, rows, 128, 0, stream, args);
  }
  return KP_LAUNCH(cuda::Sample<512>, rows, 512, 0, stream, args);
}
