/* One block of threads at a time, each thread a fibre. Threads run between synchronisation points without interruption; which of those
 * that can go on does so is either the lowest first or drawn at random, so that a result which depends on the order shows. */
#ifndef KP_EMULATION_BLOCK_H_
#define KP_EMULATION_BLOCK_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "copy_engine.h"
#include "fibre.h"

namespace kp::emulation {

struct Dim3 {
  unsigned x = 1;
  unsigned y = 1;
  unsigned z = 1;
  constexpr Dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};

inline constexpr int kWarp = 32;

struct AsyncCopy {
  void* to;
  const void* from;
  int bytes;
  int zeros; /* behind them */
};

/* What a lane hands to the others at a warp-wide operation: a value, or the addresses of its operands. Two, used in turn: a lane that is
 * one operation ahead must not overwrite what a slower one has yet to read, and can be no further ahead than that. */
struct Offer {
  uint64_t value;
  const void* operands[3];
};

class Block;

/* A thread's share of a product of its warpgroup. run computes the product number index of the group for all of its threads. */
struct Product {
  void* d;
  const uint32_t* a;
  const char* b;
  void (*run)(Block& block, int group, size_t index);
};

struct Thread {
  Fibre fibre;
  Dim3 index;
  int lane;
  int warp;
  bool done;
  int turn;
  Offer offers[2];
  std::vector<AsyncCopy> copies; /* asked for and not yet seen to arrive */
  std::vector<size_t> groups;    /* ends of committed groups in copies */
  std::vector<Product> products; /* asked for and not yet waited for */
};

class Block {
 public:
  /* Runs a grid, block after block. Returns what went wrong, or nothing. */
  std::string Run(Dim3 grid, Dim3 block, size_t shared_bytes, uint64_t seed, const std::function<void()>& body);

  Thread& current() { return threads_[current_]; }
  Thread& ThreadOf(int thread) { return threads_[thread]; }
  Thread& LaneOf(int lane) { return threads_[current().warp * kWarp + lane]; }
  int lanes() const { return std::min(kWarp, static_cast<int>(threads_count_) - threads_[current_].warp * kWarp); }
  Dim3 index() const { return index_; }
  Dim3 size() const { return size_; }
  Dim3 grid() const { return grid_; }
  void* shared() { return shared_.data(); }

  /* Waits until every thread of the block that still runs is here. */
  void SyncBlock();
  /* For what only another block could bring about: the launch fails, as that of a block which stands still. */
  void WaitForever() { Wait(); }
  /* Waits at barrier id until count threads are there. */
  void SyncNamed(int id, int count);
  /* Waits for the lanes of the warp that still run; the last one to come calls last before all go on. */
  template <typename Last>
  void SyncWarp(const Last& last) {
    Warp& warp = warps_[current().warp];
    if (++warp.waiting < warp.running) {
      warp.waiters.push_back(current_);
      Wait();
    } else {
      last();
      Release(warp.waiters, warp.waiting);
    }
  }
  /* Makes the copies arrive of all but the newest groups. */
  void FinishCopies(size_t groups_left);

  CopyEngine& copies() { return engine_; }
  void Arrive(uint64_t* barrier, int expected_bytes);
  void WaitFor(uint64_t* barrier, uint32_t parity);
  /* The copy arrives when no thread can go on without it; in a random order perhaps at once. */
  void CopyBulk(const BulkCopy& copy, uint64_t* barrier);
  int64_t bulk_copies() const { return bulk_copies_; }

  /* Products run when their warpgroup waits for them; in a random order perhaps as soon as they are committed. */
  void CommitProducts();
  void WaitForProducts();

 private:
  struct Gathering {
    std::vector<int> waiters;
    int waiting = 0;
  };
  struct Warp : Gathering {
    int running = 0;
  };
  static constexpr int kNamedBarriers = 16;
  static constexpr int kGroup = 4 * kWarp;

  static void Entry();
  std::string RunBlock(std::mt19937_64* random);
  int TakeReady(std::mt19937_64* random);
  void Wait();
  void Release(std::vector<int>& waiters, int& waiting);
  template <typename Last>
  void SyncGroup(const Last& last);
  void RunProducts(int group);
  bool IsEarly();
  void Exit();
  void Resize(size_t threads);

  Dim3 grid_;
  Dim3 size_;
  Dim3 index_;
  const std::function<void()>* body_ = nullptr;
  std::vector<Thread> threads_;
  size_t threads_count_ = 0;
  int current_ = 0;
  int running_ = 0;
  Gathering block_;
  Gathering named_[kNamedBarriers];
  std::vector<Warp> warps_;
  std::vector<Gathering> groups_; /* of four warps */
  CopyEngine engine_;
  int64_t bulk_copies_ = 0; /* of all launches */
  std::mt19937_64* random_ = nullptr;
  std::vector<int> ready_; /* in order; taken from next_ on where nothing is random */
  size_t next_ = 0;
  std::vector<char> shared_;
  char* stacks_ = nullptr;
  size_t stacks_count_ = 0;
};

/* The block that runs. Launches of all devices and host threads take turns. */
Block& TheBlock();

}  // namespace kp::emulation

#endif
