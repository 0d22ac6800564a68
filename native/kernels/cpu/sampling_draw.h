/* Filters and draws. Nothing is sorted but the last few candidates. Included by kernel files. */
#ifndef KP_CPU_SAMPLING_DRAW_H_
#define KP_CPU_SAMPLING_DRAW_H_

#include "cpu/sampling_noise.h"
#include "cpu/sampling_row.h"

namespace kp::cpu::KP_TARGET {
namespace {

/* The distribution of a draw: weight(id) = exp((logit - largest) / temperature). The id with the largest weight / noise is drawn, which
 * is the Gumbel trick without its logarithms. */
struct Draw {
  const Row& row;
  float max;
  float inverse_temperature;
  Noise noise;

  KP_INLINE Vec Scaled(Vec logits) const { return (logits - Broadcast(max)) * Broadcast(inverse_temperature); }

  /* From all ids. */
  int32_t FromAll() const {
    row.ForChunks([&](ChunkPart& part, int64_t first, int64_t count) {
      part.best_score = 0.0f;
      part.best_id = -1;
      for (int64_t at = first; at < first + count; at += kNoiseBlock) {
        BestOfBlock(part, at, std::min<int64_t>(kNoiseBlock, first + count - at));
      }
    });
    const ChunkPart* best = row.parts;
    for (int64_t chunk = 1; chunk < row.Chunks(); ++chunk) {
      if (row.parts[chunk].best_score > best->best_score) {
        best = row.parts + chunk;
      }
    }
    return best->best_id;
  }

  int32_t From(const Candidate* candidates, int64_t count) const {
    float best_score = 0.0f;
    int32_t best_id = -1;
    for (int64_t first = 0; first < count; first += kNoiseLanes) {
      const int lanes = static_cast<int>(std::min<int64_t>(kNoiseLanes, count - first));
      int32_t ids[kNoiseLanes] = {};
      float values[kNoiseLanes];
      for (int i = 0; i < lanes; ++i) {
        ids[i] = candidates[first + i].id;
      }
      noise.OfIds(ids, values);
      for (int i = 0; i < lanes; ++i) {
        const float score = candidates[first + i].weight / values[i];
        if (score > best_score || (score == best_score && score > 0.0f && ids[i] < best_id)) {
          best_score = score;
          best_id = ids[i];
        }
      }
    }
    return best_id;
  }

 private:
  /* Lower ids come first, so a tie stays with the lowest. */
  void BestOfBlock(ChunkPart& part, int64_t first, int64_t count) const {
    alignas(64) float weights[kNoiseBlock] = {};
    Vec heaviest = Zero();
    ForVectors(count, [&](int64_t i, int lanes) {
      const Vec weight = Exp(Scaled(Load(row.logits + first + i, lanes)));
      Store(weights + i, weight, lanes);
      heaviest = Max(heaviest, lanes < kLanes ? Select(FirstLanes(lanes), weight, Zero()) : weight);
    });
    // Most ids of a peaked distribution cannot win whatever their noise.
    if (ReduceMax(heaviest) * kLargestInverseNoise <= part.best_score) {
      return;
    }
    alignas(64) float values[kNoiseBlock];
    noise.OfBlock(first / kNoiseBlock, values);
    for (int64_t i = 0; i < count; i += kLanes) {
      const Vec score = Load(weights + i) / Load(values + i);
      unsigned bits = Bits(Broadcast(part.best_score) < score);
      if (bits != 0) {
        float scores[kLanes];
        Store(scores, score);
        for (; bits != 0; bits &= bits - 1) {
          const int lane = std::countr_zero(bits);
          if (scores[lane] > part.best_score) {
            part.best_score = scores[lane];
            part.best_id = static_cast<int32_t>(first + i) + lane;
          }
        }
      }
    }
  }
};

/* The ids that min-p, top-k and top-p leave, in that order. */
class Filter {
 public:
  Filter(const Draw& draw, const kp_sampling_row& parameters, Candidate* candidates)
      : draw_(draw), parameters_(parameters), candidates_(candidates) {}

  /* The number of candidates kept; they stand at the front of the array, in an order that depends on the row alone. */
  int64_t Keep() {
    SumBands();
    const bool has_top_k = parameters_.top_k > 0 && parameters_.top_k < draw_.row.vocabulary;
    Collect(has_top_k ? BandOfCount(parameters_.top_k) : BandOfShare(parameters_.top_p));
    double total = sums_[kLast];
    if (has_top_k && count_ > parameters_.top_k) {
      KeepTopK(parameters_.top_k);
    }
    if (parameters_.top_p < 1.0f) {
      if (has_top_k) {
        total = Weight(0, count_);
      }
      KeepTopP(static_cast<double>(parameters_.top_p) * total);
    }
    return count_;
  }

 private:
  static constexpr int kLast = ChunkPart::kBands - 1;

  static bool Heavier(const Candidate& a, const Candidate& b) { return a.logit > b.logit || (a.logit == b.logit && a.id < b.id); }

