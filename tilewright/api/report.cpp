// Version, devices and the measured peak.
#include "tilewright/api/report.h"

#include <fmt/format.h>

#include "tilewright/device/device.h"

namespace tilewright {

const char* version() { return "0.1.0"; }

std::vector<std::string> device_descriptions() {
  std::vector<std::string> lines;
  for (const Device* d : device_table())
    lines.push_back(fmt::format("{}: {}", d->name(), d->describe()));
  return lines;
}

double fma_peak(int threads) {
  for (const Device* d : device_table())
    if (const double peak = d->measure_peak(threads); peak > 0) return peak;
  return 0;
}

}  // namespace tilewright
