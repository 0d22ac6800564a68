/* A stack of its own that runs until it gives the processor back. */
#ifndef KP_EMULATION_FIBRE_H_
#define KP_EMULATION_FIBRE_H_

#include <cstddef>

#if !defined(__x86_64__)
#include <ucontext.h>
#endif

namespace kp::emulation {

class Fibre {
 public:
  /* Starts afresh with entry, which never returns, on the stack [stack, stack + bytes). */
  void Prepare(void* stack, size_t bytes, void (*entry)());
  /* From the scheduler: runs the fibre until it calls Leave. */
  void Enter();
  /* From the fibre: back to the scheduler. last: it is never entered again. */
  void Leave(bool last);
  /* What a fibre does first, for the sanitizers. */
  void Arrived();

 private:
  void* stack_ = nullptr;
  size_t bytes_ = 0;
#if defined(__x86_64__)
  void* here_ = nullptr;
  void* scheduler_ = nullptr;
#else
  ucontext_t here_;
  ucontext_t scheduler_;
#endif
  void* shadow_ = nullptr;
  void* scheduler_shadow_ = nullptr;
  const void* scheduler_stack_ = nullptr;
  size_t scheduler_bytes_ = 0;
};

}  // namespace kp::emulation

#endif
