/* Passes over one row of logits. Included by kernel files. */
#ifndef KP_CPU_SAMPLING_ROW_H_
#define KP_CPU_SAMPLING_ROW_H_

#include <algorithm>
#include <cmath>
#include <limits>

#include "cpu/sampling.h"
#include "cpu/simd/sum_row.h"

namespace kp::cpu::KP_TARGET {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

/* A row of logits in chunks. pool is null where the row is one worker's own; otherwise its chunks are shared out. */
struct Row {
  const float* logits;
  int64_t vocabulary;
  ThreadPool* pool;
  ChunkPart* parts;

  int64_t Chunks() const { return SampleScratch::Chunks(vocabulary); }

  /* body(part, first id, count) for every chunk. */
  template <typename Body>
  void ForChunks(const Body& body) const {
    const auto run = [&](int64_t begin, int64_t end) {
      for (int64_t chunk = begin; chunk < end; ++chunk) {
        const int64_t first = chunk * kSampleChunk;
        body(parts[chunk], first, std::min(kSampleChunk, vocabulary - first));
      }
    };
    if (pool != nullptr) {
      pool->ParallelFor(Chunks(), 2, run);
    } else {
      run(0, Chunks());
    }
  }

  /* The largest logit; NaN where the row holds a NaN or +infinity: such a row is the work of a broken model. */
  float Max() const {
    ForChunks([&](ChunkPart& part, int64_t first, int64_t count) {
      Vec max = Broadcast(-kInfinity);
      unsigned valid = ~0u;
      ForVectors(count, [&](int64_t i, int lanes) {
        const unsigned outside = lanes < kLanes ? ~0u << lanes : 0u;
        const Vec v = Load(logits + first + i, lanes);
        valid &= Bits(v < Broadcast(kInfinity)) | outside | ~kAllLanes;
        max = Max2(max, lanes < kLanes ? Select(FirstLanes(lanes), v, Broadcast(-kInfinity)) : v);
      });
      part.max = ReduceMax(max);
      part.valid = valid == ~0u;
    });
    float max = -kInfinity;
    for (int64_t chunk = 0; chunk < Chunks(); ++chunk) {
      if (!parts[chunk].valid) {
        return std::numeric_limits<float>::quiet_NaN();
      }
      max = std::max(max, parts[chunk].max);
    }
    return max;
  }

  /* The lowest id whose logit is max. */
  int32_t FirstOf(float max) const {
    for (int64_t chunk = 0; chunk < Chunks(); ++chunk) {
      if (parts[chunk].max == max) {
        const float* begin = logits + chunk * kSampleChunk;
        return static_cast<int32_t>(std::find(begin, logits + vocabulary, max) - logits);
      }
    }
    return -1;
  }

  /* log sum exp of the row. */
  double LogSum(float max) const {
    ForChunks([&](ChunkPart& part, int64_t first, int64_t count) {
      part.exp_sum = SumRow(count, [&](Vec sum, int64_t i, int lanes) {
        const Vec e = Exp(Load(logits + first + i, lanes) - Broadcast(max));
        return sum + (lanes < kLanes ? Select(FirstLanes(lanes), e, Zero()) : e);
      });
    });
    double sum = 0;
    for (int64_t chunk = 0; chunk < Chunks(); ++chunk) {
      sum += static_cast<double>(parts[chunk].exp_sum);
    }
    return static_cast<double>(max) + std::log(sum);
  }

  /* Ids whose logit is at least this one. */
  int32_t CountFrom(float logit) const {
    int64_t below = 0;
    ForVectors(vocabulary, [&](int64_t i, int lanes) {
      below += std::popcount(Bits(Load(logits + i, lanes) < Broadcast(logit)) & ((1u << lanes) - 1));
    });
    return static_cast<int32_t>(vocabulary - below);
  }

  /* The count best ids, ties by rising id; -1 and -infinity where the vocabulary has fewer. */
  void Best(int count, double log_sum, int32_t* ids, float* logprobs) const {
    int found = 0;  // ids[0, found) is a heap with the worst on top
    const auto better = [&](int32_t a, int32_t b) { return logits[a] > logits[b] || (logits[a] == logits[b] && a < b); };
    ForVectors(count > 0 ? vocabulary : 0, [&](int64_t i, int lanes) {
      const float worst = found < count ? -kInfinity : logits[ids[0]];
      const unsigned lane_bits = (1u << lanes) - 1;
      unsigned bits = found < count ? lane_bits : Bits(Broadcast(worst) < Load(logits + i, lanes)) & lane_bits;
      for (; bits != 0; bits &= bits - 1) {
        const int32_t id = static_cast<int32_t>(i) + std::countr_zero(bits);
        if (found < count) {
          ids[found++] = id;
          std::push_heap(ids, ids + found, better);
        } else if (better(id, ids[0])) {
          std::pop_heap(ids, ids + found, better);
          ids[found - 1] = id;
          std::push_heap(ids, ids + found, better);
        }
      }
    });
    std::sort_heap(ids, ids + found, better);
    for (int i = 0; i < found; ++i) {
      logprobs[i] = static_cast<float>(static_cast<double>(logits[ids[i]]) - log_sum);
    }
    std::fill(ids + found, ids + count, -1);
    std::fill(logprobs + found, logprobs + count, -kInfinity);
  }

 private:
  static constexpr unsigned kAllLanes = (1u << kLanes) - 1;

  KP_INLINE static Vec Max2(Vec a, Vec b) { return kp::cpu::KP_TARGET::Max(a, b); }
};

}  // namespace
}  // namespace kp::cpu::KP_TARGET

#endif
