/* What the opaque handles of the ABI are on a GPU. One thread drives a device; only what loads of weights use beside it is locked. */
#ifndef KP_CUDA_DEVICE_H_
#define KP_CUDA_DEVICE_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "common/checks.h"
#include "cuda/platform.h"
#include "kp/kp.h"

namespace kp::cuda {

/* Pinned memory through which copies from and to the host go: a copy from ordinary memory would stop the host until it is done. Parts are
 * taken in turn; one is used again when the copy that last went through it has been made. */
class Staging {
 public:
  cudaError_t Open(int64_t part_bytes, int parts);
  void Close();
  int64_t part_bytes() const { return part_bytes_; }
  /* The next part, free to be filled. */
  cudaError_t Take(char** part);
  /* Says that the copy out of the part last taken is enqueued on stream. */
  cudaError_t Enqueued(cudaStream_t stream);

 private:
  char* memory_ = nullptr;
  int64_t part_bytes_ = 0;
  std::vector<cudaEvent_t> events_;
  size_t next_ = 0;
};

/* Results on their way: they lie in pinned memory, taken in turn, and are handed out when the host has waited for them. */
class ReadRing {
 public:
  cudaError_t Open(int64_t bytes);
  void Close();
  /* Where so many bytes are to be copied that go to host after the wait for a mark later than this one; null where there is no room. */
  void* Take(void* host, int64_t bytes, int64_t mark);
  /* Hands out what was taken before the mark. */
  void Deliver(int64_t mark);
  void Forget() { pending_.clear(); }

 private:
  struct Pending {
    int64_t at;
    void* host;
    int64_t bytes;
    int64_t mark;
  };
  char* memory_ = nullptr;
  int64_t bytes_ = 0;
  int64_t end_ = 0; /* of the newest; the oldest begins the part that is in use */
  std::deque<Pending> pending_;
};

}  // namespace kp::cuda

struct kp_stream {
  kp_device* device = nullptr;
  cudaStream_t cuda = nullptr;
  kp::cuda::Staging writes;

  kp::cuda::ReadRing reads;
  std::vector<cudaEvent_t> marks; /* the last ones, in turn */
  int64_t marks_made = 0;

  kp_status Open();
  void Close();
  /* Host memory may be reused when this returns. */
  kp_status Write(void* destination, const void* host, int64_t bytes);
  kp_status Read(const void* source, void* host, int64_t bytes);
  kp_status Synchronize();
  kp_status Mark(int64_t* mark);
  kp_status Wait(int64_t mark);
};

namespace kp::cuda {

/* Device memory that grows with what is asked of it. */
struct Room {
  void* address = nullptr;
  int64_t bytes = 0;
};

/* The way of weights from host memory to their place: one load of rows uses it at a time. */
struct Lane {
  kp_stream stream;
  Room upload;           /* a flag, then rows as the source has them */
  int32_t is_broken = 0; /* the flag, when it was read back */
};

}  // namespace kp::cuda

struct kp_device {
  int index = 0;
  int multiprocessors = 0;
  int shared_bytes = 0;        /* that a block may ask for */
  bool has_wgmma = false;      /* a Hopper: the code for it has wgmma.cuh */
  bool batch_invariant = true; /* kp_device_options */
  std::string name;
  int64_t total_bytes = 0;
  kp_stream loader;               /* what the device does for itself: zeroing memory */
  kp_stream* recording = nullptr; /* what is enqueued there goes into a graph */

  /* KP_OK, or a message about what failed. An error that the device does not recover from makes every later call fail with it. */
  kp_status Check(cudaError_t error, const char* what);
  /* KP_OK, or what cannot be part of a graph. */
  kp_status RefuseInGraph(const char* what) const;
  kp_status Select() { return Check(cudaSetDevice(index), "cudaSetDevice"); }

  kp_status Allocate(int64_t bytes, void** address) { return Allocate(bytes, loader, address); }
  void Free(void* address);
  /* Makes scratch at least this long. Kernels of one call after another use it: the device has one stream at work. */
  kp_status ReserveScratch(int64_t bytes) { return Reserve(bytes, loader, scratch_); }
  void* scratch() const { return scratch_.address; }
  /* An idle lane, or a new one, with room for so many bytes on the device. Any thread. */
  kp_status TakeLane(int64_t bytes, std::unique_ptr<kp::cuda::Lane>* lane);
  /* Nothing of it is on its way any more, or the device is broken. Any thread. */
  void ReturnLane(std::unique_ptr<kp::cuda::Lane> lane);
  /* All have been returned. */
  void FreeLanes();
  void FreeReserves();

 private:
  /* zeroes: the stream on which the memory is zeroed. */
  kp_status Allocate(int64_t bytes, kp_stream& zeroes, void** address);
  kp_status Reserve(int64_t bytes, kp_stream& zeroes, kp::cuda::Room& room);
  void CloseLane(kp::cuda::Lane& lane);

  kp::cuda::Room scratch_;
  std::atomic<cudaError_t> broken_{cudaSuccess};
  std::mutex lock_; /* of what follows */
  std::string broken_by_;
  std::vector<std::unique_ptr<kp::cuda::Lane>> idle_lanes_;
};

#endif
