// Window arithmetic of one axis and the four padding modes.
#include "tilewright/geometry/window.h"

#include <fmt/format.h>

#include <array>
#include <limits>

namespace tilewright {
namespace {

struct ModeName {
  PaddingMode mode;
  const char* name;
};

constexpr std::array<ModeName, 4> kModes{{{PaddingMode::kZero, "zero"},
                                          {PaddingMode::kReflect, "reflect"},
                                          {PaddingMode::kReplicate, "replicate"},
                                          {PaddingMode::kCircular, "circular"}}};

// Last padded index of the run that starts at `i`, in an unbounded padded axis, plus one.
Index run_end(PaddingMode mode, Index i, Index extent) {
  if (i >= 0 && i < extent) return extent;
  const Index side_end = i < 0 ? 0 : std::numeric_limits<Index>::max();
  if (extent == 1) return side_end;
  switch (mode) {
    case PaddingMode::kZero:
    case PaddingMode::kReplicate:
      return side_end;
    case PaddingMode::kCircular:
      return i + extent - floor_mod(i, extent);
    case PaddingMode::kReflect: {
      // Period 2(extent-1): the first half (0..extent-1) runs up, the rest runs down.
      const Index period = 2 * (extent - 1);
      const Index phase = floor_mod(i, period);
      return i + (phase < extent ? extent : period) - phase;
    }
  }
  throw InternalError("unknown padding mode");
}

PadSegment::Kind run_kind(PaddingMode mode, Index i, Index extent) {
  if (i >= 0 && i < extent) return PadSegment::Kind::kForward;
  if (mode == PaddingMode::kZero) return PadSegment::Kind::kZero;
  if (mode == PaddingMode::kReplicate || extent == 1) return PadSegment::Kind::kConstant;
  if (mode == PaddingMode::kReflect && floor_mod(i, 2 * (extent - 1)) >= extent)
    return PadSegment::Kind::kBackward;
  return PadSegment::Kind::kForward;
}

}  // namespace

const char* to_string(PaddingMode mode) {
  for (const ModeName& m : kModes)
    if (m.mode == mode) return m.name;
  return "?";
}

PaddingMode parse_padding_mode(std::string_view name) {
  for (const ModeName& m : kModes)
    if (m.name == name) return m.mode;
  throw InvalidArgument(fmt::format(
      "padding mode '{}' is not known; choose zero, reflect, replicate or circular", name));
}

Index pad_index(PaddingMode mode, Index i, Index extent) {
  if (i >= 0 && i < extent) return i;
  switch (mode) {
    case PaddingMode::kZero:
      return -1;
    case PaddingMode::kReplicate:
      return i < 0 ? 0 : extent - 1;
    case PaddingMode::kCircular:
      return floor_mod(i, extent);
    case PaddingMode::kReflect: {
      if (extent == 1) return 0;
      const Index phase = floor_mod(i, 2 * (extent - 1));
      return phase < extent ? phase : 2 * (extent - 1) - phase;
    }
  }
  throw InternalError("unknown padding mode");
}

Index Window::span() const { return checked_add(checked_mul(dilation, taps - 1), 1); }

Index Window::outputs(Index extent) const {
  const Index padded = checked_add(extent, checked_add(pad_begin, pad_end));
  if (padded < span())
    throw InvalidArgument(
        fmt::format("the kernel spans {} elements, but the padded image has only {}; add padding",
                    span(), padded));
  return (padded - span()) / stride + 1;
}

Interval Window::demand(const Interval& out, const Interval& taps_used) const {
  const Index first = checked_add(checked_mul(out.begin, stride),
                                  checked_sub(checked_mul(taps_used.begin, dilation), pad_begin));
  if (out.empty() || taps_used.empty()) return {first, first};
  const Index last = checked_add(checked_mul(out.end - 1, stride),
                                 checked_sub(checked_mul(taps_used.end - 1, dilation), pad_begin));
  return {first, checked_add(last, 1)};
}

Index Window::first_position(Index i, Index extent) const {
  const auto earliest = [&](Index at, Index period) {
    return at - floor_div(at + pad_begin, period) * period;
  };
  if (mode == PaddingMode::kZero) return i;
  if (mode == PaddingMode::kCircular) return earliest(i, extent);
  if (mode == PaddingMode::kReplicate || extent == 1) return i == 0 ? -pad_begin : i;
  const Index period = 2 * (extent - 1);
  return std::min(earliest(i, period), earliest(-i, period));
}

std::vector<PadSegment> Window::segments(const Interval& padded, Index extent) const {
  std::vector<PadSegment> result;
  for (Index i = padded.begin; i < padded.end;) {
    const Index end = std::min(padded.end, run_end(mode, i, extent));
    const auto kind = run_kind(mode, i, extent);
    PadSegment s{{i, end}, {0, 0}, kind};
    if (kind != PadSegment::Kind::kZero) {
      const Index a = pad_index(mode, i, extent);
      const Index b = pad_index(mode, end - 1, extent);
      s.source = {std::min(a, b), std::max(a, b) + 1};
    }
    result.push_back(s);
    i = end;
  }
  return result;
}

}  // namespace tilewright
