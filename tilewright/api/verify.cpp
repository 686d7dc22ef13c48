// Verification of files, by windows or in full.
#include "tilewright/api/verify.h"

#include <fmt/format.h>

#include <random>

#include "tilewright/api/compare.h"
#include "tilewright/run/meter.h"
#include "tilewright/run/recompute.h"

namespace tilewright {
namespace {

// Multiply-adds that all sampled windows together may cost with the reference.
constexpr double kReferenceMadds = 2e9;

// The side of a sampled window, small enough that all samples together stay cheap.
Index window_side(const Problem& p, Index samples) {
  const Extents e = p.extents();
  const double per_output = static_cast<double>(e[Axis::kCi]) * static_cast<double>(e[Axis::kKy]) *
                            static_cast<double>(e[Axis::kKx]);
  const double outputs = kReferenceMadds / per_output / static_cast<double>(samples);
  return outputs >= 1024 ? 32 : outputs >= 64 ? 8 : outputs >= 4 ? 2 : 1;
}

// The size of a sampled window: square, of one channel of each group block.
Block window_size(const Problem& p, const KernelInfo& kernel, Index side) {
  const Extents e = p.extents();
  Block b;
  for (const Axis a : kAxes) b[a] = {0, 1};
  for (const Axis a : {Axis::kY, Axis::kX}) {
    // A kernel with tiles of its own gets whole ones.
    b[a] = {0, std::min(round_up(side, std::max<Index>(1, kernel.anchors[a])), e[a])};
  }
  for (const Axis a : step_axes(*p.layer)) b[a] = {0, e[a]};
  return b;
}

// Whether a kernel's tiles are too large for the definition to compute whole ones.
bool large_tiles(const KernelInfo& kernel, Index side) {
  constexpr Index kSmall = 8;
  return std::max(kernel.anchors[Axis::kY], kernel.anchors[Axis::kX]) > std::max(side, kSmall);
}

// The middle of a window, at most `side` wide: what the definition is asked for where a kernel's
// tile is much larger.
Block middle_of(const Block& window, Index side) {
  Block b = window;
  for (const Axis a : {Axis::kY, Axis::kX}) {
    const Index size = std::min(side, window[a].size());
    b[a] = Interval{0, size}.shifted(window[a].begin + (window[a].size() - size) / 2);
  }
  return b;
}

class Windows {
 public:
  Windows(const Plan& plan, const Block& size, const VerifyOptions& options)
      : plan_(plan),
        size_(size),
        extents_(plan.problem.extents()),
        samples_(options.samples),
        random_(options.seed) {}

  // First half of the windows straddles piece borders, four are the corners of the image, the rest
  // lies anywhere.
  Block at(Index i) {
    Block b = size_;
    for (const Axis a : plan_.loop_order()) {
      b[a] = size_[a].shifted(place(a, i));
      b[a].end = std::min(b[a].end, extents_[a]);
    }
    return b;
  }

 private:
  Index anchor(Axis a) const { return std::max<Index>(1, plan_.kernel.anchors[a]); }
  Index draw(Index below) {
    return static_cast<Index>(random_() % static_cast<std::uint64_t>(below));
  }

  Index place(Axis a, Index i) {
    const Index room = extents_[a] - size_[a].size();
    const bool spatial = a == Axis::kY || a == Axis::kX;
    const Index corner = i - samples_ / 2;
    // The kernel's tiles lie in a window as they lie in the image: the last one may be cut short.
    const Index unit = anchor(a);
    if (spatial && corner >= 0 && corner < 4)
      return (a == Axis::kY ? corner / 2 : corner % 2) * round_up(room, unit);
    const Cover& cover = plan_.cuts[a];
    if (spatial && cover.cut() && corner < 0) {
      const Index border = cover[1 + draw(cover.count() - 1)].begin;
      return std::clamp<Index>(border - size_[a].size() / 2, 0, room) / unit * unit;
    }
    return draw(room + 1) / unit * unit;
  }

