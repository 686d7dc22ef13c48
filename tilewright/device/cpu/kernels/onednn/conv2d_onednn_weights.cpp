// Gradient of the weights by oneDNN, one block of the definition's results at a time; blocks are
// added in f64 (conv2d_weights.h). Threads share the weights, never a sum.
#include <algorithm>
#include <array>
#include <map>

#include "tilewright/device/cpu/arena.h"
#include "tilewright/device/cpu/kernels/conv2d_weights.h"
#include "tilewright/device/cpu/kernels/onednn/conv2d_onednn_step.h"
#include "tilewright/device/cpu/kernels/onednn/primitives.h"

namespace tilewright::cpu {
namespace {

using onednn::Desc;
using onednn::Dims;

static_assert(kConv2dWeightsWorkspace <= kOnednnWorkspace);  // it may have to serve

constexpr double kThreadWork = 1e6;  // multiply-adds below which one thread is faster
constexpr Index kMostOut = 64, kMostIn = 32;
constexpr Index kMostWeights = Index{1} << 18;  // of a unit, 1 MiB

/// Groups, channels of each, rows and columns of results of one primitive.
using Size = std::array<Index, 5>;

struct Bundle {
  dnnl::convolution_backward_weights conv;
  onednn::Reorder src, results, weights;
  Desc src_desc, results_desc, weights_desc, scratch_desc;
  Index src_at = 0, results_at = 0, weights_at = 0, plain_at = 0, scratch_at = 0, bytes = 0;

  Bundle(const StepArgs& a, const Size& size) {
    const auto [g, co, ci, rows, columns] = size;
    const Window &wy = a.layer->window(kY), &wx = a.layer->window(kX);
    const Index ky = a.dst.shape[2], kx = a.dst.shape[3];
    const Dims src_dims{1, g * ci, (rows - 1) * wy.stride + (ky - 1) * wy.dilation + 1,
                        (columns - 1) * wx.stride + (kx - 1) * wx.dilation + 1};
    const Dims results_dims{1, g * co, rows, columns};
    Dims taps{co, ci, ky, kx}, tap_strides{ci * ky * kx, ky * kx, kx, 1};
    if (g > 1) {
      taps.insert(taps.begin(), g);
      tap_strides.insert(tap_strides.begin(), co * tap_strides[0]);
    }
    const Dims strides{wy.stride, wx.stride}, gaps{wy.dilation - 1, wx.dilation - 1}, none{0, 0};
    const auto direct = dnnl::algorithm::convolution_direct;
    const Desc any_src = onednn::any(src_dims), any_results = onednn::any(results_dims);
    const dnnl::convolution_forward::primitive_desc forward(
        {dnnl::prop_kind::forward_training, direct, any_src, onednn::any(taps), any_results,
         strides, gaps, none, none},
        onednn::attributes(), onednn::engine());
    const dnnl::convolution_backward_weights::primitive_desc desc(
        {direct, any_src, onednn::any(taps), any_results, strides, gaps, none, none},
        onednn::attributes(), onednn::engine(), forward);
    src_desc = desc.src_desc(), results_desc = desc.diff_dst_desc();
    weights_desc = desc.diff_weights_desc(), scratch_desc = desc.scratchpad_desc();
    const auto view = [](const Dims& dims, const ConstTensorView& v) {
      return onednn::strided(dims, {v.strides[0], v.strides[1], v.strides[2], v.strides[3]});
    };
    const Desc plain = onednn::strided(taps, tap_strides);
    src = {view(src_dims, a.src), src_desc};
    results = {view(results_dims, a.weights), results_desc};
    weights = {weights_desc, plain};
    Index scratch = static_cast<Index>(scratch_desc.get_size());
    for (const onednn::Reorder* r : {&src, &results, &weights})
      scratch = std::max(scratch, r->scratch_bytes());
    onednn::Pieces pieces;
    src_at = pieces.take(static_cast<Index>(src_desc.get_size()));
    results_at = pieces.take(static_cast<Index>(results_desc.get_size()));
    weights_at = pieces.take(static_cast<Index>(weights_desc.get_size()));
    plain_at = pieces.take(static_cast<Index>(plain.get_size()));
    scratch_at = pieces.take(scratch);
    bytes = pieces.bytes();
    if (bytes <= kOnednnWorkspace) conv = dnnl::convolution_backward_weights(desc);
  }
};

class WeightsGradient {
 public:
  explicit WeightsGradient(const StepArgs& a) : a_(a) {
    const Index groups = a.groups, co = a.dst.shape[0] / groups, ci = a.dst.shape[1];
    const Index taps = a.dst.shape[2] * a.dst.shape[3];
    extents_ = {groups, co, ci, a.weights.shape[kY], a.weights.shape[kX]};
    part_ = {std::clamp<Index>(kMostIn / std::max(co, ci), 1, groups), std::min(co, kMostOut),
             std::min(ci, kMostIn), std::min(extents_[3], a.layer->sum_block(Axis::kY)),
             std::min(extents_[4], a.layer->sum_block(Axis::kX))};
    while (part_[0] > 1 && part_[0] * part_[1] * part_[2] * taps > kMostWeights) part_[0] /= 2;
    while (part_[1] > 16 && part_[1] * part_[2] * taps > kMostWeights) part_[1] /= 2;
  }

