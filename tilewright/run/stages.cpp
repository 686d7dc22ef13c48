// Read, compute and write of one step or piece.
#include "tilewright/run/stages.h"

#include <cstring>
#include <numeric>
#include <optional>

#include "tilewright/plan/cost.h"
#include "tilewright/plan/footprint.h"
#include "tilewright/run/fold.h"
#include "tilewright/run/select.h"
#include "tilewright/tensor/convert.h"
#include "tilewright/tensor/tile.h"

namespace tilewright {
namespace {

// Kernel calls aim at this, so that Ctrl-C is answered.
constexpr double kSliceSeconds = 0.2;
// Where they would repeat more than this share of the work they may take longer, if rows allow.
constexpr double kRepeatedShare = 0.01, kLongSliceSeconds = 1.0;
// Results that would fill a cache by themselves need not go there.
constexpr Index kStreamedBytes = Index{8} << 20;

Index pool_bytes(const Plan& p) { return p.peak_bytes() - p.memory.stores; }

// The part of a tile that one kernel call computes.
struct Slice {
  Index rows, columns;
};

// As many rows as the time allows, in eights; rows are cut only if eight of them take too long.
Slice slice_of(const Plan& p, const Step& step, const Region& dst) {
  const Index row_unit = std::lcm(8, std::max<Index>(1, p.kernel.anchors[Axis::kY]));
  const Index column_unit = std::lcm(16, std::max<Index>(1, p.kernel.anchors[Axis::kX]));
  const Index rows = dst[kY].size(), columns = dst[kX].size();
  const double seconds = kernel_seconds(p, step.block);
  if (seconds <= kSliceSeconds) return {rows, columns};
  const double repeated = seconds * repeated_share(p, step.block);
  const double most = std::clamp(repeated / kRepeatedShare, kSliceSeconds, kLongSliceSeconds);
  if (seconds <= most) return {rows, columns};
  const double fit = static_cast<double>(rows) / seconds;  // in a second
  if (fit * most >= row_unit)
    return {static_cast<Index>(fit * most) / row_unit * row_unit, columns};
  const double part = fit * kSliceSeconds / static_cast<double>(std::min(row_unit, rows));
  const auto width = static_cast<Index>(part * static_cast<double>(columns));
  return {row_unit, std::min(columns, round_up(width + 1, column_unit))};
}

// The part of the source tile under part `to` of the outputs `region`, relative to their tiles.
Region inputs_of(const Layer& layer, const Step& step, const Region& region, const Region& to) {
  Region in = whole(step.window.shape());
  const auto demand = [&](Dim dim, Axis taps) {
    const Index size = in[dim].end;
    const Interval part = layer.demand(dim, to[dim].shifted(region[dim].begin), step.block[taps])
                              .shifted(-step.window[dim].begin);
    // A part that meets nothing asks for one position all the same, maybe beyond the tile.
    const Index begin = std::clamp<Index>(part.begin, 0, size - 1);
    return Interval{begin, std::clamp<Index>(part.end, begin + 1, size)};
  };
  in[kY] = demand(kY, Axis::kKy);
  in[kX] = demand(kX, Axis::kKx);
  return in;
}

// Calls f(part) for parts of `rows` that end at multiples of `unit`, each of about `bytes`.
template <class F>
void for_row_parts(const Interval& rows, double bytes, double bytes_per_row, Index unit, F&& f) {
  const auto fit = static_cast<Index>(bytes / std::max(1.0, bytes_per_row));
  const Index step = std::max(unit, fit / unit * unit);
  for (Index y = rows.begin; y < rows.end;) {
    const Index end = std::min(rows.end, (y / step + 1) * step);
    f(Interval{y, end});
    y = end;
  }
}

// Bytes of one row of a region, over its images and channels.
double row_bytes(const Region& r, DType dtype) {
  return static_cast<double>(r[kN].size()) * static_cast<double>(r[kC].size()) *
         static_cast<double>(r[kX].size()) * static_cast<double>(size_of(dtype));
}

void copy_rows(const TensorView& from, const TensorView& to) {
  const auto bytes = static_cast<std::size_t>(from.shape[3] * size_of(from.dtype));
  for (Index n = 0; n < from.shape[0]; ++n)
    for (Index c = 0; c < from.shape[1]; ++c)
      for (Index y = 0; y < from.shape[2]; ++y)
        std::memmove(to.data + to.offset(n, c, y, 0) * size_of(to.dtype),
                     from.data + from.offset(n, c, y, 0) * size_of(from.dtype), bytes);
}

}  // namespace

Bench::Bench(const Plan& p, const Stores& s, const RunOptions& o)
    : graph(p),
      stores(s),
      options(o),
      pool(pool_bytes(p)),
      sums(p.problem.layer->accumulator(p.problem.compute)) {
  const Layer& layer = *p.problem.layer;
  scratch_bytes = s.src->layout().scratch_bytes + s.dst->layout().scratch_bytes +
                  s.weights->layout().scratch_bytes;
  const Block step = largest_step(p.cuts);
  const Shape window = layer.largest_window(step);
  const Shape tile = layer.region(Operand::kDst, step).shape();
  const Shape weights = layer.region(Operand::kWeights, step).shape();
  const DType compute = p.problem.compute;
  tile_strides = tilewright::tile_strides(window, compute);
  workspace = pool.take(p.memory.workspace);
  if (p.problem.has_bias())
    bias = pool.take(dense_bytes(p.problem.spec(Operand::kBias).shape, compute));
  for (int i = 0; i < p.in_flight; ++i) {
    SrcSlot slot;
    if (!p.src_in_place) slot.tile = pool.take(tile_bytes(window, compute));
    if (!p.keep_weights && !p.weights_in_place)
      slot.weights = pool.take(dense_bytes(weights, compute));
    src_slots.push_back(slot);
    dst_slots.push_back({p.dst_in_place ? nullptr : pool.take(dense_bytes(tile, sums))});
  }
  if (p.kernel.factored) {
    factors = *s.weights->factors();
    if (layer.reversed_taps()) {
      std::reverse(factors.column.begin(), factors.column.end());
      std::reverse(factors.row.begin(), factors.row.end());
    }
  }
  if (layer.folded()) cell = pool.take(dense_bytes(tile, sums));
  if (p.keep_weights && !p.weights_in_place)
    for (Index i = 0; i < graph.weights_blocks(); ++i)
      kept_weights.push_back(pool.take(dense_bytes(graph.weights_region(i).shape(), compute)));
}

TensorView Bench::src_view(const SrcSlot& slot, const Region& window) const {
  return {slot.tile, plan().problem.compute, window.shape(), tile_strides};
}

ConstTensorView Bench::src_shown(const SrcSlot& slot, const Region& window) const {
  if (!plan().src_in_place) return src_view(slot, window);
  return stores.src->readable().slice(window);
}

TensorView Bench::dst_view(const DstSlot& slot, const Region& region) const {
  if (plan().dst_in_place) return stores.dst->memory().slice(region);
  return {slot.tile, sums, region.shape(), dense_strides(region.shape())};
}

TensorView Bench::cell_view(const Shape& shape) const {
  return {cell, sums, shape, dense_strides(shape)};
}

TensorView Bench::weights_view(std::byte* data, const Region& region) const {
  return {data, plan().problem.compute, region.shape(), dense_strides(region.shape())};
}

TensorView Bench::bias_view(const Interval& channels) const {
  const DType dtype = plan().problem.compute;
  const Shape shape{1, channels.size(), 1, 1};
  return {bias + channels.begin * size_of(dtype), dtype, shape, dense_strides(shape)};
}

Index Bench::bytes_used() const {
  // One cache serves all stores that have one, so the larger figure is the whole of it.
  return pool.used() + scratch_bytes +
         std::max(
             {stores.src->cache_bytes(), stores.weights->cache_bytes(), stores.dst->cache_bytes()});
}

void Bench::check_cancel() const {
  if (options.cancel != nullptr && options.cancel->load(std::memory_order_relaxed))
    throw Interrupted("interrupted; no output was left");
}

void Bench::poison(const TensorView& v) const {
  if (!options.poison) return;
  for (Index n = 0; n < v.shape[0]; ++n)
    for (Index c = 0; c < v.shape[1]; ++c)
      for (Index y = 0; y < v.shape[2]; ++y)
        std::memset(v.data + v.offset(n, c, y, 0) * size_of(v.dtype), 0xff,
                    static_cast<std::size_t>(v.shape[3] * size_of(v.dtype)));
}

void Reader::fetch_kept() {
  const Stopwatch watch(seconds);
  const Plan& p = bench_.plan();
  for (std::size_t i = 0; i < bench_.kept_weights.size(); ++i) {
    bench_.check_cancel();
    const Region region = bench_.graph.weights_region(static_cast<Index>(i));
    bytes += select_weights(*bench_.stores.weights, *p.problem.layer, region,
                            bench_.weights_view(bench_.kept_weights[i], region));
  }
  pack_kept();
  if (bench_.bias == nullptr) return;
  const Region all = whole(p.problem.spec(Operand::kBias).shape);
  bench_.stores.bias->read(all, bench_.bias_view(all[kC]));
}

// Worth its time if several tiles use the weights.
void Reader::pack_kept() {
  const Plan& p = bench_.plan();
  const Kernel& kernel = find_kernel(p.kernel.device, p.kernel.name);
  bench_.packed_weights.assign(bench_.kept_weights.size(), false);
  if (kernel.pack == nullptr || p.counts().tiles < 2) return;
  for (std::size_t i = 0; i < bench_.kept_weights.size(); ++i) {
    const Region region = bench_.graph.weights_region(static_cast<Index>(i));
    const TensorView view = bench_.weights_view(bench_.kept_weights[i], region);
    const Index per_group = p.cuts[Axis::kCo].extent();
    const Index groups = std::max<Index>(1, view.shape[0] / per_group);
    bench_.packed_weights[i] = kernel.pack(view, groups, bench_.workspace, p.threads);
  }
}

// Rows that the previous tile shows as well are moved into the new one; the rest is returned.
Interval Reader::reuse_rows(const Step& step, SrcSlot& slot) {
  const Region& w = step.window;
  if (previous_ == nullptr) return w[kY];
  const Region old = previous_->window;
  const bool same = old[kN] == w[kN] && old[kC] == w[kC] && old[kX] == w[kX];
  const Interval shared = intersect(old[kY], w[kY]);
  if (!same || old[kY].begin > w[kY].begin || shared.empty()) return w[kY];
  const auto rows = [&](const SrcSlot& s, const Region& window) {
    Region r = whole(window.shape());
    r[kY] = shared.shifted(-window[kY].begin);
    return bench_.src_view(s, window).slice(r);
  };
  const bool stay = previous_ == &slot && old[kY].begin == w[kY].begin;
  if (!stay && !bench_.plan().src_in_place) copy_rows(rows(*previous_, old), rows(slot, w));
  return {shared.end, w[kY].end};
}

// The image first: padding is copied from it.
void Reader::read_rows(const Step& step, const Interval& fresh, const TensorView& tile) {
  Store& src = *bench_.stores.src;
  const Interval image = intersect(fresh, {0, src.spec().shape[kY]});
  const auto read = [&](const Interval& rows) {
    if (rows.empty()) return;
    bench_.check_cancel();
    bytes += select_window(src, *bench_.plan().problem.layer, step.window, rows, tile);
  };
  for_row_parts(image, bench_.options.part_bytes, row_bytes(step.window, src.spec().dtype),
                src.layout().block[kY], read);
  if (image.empty()) return read(fresh);
  read({fresh.begin, image.begin});
  read({image.end, fresh.end});
}

// A source that is read in place only counts.
void Reader::fetch_rows(const Step& step, const Interval& fresh, const SrcSlot& slot) {
  if (bench_.plan().src_in_place) {
    const TensorSpec& spec = bench_.stores.src->spec();
    Region image = intersect(step.window, whole(spec.shape));
    image[kY] = intersect(image[kY], fresh);
    bytes += static_cast<double>(image.volume() * size_of(spec.dtype));
    return;
  }
  const TensorView tile = bench_.src_view(slot, step.window);
  Region r = whole(tile.shape);
  r[kY] = fresh.shifted(-step.window[kY].begin);
  bench_.poison(tile.slice(r));
  read_rows(step, fresh, tile);
}

void Reader::fetch(const Step& step, SrcSlot& slot) {
  const Stopwatch watch(seconds);
  const Interval fresh = reuse_rows(step, slot);
  if (!fresh.empty()) fetch_rows(step, fresh, slot);
  slot.window = step.window;
  previous_ = &slot;
  fetch_weights(step, slot);
}

void Reader::fetch_weights(const Step& step, SrcSlot& slot) {
  const bool in_place = bench_.plan().weights_in_place;
  if ((slot.weights == nullptr && !in_place) || slot.weights_shown == step.weights) return;
  Store& weights = *bench_.stores.weights;
  if (in_place)
    bytes += static_cast<double>(step.weights.volume() * size_of(weights.spec().dtype));
  else
    bytes += select_weights(weights, *bench_.plan().problem.layer, step.weights,
                            bench_.weights_view(slot.weights, step.weights));
  slot.weights_shown = step.weights;
}

Computer::Computer(Bench& bench, Meter* meter)
    : bench_(bench),
      meter_(meter),
      kernel_(find_kernel(bench.plan().kernel.device, bench.plan().kernel.name)) {}

void Computer::run(const Piece& piece, const Step& step, const SrcSlot& src, const DstSlot& dst) {
  const Stopwatch watch(seconds);
  const Plan& p = bench_.plan();
  const Layer& layer = *p.problem.layer;
  const TensorView tile = bench_.dst_view(dst, piece.dst);
  const std::optional<Cell> cell =
      piece.folded() ? std::optional(piece.cell(step.cell)) : std::nullopt;
  Region region = piece.dst;
  if (cell) region[kY] = cell->y.padded, region[kX] = cell->x.padded;
  if (step.index == 0) bench_.poison(tile);
  StepArgs args;
  args.layer = &layer;
  args.src = bench_.src_shown(src, step.window);
  const bool kept = !bench_.kept_weights.empty();
  const auto block = static_cast<std::size_t>(kept ? step.weights_block : 0);
  args.weights =
      p.weights_in_place
          ? bench_.stores.weights->readable().slice(step.weights)
          : bench_.weights_view(kept ? bench_.kept_weights[block] : src.weights, step.weights);
  args.column = bench_.factors.column.data(), args.row = bench_.factors.row.data();
  args.packed = kept && bench_.packed_weights[block];
  args.dst = !cell ? tile : bench_.cell_view(region.shape());
  if (step.last && bench_.bias != nullptr) args.bias = bench_.bias_view(piece.dst[kC]);
  args.groups = step.block[Axis::kG].size();
  args.first = step.first;
  args.stream = p.dst_in_place && step.last && bench_.stores.dst->spec().bytes() >= kStreamedBytes;
  args.workspace = bench_.workspace;
  args.threads = p.threads;
  const bool again = kept && last_weights_ == args.weights.data;
  args.same_weights = again;
  last_weights_ = args.weights.data;
  if (cell && step.first) bench_.poison(args.dst);
  const TensorView sums = args.dst;
  if (sums_image(layer))
    run_summed(step, args);
  else
    run_slices(step, region, args);
  if (cell && step.last) fold_cell(layer, p.problem.extents(), *cell, sums, piece.dst, tile);
  ++steps;
}

// A source that is read in place ends where the image does.
void Computer::show_image(const Step& step, const Region& in, StepArgs& args) const {
  if (!bench_.plan().src_in_place) return;
  const Shape& image = bench_.stores.src->spec().shape;
  args.real_y = Interval{0, image[kY]}.shifted(-step.window[kY].begin - in[kY].begin);
  args.real_x = Interval{0, image[kX]}.shifted(-step.window[kX].begin - in[kX].begin);
}

void Computer::run_slices(const Step& step, const Region& region, StepArgs& args) {
  const Layer& layer = *args.layer;
  const ConstTensorView source = args.src;
  const TensorView out = args.dst;
  const Slice slice = slice_of(bench_.plan(), step, region);
  for (Index y = 0; y < out.shape[kY]; y += slice.rows)
    for (Index x = 0; x < out.shape[kX]; x += slice.columns) {
      bench_.check_cancel();
      Region to = whole(out.shape);
      to[kY] = {y, std::min(out.shape[kY], y + slice.rows)};
      to[kX] = {x, std::min(out.shape[kX], x + slice.columns)};
      const Region in = inputs_of(layer, step, region, to);
      args.src = source.slice(in);
      args.dst = out.slice(to);
      show_image(step, in, args);
      args.y = {region[kY].begin + y, step.window[kY].begin + in[kY].begin,
                step.block[Axis::kKy].begin};
      args.x = {region[kX].begin + x, step.window[kX].begin + in[kX].begin,
                step.block[Axis::kKx].begin};
      kernel_.run(args);
      args.same_weights = true;
      const double part = static_cast<double>(to.volume()) / static_cast<double>(region.volume());
      done(part * layer.flop(step.block));
    }
}

// Images one by one, each in bands of rows that keep to the layer's blocks. If one band takes too
// long, it is cut into columns as well, which keeps the order of the sums.
void Computer::run_summed(const Step& step, StepArgs& args) {
  const Layer& layer = *args.layer;
  const ConstTensorView source = args.src, results = args.weights;
  const Anchors& anchors = bench_.plan().kernel.anchors;
  const Index unit = std::lcm(layer.sum_block(Axis::kY), std::max<Index>(1, anchors[Axis::kY]));
  const double flop = layer.flop(step.block);
  const double slices = kernel_seconds(bench_.plan(), step.block) / kSliceSeconds;
  const Index rows = results.shape[kY];
  const auto fit = static_cast<Index>(
      static_cast<double>(rows) * static_cast<double>(results.shape[kN]) / std::max(1.0, slices));
  const Index band = std::max(unit, std::min(rows, fit) / unit * unit);
  const Index bands = checked_mul(results.shape[kN], ceil_div(rows, band));
  const Index columns = results.shape[kX],
              column_unit =
                  std::lcm(layer.sum_block(Axis::kX), std::max<Index>(1, anchors[Axis::kX]));
  const auto cuts = static_cast<Index>(std::min(1e9, slices / static_cast<double>(bands)));
  const Index wide = band > unit || cuts < 2 ? columns : round_up(columns / cuts + 1, column_unit);
  const auto demand = [&](Dim dim, const Interval& out, Axis axis, Axis taps) {
    return layer.demand(dim, out.shifted(step.block[axis].begin), step.block[taps])
        .shifted(-step.window[dim].begin);
  };
  const Index across = ceil_div(columns, wide);
  for (Index n = 0; n < results.shape[kN]; ++n)
    for (Index i = 0; i < ceil_div(rows, band) * across; ++i) {
      bench_.check_cancel();
      const Index y = i / across * band, x = i % across * wide;
      Region from = whole(results.shape);
      from[kN] = {n, n + 1};
      from[kY] = {y, std::min(rows, y + band)};
      from[kX] = {x, std::min(columns, x + wide)};
      Region in = whole(source.shape);
      in[kN] = from[kN];
      in[kY] = demand(kY, from[kY], Axis::kY, Axis::kKy);
      in[kX] = demand(kX, from[kX], Axis::kX, Axis::kKx);
      show_image(step, in, args);
      args.src = source.slice(in);
      args.weights = results.slice(from);
      kernel_.run(args);
      args.first = false;
      done(flop * static_cast<double>(from.volume()) / static_cast<double>(volume(results.shape)));
    }
}

void Computer::done(double flop) {
  if (meter_ != nullptr) meter_->computed(flop, bench_.bytes_used());
}

Writer::Writer(Bench& bench, Meter& meter)
    : bench_(bench),
      meter_(meter),
      turned_(sums_image(*bench.plan().problem.layer) &&
              bench.plan().problem.layer->reversed_taps()),
      fingerprint_(bench.plan().problem.spec(Operand::kDst)) {}

// Calls f(region, values) for parts of a tile, short enough to notice a cancellation.
template <class F>
void Writer::for_parts(const Region& region, const TensorView& values, Index unit, F&& f) const {
  const auto part = [&](const Interval& rows) {
    bench_.check_cancel();
    Region to = region, from = whole(values.shape);
    to[kY] = rows;
    from[kY] = rows.shifted(-region[kY].begin);
    f(to, values.slice(from));
  };
  for_row_parts(region[kY], bench_.options.part_bytes, row_bytes(region, values.dtype), unit, part);
}

// The tile is dense and does not get wider, so it is converted where it lies.
void Writer::convert(const Region& region, const DstSlot& slot, DType dtype) const {
  const Index from = size_of(bench_.sums), to = size_of(dtype), count = region.volume();
  const Index part =
      std::max(region[kX].size(), static_cast<Index>(bench_.options.part_bytes) / from);
  for (Index i = 0; i < count; i += part) {
    bench_.check_cancel();
    convert_row(slot.tile + i * from, bench_.sums, slot.tile + i * to, dtype,
                std::min(part, count - i));
  }
}

Region Writer::place(const Piece& piece) const {
  return turned_ ? stored_taps(*bench_.plan().problem.layer, piece.dst) : piece.dst;
}

// What finish() leaves in the slot.
TensorView Writer::values(const Piece& piece, const DstSlot& slot) const {
  TensorView v = bench_.dst_view(slot, piece.dst);
  v.dtype = bench_.plan().problem.dst_dtype;
  return v;
}

void Writer::finish(const Piece& piece, const DstSlot& slot) {
  const Stopwatch watch(finish_seconds);
  const TensorView v = values(piece, slot);
  if (!bench_.plan().dst_in_place) {
    convert(piece.dst, slot, v.dtype);
    if (turned_) reverse_taps(v);
  }
  if (!bench_.options.fingerprint) return;
  for_parts(place(piece), v, 1, [&](const Region& region, const TensorView& values) {
    fingerprint_.add(region, values);
  });
}

void Writer::write(const Piece& piece, const DstSlot& slot) {
  const Stopwatch watch(seconds);
  const TensorView v = values(piece, slot);
  Store& dst = *bench_.stores.dst;
  if (!bench_.plan().dst_in_place)
    for_parts(place(piece), v, dst.layout().block[kY],
              [&](const Region& region, const TensorView& values) { dst.write(region, values); });
  const Index used = bench_.bytes_used();
  peak_bytes = std::max(peak_bytes, used);
  meter_.piece_done(static_cast<double>(piece.dst.volume() * size_of(v.dtype)), used);
}

}  // namespace tilewright
