/* The device's own workers. The calling thread takes part; work is claimed piece by piece, so a worker that the system has descheduled
 * holds up nothing but the piece it is in. Nobody waits at a barrier: the caller leaves when all pieces are done, wherever the workers are.
 *
 * Beside a busy neighbour: whoever has run for some milliseconds offers its processor between two pieces, because the system would
 * otherwise take it within one, and the caller would wait for that piece while the neighbour has its turn. And a worker that finds itself
 * on the processor of another thread of the pool moves to one that has none: the system likes to wake a worker beside its caller. */
#ifndef KP_CPU_THREAD_POOL_H_
#define KP_CPU_THREAD_POOL_H_

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

namespace kp::cpu {

class ThreadPool {
 public:
  /* threads counts the caller: 1 starts none. pinned: worker i stays on the i-th processor that the process may use, modulo their number,
   * and the caller of ParallelFor on the first, from its first call on. */
  ThreadPool(int threads, bool pinned);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  /* Calls body(begin, end) for disjoint ranges that cover [0, count), each at least grain long (but the last), and returns when all have
   * run. Work of one grain runs in the caller. Choose grain worth 2 µs or more. Who runs a range, and where ranges part, changes from
   * call to call: results must not depend on it. body must not throw, and must not call ParallelFor. One caller at a time. */
  template <typename Body>
  void ParallelFor(int64_t count, int64_t grain, const Body& body) {
    if (count <= grain || workers_.empty()) {
      if (count > 0) {
        body(int64_t{0}, count);
      }
      return;
    }
    Run(
        count, grain, [](const void* context, int64_t begin, int64_t end) { (*static_cast<const Body*>(context))(begin, end); }, &body);
  }

 private:
  using Function = void (*)(const void* context, int64_t begin, int64_t end);

  void Run(int64_t count, int64_t grain, Function function, const void* context);
  void RunOne(uint32_t count, uint32_t grain, int64_t offset, Function function, const void* context);
  void TakePieces();
  void WaitForPieces();
  void WorkerMain(int index);
  void FindPlace(int index);
  void SetPlace(int index, int processor);
  bool IsTaken(int processor, int index) const;

  /* The ticket is (job number << 32 | first item nobody has claimed). A worker reads the ticket, then the job, then claims by compare and
   * swap: that fails when the job has changed meanwhile, so a late worker does no harm. Between jobs the ticket is closed. */
  static constexpr uint32_t kClosed = UINT32_MAX;

  alignas(64) std::atomic<uint64_t> ticket_{kClosed};
  alignas(64) std::atomic<uint32_t> pending_{0};  // items of the job that have not run yet
  std::atomic<uint32_t> caller_sleeps_{0};
  alignas(64) std::atomic<uint32_t> job_{0};  // number of the newest job; workers sleep on it
  std::atomic<uint32_t> sleepers_{0};
  std::atomic<bool> stop_{false};
  std::atomic<uint32_t> count_{0};
  std::atomic<uint32_t> grain_{0};
  std::atomic<int64_t> offset_{0};
  std::atomic<Function> function_{nullptr};
  std::atomic<const void*> context_{nullptr};
  struct alignas(64) Place {
    std::atomic<int> processor{-1};
  };
  std::vector<Place> places_;    // where each thread of the pool was last seen; the caller's first
  std::vector<int> processors_;  // that the process may use
  bool pinned_;
  std::vector<std::thread> workers_;
};

}  // namespace kp::cpu

#endif
