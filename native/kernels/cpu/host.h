/* What the process may use of the machine: the affinity mask, the control group's limits and the memory. */
#ifndef KP_CPU_HOST_H_
#define KP_CPU_HOST_H_

#include <cstdint>
#include <string>

namespace kp::cpu {

/* root: what stands before /proc and /sys, for tests. */

/* Processors that the affinity mask and the control group's quota allow, begun ones included; at least 1. */
int AllowedThreads(const std::string& root = "");

struct Memory {
  int64_t total_bytes;
  int64_t free_bytes;
};

/* The tighter of the control group's limit and the machine's memory. */
Memory AllowedMemory(const std::string& root = "");

std::string ProcessorName();

}  // namespace kp::cpu

#endif
