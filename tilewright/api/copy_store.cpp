// A copy is a stream of strips: full rows of one channel, or parts of rows if those are too long.
#include "tilewright/api/copy_store.h"

#include "tilewright/geometry/cover.h"
#include "tilewright/run/meter.h"
#include "tilewright/tensor/fingerprint.h"

namespace tilewright {
namespace {

constexpr Index kMostStripBytes = Index{64} << 20;
constexpr Index kRowUnit = 256;  // rows of a tile or chunk of the new file

struct Strips {
  Cover y, x;
};

Strips strips(const TensorSpec& spec, Index bytes) {
  const Index elements = std::max<Index>(1, bytes / size_of(spec.dtype));
  const Index width = std::min(spec.shape[kX], elements);
  Index rows = std::max<Index>(1, elements / width);
  if (rows > kRowUnit) rows = rows / kRowUnit * kRowUnit;
  return {Cover(spec.shape[kY], rows), Cover(spec.shape[kX], width)};
}

}  // namespace

Trace copy_store(Store& src, const std::string& dst_path, int rank, bool overwrite,
                 const Machine& machine, const RunOptions& options) {
  const TensorSpec& spec = src.spec();
  CreateOptions create;
  create.spec = spec;
  create.rank = rank;
  create.metadata = src.metadata();
  create.overwrite = overwrite;
  const auto dst = create_store(dst_path, create);
  const Strips s = strips(spec, std::min(kMostStripBytes, machine.host_bytes / 4));
  Tensor strip(spec.dtype, {1, 1, s.y.block(), s.x.block()});
  Fingerprint fingerprint(spec);
  const Index count = spec.shape[kN] * spec.shape[kC] * s.y.count() * s.x.count();
  Meter meter({.pieces = count,
               .budget_bytes = machine.host_bytes,
               .dst_bytes = static_cast<double>(spec.bytes())},
              options);
  for (Index i = 0; i < count; ++i) {
    if (options.cancel != nullptr && options.cancel->load())
      throw Interrupted("interrupted; no output was left");
    const Index x = i % s.x.count(), y = i / s.x.count() % s.y.count();
    const Index plane = i / s.x.count() / s.y.count();
    const Index n = plane / spec.shape[kC], c = plane % spec.shape[kC];
    const Region where{{{Interval{n, n + 1}, Interval{c, c + 1}, s.y[y], s.x[x]}}};
    const Shape shape = where.shape();
    const TensorView view{strip.data<std::byte>(), spec.dtype, shape, dense_strides(shape)};
    src.read(where, view);
    fingerprint.add(where, view);
    dst->write(where, view);
    meter.piece_done(static_cast<double>(where.volume() * size_of(spec.dtype)),
                     strip.spec().bytes());
  }
  dst->commit();
  Trace trace;
  meter.finish(trace);
  trace.peak_bytes = strip.spec().bytes();
  trace.hash = fingerprint.text();
  return trace;
}

}  // namespace tilewright
