#include "block.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>

namespace kp::emulation {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr size_t kStackBytes = size_t{256} << 10;
#else
constexpr size_t kStackBytes = size_t{64} << 10;
#endif
constexpr size_t kGuardBytes = 4096;

}  // namespace

Block& TheBlock() {
  static Block block;
  return block;
}

std::string Block::Run(Dim3 grid, Dim3 size, size_t shared_bytes, uint64_t seed, const std::function<void()>& body) {
  grid_ = grid;
  size_ = size;
  body_ = &body;
  Resize(size_t{size.x} * size.y * size.z);
  shared_.resize(shared_bytes);
  std::mt19937_64 random(seed);
  std::vector<Dim3> order;
  for (unsigned z = 0; z < grid.z; ++z) {
    for (unsigned y = 0; y < grid.y; ++y) {
      for (unsigned x = 0; x < grid.x; ++x) {
        order.emplace_back(x, y, z);
      }
    }
  }
  if (seed != 0) {
    std::shuffle(order.begin(), order.end(), random);
  }
  for (const Dim3& index : order) {
    index_ = index;
    std::fill(shared_.begin(), shared_.end(), static_cast<char>(0xCD));  // a NaN, to whoever reads what nobody wrote
    if (std::string failure = RunBlock(seed != 0 ? &random : nullptr); !failure.empty()) {
      return failure;
    }
  }
  return {};
}

std::string Block::RunBlock(std::mt19937_64* random) {
  const int count = static_cast<int>(threads_count_);
  warps_.assign((threads_count_ + kWarp - 1) / kWarp, {});
  groups_.assign((threads_count_ + kGroup - 1) / kGroup, {});
  engine_.Clear();
  random_ = random;
  block_ = {};
  std::fill_n(named_, kNamedBarriers, Gathering{});
  ready_.clear();
  next_ = 0;
  running_ = count;
  for (int i = 0; i < count; ++i) {
    Thread& thread = threads_[i];
    const unsigned at = static_cast<unsigned>(i);
    thread.index = Dim3(at % size_.x, at / size_.x % size_.y, at / (size_.x * size_.y));
    thread.lane = i % kWarp;
    thread.warp = i / kWarp;
    thread.done = false;
    thread.turn = 0;
    thread.copies.clear();
    thread.groups.clear();
    thread.products.clear();
    thread.fibre.Prepare(stacks_ + at * kStackBytes + kGuardBytes, kStackBytes - kGuardBytes, &Block::Entry);
    ++warps_[thread.warp].running;
    ready_.push_back(i);
  }
  while (running_ > 0) {
    current_ = TakeReady(random);
    while (current_ < 0 && engine_.FinishOne(random)) {
      engine_.TakeReleased(&ready_);
      current_ = TakeReady(random);
    }
    if (current_ < 0) {
      return "block (" + std::to_string(index_.x) + ", " + std::to_string(index_.y) + ", " + std::to_string(index_.z) +
             ") stands still: " + std::to_string(running_) + " threads wait at barriers that the others never reach";
    }
    threads_[current_].fibre.Enter();
  }
  return {};
}

int Block::TakeReady(std::mt19937_64* random) {
  if (next_ == ready_.size()) {
    return -1;
  }
  if (random != nullptr) {
    std::swap(ready_[next_], ready_[next_ + (*random)() % (ready_.size() - next_)]);
  }
  const int taken = ready_[next_++];
  if (next_ == ready_.size()) {
    ready_.clear();
    next_ = 0;
  }
  return taken;
}

void Block::Entry() {
  Block& block = TheBlock();
  block.current().fibre.Arrived();
  (*block.body_)();
  block.Exit();
}

/* Threads that have returned are not waited for. */
void Block::Exit() {
  Thread& thread = current();
  thread.done = true;
  FinishCopies(0);
  --running_;
  Warp& warp = warps_[thread.warp];
  if (--warp.running > 0 && warp.waiting == warp.running) {
    Release(warp.waiters, warp.waiting);
  }
  if (running_ > 0 && block_.waiting == running_) {
    Release(block_.waiters, block_.waiting);
  }
  thread.fibre.Leave(true);
}

