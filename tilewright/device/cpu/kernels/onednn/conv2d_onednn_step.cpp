// Strips of outputs, blocks of groups and channels, as large as the workspace allows; every size
// that occurs has its primitives before threads start.
#include "tilewright/device/cpu/kernels/onednn/conv2d_onednn_step.h"

#include <algorithm>
#include <array>
#include <map>

#include "tilewright/device/cpu/arena.h"
#include "tilewright/device/cpu/kernels/conv2d_direct.h"
#include "tilewright/device/cpu/kernels/conv2d_direct_step.h"
#include "tilewright/device/cpu/kernels/onednn/primitives.h"
#include "tilewright/tensor/convert.h"

namespace tilewright::cpu {
namespace {

using onednn::Desc;
using onednn::Dims;
using Step = DirectStep<float>;

static_assert(kConv2dDirectWorkspace <= kOnednnWorkspace);  // it may have to serve

constexpr double kThreadWork = 1e6;  // multiply-adds below which one thread is faster
constexpr Index kMostChannels = 256;
constexpr Index kWeightsBytes = Index{5} << 19;  // 2.5 MiB, twice
constexpr Index kStripBytes = Index{3} << 19;    // source and results: about a second-level cache
constexpr Index kLeast = 16;  // channels and columns below which nothing is gained by cutting

/// What a primitive computes at once: groups, channels of each, rows and columns of outputs.
struct Part {
  enum { kGroups, kOut, kIn, kRows, kColumns, kAxes };
  std::array<Index, kAxes> size{};
  Index& operator[](int axis) { return size[static_cast<std::size_t>(axis)]; }
  Index operator[](int axis) const { return size[static_cast<std::size_t>(axis)]; }
  bool operator<(const Part& o) const { return size < o.size; }
};

Index reach(const StepAxis& a, Index outputs, Index taps) {
  return (outputs - 1) * a.stride + (taps - 1) * a.dilation + 1;
}

/// The primitives of one size of part, and where its operands lie in the workspace.
struct Bundle {
  dnnl::convolution_forward conv;
  onednn::Reorder src, weights, set, add;
  Desc src_desc, weights_desc, dst_desc, scratch_desc;
  Index plain_at = 0, weights_at = 0, src_at = 0, dst_at = 0, results_at = 0, scratch_at = 0,
        bytes = 0;
  /// Outputs lie apart, as those of a phase do: they pass through a buffer of ours.
  bool apart = false;

  Bundle(const Step& s, const Part& p) {
    const Index g = p[Part::kGroups], co = p[Part::kOut], ci = p[Part::kIn];
    const Index rows = p[Part::kRows], columns = p[Part::kColumns];
    const Dims src_dims{1, g * ci, reach(s.row, rows, s.taps_y), reach(s.lane, columns, s.taps_x)};
    const Dims dst_dims{1, g * co, rows, columns};
    Dims taps{co, ci, s.taps_y, s.taps_x};
    Dims tap_strides{ci * s.taps_y * s.taps_x, s.taps_y * s.taps_x, s.taps_x, 1};
    if (g > 1) {
      taps.insert(taps.begin(), g);
      tap_strides.insert(tap_strides.begin(), co * tap_strides[0]);
    }
    const dnnl::convolution_forward::desc op(
        dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_direct,
        onednn::any(src_dims), onednn::any(taps), onednn::any(dst_dims),
        Dims{s.row.stride, s.lane.stride}, Dims{s.row.dilation - 1, s.lane.dilation - 1},
        Dims{0, 0}, Dims{0, 0});
    const dnnl::convolution_forward::primitive_desc desc(op, onednn::attributes(),
                                                         onednn::engine());
    src_desc = desc.src_desc(), weights_desc = desc.weights_desc(), dst_desc = desc.dst_desc();
    scratch_desc = desc.scratchpad_desc();
    const Desc src_view =
        onednn::strided(src_dims, {s.src_n, s.src_c, s.row.src_step, s.lane.src_step});
    apart = s.lane.dst_step != 1 || s.row.dst_step * s.row.outputs > s.dst_c;
    const Desc dst_view =
        apart ? onednn::strided(dst_dims, {g * co * rows * columns, rows * columns, columns, 1})
              : onednn::strided(dst_dims, {s.dst_n, s.dst_c, s.row.dst_step, 1});
    const Desc plain = onednn::strided(taps, tap_strides);
    src = {src_view, src_desc};
    weights = {plain, weights_desc};
    set = {dst_desc, dst_view};
    add = apart ? set : onednn::Reorder(dst_desc, dst_view, true);
    Index scratch = static_cast<Index>(scratch_desc.get_size());
    for (const onednn::Reorder* r : {&src, &weights, &set, &add})
      scratch = std::max(scratch, r->scratch_bytes());
    onednn::Pieces pieces;
    plain_at = pieces.take(static_cast<Index>(plain.get_size()));
    weights_at = pieces.take(static_cast<Index>(weights_desc.get_size()));
    src_at = pieces.take(static_cast<Index>(src_desc.get_size()));
    dst_at = pieces.take(static_cast<Index>(dst_desc.get_size()));
    results_at = pieces.take(apart ? static_cast<Index>(dst_view.get_size()) : 0);
    scratch_at = pieces.take(scratch);
    bytes = pieces.bytes();
    if (bytes <= kOnednnWorkspace) conv = dnnl::convolution_forward(desc);
  }
};

class Convolution {
 public:
  explicit Convolution(const Step& s) : s_(s) {
    extents_.size = {s.groups, s.co, s.ci, s.row.outputs, s.lane.outputs};
  }

