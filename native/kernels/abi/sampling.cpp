#include "kp/sampling.h"

#include <cmath>

#include "abi/backend.h"
#include "common/checks.h"

using kp::CheckedMultiply;
using kp::Print;

namespace {

/* Ids of [start, start + count) of a list lie in the vocabulary; where they must rise, they do. */
kp_status CheckIds(const char* name, int64_t row, const int32_t* ids, int32_t start, int32_t count, int64_t vocabulary, bool rising) {
  KP_REQUIRE(start >= 0 && count >= 0 && start <= INT32_MAX - count, "row %lld: %s range %d + %d is none", Print(row), name, start, count);
  KP_REQUIRE(count == 0 || ids != nullptr, "row %lld: %s must not be null", Print(row), name);
  for (int32_t i = start; i < start + count; ++i) {
    KP_REQUIRE(ids[i] >= 0 && ids[i] < vocabulary, "row %lld: %s[%d] = %d must lie in [0, %lld)", Print(row), name, i, ids[i],
               Print(vocabulary));
    KP_REQUIRE(!rising || i == start || ids[i] > ids[i - 1], "row %lld: %s[%d] = %d does not rise", Print(row), name, i, ids[i]);
  }
  return KP_OK;
}

kp_status CheckRow(const kp_sampling_args& args, int64_t r) {
  const kp_sampling_row& p = args.row[r];
  KP_REQUIRE(p.temperature >= 0 && std::isfinite(p.temperature), "row %lld: temperature = %g must be finite and not negative", Print(r),
             static_cast<double>(p.temperature));
  KP_REQUIRE(p.top_p > 0 && p.top_p <= 1, "row %lld: top_p = %g must lie in (0, 1]", Print(r), static_cast<double>(p.top_p));
  KP_REQUIRE(p.min_p >= 0 && p.min_p <= 1, "row %lld: min_p = %g must lie in [0, 1]", Print(r), static_cast<double>(p.min_p));
  KP_REQUIRE(p.repetition_penalty > 0 && std::isfinite(p.repetition_penalty), "row %lld: repetition_penalty = %g must be positive",
             Print(r), static_cast<double>(p.repetition_penalty));
  KP_REQUIRE(std::isfinite(p.presence_penalty) && std::isfinite(p.frequency_penalty), "row %lld: penalties must be finite", Print(r));
  KP_REQUIRE(p.top_k >= 0, "row %lld: top_k = %d must not be negative", Print(r), p.top_k);
  KP_REQUIRE(p.top_logprobs <= args.max_top_logprobs, "row %lld: top_logprobs = %d exceeds max_top_logprobs = %d", Print(r), p.top_logprobs,
             args.max_top_logprobs);
  KP_REQUIRE(p.given_token >= -1 && p.given_token < args.vocabulary, "row %lld: given_token = %d must lie in [-1, %lld)", Print(r),
             p.given_token, Print(args.vocabulary));
  KP_REQUIRE(p.reserved == 0, "row %lld: reserved = %d must be 0", Print(r), p.reserved);
  KP_REQUIRE(p.history_count <= 0 || args.history_output_counts != nullptr, "row %lld: history_output_counts must not be null", Print(r));
  KP_REQUIRE(p.bias_count <= 0 || args.bias_values != nullptr, "row %lld: bias_values must not be null", Print(r));
  kp_status status = CheckIds("history", r, args.history, p.history_start, p.history_count, args.vocabulary, true);
  if (status == KP_OK) {
    status = CheckIds("bias_ids", r, args.bias_ids, p.bias_start, p.bias_count, args.vocabulary, true);
  }
  return status != KP_OK ? status : CheckIds("banned_ids", r, args.banned_ids, p.banned_start, p.banned_count, args.vocabulary, false);
}

}  // namespace

int64_t kp_sample_workspace(kp_device* device, int64_t rows, int64_t vocabulary) {
  if (device == nullptr || rows <= 0 || vocabulary <= 0 || vocabulary > INT32_MAX) {
    return 0;
  }
  return kp::backend::SampleWorkspace(device, rows, vocabulary);
}

kp_status kp_sample(kp_stream* stream, const kp_sampling_args* args) {
  return kp::Guard([&]() -> kp_status {
    KP_REQUIRE(stream != nullptr && args != nullptr, "stream and args must not be null");
    KP_REQUIRE(args->rows >= 0, "rows = %lld must not be negative", Print(args->rows));
    KP_REQUIRE(args->vocabulary >= 1 && args->vocabulary <= INT32_MAX, "vocabulary = %lld must lie in [1, 2^31)", Print(args->vocabulary));
    KP_REQUIRE(args->max_top_logprobs >= 0, "max_top_logprobs = %d must not be negative", args->max_top_logprobs);
    KP_REQUIRE(args->reserved == 0, "reserved = %d must be 0", args->reserved);
    if (args->rows == 0) {
      return KP_OK;
    }
    KP_REQUIRE(args->logits_stride >= args->vocabulary || args->rows == 1, "logits_stride = %lld is less than a row of %lld",
               Print(args->logits_stride), Print(args->vocabulary));
    KP_REQUIRE(
        args->logits != nullptr && args->row != nullptr && args->token != nullptr && args->logprob != nullptr && args->rank != nullptr,
        "logits, row, token, logprob and rank must not be null");
    KP_REQUIRE(args->max_top_logprobs == 0 || (args->top_ids != nullptr && args->top_logprobs != nullptr),
               "top_ids and top_logprobs must not be null");
    const int64_t needed = kp_sample_workspace(kp::backend::DeviceOf(stream), args->rows, args->vocabulary);
    KP_REQUIRE(args->workspace != nullptr && args->workspace_bytes >= needed, "the workspace of %lld bytes must have %lld",
               Print(args->workspace_bytes), Print(needed));
    for (int64_t r = 0; kp::backend::kHostReadsDeviceMemory && r < args->rows; ++r) {
      const kp_status status = CheckRow(*args, r);
      if (status != KP_OK) {
        return status;
      }
    }
    return kp::backend::Sample(stream, *args);
  });
}