void Block::Wait() { current().fibre.Leave(false); }

void Block::Release(std::vector<int>& waiters, int& waiting) {
  ready_.insert(ready_.end(), waiters.begin(), waiters.end());
  waiters.clear();
  waiting = 0;
}

void Block::SyncBlock() {
  if (++block_.waiting < running_) {
    block_.waiters.push_back(current_);
    Wait();
  } else {
    Release(block_.waiters, block_.waiting);
  }
}

void Block::SyncNamed(int id, int count) {
  Gathering& barrier = named_[id];
  if (++barrier.waiting < count) {
    barrier.waiters.push_back(current_);
    Wait();
  } else {
    Release(barrier.waiters, barrier.waiting);
  }
}

/* Until here the destination held its old bytes, so whoever reads it too early gets what it deserves. */
void Block::FinishCopies(size_t groups_left) {
  Thread& thread = current();
  if (thread.done) {
    groups_left = 0;
  } else if (thread.groups.size() <= groups_left) {
    return;
  }
  const size_t groups = thread.groups.size() - groups_left;
  const size_t end = thread.done ? thread.copies.size() : thread.groups[groups - 1];
  for (size_t i = 0; i < end; ++i) {
    const AsyncCopy& copy = thread.copies[i];
    std::memcpy(copy.to, copy.from, static_cast<size_t>(copy.bytes));
    std::memset(static_cast<char*>(copy.to) + copy.bytes, 0, static_cast<size_t>(copy.zeros));
  }
  thread.copies.erase(thread.copies.begin(), thread.copies.begin() + static_cast<ptrdiff_t>(end));
  thread.groups.erase(thread.groups.begin(), thread.groups.begin() + static_cast<ptrdiff_t>(groups));
  for (size_t& group : thread.groups) {
    group -= end;
  }
}

bool Block::IsEarly() { return random_ != nullptr && (*random_)() % 2 == 0; }

void Block::Arrive(uint64_t* barrier, int expected_bytes) {
  engine_.Arrive(barrier, expected_bytes);
  engine_.TakeReleased(&ready_);
}

void Block::WaitFor(uint64_t* barrier, uint32_t parity) {
  if (!engine_.IsComplete(barrier, parity)) {
    engine_.AddWaiter(barrier, current_);
    Wait();
  }
}

void Block::CopyBulk(const BulkCopy& copy, uint64_t* barrier) {
  ++bulk_copies_;
  engine_.Add(copy, barrier);
  if (IsEarly()) {
    engine_.FinishOne(random_);
    engine_.TakeReleased(&ready_);
  }
}

template <typename Last>
void Block::SyncGroup(const Last& last) {
  Gathering& group = groups_[current().warp * kWarp / kGroup];
  if (++group.waiting < kGroup) {
    group.waiters.push_back(current_);
    Wait();
  } else {
    last();
    Release(group.waiters, group.waiting);
  }
}

void Block::RunProducts(int group) {
  const size_t count = current().products.size();
  for (size_t index = 0; index < count; ++index) {
    current().products[index].run(*this, group, index);
  }
  for (int thread = group * kGroup; thread < (group + 1) * kGroup; ++thread) {
    threads_[thread].products.clear();
  }
}

void Block::CommitProducts() {
  SyncGroup([this] {
    if (IsEarly()) {
      RunProducts(current().warp * kWarp / kGroup);
    }
  });
}

void Block::WaitForProducts() {
  SyncGroup([this] { RunProducts(current().warp * kWarp / kGroup); });
}

void Block::Resize(size_t threads) {
  threads_count_ = threads;
  if (threads > threads_.size()) {
    threads_.resize(threads);
  }
  if (threads > stacks_count_) {
    if (stacks_ != nullptr) {
      munmap(stacks_, stacks_count_ * kStackBytes);
    }
    stacks_count_ = threads;
    stacks_ = static_cast<char*>(
        mmap(nullptr, threads * kStackBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    for (size_t i = 0; i < threads; ++i) {
      mprotect(stacks_ + i * kStackBytes, kGuardBytes, PROT_NONE);
    }
  }
}

}  // namespace kp::emulation
