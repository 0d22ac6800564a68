#include "bench/program.h"

#include <algorithm>
#include <cstdlib>
#include <sstream>

#include "bench/ceilings.h"

namespace kp::bench {
namespace {

std::vector<std::string> Split(const std::string& text) {
  std::vector<std::string> parts;
  std::stringstream stream(text);
  for (std::string part; std::getline(stream, part, ',');) {
    parts.push_back(part);
  }
  return parts;
}

std::string Number(double value, int decimals) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", decimals, value);
  return text;
}

[[noreturn]] void Fail(const std::string& message) {
  std::fprintf(stderr, "%s\n", message.c_str());
  std::exit(1);
}

}  // namespace

void Check(kp_status status) {
  if (status != KP_OK) {
    Fail(kp_last_error());
  }
}

void Multiply(kp_stream* stream, const kp_linear* linear, const void* x, kp_dtype x_dtype, int64_t in, int64_t rows, float* y,
              int64_t out) {
  kp_linear_args args{};
  args.linear = linear;
  args.x = x;
  args.x_dtype = x_dtype;
  args.x_stride = in;
  args.rows = rows;
  args.y = y;
  args.y_stride = out;
  Check(kp_linear_forward(stream, &args));
}

Field::Field(const char* field_name, double value, int decimals) : name(field_name), text(Number(value, decimals)), quoted(false) {}

Program::Program(int argc, char** argv, const char* usage, std::initializer_list<const char*> filters) {
  kp_device_options options{};
  options.isa = KP_ISA_AUTO;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const size_t equals = word.find('=');
    const std::string name = word.rfind("--", 0) == 0 && equals != std::string::npos ? word.substr(2, equals - 2) : "";
    const std::string value = word.substr(equals + 1);
    if (name == "isa") {
      options.isa = std::atoi(value.c_str());
    } else if (name == "threads") {
      options.threads = std::atoi(value.c_str());
    } else if (name == "seconds") {
      seconds_ = std::atof(value.c_str());
    } else if (name == "json") {
      json_ = std::fopen(value.c_str(), "a");
      if (json_ == nullptr) {
        Fail("cannot write " + value);
      }
    } else if (std::any_of(filters.begin(), filters.end(), [&](const char* filter) { return name == filter; })) {
      filters_[name] = Split(value);
    } else {
      Fail(usage);
    }
  }
  Check(kp_device_open(&options, &device_));
  Check(kp_stream_open(device_, &stream_));
  Check(kp_device_get_info(device_, &info_));
  CountProcessorTime(info_.threads == 1);
  std::printf("%s, %d threads\n\n", info_.name, info_.threads);
}

Program::~Program() {
  kp_stream_close(stream_);
  kp_device_close(device_);
  if (json_ != nullptr) {
    std::fclose(json_);
  }
}

bool Program::Wants(const std::string& filter, const std::string& value) const {
  const auto found = filters_.find(filter);
  return found == filters_.end() || std::find(found->second.begin(), found->second.end(), value) != found->second.end();
}

Ceilings Program::MeasureCeilings() const {
  Ceilings best{};
  for (int i = 0; i < 5; ++i) {
    best.read_bytes = std::max(best.read_bytes, ReadBandwidth(info_.threads));
    best.float_flops = std::max(best.float_flops, PeakFloatFlops(info_.threads));
    best.bf16_flops = std::max(best.bf16_flops, PeakBf16Flops(info_.threads));
    best.int8_ops = std::max(best.int8_ops, PeakInt8Ops(info_.threads));
  }
  return best;
}

Timing Program::Time(int calls, const std::function<void()>& call) const {
  std::vector<double> times;
  for (const double end = Seconds() + seconds_; Seconds() < end || times.size() < 5;) {
    const double start = Seconds();
    for (int i = 0; i < calls; ++i) {
      call();
    }
    times.push_back((Seconds() - start) / calls);
  }
  std::sort(times.begin(), times.end());
  return {times.front(), times[times.size() / 2]};
}

void Program::Row(const std::vector<Field>& fields) {
  if (!has_rows_) {
    for (const Field& field : fields) {
      std::printf("| %s ", field.name);
    }
    std::printf("|\n");
    for (size_t i = 0; i < fields.size(); ++i) {
      std::printf("|---");
    }
    std::printf("|\n");
    has_rows_ = true;
  }
  std::string json;
  for (const Field& field : fields) {
    std::printf("| %s ", field.text.c_str());
    const char* quote = field.quoted ? "\"" : "";
    json += (json.empty() ? "{\"" : ", \"") + std::string(field.name) + "\": " + quote + field.text + quote;
  }
  std::printf("|\n");
  std::fflush(stdout);
  if (json_ != nullptr) {
    std::fprintf(json_, "%s}\n", json.c_str());
    std::fflush(json_);
  }
}

}  // namespace kp::bench
