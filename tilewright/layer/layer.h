// PORT Layer: one differentiable operation as a loop nest over eight axes.
//
// A layer says how long each axis is for a given source, what cutting an axis means (its role),
// and which region of each operand a block of the nest touches. Planner, graph and executor work
// from these answers alone; they know no particular layer.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "tilewright/geometry/window.h"
#include "tilewright/tensor/dtype.h"

namespace tilewright {

/// Axes of the loop nest. `co` and `ci` count channels inside one group.
enum class Axis : int { kN, kG, kCo, kCi, kY, kX, kKy, kKx };
inline constexpr int kAxisCount = 8;
inline constexpr std::array<Axis, kAxisCount> kAxes{Axis::kN, Axis::kG, Axis::kCo, Axis::kCi,
                                                    Axis::kY, Axis::kX, Axis::kKy, Axis::kKx};
/// "n", "g", "co", "ci", "y", "x", "ky", "kx"
const char* to_string(Axis axis);

/// One value per axis.
template <class T>
struct PerAxis {
  std::array<T, kAxisCount> values{};
  T& operator[](Axis a) { return values[static_cast<std::size_t>(a)]; }
  const T& operator[](Axis a) const { return values[static_cast<std::size_t>(a)]; }
  bool operator==(const PerAxis&) const = default;
};

using Extents = PerAxis<Index>;
/// A box of the loop nest.
using Block = PerAxis<Interval>;
/// The block of the whole nest.
Block whole(const Extents& extents);

/// What cutting an axis does: outputs and inputs disjoint; outputs disjoint and inputs overlap;
/// outputs summed over the parts.
enum class Role { kIndependent, kHalo, kReduce };

enum class Operand { kSrc, kWeights, kBias, kDst };

/// One parameter of a layer, described once for command line, bindings and manual.
struct ParameterInfo {
  const char* name;
  const char* values;
  const char* help;
};

class Layer {
 public:
  virtual ~Layer() = default;

  virtual const char* name() const = 0;
  /// The layer's own words of the problem line, in canonical order: "co128 k3x3 s1x1 …".
  virtual std::string words() const = 0;
  /// Lengths of the axes for a source of `src` [n,c,y,x]. Throws InvalidArgument with the reason
  /// if the source does not fit the layer.
  virtual Extents extents(const Shape& src) const = 0;
  virtual Role role(Axis axis) const = 0;
  /// Shape of an operand for a source of `src`; all zero for an operand that the layer lacks.
  virtual Shape shape(Operand operand, const Shape& src) const = 0;
  /// The region of `operand` that `block` touches. The y and x of kSrc are in padded coordinates
  /// (see Window); everything else lies inside the operand.
  virtual Region region(Operand operand, const Block& block) const = 0;
  /// The window of the convolution along kY or kX.
  virtual const Window& window(Dim dim) const = 0;
  /// The source interval that outputs `out` reach through `taps`, in the coordinates of region().
  virtual Interval demand(Dim dim, const Interval& out, const Interval& taps) const {
    return window(dim).demand(out, taps);
  }
  /// What source coordinates outside [0, extent) show.
  virtual PaddingMode padding_mode() const { return window(kY).mode; }
  /// Whether folds() has anything to say.
  virtual bool folded() const { return false; }
  /// Upper bound on the runs of padded positions that show any interval of an axis of dst, where
  /// runs that stay on one index come in parts of `part`; 1 unless folded().
  virtual Index most_runs(Dim, Index /*part*/) const { return 1; }
  /// Padded positions of dst whose results are added up (the adjoint of padding), in runs; empty if
  /// every position is an output of its own. `extent` is that of dst.
  virtual std::vector<PadSegment> folds(Dim, Index) const { return {}; }
  /// Upper bound on the shape of the source region of blocks as large as `block`, wherever they
  /// lie.
  virtual Shape largest_window(const Block& block) const {
    return region(Operand::kSrc, block).shape();
  }
  /// Sums are carried from step to step in this type.
  virtual DType accumulator(DType compute) const { return compute; }
  /// Cuts of a summed image axis elsewhere than at multiples of this re-associate sums.
  virtual Index sum_block(Axis) const { return 1; }
  /// The most products that are summed in `compute` before a sum is carried on exactly.
  virtual double longest_sum(const Extents& extents, DType compute) const;
  /// Whether weights are stored with reversed taps (true convolution).
  virtual bool reversed_taps() const = 0;
  /// Floating-point operations of `block`, a multiply-add counting two.
  virtual double flop(const Block& block) const = 0;
};

/// Whether y and x are summed, as in a gradient of weights: then a step is a part of the image, and
/// a piece a part of the weights.
inline bool sums_image(const Layer& layer) { return layer.role(Axis::kY) == Role::kReduce; }

}  // namespace tilewright
