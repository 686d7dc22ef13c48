// What the operating system and the device table say about this machine.
#include "tilewright/api/machine.h"

#include <fmt/format.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <sstream>

#include "tilewright/api/tune_store.h"
#include "tilewright/base/text.h"
#include "tilewright/device/device.h"

namespace tilewright {
namespace {

// Processors run faster than the clock that the system reports, if that is their base clock.
constexpr double kBoost = 1.4;

double cycles_per_second() {
  constexpr double kLeast = 0.5e9, kMost = 8e9;
  std::ifstream most("/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq");
  if (double khz = 0; most >> khz) return std::clamp(khz * 1e3, kLeast, kMost);
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("cpu MHz")) {
      std::stringstream text(line.substr(line.find(':') + 1));
      if (double mhz = 0; text >> mhz) return std::clamp(kBoost * mhz * 1e6, kLeast, kMost);
    }
  return 2.5e9;
}

int usable_processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
  return static_cast<int>(std::max(1L, ::sysconf(_SC_NPROCESSORS_ONLN)));
}

// What the control group of a container leaves, if it sets a limit.
Index group_limit_bytes() {
  std::ifstream file("/sys/fs/cgroup/memory.max");
  Index bytes = 0;
  return file >> bytes && bytes > 0 ? bytes : std::numeric_limits<Index>::max();
}

Index available_bytes() {
  std::ifstream file("/proc/meminfo");
  std::string line;
  while (std::getline(file, line)) {
    const auto parts = words(line);
    if (parts.size() >= 2 && parts[0] == "MemAvailable:")
      return checked_mul(parse_index(parts[1], "MemAvailable"), 1024);
  }
  return static_cast<Index>(::sysconf(_SC_PHYS_PAGES)) * ::sysconf(_SC_PAGESIZE);
}

}  // namespace

Machine untuned_machine() {
  Machine m;
  m.threads = usable_processors();
  m.host_bytes = std::min(available_bytes(), group_limit_bytes()) / 2;
  const double clock = cycles_per_second();
  for (const Device* device : device_table())
    for (const Kernel& k : device->kernels()) {
      const double cycles = clock * device->vector_share();
      const KernelRates& r = k.per_cycle;
      m.kernels.push_back(
          {k, device->name(), {r.flop * cycles, r.bytes * cycles, r.visits * cycles}});
    }
  return m;
}

Machine local_machine() {
  Machine m = untuned_machine();
  std::string remark;
  if (const auto found = load_measurements(tune_path(m.threads), m.threads, remark))
    m = calibrate(m, *found);
  m.remark = remark;
  return m;
}

const Machine& this_machine() {
  static const Machine machine = local_machine();
  return machine;
}

}  // namespace tilewright