  /// Whether the library computes this step within the workspace.
  bool prepare() {
    part_ = first_guess();
    try {
      while (!make_bundles())
        if (!shrink()) return false;
    } catch (const dnnl::error&) {
      return false;
    }
    return true;
  }

  void run(std::byte* workspace, int threads) {
    const double work = static_cast<double>(s_.n * s_.groups * s_.co * s_.row.outputs) *
                        static_cast<double>(s_.lane.outputs * s_.depth());
    const Index units = blocks(Part::kGroups) * blocks(Part::kOut) * s_.n * blocks(Part::kRows) *
                        blocks(Part::kColumns);
    parallel_ranges(units, work < kThreadWork ? 1 : threads, [&](Index begin, Index end, int slot) {
      const onednn::OneThread alone;
      dnnl::stream stream(onednn::engine());
      run_units(begin, end, workspace + slot * kOnednnWorkspace, stream);
    });
  }

 private:
  Index blocks(int axis) const { return ceil_div(extents_[axis], part_[axis]); }
  Interval block(int axis, Index i) const {
    return {i * part_[axis], std::min(extents_[axis], (i + 1) * part_[axis])};
  }

  Index weights_bytes() const {
    return 4 * part_[Part::kGroups] * round_up(part_[Part::kOut], kLeast) *
           round_up(part_[Part::kIn], kLeast) * s_.taps_y * s_.taps_x;
  }
  Index strip_bytes() const {
    const Index in = round_up(part_[Part::kGroups] * part_[Part::kIn], kLeast);
    const Index out = round_up(part_[Part::kGroups] * part_[Part::kOut], kLeast);
    const Index rows = part_[Part::kRows], columns = part_[Part::kColumns];
    return 4 * (in * reach(s_.row, rows, s_.taps_y) * reach(s_.lane, columns, s_.taps_x) +
                out * rows * columns);
  }

  Part first_guess() {
    part_ = extents_;
    const Index wide = std::max(s_.ci, s_.co);
    part_[Part::kGroups] = std::clamp<Index>(kMostChannels / wide, 1, s_.groups);
    part_[Part::kOut] = std::min(s_.co, kMostChannels);
    part_[Part::kIn] = std::min(s_.ci, kMostChannels);
    // Channels of a group are cut only where it is alone.
    while (weights_bytes() > kWeightsBytes && halve(part_[Part::kGroups], 1)) continue;
    while (weights_bytes() > kWeightsBytes && halve(part_[Part::kOut], kLeast)) continue;
    while (weights_bytes() > kWeightsBytes && halve(part_[Part::kIn], kLeast)) continue;
    while (strip_bytes() > kStripBytes && halve(part_[Part::kRows], 1)) continue;
    while (strip_bytes() > kStripBytes && halve(part_[Part::kColumns], 4 * kLeast)) continue;
    return part_;
  }

