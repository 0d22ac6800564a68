/* What device_bench stands on: a kernel library opened by its path, memory of its device, times and figures. */
#ifndef KP_BENCH_DEVICE_PROGRAM_H_
#define KP_BENCH_DEVICE_PROGRAM_H_

#include <dlfcn.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "kp/memory.h"

namespace kp::bench {

inline void* library;

template <typename Function>
Function* Find(const char* name) {
  void* found = dlsym(library, name);
  if (found == nullptr) {
    std::fprintf(stderr, "%s\n", dlerror());
    std::exit(2);
  }
  return reinterpret_cast<Function*>(found);
}
#define CALL(function) kp::bench::Find<decltype(function)>(#function)

inline void Check(kp_status status) {
  if (status != KP_OK) {
    std::fprintf(stderr, "%d: %s\n", status, CALL(kp_last_error)());
    std::exit(1);
  }
}

/* The fewest bytes that a call must move, and the operations that it must do. */
struct Work {
  double bytes;
  double operations;
};

/* What of the machine others have measured; the program takes the larger of it and its own. */
struct Ceilings {
  double gigabytes = 0; /* a second, read and written both counted */
  double teraflops = 0; /* bf16 products, sums in fp32 */
};

class DeviceProgram {
 public:
  /* tiny: each call once, for emulations and sanitizers. seconds: when these have passed nothing more is measured. */
  DeviceProgram(int index, bool tiny, double seconds, const Ceilings& ceilings)
      : tiny_(tiny), seconds_(seconds), began_(Clock::now()), ceilings_(ceilings) {
    kp_device_options options{};
    options.index = index;
    Check(CALL(kp_device_open)(&options, &device_));
    Check(CALL(kp_stream_open)(device_, &stream_));
    std::vector<float> floats(tiny_ ? size_t{4} << 10 : size_t{4} << 20);
    std::vector<uint16_t> halves(floats.size());
    for (size_t i = 0; i < floats.size(); ++i) {
      floats[i] = Random();
      uint32_t bits;
      std::memcpy(&bits, &floats[i], sizeof bits);
      halves[i] = static_cast<uint16_t>(bits >> 16);
    }
    floats_ = {Upload(floats), static_cast<int64_t>(floats.size() * sizeof(float))};
    halves_ = {Upload(halves), static_cast<int64_t>(halves.size() * sizeof(uint16_t))};
    kept_ = taken_.size();
  }

  ~DeviceProgram() {
    kept_ = 0;
    Free();
    CALL(kp_stream_close)(stream_);
    CALL(kp_device_close)(device_);
  }
  DeviceProgram(const DeviceProgram&) = delete;
  DeviceProgram& operator=(const DeviceProgram&) = delete;

  kp_device* device() const { return device_; }
  kp_stream* stream() const { return stream_; }
  bool tiny() const { return tiny_; }
  int skipped() const { return skipped_; }

  /* Whether there is time for one more; counts those that there is none for. */
  bool HasTime() {
    const bool has = Since(began_) < seconds_;
    skipped_ += has ? 0 : 1;
    return has;
  }

  template <typename T = void>
  T* Allocate(int64_t bytes) {
    void* address = nullptr;
    Check(CALL(kp_buffer_alloc)(device_, bytes + 64, &address));
    taken_.push_back(address);
    return static_cast<T*>(address);
  }
  template <typename T>
  T* Upload(const std::vector<T>& values) {
    T* address = Allocate<T>(static_cast<int64_t>(values.size() * sizeof(T)));
    Check(CALL(kp_buffer_write)(stream_, address, values.data(), static_cast<int64_t>(values.size() * sizeof(T))));
    return address;
  }
  /* Random numbers of about -2 … 2: some of the chip's power, and with it its clock, depends on what it computes with. */
  float* Floats(int64_t count) { return static_cast<float*>(Fill(floats_, count * static_cast<int64_t>(sizeof(float)))); }
  uint16_t* Halves(int64_t count) { return static_cast<uint16_t*>(Fill(halves_, count * static_cast<int64_t>(sizeof(uint16_t)))); }
  /* The bytes of a pattern again and again. */
  template <typename T>
  void* Repeat(const std::vector<T>& pattern, int64_t bytes) {
    return Fill({Upload(pattern), static_cast<int64_t>(pattern.size() * sizeof(T))}, bytes);
  }
  /* Frees what was allocated since the program began. */
  void Free() {
    while (taken_.size() > kept_) {
      CALL(kp_buffer_free)(device_, taken_.back());
      taken_.pop_back();
    }
  }

