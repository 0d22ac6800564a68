/* Copies that report to barriers in shared memory, and who waits there. */
#ifndef KP_EMULATION_COPY_ENGINE_H_
#define KP_EMULATION_COPY_ENGINE_H_

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

namespace kp::emulation {

struct BulkCopy {
  void* to;
  const void* from;
  int bytes;
};

class CopyEngine {
 public:
  void Clear();
  void Init(uint64_t* barrier, int arrivals);
  void Arrive(uint64_t* barrier, int expected_bytes);
  bool IsComplete(const uint64_t* barrier, uint32_t parity) const;
  void AddWaiter(uint64_t* barrier, int thread) { waiters_.push_back({barrier, thread}); }
  void Add(const BulkCopy& copy, uint64_t* barrier) { copies_.push_back({barrier, copy}); }
  /* Makes one copy arrive: the oldest, or any. Returns whether there was one. */
  bool FinishOne(std::mt19937_64* random);
  /* Threads whose phase became complete. */
  void TakeReleased(std::vector<int>* ready);

 private:
  struct Pending {
    uint64_t* barrier;
    BulkCopy copy;
  };
  struct Waiter {
    uint64_t* barrier;
    int thread;
  };
  void CompleteIfDone(uint64_t* barrier);

  std::vector<Pending> copies_;
  std::vector<Waiter> waiters_;
  std::vector<int> released_;
};

}  // namespace kp::emulation

#endif
