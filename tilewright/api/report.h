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

/// What a machine can do at most, measured (about 0.3 s, 256 MiB); 0 where it is unknown.
struct Ceilings {
  double peak_flop_per_second = 0;   // f32 multiply-adds
  double read_bytes_per_second = 0;  // from main memory
  double copy_bytes_per_second = 0;  // read and written together
};
Ceilings measure_ceilings(int threads);

/// The limit that the ceilings set to a problem of `flop` operations which must read and write so
/// many bytes: bytes that are matched by one of the other direction move at the rate of a copy, the
/// others at that of reading. https://doi.org/10.1145/1498765.1498785 (the roofline model).
struct Roofline {
  double flop_per_byte = 0;
  double memory_flop_per_second = 0;  // the limit by bandwidth alone; 0 if that is unknown
  double limit_flop_per_second = 0;   // the lower of both limits; 0 if both are unknown
  bool bound_by_memory = false;
};
Roofline roofline(const Ceilings& ceilings, double flop, double bytes_read, double bytes_written);

}  // namespace tilewright
