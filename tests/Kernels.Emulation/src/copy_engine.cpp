#include "copy_engine.h"

#include <algorithm>
#include <cstring>

namespace kp::emulation {
namespace {

/* What the 64 bits of a barrier hold. */
struct State {
  uint16_t arrivals; /* of a phase */
  uint16_t left;     /* of this one */
  int32_t bytes : 31;
  uint32_t phase : 1;
};
static_assert(sizeof(State) == sizeof(uint64_t));

State Read(const uint64_t* barrier) {
  State state;
  std::memcpy(&state, barrier, sizeof state);
  return state;
}

void Write(uint64_t* barrier, const State& state) { std::memcpy(barrier, &state, sizeof state); }

}  // namespace

void CopyEngine::Clear() {
  copies_.clear();
  waiters_.clear();
  released_.clear();
}

void CopyEngine::Init(uint64_t* barrier, int arrivals) {
  Write(barrier, {static_cast<uint16_t>(arrivals), static_cast<uint16_t>(arrivals), 0, 0});
}

void CopyEngine::Arrive(uint64_t* barrier, int expected_bytes) {
  State state = Read(barrier);
  --state.left;
  state.bytes = state.bytes + expected_bytes;
  Write(barrier, state);
  CompleteIfDone(barrier);
}

bool CopyEngine::IsComplete(const uint64_t* barrier, uint32_t parity) const { return Read(barrier).phase != (parity & 1u); }

bool CopyEngine::FinishOne(std::mt19937_64* random) {
  if (copies_.empty()) {
    return false;
  }
  const size_t at = random != nullptr ? (*random)() % copies_.size() : 0;
  const Pending pending = copies_[at];
  copies_.erase(copies_.begin() + static_cast<ptrdiff_t>(at));
  std::memcpy(pending.copy.to, pending.copy.from, static_cast<size_t>(pending.copy.bytes));
  State state = Read(pending.barrier);
  state.bytes = state.bytes - pending.copy.bytes;
  Write(pending.barrier, state);
  CompleteIfDone(pending.barrier);
  return true;
}

void CopyEngine::CompleteIfDone(uint64_t* barrier) {
  State state = Read(barrier);
  if (state.left != 0 || state.bytes != 0) {
    return;
  }
  state.left = state.arrivals;
  state.phase ^= 1u;
  Write(barrier, state);
  const auto rest =
      std::stable_partition(waiters_.begin(), waiters_.end(), [&](const Waiter& waiter) { return waiter.barrier != barrier; });
  for (auto waiter = rest; waiter != waiters_.end(); ++waiter) {
    released_.push_back(waiter->thread);
  }
  waiters_.erase(rest, waiters_.end());
}

void CopyEngine::TakeReleased(std::vector<int>* ready) {
  ready->insert(ready->end(), released_.begin(), released_.end());
  released_.clear();
}

}  // namespace kp::emulation
