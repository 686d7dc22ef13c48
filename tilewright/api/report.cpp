// Version, devices and the measured peak.
#include "tilewright/api/report.h"

#include <fmt/format.h>

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

std::int64_t resident_peak_bytes() {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);) {
    const auto parts = words(line);
    if (parts.size() >= 2 && parts[0] == "VmHWM:") return parse_index(parts[1], parts[0]) * 1024;
  }
  return 0;
}

double fma_peak(int threads) {
  for (const Device* d : device_table())
    if (const double peak = d->measure_peak(threads); peak > 0) return peak;
  return 0;
}

}  // namespace tilewright