  static bool halve(Index& size, Index least) {
    if (size <= least) return false;
    size = std::max(least, round_up((size + 1) / 2, least));
    return true;
  }
  bool shrink() {
    return halve(part_[Part::kRows], 1) || halve(part_[Part::kColumns], kLeast) ||
           halve(part_[Part::kGroups], 1) || halve(part_[Part::kIn], kLeast) ||
           halve(part_[Part::kOut], kLeast);
  }

  /// Each axis has full parts and at most one that is smaller.
  bool make_bundles() {
    const onednn::OneThread alone;
    bundles_.clear();
    for (int variant = 0; variant < 1 << Part::kAxes; ++variant) {
      Part p;
      for (int a = 0; a < Part::kAxes; ++a)
        p[a] = block(a, variant >> a & 1 ? blocks(a) - 1 : 0).size();
      if (bundles_.contains(p)) continue;
      if (bundles_.emplace(p, Bundle(s_, p)).first->second.bytes > kOnednnWorkspace) return false;
    }
    return true;
  }

  void run_units(Index begin, Index end, std::byte* workspace, dnnl::stream& stream) const {
    const Index strips = blocks(Part::kRows) * blocks(Part::kColumns), each = s_.n * strips;
    for (Index first = begin; first < end;) {
      const Index last = std::min(end, (first / each + 1) * each);
      const Interval groups = block(Part::kGroups, first / each / blocks(Part::kOut));
      const Interval out = block(Part::kOut, first / each % blocks(Part::kOut));
      for (Index i = 0; i < blocks(Part::kIn); ++i) {
        const Interval in = block(Part::kIn, i);
        const Bundle* packed = nullptr;
        for (Index u = first; u < last; ++u) {
          const Interval rows = block(Part::kRows, u % strips / blocks(Part::kColumns));
          const Interval columns = block(Part::kColumns, u % blocks(Part::kColumns));
          Part p;
          p.size = {groups.size(), out.size(), in.size(), rows.size(), columns.size()};
          const Bundle& b = bundles_.at(p);
          if (packed != &b) pack_weights(b, groups, out, in, workspace, stream);
          packed = &b;
          run_strip(b, u % each / strips, groups, out, in, rows, columns, workspace, stream);
        }
      }
      first = last;
    }
  }

  void pack_weights(const Bundle& b, const Interval& groups, const Interval& out,
                    const Interval& in, std::byte* workspace, dnnl::stream& stream) const {
    float* to = reinterpret_cast<float*>(workspace + b.plain_at);
    for (Index g = groups.begin; g < groups.end; ++g)
      for (Index co = out.begin; co < out.end; ++co)
        for (Index ci = in.begin; ci < in.end; ++ci) {
          const float* of = s_.weights + g * s_.weights_g + co * s_.weights_co + ci * s_.weights_ci;
          for (Index y = 0; y < s_.taps_y; ++y)
            for (Index x = 0; x < s_.taps_x; ++x)
              *to++ = of[s_.lowest(y, 1, s_.taps_y) * s_.weights_y +
                         s_.lowest(x, 1, s_.taps_x) * s_.weights_x];
        }
    b.weights.run(stream, workspace + b.plain_at, workspace + b.weights_at,
                  workspace + b.scratch_at);
  }

