#include "cpu/sampling.h"

#include <atomic>

#include "cpu/sampling_draw.h"

namespace kp::cpu::KP_TARGET {
namespace {

bool ChangesLogits(const kp_sampling_row& p) {
  return p.banned_count > 0 || p.bias_count > 0 ||
         (p.history_count > 0 && (p.repetition_penalty != 1.0f || p.frequency_penalty != 0.0f || p.presence_penalty != 0.0f));
}

/* The steps before the greedy choice, on a copy of the row. */
void ChangeLogits(const kp_sampling_args& args, const kp_sampling_row& p, float* logits) {
  for (int32_t i = p.banned_start; i < p.banned_start + p.banned_count; ++i) {
    logits[args.banned_ids[i]] = -kInfinity;
  }
  for (int32_t i = p.bias_start; i < p.bias_start + p.bias_count; ++i) {
    logits[args.bias_ids[i]] += args.bias_values[i];
  }
  for (int32_t i = p.history_start; i < p.history_start + p.history_count; ++i) {
    float& logit = logits[args.history[i]];
    const float times = static_cast<float>(args.history_output_counts[i]);
    logit = logit > 0.0f ? logit / p.repetition_penalty : logit * p.repetition_penalty;
    logit -= p.frequency_penalty * times;
    logit -= times > 0.0f ? p.presence_penalty : 0.0f;
  }
}

int32_t Choose(const kp_sampling_args& args, const kp_sampling_row& p, Row row, float max, const SampleScratch& scratch) {
  if (ChangesLogits(p)) {
    std::copy_n(row.logits, row.vocabulary, scratch.logits);
    ChangeLogits(args, p, scratch.logits);
    row.logits = scratch.logits;
    max = row.Max();
    if (!(max > -kInfinity)) {
      return -1;
    }
  }
  if (p.temperature == 0.0f) {
    return row.FirstOf(max);
  }
  constexpr float kColdest = 1e30f;  // keeps 0 * (1 / temperature) a number
  const Draw draw{row, max, std::min(1.0f / p.temperature, kColdest), Noise(p.seed, p.position)};
  if (p.top_p >= 1.0f && p.min_p == 0.0f && (p.top_k == 0 || p.top_k >= row.vocabulary)) {
    return draw.FromAll();
  }
  return draw.From(scratch.candidates, Filter(draw, p, scratch.candidates).Keep());
}

void SampleRow(const kp_sampling_args& args, int64_t r, const SampleScratch& scratch, ThreadPool* pool) {
  const kp_sampling_row& p = args.row[r];
  const Row row{args.logits + r * args.logits_stride, args.vocabulary, pool, scratch.chunk_parts};
  int32_t* top_ids = args.top_ids + r * args.max_top_logprobs;
  float* top_logprobs = args.top_logprobs + r * args.max_top_logprobs;
  const float max = row.Max();
  const bool usable = max > -kInfinity;  // neither NaN nor all -infinity
  int32_t token = !usable ? -1 : p.given_token >= 0 ? p.given_token : Choose(args, p, row, max, scratch);
  args.token[r] = token;
  args.logprob[r] = 0.0f;
  args.rank[r] = 0;
  int alternatives = 0;
  if (p.top_logprobs >= 0 && token >= 0) {
    const double log_sum = row.LogSum(max);
    args.logprob[r] = static_cast<float>(static_cast<double>(row.logits[token]) - log_sum);
    args.rank[r] = row.CountFrom(row.logits[token]);
    alternatives = p.top_logprobs;
    row.Best(alternatives, log_sum, top_ids, top_logprobs);
  }
  std::fill(top_ids + alternatives, top_ids + args.max_top_logprobs, -1);
  std::fill(top_logprobs + alternatives, top_logprobs + args.max_top_logprobs, -kInfinity);
}

}  // namespace

void Sample(ThreadPool& pool, const kp_sampling_args& args) {
  if (args.rows < pool.threads()) {
    for (int64_t r = 0; r < args.rows; ++r) {
      SampleRow(args, r, SampleScratch::At(args.workspace, 0, args.vocabulary), &pool);
    }
    return;
  }
  // A row a worker: rows differ in work, so each worker takes the next one when it is done.
  std::atomic<int64_t> next{0};
  pool.ParallelFor(pool.threads(), 1, [&](int64_t begin, int64_t end) {
    for (int64_t worker = begin; worker < end; ++worker) {
      const SampleScratch scratch = SampleScratch::At(args.workspace, worker, args.vocabulary);
      for (int64_t r = next.fetch_add(1); r < args.rows; r = next.fetch_add(1)) {
        SampleRow(args, r, scratch, nullptr);
      }
    }
  });
}

}  // namespace kp::cpu::KP_TARGET
