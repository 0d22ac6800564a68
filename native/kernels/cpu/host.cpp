#include "cpu/host.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <optional>
#include <sstream>
#include <thread>
#include <vector>

namespace kp::cpu {
namespace {

constexpr char kGroupRoot[] = "/sys/fs/cgroup";

/* First number of a file; nothing where the file is missing or says "max". */
std::optional<int64_t> ReadNumber(const std::string& path) {
  std::ifstream file(path);
  int64_t value = 0;
  if (file >> value) {
    return value;
  }
  return std::nullopt;
}

/* Value of "key   number" lines such as those of /proc/meminfo and memory.stat. */
std::optional<int64_t> ReadField(const std::string& path, const std::string& key) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    std::istringstream fields(line);
    std::string name;
    int64_t value = 0;
    if (fields >> name >> value && name == key) {
      return value;
    }
  }
  return std::nullopt;
}

/* Folders of this process's control group and of its ancestors, innermost first. controller "" = version 2. A container sees its own
 * group as the root, while /proc may still show the host's path; the root is therefore always tried last. */
std::vector<std::string> GroupFolders(const std::string& root, const std::string& controller) {
  const std::string top = root + kGroupRoot + (controller.empty() ? "" : "/" + controller);
  std::vector<std::string> folders;
  std::ifstream file(root + "/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    const size_t first = line.find(':');
    const size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) {
      continue;
    }
    std::istringstream names(line.substr(first + 1, second - first - 1));
    bool matches = controller.empty() && first + 1 == second;
    for (std::string name; !matches && std::getline(names, name, ',');) {
      matches = name == controller;
    }
    if (!matches) {
      continue;
    }
    for (std::string path = line.substr(second + 1); path.size() > 1; path.resize(path.rfind('/'))) {
      folders.push_back(top + path);
    }
  }
  folders.push_back(top);
  return folders;
}

/* Processors' worth of time per second; infinity without a quota. */
double GroupQuota(const std::string& root) {
  double quota = HUGE_VAL;
  for (const std::string& folder : GroupFolders(root, "")) {
    std::ifstream file(folder + "/cpu.max");
    double time = 0;
    double period = 0;
    if (file >> time >> period && time > 0 && period > 0) {
      quota = std::min(quota, time / period);
    }
  }
  for (const std::string& folder : GroupFolders(root, "cpu")) {
    const auto time = ReadNumber(folder + "/cpu.cfs_quota_us");
    const auto period = ReadNumber(folder + "/cpu.cfs_period_us");
    if (time && period && *time > 0 && *period > 0) {
      quota = std::min(quota, static_cast<double>(*time) / static_cast<double>(*period));
    }
  }
  return quota;
}

/* Tightens memory by one group. Page cache that can be dropped at once (inactive_file) does not count as used. */
void Tighten(Memory& memory, std::optional<int64_t> limit, std::optional<int64_t> usage, std::optional<int64_t> droppable) {
  if (!limit || *limit <= 0 || *limit >= memory.total_bytes) {
    return;
  }
  const int64_t used = std::max<int64_t>(0, usage.value_or(0) - droppable.value_or(0));
  memory.total_bytes = *limit;
  memory.free_bytes = std::min(memory.free_bytes, std::max<int64_t>(0, *limit - used));
}

}  // namespace

int AllowedThreads(const std::string& root) {
  int processors = static_cast<int>(std::thread::hardware_concurrency());
  // A fixed-size mask holds 1024 processors; larger machines fall back on the line above.
  cpu_set_t mask;
  if (sched_getaffinity(0, sizeof mask, &mask) == 0) {
    processors = CPU_COUNT(&mask);
  }
  const double quota = std::ceil(GroupQuota(root));
  return std::max(1, quota < processors ? static_cast<int>(quota) : processors);
}

Memory AllowedMemory(const std::string& root) {
  constexpr int64_t kKib = 1024;
  Memory memory{};
  memory.total_bytes = ReadField(root + "/proc/meminfo", "MemTotal:").value_or(0) * kKib;
  memory.free_bytes = ReadField(root + "/proc/meminfo", "MemAvailable:").value_or(0) * kKib;
  for (const std::string& folder : GroupFolders(root, "")) {
    Tighten(memory, ReadNumber(folder + "/memory.max"), ReadNumber(folder + "/memory.current"),
            ReadField(folder + "/memory.stat", "inactive_file"));
  }
  for (const std::string& folder : GroupFolders(root, "memory")) {
    Tighten(memory, ReadNumber(folder + "/memory.limit_in_bytes"), ReadNumber(folder + "/memory.usage_in_bytes"),
            ReadField(folder + "/memory.stat", "total_inactive_file"));
  }
  return memory;
}

std::string ProcessorName() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const size_t colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) {
      return line.substr(colon + 2);
    }
  }
  return "CPU";
}

}  // namespace kp::cpu
