#ifndef KP_CPU_SAMPLING_H_
#define KP_CPU_SAMPLING_H_

#include <cstdint>

#include "cpu/thread_pool.h"
#include "kp/sampling.h"

namespace kp::cpu {

/* A row is worked through in chunks of this many ids, whoever does it: sums of chunks are added up in order, so the number of threads does
 * not change a bit. */
inline constexpr int64_t kSampleChunk = 4096;

/* What a pass over one chunk of a row leaves behind. */
struct ChunkPart {
  static constexpr int kBands = 7;

  float max;
  int32_t valid; /* neither NaN nor +infinity seen */
  float exp_sum;
  float best_score;
  int32_t best_id;
  float band_sums[kBands];
  int32_t band_counts[kBands];
};

/* A token that may be drawn. */
struct Candidate {
  float logit;  /* (logit - largest logit) / temperature */
  float weight; /* exp(logit) */
  int32_t id;
};

/* Working space of one worker, at its place in the workspace. */
struct SampleScratch {
  float* logits;          /* [vocabulary] the row with mask, bias and penalties applied */
  Candidate* candidates;  /* [vocabulary] */
  ChunkPart* chunk_parts; /* [chunks] */

  static int64_t Chunks(int64_t vocabulary) { return (vocabulary + kSampleChunk - 1) / kSampleChunk; }
  static int64_t Bytes(int64_t vocabulary) { return CandidatesOffset(vocabulary) + Padded(vocabulary * int64_t{sizeof(Candidate)}); }

  static SampleScratch At(void* workspace, int64_t worker, int64_t vocabulary) {
    char* base = static_cast<char*>(workspace) + worker * Bytes(vocabulary);
    return {reinterpret_cast<float*>(base), reinterpret_cast<Candidate*>(base + CandidatesOffset(vocabulary)),
            reinterpret_cast<ChunkPart*>(base + PartsOffset(vocabulary))};
  }

 private:
  static int64_t Padded(int64_t bytes) { return (bytes + 63) / 64 * 64; }
  static int64_t PartsOffset(int64_t vocabulary) { return Padded(vocabulary * int64_t{sizeof(float)}); }
  static int64_t CandidatesOffset(int64_t vocabulary) {
    return PartsOffset(vocabulary) + Padded(Chunks(vocabulary) * int64_t{sizeof(ChunkPart)});
  }
};

using SampleFunction = void (*)(ThreadPool& pool, const kp_sampling_args& args);

}  // namespace kp::cpu

#endif
