// The store around the patterns: reads the spec, computes rows into the caller's memory.
#include <fmt/format.h>

#include "tilewright/base/error.h"
#include "tilewright/base/text.h"
#include "tilewright/store/synth/pattern.h"
#include "tilewright/store/synth/synth_format.h"
#include "tilewright/store/transfer.h"
#include "tilewright/tensor/convert.h"

namespace tilewright {
namespace {

constexpr const char* kPrefix = "synth:";

[[noreturn]] void fail(const std::string& spec, const std::string& why) {
  throw InvalidArgument(fmt::format(
      "{}: {}; write for instance synth:noise,c=3,y=1000,x=2000,dtype=uint8,seed=7", spec, why));
}

class SynthStore final : public Store {
 public:
  explicit SynthStore(const std::string& path) : path_(path) {
    try {
      parse();
      synth_.spec.bytes();
    } catch (const InvalidArgument& error) {
      if (std::string_view(error.what()).starts_with(path)) throw;
      fail(path, error.what());
    }
  }

  const TensorSpec& spec() const override { return synth_.spec; }
  int rank() const override { return rank_; }
  StoreLayout layout() const override { return {.scratch_bytes = kScratchBytes}; }
  std::string describe() const override {
    return fmt::format("computed ({}), {}, {}", path_, to_string(synth_.spec.dtype),
                       to_string(synth_.spec.shape));
  }

  void read(const Region& region, const TensorView& dst) override {
    check_region(path_, synth_.spec, region, dst.shape);
    for (Index n = region[kN].begin; n < region[kN].end; ++n)
      for (Index c = region[kC].begin; c < region[kC].end; ++c)
        for (Index y = region[kY].begin; y < region[kY].end; ++y)
          read_row(n, c, y, region[kX],
                   dst.slice({{{{n - region[kN].begin, n - region[kN].begin + 1},
                                {c - region[kC].begin, c - region[kC].begin + 1},
                                {y - region[kY].begin, y - region[kY].begin + 1},
                                {0, dst.shape[kX]}}}}));
  }

  void write(const Region&, const ConstTensorView&) override {
    throw Unsupported(path_ + ": is computed and cannot be written; name a file");
  }

 private:
  void parse() {
    const auto parts = split(std::string_view(path_).substr(std::string_view(kPrefix).size()), ',');
    synth_.pattern = parse_pattern(parts[0]);
    synth_.spec.shape = {1, 1, 0, 0};
    rank_ = 2;
    for (std::size_t i = 1; i < parts.size(); ++i) {
      const auto at = parts[i].find('=');
      if (at == std::string::npos) fail(path_, fmt::format("'{}' is not key=value", parts[i]));
      set(parts[i].substr(0, at), parts[i].substr(at + 1));
    }
    for (const Index size : synth_.spec.shape)
      if (size < 1) fail(path_, "y and x are needed, and every size must be at least 1");
    if (synth_.size < 1) fail(path_, "size must be at least 1");
  }

  void set(const std::string& key, const std::string& value) {
    static const std::string axes = "ncyx";
    const auto axis = key.size() == 1 ? axes.find(key) : std::string::npos;
    if (axis != std::string::npos) {
      synth_.spec.shape[axis] = parse_index(value, key);
      rank_ = std::max(rank_, 4 - static_cast<int>(axis));
    } else if (key == "dtype") {
      synth_.spec.dtype = parse_dtype(value);
    } else if (key == "seed") {
      synth_.seed = static_cast<std::uint64_t>(parse_index(value, key));
    } else if (key == "size") {
      synth_.size = parse_index(value, key);
    } else {
      fail(path_,
           fmt::format("'{}' is not known; the keys are n, c, y, x, dtype, seed and size", key));
    }
  }

  void read_row(Index n, Index c, Index y, const Interval& xs, const TensorView& dst) {
    const DType type = synth_.spec.dtype;
    if (dst.dtype == type && dst.strides[kX] == 1) {
      synthesize(synth_, n, c, y, xs.begin, xs.size(), dst.data);
      return;
    }
    constexpr Index kPart = 8192;
    for (Index x = xs.begin; x < xs.end; x += kPart) {
      const Index count = std::min(kPart, xs.end - x);
      synthesize(synth_, n, c, y, x, count, scratch());
      const Shape shape{1, 1, 1, count};
      copy(ConstTensorView(scratch(), type, shape, dense_strides(shape)),
           dst.slice({{{{0, 1}, {0, 1}, {0, 1}, {x - xs.begin, x - xs.begin + count}}}}));
    }
  }

  std::string path_;
  Synth synth_;
  int rank_ = 2;
};

}  // namespace

bool opens_synth(const std::string& path) { return path.starts_with(kPrefix); }

std::unique_ptr<Store> open_synth(const std::string& spec) {
  return std::make_unique<SynthStore>(spec);
}

}  // namespace tilewright
