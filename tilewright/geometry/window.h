// The window of one axis: kernel extent, stride, dilation and padding. It answers which input an
// interval of outputs demands, and what of that demand lies outside the image.
//
// Inputs are counted in *padded coordinates*: 0 is the first real element, negative indices and
// indices >= extent are padding. For output o and tap k the input is o*stride + k*dilation - pad.
#pragma once

#include <string_view>
#include <vector>

#include "tilewright/geometry/interval.h"

namespace tilewright {

/// What a tap outside the image sees. Names follow numpy.pad where they agree:
/// zero (constant 0), reflect (mirror without repeating the edge), replicate (edge), circular
/// (wrap). Reflect and circular repeat as often as needed, so every width is defined; an image of
/// one element reflects to that element.
enum class PaddingMode { kZero, kReflect, kReplicate, kCircular };

const char* to_string(PaddingMode mode);
/// Throws InvalidArgument for an unknown name.
PaddingMode parse_padding_mode(std::string_view name);

/// The real index that padded index `i` of an image of `extent` shows, or -1 for a constant zero.
Index pad_index(PaddingMode mode, Index i, Index extent);

/// A run of consecutive padded indices whose real indices run up, run down, stay, or are zero.
struct PadSegment {
  enum class Kind { kForward, kBackward, kConstant, kZero };
  Interval padded;
  Interval source;  // real indices it shows, ascending; empty for kZero, one index for kConstant
  Kind kind = Kind::kForward;
  bool operator==(const PadSegment&) const = default;
};

struct Window {
  Index taps = 1;
  Index stride = 1;
  Index dilation = 1;
  Index pad_begin = 0;
  Index pad_end = 0;
  PaddingMode mode = PaddingMode::kZero;

  /// Extent of the dilated kernel: dilation*(taps-1)+1.
  Index span() const;
  /// Number of outputs for `extent` inputs; throws InvalidArgument if there is none.
  Index outputs(Index extent) const;
  /// Padded input indices that outputs `out` with taps `taps_used` read, without gaps for stride.
  Interval demand(const Interval& out, const Interval& taps_used) const;
  Interval demand(const Interval& out) const { return demand(out, {0, taps}); }
  /// The first padded position, from -pad_begin on, that shows real index `i`.
  Index first_position(Index i, Index extent) const;
  /// Cuts a padded interval into runs, ascending, covering it exactly.
  std::vector<PadSegment> segments(const Interval& padded, Index extent) const;
};

}  // namespace tilewright
