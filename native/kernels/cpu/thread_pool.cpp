#include "cpu/thread_pool.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>

namespace kp::cpu {
namespace {

/* Waking a sleeper costs the caller a system call and the worker tens of microseconds, so a worker stays awake over the gaps within a
 * step; after that it sleeps, and an idle server uses no processor. */
constexpr std::chrono::microseconds kWorkerSpin{50};
constexpr std::chrono::microseconds kCallerSpin{20};

void FutexWait(std::atomic<uint32_t>& word, uint32_t expected) {
  syscall(SYS_futex, reinterpret_cast<uint32_t*>(&word), FUTEX_WAIT_PRIVATE, expected, nullptr, nullptr, 0);
}

void FutexWake(std::atomic<uint32_t>& word, int count) {
  syscall(SYS_futex, reinterpret_cast<uint32_t*>(&word), FUTEX_WAKE_PRIVATE, count, nullptr, nullptr, 0);
}

void Relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

/* True as soon as ready() is; false when that takes longer than limit. */
template <typename Ready>
bool SpinUntil(std::chrono::microseconds limit, const Ready& ready) {
  if (ready()) {
    return true;
  }
  const auto end = std::chrono::steady_clock::now() + limit;
  do {
    for (int i = 0; i < 16; ++i) {
      Relax();
      if (ready()) {
        return true;
      }
    }
  } while (std::chrono::steady_clock::now() < end);
  return false;
}

std::vector<int> AllowedProcessors() {
  std::vector<int> processors;
  cpu_set_t mask;  // holds 1024 processors; on a larger machine the call fails, and threads stay where the system puts them
  if (sched_getaffinity(0, sizeof mask, &mask) == 0) {
    for (int i = 0; i < CPU_SETSIZE; ++i) {
      if (CPU_ISSET(i, &mask)) {
        processors.push_back(i);
      }
    }
  }
  return processors;
}

/* Of the calling thread. A refusal (a mask that was narrowed meanwhile) leaves it where it is. */
void Restrict(const int* processors, size_t count) {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  for (size_t i = 0; i < count; ++i) {
    CPU_SET(processors[i], &mask);
  }
  sched_setaffinity(0, sizeof mask, &mask);
}

/* Offers the processor to whoever waits for it when the calling thread has had it for a while: less than the 3 ms that the system
 * allots a busy thread at least, much more than the half microsecond that it costs where nobody waits. */
void OfferProcessor() {
  constexpr std::chrono::microseconds kTurn{2000};
  thread_local std::chrono::steady_clock::time_point turn_end{};
  const auto now = std::chrono::steady_clock::now();
  if (now >= turn_end) {
    sched_yield();
    turn_end = std::chrono::steady_clock::now() + kTurn;
  }
}

}  // namespace

ThreadPool::ThreadPool(int threads, bool pinned) : places_(threads), processors_(AllowedProcessors()), pinned_(pinned) {
  // Workers start with every signal blocked: the process's handlers run on its own threads.
  sigset_t all;
  sigset_t previous;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &previous);
  for (int i = 1; i < threads; ++i) {
    workers_.emplace_back([this, i] { WorkerMain(i); });
  }
  pthread_sigmask(SIG_SETMASK, &previous, nullptr);
}

ThreadPool::~ThreadPool() {
  stop_.store(true);
  job_.fetch_add(1);
  FutexWake(job_, static_cast<int>(workers_.size()));
  for (std::thread& worker : workers_) {
    worker.join();
  }
}

void ThreadPool::Run(int64_t count, int64_t grain, Function function, const void* context) {
  constexpr int64_t kMost = INT32_MAX;
  for (int64_t offset = 0; offset < count; offset += kMost) {
    const int64_t items = std::min(count - offset, kMost);
    RunOne(static_cast<uint32_t>(items), static_cast<uint32_t>(std::clamp<int64_t>(grain, 1, items)), offset, function, context);
  }
}

void ThreadPool::RunOne(uint32_t count, uint32_t grain, int64_t offset, Function function, const void* context) {
  if (pinned_ && places_[0].processor.load(std::memory_order_relaxed) < 0 && !processors_.empty()) {
    Restrict(processors_.data(), 1);
  }
  SetPlace(0, sched_getcpu());
  // Release: whoever sees a field of this job also sees that the ticket of the last one is closed, and cannot claim from it.
  count_.store(count, std::memory_order_release);
  grain_.store(grain, std::memory_order_release);
  offset_.store(offset, std::memory_order_release);
  function_.store(function, std::memory_order_release);
  context_.store(context, std::memory_order_release);
  pending_.store(count, std::memory_order_release);
  const uint32_t job = job_.load(std::memory_order_relaxed) + 1;
  ticket_.store(uint64_t{job} << 32, std::memory_order_release);
  job_.store(job, std::memory_order_seq_cst);
  if (sleepers_.load(std::memory_order_seq_cst) > 0) {
    const uint32_t pieces = (count - 1) / grain;  // the caller takes one itself
    FutexWake(job_, static_cast<int>(std::min<uint32_t>(pieces, static_cast<uint32_t>(workers_.size()))));
  }
  TakePieces();
  WaitForPieces();
  ticket_.store(uint64_t{job} << 32 | kClosed, std::memory_order_release);
}

