// Version, devices and the measured peak.
#include "tilewright/api/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>

#include "tilewright/base/text.h"
#include "tilewright/device/device.h"

namespace tilewright {

const char* version() { return "0.1.0"; }

std::vector<std::string> device_descriptions() {
  std::vector<std::string> lines;
  for (const Device* d : device_table())
    lines.push_back(fmt::format("{}: {}", d->name(), d->describe()));
  return lines;
}

namespace {

// A figure of /proc/self/status in bytes; 0 where there is none.
std::int64_t status_bytes(const char* key) {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);) {
    const auto parts = words(line);
    if (parts.size() >= 2 && parts[0] == key) return parse_index(parts[1], parts[0]) * 1024;
  }
  return 0;
}

}  // namespace

std::int64_t resident_peak_bytes() { return status_bytes("VmHWM:"); }

ResidentGrowth::ResidentGrowth() {
  std::ofstream reset("/proc/self/clear_refs");
  reset << "5" << std::flush;  // forgets the peak so far
  known_ = reset.good();
  before_ = status_bytes("VmRSS:");
}

std::int64_t ResidentGrowth::bytes() const {
  return known_ ? std::max<std::int64_t>(0, resident_peak_bytes() - before_) : 0;
}

double fma_peak(int threads) {
  for (const Device* d : device_table())
    if (const double peak = d->measure_peak(threads); peak > 0) return peak;
  return 0;
}

Ceilings measure_ceilings(int threads) {
  Ceilings c;
  c.peak_flop_per_second = fma_peak(threads) * 1e9;
  for (const Device* d : device_table()) {
    const MemoryRates rates = d->measure_memory(threads);
    if (rates.read_bytes_per_second <= 0) continue;
    c.read_bytes_per_second = rates.read_bytes_per_second;
    c.copy_bytes_per_second = rates.copy_bytes_per_second;
    break;
  }
  return c;
}

Roofline roofline(const Ceilings& c, double flop, double bytes_read, double bytes_written) {
  Roofline r;
  const double bytes = bytes_read + bytes_written;
  if (bytes <= 0) return r;
  r.flop_per_byte = flop / bytes;
  r.limit_flop_per_second = c.peak_flop_per_second;
  if (c.read_bytes_per_second <= 0 || c.copy_bytes_per_second <= 0) return r;
  const double alone = std::max(0.0, bytes_read - bytes_written);
  const double seconds =
      (bytes - alone) / c.copy_bytes_per_second + alone / c.read_bytes_per_second;
  r.memory_flop_per_second = flop / seconds;
  r.bound_by_memory =
      c.peak_flop_per_second <= 0 || r.memory_flop_per_second < c.peak_flop_per_second;
  if (r.bound_by_memory) r.limit_flop_per_second = r.memory_flop_per_second;
  return r;
}

}  // namespace tilewright
