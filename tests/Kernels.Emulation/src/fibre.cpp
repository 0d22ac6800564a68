#include "fibre.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif

namespace kp::emulation {
namespace {

#if defined(__SANITIZE_ADDRESS__)
void StartSwitch(void** shadow, const void* stack, size_t bytes) { __sanitizer_start_switch_fiber(shadow, stack, bytes); }
void FinishSwitch(void* shadow, const void** stack, size_t* bytes) { __sanitizer_finish_switch_fiber(shadow, stack, bytes); }
#else
void StartSwitch(void**, const void*, size_t) {}
void FinishSwitch(void*, const void**, size_t*) {}
#endif

}  // namespace

#if defined(__x86_64__)

/* Keeps the registers that a call preserves on the stack that is left, and takes up another. A fibre that has not run yet has zeros for
 * them and its entry for a return address. */
extern "C" void kp_emulation_switch(void** leave, void* enter);
asm(R"(
.text
.hidden kp_emulation_switch
.globl kp_emulation_switch
.type kp_emulation_switch, @function
kp_emulation_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size kp_emulation_switch, .-kp_emulation_switch
)");

void Fibre::Prepare(void* stack, size_t bytes, void (*entry)()) {
  constexpr int kSavedRegisters = 6;
  stack_ = stack;
  bytes_ = bytes;
  shadow_ = nullptr;
  void** top = reinterpret_cast<void**>(static_cast<char*>(stack) + bytes);
  *--top = nullptr;  // where entry would return to; entry then starts at the alignment that a call leaves
  *--top = reinterpret_cast<void*>(entry);
  for (int i = 0; i < kSavedRegisters; ++i) {
    *--top = nullptr;
  }
  here_ = top;
}

void Fibre::Enter() {
  void* shadow = nullptr;
  StartSwitch(&shadow, stack_, bytes_);
  kp_emulation_switch(&scheduler_, here_);
  FinishSwitch(shadow, nullptr, nullptr);
}

void Fibre::Leave(bool last) {
  StartSwitch(last ? nullptr : &shadow_, scheduler_stack_, scheduler_bytes_);
  kp_emulation_switch(&here_, scheduler_);
  FinishSwitch(shadow_, &scheduler_stack_, &scheduler_bytes_);
}

#else

void Fibre::Prepare(void* stack, size_t bytes, void (*entry)()) {
  stack_ = stack;
  bytes_ = bytes;
  shadow_ = nullptr;
  getcontext(&here_);
  here_.uc_stack.ss_sp = stack;
  here_.uc_stack.ss_size = bytes;
  here_.uc_link = nullptr;
  makecontext(&here_, entry, 0);
}

void Fibre::Enter() {
  void* shadow = nullptr;
  StartSwitch(&shadow, stack_, bytes_);
  swapcontext(&scheduler_, &here_);
  FinishSwitch(shadow, nullptr, nullptr);
}

void Fibre::Leave(bool last) {
  StartSwitch(last ? nullptr : &shadow_, scheduler_stack_, scheduler_bytes_);
  swapcontext(&here_, &scheduler_);
  FinishSwitch(shadow_, &scheduler_stack_, &scheduler_bytes_);
}

#endif

void Fibre::Arrived() { FinishSwitch(nullptr, &scheduler_stack_, &scheduler_bytes_); }

}  // namespace kp::emulation
