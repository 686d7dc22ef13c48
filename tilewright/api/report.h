// What this build and this machine are, for people.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tilewright {

/// "0.1.0"
const char* version();

/// One line per device: "cpu: 2 cores, AVX2".
std::vector<std::string> device_descriptions();

/// The most bytes that this process has had resident so far (VmHWM), code and libraries included;
/// 0 where the system does not tell.
std::int64_t resident_peak_bytes();

/// How much the peak of resident memory rises above what is resident when the object is made.
class ResidentGrowth {
 public:
  ResidentGrowth();
  /// 0 where the system does not tell.
  std::int64_t bytes() const;

 private:
  bool known_ = false;
  std::int64_t before_ = 0;
};

/// Measured f32 multiply-add peak in GFLOP/s with `threads` threads (about 50 ms); 0 if unknown.
double fma_peak(int threads);

}  // namespace tilewright