void ThreadPool::TakePieces() {
  const uint32_t shares = 2 * static_cast<uint32_t>(threads());
  uint64_t ticket = ticket_.load(std::memory_order_acquire);
  for (;;) {
    const uint32_t begin = static_cast<uint32_t>(ticket);
    const uint32_t count = count_.load(std::memory_order_acquire);
    if (begin >= count) {
      return;
    }
    const uint32_t grain = grain_.load(std::memory_order_acquire);
    const int64_t offset = offset_.load(std::memory_order_acquire);
    const Function function = function_.load(std::memory_order_acquire);
    const void* context = context_.load(std::memory_order_acquire);
    // Large pieces first, small ones towards the end: few claims, and all finish close together.
    const uint32_t left = count - begin;
    const uint32_t take = std::min(left, std::max(grain, left / shares));
    if (!ticket_.compare_exchange_weak(ticket, ticket + take, std::memory_order_acq_rel, std::memory_order_acquire)) {
      continue;
    }
    function(context, offset + begin, offset + begin + take);
    if (pending_.fetch_sub(take, std::memory_order_seq_cst) == take && caller_sleeps_.load(std::memory_order_seq_cst) != 0) {
      FutexWake(pending_, 1);
    }
    OfferProcessor();
    ticket = ticket_.load(std::memory_order_acquire);
  }
}

void ThreadPool::WaitForPieces() {
  if (SpinUntil(kCallerSpin, [this] { return pending_.load(std::memory_order_acquire) == 0; })) {
    return;
  }
  // A worker was descheduled inside its piece. Sleeping frees this core, and the system moves the worker to it.
  caller_sleeps_.store(1, std::memory_order_seq_cst);
  for (uint32_t left = pending_.load(std::memory_order_seq_cst); left != 0; left = pending_.load(std::memory_order_seq_cst)) {
    FutexWait(pending_, left);
  }
  caller_sleeps_.store(0, std::memory_order_relaxed);
}

void ThreadPool::WorkerMain(int index) {
  char name[16];
  std::snprintf(name, sizeof name, "kp-worker-%d", index);
  pthread_setname_np(pthread_self(), name);
  if (pinned_ && !processors_.empty()) {
    Restrict(&processors_[index % processors_.size()], 1);
  }
  uint32_t seen = 0;
  for (;;) {
    const auto has_news = [&] { return job_.load(std::memory_order_acquire) != seen; };
    if (!SpinUntil(kWorkerSpin, has_news)) {
      sleepers_.fetch_add(1, std::memory_order_seq_cst);
      while (!has_news()) {
        FutexWait(job_, seen);
      }
      sleepers_.fetch_sub(1, std::memory_order_relaxed);
    }
    if (stop_.load(std::memory_order_acquire)) {
      return;
    }
    seen = job_.load(std::memory_order_acquire);
    if (!pinned_) {
      FindPlace(index);
    }
    TakePieces();
  }
}

bool ThreadPool::IsTaken(int processor, int index) const {
  for (size_t i = 0; i < places_.size(); ++i) {
    if (static_cast<int>(i) != index && places_[i].processor.load(std::memory_order_relaxed) == processor) {
      return true;
    }
  }
  return false;
}

void ThreadPool::FindPlace(int index) {
  const int here = sched_getcpu();
  SetPlace(index, here);
  if (!IsTaken(here, index)) {
    return;
  }
  for (const int& free : processors_) {
    if (!IsTaken(free, index)) {
      Restrict(&free, 1);                                // moves there at once
      Restrict(processors_.data(), processors_.size());  // and may be moved again
      SetPlace(index, free);
      return;
    }
  }
}

/* Written only when it changes: everybody reads it for every job. */
void ThreadPool::SetPlace(int index, int processor) {
  std::atomic<int>& place = places_[index].processor;
  if (place.load(std::memory_order_relaxed) != processor) {
    place.store(processor, std::memory_order_relaxed);
  }
}

}  // namespace kp::cpu
