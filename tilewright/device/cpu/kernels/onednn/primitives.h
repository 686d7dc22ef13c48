// Primitives of oneDNN with scratchpads of ours, and one thread each.
#pragma once

#include <omp.h>

#include <oneapi/dnnl/dnnl.hpp>

#include "tilewright/base/checked.h"

namespace tilewright::cpu::onednn {

using Desc = dnnl::memory::desc;
using Dims = dnnl::memory::dims;

/// The processor; the first call bounds how many primitives the library keeps for later steps.
inline const dnnl::engine& engine() {
  static const dnnl::engine cpu = [] {
    constexpr int kKeptPrimitives = 128;
    if (dnnl::get_primitive_cache_capacity() > kKeptPrimitives)
      dnnl::set_primitive_cache_capacity(kKeptPrimitives);
    return dnnl::engine(dnnl::engine::kind::cpu, 0);
  }();
  return cpu;
}

/// While one lives, OpenMP regions that this thread enters have no other thread.
class OneThread {
 public:
  OneThread() : before_(omp_get_max_threads()) { omp_set_num_threads(1); }
  ~OneThread() { omp_set_num_threads(before_); }
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  int before_;
};

inline dnnl::primitive_attr attributes(bool adds = false) {
  dnnl::primitive_attr attr;
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  if (!adds) return attr;
  dnnl::post_ops ops;
  ops.append_sum(1.0f);
  attr.set_post_ops(ops);
  return attr;
}

/// Elements `strides` apart. The library refuses what might overlap, also along axes of one index,
/// whose strides mean nothing.
inline Desc strided(const Dims& dims, Dims strides) {
  for (std::size_t d = dims.size(); d-- > 0;)
    if (dims[d] == 1) strides[d] = d + 1 == dims.size() ? 1 : dims[d + 1] * strides[d + 1];
  return Desc(dims, dnnl::memory::data_type::f32, strides);
}
inline Desc any(const Dims& dims) {
  return Desc(dims, dnnl::memory::data_type::f32, dnnl::memory::format_tag::any);
}

/// A change of layout, or of layout and a sum.
class Reorder {
 public:
  Reorder() = default;
  Reorder(const Desc& from, const Desc& to, bool adds = false) : from_(from), to_(to) {
    const dnnl::reorder::primitive_desc desc(engine(), from, engine(), to, attributes(adds));
    scratch_ = desc.scratchpad_desc();
    reorder_ = dnnl::reorder(desc);
  }
  Index scratch_bytes() const { return static_cast<Index>(scratch_.get_size()); }
  void run(dnnl::stream& stream, const void* from, void* to, void* scratch) const {
    reorder_.execute(stream,
                     {{DNNL_ARG_FROM, dnnl::memory(from_, engine(), const_cast<void*>(from))},
                      {DNNL_ARG_TO, dnnl::memory(to_, engine(), to)},
                      {DNNL_ARG_SCRATCHPAD, dnnl::memory(scratch_, engine(), scratch)}});
  }

 private:
  Desc from_, to_, scratch_;
  dnnl::reorder reorder_;
};

/// Hands out the workspace of a thread in pieces of whole cache lines.
class Pieces {
 public:
  /// Reserves `bytes`; returns where they begin.
  Index take(Index bytes) {
    const Index begin = end_;
    end_ = checked_add(end_, round_up(bytes, 64));
    return begin;
  }
  Index bytes() const { return end_; }

 private:
  Index end_ = 0;
};

}  // namespace tilewright::cpu::onednn