  void run_strip(const Bundle& b, Index n, const Interval& groups, const Interval& out,
                 const Interval& in, const Interval& rows, const Interval& columns,
                 std::byte* workspace, dnnl::stream& stream) const {
    // A part of several groups has all of their channels.
    const float* src = s_.src_data + n * s_.src_n + (groups.begin * s_.ci + in.begin) * s_.src_c +
                       rows.begin * s_.row.stride * s_.row.src_step +
                       columns.begin * s_.lane.stride * s_.lane.src_step;
    float* dst = s_.dst_data + n * s_.dst_n + (groups.begin * s_.co + out.begin) * s_.dst_c +
                 rows.begin * s_.row.dst_step + columns.begin * s_.lane.dst_step;
    void* const scratch = workspace + b.scratch_at;
    const auto at = [&](const Desc& desc, Index place) {
      return dnnl::memory(desc, onednn::engine(), workspace + place);
    };
    b.src.run(stream, src, workspace + b.src_at, scratch);
    b.conv.execute(stream, {{DNNL_ARG_SRC, at(b.src_desc, b.src_at)},
                            {DNNL_ARG_WEIGHTS, at(b.weights_desc, b.weights_at)},
                            {DNNL_ARG_DST, at(b.dst_desc, b.dst_at)},
                            {DNNL_ARG_SCRATCHPAD, at(b.scratch_desc, b.scratch_at)}});
    const bool first = s_.first && in.begin == 0;
    (first ? b.set : b.add)
        .run(stream, workspace + b.dst_at,
             b.apart ? reinterpret_cast<float*>(workspace + b.results_at) : dst, scratch);
    if (b.apart)
      spread(reinterpret_cast<const float*>(workspace + b.results_at), groups.size() * out.size(),
             rows.size(), columns.size(), first, dst);
    if (s_.bias != nullptr && in.end == s_.ci)
      add_bias(s_.bias + (groups.begin * s_.co + out.begin) * s_.bias_step,
               groups.size() * out.size(), rows.size(), columns.size(), dst);
  }

  void spread(const float* from, Index channels, Index rows, Index columns, bool first,
              float* dst) const {
    for (Index c = 0; c < channels; ++c)
      for (Index y = 0; y < rows; ++y) {
        float* to = dst + c * s_.dst_c + y * s_.row.dst_step;
        for (Index x = 0; x < columns; ++x, to += s_.lane.dst_step, ++from)
          *to = first ? *from : *to + *from;
      }
  }

  void add_bias(const float* bias, Index channels, Index rows, Index columns, float* dst) const {
    for (Index c = 0; c < channels; ++c)
      for (Index y = 0; y < rows; ++y) {
        float* to = dst + c * s_.dst_c + y * s_.row.dst_step;
        for (Index x = 0; x < columns; ++x) to[x * s_.lane.dst_step] += bias[c * s_.bias_step];
      }
  }

  Step s_;
  Part extents_, part_;
  std::map<Part, Bundle> bundles_;
};

}  // namespace

void run_conv2d_onednn(const StepArgs& args) {
  Convolution convolution(forward_step<float>(args));
  if (!convolution.prepare()) return run_conv2d_direct(args);
  convolution.run(args.workspace, args.threads);
}

void run_conv2d_transpose_onednn(const StepArgs& a) {
  const Window &wy = a.layer->window(kY), &wx = a.layer->window(kX);
  std::vector<Convolution> phases;
  for (Index i = 0; i < std::min(wy.stride, a.dst.shape[kY]); ++i) {
    const Phase y = phase(wy, a.y, a.dst.shape[kY], a.weights.shape[2], i);
    for (Index j = 0; y.taps > 0 && j < std::min(wx.stride, a.dst.shape[kX]); ++j) {
      const Phase x = phase(wx, a.x, a.dst.shape[kX], a.weights.shape[3], j);
      if (x.taps == 0) continue;
      phases.emplace_back(transpose_step<float>(a, y, x));
      if (!phases.back().prepare()) return run_conv2d_transpose_direct(a);
    }
  }
  // Wide strides leave outputs without a tap.
  const bool gaps = wy.stride > a.weights.shape[2] || wx.stride > a.weights.shape[3] ||
                    std::gcd(wy.stride, wy.dilation) > 1 || std::gcd(wx.stride, wx.dilation) > 1;
  if (gaps && a.first) fill_zero(a.dst);
  for (Convolution& c : phases) c.run(a.workspace, a.threads);
}

}  // namespace tilewright::cpu