  bool prepare() {
    const onednn::OneThread alone;
    try {
      for (unsigned variant = 0; variant < 32; ++variant) {
        Size size;
        for (std::size_t a = 0; a < size.size(); ++a)
          size[a] = block(a, variant >> a & 1 ? blocks(a) - 1 : 0).size();
        if (bundles_.contains(size)) continue;
        if (bundles_.emplace(size, Bundle(a_, size)).first->second.bytes > kOnednnWorkspace)
          return false;
      }
    } catch (const dnnl::error&) {
      return false;
    }
    return true;
  }

  void run() const {
    const double work =
        static_cast<double>(extents_[0] * extents_[1] * extents_[2] * a_.dst.shape[2]) *
        static_cast<double>(a_.dst.shape[3] * a_.weights.shape[kN] * extents_[3] * extents_[4]);
    parallel_ranges(blocks(0) * blocks(1) * blocks(2), work < kThreadWork ? 1 : a_.threads,
                    [&](Index begin, Index end, int slot) {
                      const onednn::OneThread alone;
                      dnnl::stream stream(onednn::engine());
                      for (Index i = begin; i < end; ++i)
                        run_unit(i, a_.workspace + slot * kOnednnWorkspace, stream);
                    });
  }

 private:
  Index blocks(std::size_t axis) const { return ceil_div(extents_[axis], part_[axis]); }
  Interval block(std::size_t axis, Index i) const {
    return {i * part_[axis], std::min(extents_[axis], (i + 1) * part_[axis])};
  }

  void run_unit(Index unit, std::byte* workspace, dnnl::stream& stream) const {
    const Interval in = block(2, unit % blocks(2)), out = block(1, unit / blocks(2) % blocks(1));
    const Interval groups = block(0, unit / blocks(2) / blocks(1));
    bool first = a_.first;
    for (Index n = 0; n < a_.weights.shape[kN]; ++n)
      for (Index y = 0; y < blocks(3); ++y)
        for (Index x = 0; x < blocks(4); ++x) {
          const Interval rows = block(3, y), columns = block(4, x);
          const Bundle& b =
              bundles_.at({groups.size(), out.size(), in.size(), rows.size(), columns.size()});
          run_block(b, n, groups, out, in, rows.begin, columns.begin, workspace, stream);
          add(reinterpret_cast<const float*>(workspace + b.plain_at), groups, out, in, first);
          first = false;
        }
  }

  void run_block(const Bundle& b, Index n, const Interval& groups, const Interval& out,
                 const Interval& in, Index y, Index x, std::byte* workspace,
                 dnnl::stream& stream) const {
    const Window &wy = a_.layer->window(kY), &wx = a_.layer->window(kX);
    void* const scratch = workspace + b.scratch_at;
    const auto at = [&](const Desc& desc, Index place) {
      return dnnl::memory(desc, onednn::engine(), workspace + place);
    };
    // A part of several groups has all of their channels.
    b.src.run(
        stream,
        a_.src.at<float>(n, groups.begin * extents_[2] + in.begin, y * wy.stride, x * wx.stride),
        workspace + b.src_at, scratch);
    b.results.run(stream, a_.weights.at<float>(n, groups.begin * extents_[1] + out.begin, y, x),
                  workspace + b.results_at, scratch);
    b.conv.execute(stream, {{DNNL_ARG_SRC, at(b.src_desc, b.src_at)},
                            {DNNL_ARG_DIFF_DST, at(b.results_desc, b.results_at)},
                            {DNNL_ARG_DIFF_WEIGHTS, at(b.weights_desc, b.weights_at)},
                            {DNNL_ARG_SCRATCHPAD, at(b.scratch_desc, b.scratch_at)}});
    b.weights.run(stream, workspace + b.weights_at, workspace + b.plain_at, scratch);
  }

  void add(const float* sums, const Interval& groups, const Interval& out, const Interval& in,
           bool first) const {
    const Index ky = a_.dst.shape[2], kx = a_.dst.shape[3];
    for (Index g = groups.begin; g < groups.end; ++g)
      for (Index co = out.begin; co < out.end; ++co)
        for (Index ci = in.begin; ci < in.end; ++ci)
          for (Index y = 0; y < ky; ++y) {
            double* to = a_.dst.at<double>(g * extents_[1] + co, ci, y, 0);
            for (Index x = 0; x < kx; ++x, ++sums)
              to[x] = (first ? 0.0 : to[x]) + static_cast<double>(*sums);
          }
  }

  const StepArgs& a_;
  Size extents_{}, part_{};
  std::map<Size, Bundle> bundles_;
};

}  // namespace

void run_conv2d_weights_onednn(const StepArgs& args) {
  WeightsGradient gradient(args);
  if (!gradient.prepare()) return run_conv2d_weights_direct(args);
  gradient.run();
}

}  // namespace tilewright::cpu
