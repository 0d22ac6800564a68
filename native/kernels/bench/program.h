/* What the benches share: the command line, a device, timing, and results as a markdown table and JSON lines. */
#ifndef KP_BENCH_PROGRAM_H_
#define KP_BENCH_PROGRAM_H_

#include <cstdio>
#include <functional>
#include <initializer_list>
#include <map>
#include <string>
#include <vector>

#include "kp/linear.h"

namespace kp::bench {

/* Ends the program with the library's message unless status is KP_OK. */
void Check(kp_status status);

/* y = W x, stored. Rows lie without gaps. */
void Multiply(kp_stream* stream, const kp_linear* linear, const void* x, kp_dtype x_dtype, int64_t in, int64_t rows, float* y, int64_t out);

/* One cell of a result: a word, or a number with so many decimals. */
struct Field {
  Field(const char* field_name, std::string value) : name(field_name), text(std::move(value)), quoted(true) {}
  Field(const char* field_name, double value, int decimals);
  const char* name;
  std::string text;
  bool quoted;
};

/* Seconds of one call: the least disturbed sample, and the middle one. */
struct Timing {
  double best;
  double median;
};

/* Ceilings of this moment. */
struct Ceilings {
  double read_bytes;
  double float_flops;
  double bf16_flops;
  double int8_ops;
};

class Program {
 public:
  /* Options are --name=value: isa and threads as in kp_device_options, seconds of each measurement, json (a file to append lines to), and
   * filters (comma lists; left out = all). Anything else ends the program with usage. */
  Program(int argc, char** argv, const char* usage, std::initializer_list<const char*> filters);
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  kp_device* device() const { return device_; }
  kp_stream* stream() const { return stream_; }
  int threads() const { return info_.threads; }

  /* Whether a filter lets the value through. */
  bool Wants(const std::string& filter, const std::string& value) const;
  Ceilings MeasureCeilings() const;
  /* Calls for a while, at least five samples; several calls make one sample where one is too short for the clock. */
  Timing Time(int calls, const std::function<void()>& call) const;
  /* The first row prints the heads too; all must have the same fields. */
  void Row(const std::vector<Field>& fields);

 private:
  std::map<std::string, std::vector<std::string>> filters_;
  double seconds_ = 0.3;
  std::FILE* json_ = nullptr;
  bool has_rows_ = false;
  kp_device* device_ = nullptr;
  kp_stream* stream_ = nullptr;
  kp_device_info info_{};
};

}  // namespace kp::bench

#endif