  const Plan& plan_;
  const Block& size_;
  Extents extents_;
  Index samples_;
  std::mt19937_64 random_;
};

void check_cancel(const VerifyOptions& options) {
  if (options.cancel != nullptr && options.cancel->load()) throw Interrupted("interrupted");
}

// Windows are computed three times over at once; each needs at least a little.
Machine share_of(Machine machine) {
  constexpr Index kLeast = 16 << 20;
  machine.host_bytes = std::max(machine.host_bytes / 3, std::min(machine.host_bytes, kLeast));
  return machine;
}

VerifyReport verify_windows(Convolution& c, Store& dst, const Machine& machine,
                            const VerifyOptions& options) {
  const Problem& problem = c.problem;
  const Index side = window_side(problem, options.samples);
  const Block size = window_size(problem, c.plan.kernel, side);
  const bool large = large_tiles(c.plan.kernel, side);
  const Block most = large ? middle_of(size, side) : size;
  const Stores stores{c.src.get(), c.weights.get(), c.bias.get(), &dst};
  const Machine third = share_of(machine);
  c.src->set_cache_bytes(c.plan.src_cache_bytes);
  dst.set_cache_bytes(c.plan.dst_cache_bytes);
  c.weights->set_cache_bytes(0);
  const Plan by_definition = plan_regions(problem, third, most, "reference", Exactness::kBits);
  Recomputer reference(by_definition, stores);
  const std::string kernel = c.plan.kernel.device + ":" + c.plan.kernel.name;
  const bool canonical = c.plan.kernel.order == Order::kCanonical;
  Recomputer other(
      plan_regions(problem, third, size, canonical ? "" : kernel,
                   canonical ? Exactness::kBits : c.plan.exact, c.weights->factors() != nullptr),
      stores);
  MagnitudeStore src_size(*stores.src, reach_of(c.plan)), weights_size(*stores.weights);
  MagnitudeStore bias_size(c.bias == nullptr ? dst : *c.bias);
  const Stores size_stores{&src_size, &weights_size, c.bias == nullptr ? nullptr : &bias_size,
                           &dst};
  Recomputer magnitude(
      plan_regions(bounding_problem(c.plan), third, most, "reference", Exactness::kBits),
      size_stores);
  Windows windows(c.plan, size, options);
  VerifyReport report;
  for (Index i = 0; i < options.samples; ++i) {
    check_cancel(options);
    const Block block = windows.at(i);
    const Block part = large ? middle_of(block, side) : block;
    const Region where = problem.layer->region(Operand::kDst, block);
    Tensor found(problem.dst_dtype, where.shape());
    dst.read(where, found.view());
    const Region middle = problem.layer->region(Operand::kDst, part);
    Region inside = whole(where.shape());
    for (const Dim d : {kY, kX}) inside[d] = middle[d].shifted(-where[d].begin);
    const Tensor expected = reference.compute(part);
    if (c.plan.exact != Exactness::kBound)
      compare(found.view(), other.compute(block).view(), where, nullptr, report);
    if (c.plan.exact == Exactness::kBits) {
      compare(found.view(), expected.view(), where, nullptr, report);
    } else {
      const Tensor allowed = tolerances(c.plan, magnitude.compute(part));
      const ConstTensorView view = allowed.view();
      compare(found.view().slice(inside), expected.view(), middle, &view, report);
    }
    ++report.windows;
  }
  return report;
}

// Tiles of about two thirds: their borders fall inside the pieces of the plan under test.
std::string other_tiling(const Plan& plan) {
  const auto smaller = [&](Axis a) {
    const Index unit = std::max<Index>(1, plan.kernel.anchors[a]);
    return std::max(unit, plan.cuts[a].block() * 2 / 3 / unit * unit);
  };
  return fmt::format("y={},x={}", smaller(Axis::kY), smaller(Axis::kX));
}

VerifyReport verify_full(Convolution& c, Store& dst, const Machine& machine,
                         const VerifyOptions& options) {
  VerifyReport report;
  ComparingStore comparing(dst, report);
  PlanOptions planning;
  planning.force = other_tiling(c.plan);
  planning.kernel = c.plan.kernel.device + ":" + c.plan.kernel.name;
  set_hints(planning, *c.src, *c.weights);
  const Plan p = plan(c.problem, machine, planning);
  RunOptions running;
  running.cancel = options.cancel;
  running.progress = options.progress;
  run(p, Stores{c.src.get(), c.weights.get(), c.bias.get(), &comparing}, running);
  report.windows = p.counts().pieces;
  return report;
}

}  // namespace

VerifyReport verify(const ConvolveRequest& request, Convolution& c, const Machine& machine,
                    const VerifyOptions& options) {
  if (options.samples < 1)
    throw InvalidArgument(fmt::format("--samples {}: must be at least 1", options.samples));
  double seconds = 0;
  VerifyReport report;
  {
    const Stopwatch watch(seconds);
    const auto dst = open_store(request.dst);
    const TensorSpec expected = c.problem.spec(Operand::kDst);
    if (dst->spec() != expected)
      throw InvalidArgument(fmt::format(
          "'{}' holds {} {}, this convolution gives {} {}; give the options that made it",
          request.dst, to_string(dst->spec().dtype), to_string(dst->spec().shape),
          to_string(expected.dtype), to_string(expected.shape)));
    if (options.full && c.plan.exact == Exactness::kBound)
      throw InvalidArgument(
          "--full compares bits, which a plan of class 'bound' does not promise; leave it out");
    if (options.full) report = verify_full(c, *dst, machine, options);
    // The windows use the definition, so a fault of the kernel itself shows as well.
    if (report.equal()) report += verify_windows(c, *dst, machine, options);
  }
  report.seconds = seconds;
  return report;
}

}  // namespace tilewright