  /* Roughly normal. */
  float Random() {
    float sum = -2;
    for (int i = 0; i < 4; ++i) {
      state_ = state_ * 1664525u + 1013904223u;
      sum += static_cast<float>(state_ >> 8) * 0x1p-24f;
    }
    return sum * 1.7f;
  }

  /* Measures enqueue(i), called over and over, and prints the figure: the median of batches, each long enough that its start and end do not
   * count. share: of the time that the ceilings allow. */
  template <typename Enqueue>
  double Measure(const std::string& what, const std::string& shape, const Work& work, const Enqueue& enqueue) {
    constexpr double kBatch = 0.012;
    int calls = 1;
    double seconds = Batch(calls, enqueue);
    std::vector<double> times{seconds};
    if (!tiny_) {
      while ((seconds = Batch(calls, enqueue)) * calls < kBatch / 2 && calls < 4096) {
        calls = static_cast<int>(std::clamp(kBatch / seconds, calls * 2.0, 4096.0));
      }
      times.clear();
      for (int i = 0; i < 7; ++i) {
        times.push_back(Batch(calls, enqueue));
      }
      std::sort(times.begin(), times.end());
    }
    const double median = times[times.size() / 2];
    Print(what, shape, work, median, (times.back() - times.front()) / median);
    return median;
  }

  /* As measured here; another's stays where it is the larger. */
  void Raise(double gigabytes, double teraflops) {
    ceilings_.gigabytes = std::max(ceilings_.gigabytes, gigabytes);
    ceilings_.teraflops = std::max(ceilings_.teraflops, teraflops);
  }

 private:
  using Clock = std::chrono::steady_clock;
  struct Source {
    const void* address = nullptr;
    int64_t bytes = 0;
  };

  static double Since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

  void* Fill(const Source& source, int64_t bytes) {
    char* to = Allocate<char>(bytes);
    for (int64_t done = 0; done < bytes; done += source.bytes) {
      Check(CALL(kp_buffer_copy)(stream_, to + done, source.address, std::min(source.bytes, bytes - done)));
    }
    return to;
  }

  template <typename Enqueue>
  double Batch(int calls, const Enqueue& enqueue) const {
    const Clock::time_point start = Clock::now();
    for (int i = 0; i < calls; ++i) {
      enqueue(i);
    }
    Check(CALL(kp_stream_synchronize)(stream_));
    return Since(start) / calls;
  }

  void Print(const std::string& what, const std::string& shape, const Work& work, double seconds, double spread) const {
    std::printf("{\"what\": \"%s\", \"shape\": \"%s\", \"us\": %.2f, \"spread\": %.3f, \"gb_per_s\": %.1f, \"tflops\": %.2f", what.c_str(),
                shape.c_str(), seconds * 1e6, spread, work.bytes / seconds * 1e-9, work.operations / seconds * 1e-12);
    if (ceilings_.gigabytes > 0 && ceilings_.teraflops > 0) {
      const double memory = work.bytes / (ceilings_.gigabytes * 1e9);
      const double products = work.operations / (ceilings_.teraflops * 1e12);
      std::printf(", \"bound\": \"%s\", \"share\": %.3f", memory >= products ? "memory" : "products", std::max(memory, products) / seconds);
    }
    std::printf("}\n");
    std::fflush(stdout);
  }

  kp_device* device_ = nullptr;
  kp_stream* stream_ = nullptr;
  bool tiny_;
  double seconds_;
  Clock::time_point began_;
  Ceilings ceilings_;
  Source floats_;
  Source halves_;
  std::vector<void*> taken_;
  size_t kept_ = 0;
  int skipped_ = 0;
  uint32_t state_ = 1;
};

}  // namespace kp::bench

#endif