  /* Weight and number of the ids above each of a few fixed logits, so that only those that may be kept are collected; the last band is
   * everything that min-p leaves. */
  void SumBands() {
    constexpr float kFloors[kLast] = {-1.5f, -3.0f, -5.0f, -7.0f, -10.0f, -14.0f};
    const float min_p = parameters_.min_p > 0.0f ? static_cast<float>(std::log(static_cast<double>(parameters_.min_p))) : -kInfinity;
    for (int band = 0; band <= kLast; ++band) {
      floors_[band] = band < kLast ? std::max(kFloors[band], min_p) : min_p;
    }
    draw_.row.ForChunks([&](ChunkPart& part, int64_t first, int64_t count) {
      Vec sums[ChunkPart::kBands];
      Vec counts[ChunkPart::kBands];
      std::fill_n(sums, ChunkPart::kBands, Zero());
      std::fill_n(counts, ChunkPart::kBands, Zero());
      ForVectors(count, [&](int64_t i, int lanes) {
        Vec logit = draw_.Scaled(Load(draw_.row.logits + first + i, lanes));
        Vec weight = Exp(logit);
        Vec one = Broadcast(1.0f);
        if (lanes < kLanes) {
          weight = Select(FirstLanes(lanes), weight, Zero());
          one = Select(FirstLanes(lanes), one, Zero());
        }
        for (int band = 0; band <= kLast; ++band) {
          const Mask below = logit < Broadcast(floors_[band]);
          sums[band] = sums[band] + Select(below, Zero(), weight);
          counts[band] = counts[band] + Select(below, Zero(), one);
        }
      });
      for (int band = 0; band <= kLast; ++band) {
        part.band_sums[band] = ReduceAdd(sums[band]);
        part.band_counts[band] = static_cast<int32_t>(ReduceAdd(counts[band]));
      }
    });
    for (int64_t chunk = 0; chunk < draw_.row.Chunks(); ++chunk) {
      for (int band = 0; band <= kLast; ++band) {
        sums_[band] += static_cast<double>(draw_.row.parts[chunk].band_sums[band]);
        counts_[band] += draw_.row.parts[chunk].band_counts[band];
      }
    }
  }

  float BandOfCount(int64_t wanted) const {
    int band = 0;
    while (band < kLast && counts_[band] < wanted) {
      ++band;
    }
    return floors_[band];
  }

  /* The sums of fp32 are good to a few 1e-7: the margin makes sure that the id that crosses the share is inside. */
  float BandOfShare(float share) const {
    const double wanted = share < 1.0f ? static_cast<double>(share) * sums_[kLast] * (1.0 + 1e-5) : kInfinity;
    int band = 0;
    while (band < kLast && sums_[band] < wanted) {
      ++band;
    }
    return floors_[band];
  }

  void Collect(float floor) {
    const Row& row = draw_.row;
    for (int64_t chunk = 0; chunk < row.Chunks(); ++chunk) {
      if ((row.parts[chunk].max - draw_.max) * draw_.inverse_temperature < floor) {
        continue;
      }
      const int64_t first = chunk * kSampleChunk;
      ForVectors(std::min(kSampleChunk, row.vocabulary - first), [&](int64_t i, int lanes) {
        const Vec logit = draw_.Scaled(Load(row.logits + first + i, lanes));
        unsigned bits = ~Bits(logit < Broadcast(floor)) & ((1u << lanes) - 1);
        if (bits != 0) {
          float logits[kLanes];
          float weights[kLanes];
          Store(logits, logit);
          Store(weights, Exp(logit));
          for (; bits != 0; bits &= bits - 1) {
            const int lane = std::countr_zero(bits);
            candidates_[count_++] = {logits[lane], weights[lane], static_cast<int32_t>(first + i) + lane};
          }
        }
      });
    }
  }

  /* Everything not below the k-th largest, ties with it included. */
  void KeepTopK(int64_t k) {
    std::nth_element(candidates_, candidates_ + k - 1, candidates_ + count_, Heavier);
    const float smallest = candidates_[k - 1].logit;
    count_ = std::partition(candidates_ + k, candidates_ + count_, [&](const Candidate& c) { return c.logit == smallest; }) - candidates_;
  }

  /* The heaviest candidates up to and including the one with which their weight reaches the target: halving, each time only the half
   * in which that happens, takes linear time. */
  void KeepTopP(double target) {
    constexpr int64_t kSortable = 32;
    int64_t begin = 0;  // all before it are kept, and weigh this much
    double before = 0;
    int64_t end = count_;
    while (end - begin > kSortable) {
      const int64_t middle = begin + (end - begin) / 2;
      std::nth_element(candidates_ + begin, candidates_ + middle, candidates_ + end, Heavier);
      const double upper = Weight(begin, middle);
      if (before + upper >= target) {
        end = middle;
      } else {
        begin = middle;
        before += upper;
      }
    }
    std::sort(candidates_ + begin, candidates_ + end, Heavier);
    for (; begin < end && before < target; ++begin) {
      before += static_cast<double>(candidates_[begin].weight);
    }
    count_ = begin;
  }

  double Weight(int64_t begin, int64_t end) const {
    double sum = 0;
    for (int64_t i = begin; i < end; ++i) {
      sum += static_cast<double>(candidates_[i].weight);
    }
    return sum;
  }

  const Draw& draw_;
  const kp_sampling_row& parameters_;
  Candidate* candidates_;
  int64_t count_ = 0;
  float floors_[ChunkPart::kBands];
  double sums_[ChunkPart::kBands] = {};
  int64_t counts_[ChunkPart::kBands] = {};
};

}  // namespace
}  // namespace kp::cpu::KP_TARGET

#endif
