// Stores that watch the executor: what it reads and writes, how often, and how it takes failures.
#pragma once

#include <functional>

#include "tilewright/plan/test_problems.h"
#include "tilewright/run/run.h"
#include "tilewright/store/memory/memory_store.h"

namespace tilewright::testing {

/// A tensor whose elements differ from their neighbours; small integers, so that sums are exact.
inline Tensor pattern(const TensorSpec& spec, Index seed = 1) {
  Tensor t(spec);
  dispatch(spec.dtype, [&](auto type) {
    using T = decltype(type);
    for (Index i = 0; i < spec.volume(); ++i)
      t.data<T>()[i] = static_cast<T>((i * 7 + seed * 3 + i / 11) % 23);
  });
  return t;
}

/// A tensor in memory that counts what is done to it.
class SpyStore final : public Store {
 public:
  explicit SpyStore(Tensor tensor)
      : inner_(std::move(tensor)), visits_(static_cast<std::size_t>(inner_.spec().volume())) {}

  const TensorSpec& spec() const override { return inner_.spec(); }
  int rank() const override { return 4; }
  std::string describe() const override { return "spy"; }
  void read(const Region& region, const TensorView& dst) override {
    before(region);
    inner_.read(region, dst);
  }
  void write(const Region& region, const ConstTensorView& src) override {
    before(region);
    inner_.write(region, src);
  }
  void commit() override { ++commits; }

  ConstTensorView view() const { return inner_.view(); }
  /// How often the most and the least visited element was read or written.
  int most_visits() const { return *std::max_element(visits_.begin(), visits_.end()); }
  int least_visits() const { return *std::min_element(visits_.begin(), visits_.end()); }

  /// Called with the number of every call, from 1, before it is carried out.
  std::function<void(Index)> on_call;
  Index calls = 0;
  Index bytes = 0;
  int commits = 0;

 private:
  void before(const Region& r) {
    ++calls;
    if (on_call) on_call(calls);
    bytes += r.volume() * size_of(spec().dtype);
    const Shape& s = spec().shape;
    for (Index n = r[0].begin; n < r[0].end; ++n)
      for (Index c = r[1].begin; c < r[1].end; ++c)
        for (Index y = r[2].begin; y < r[2].end; ++y)
          for (Index x = r[3].begin; x < r[3].end; ++x)
            ++visits_[static_cast<std::size_t>(((n * s[1] + c) * s[2] + y) * s[3] + x)];
  }

  MemoryStore inner_;
  std::vector<int> visits_;
};

/// Spies for all operands of a plan.
struct Spies {
  explicit Spies(const Problem& p)
      : src(pattern(p.spec(Operand::kSrc))),
        weights(pattern(p.spec(Operand::kWeights), 2)),
        bias(p.has_bias() ? pattern(p.spec(Operand::kBias), 5) : Tensor(DType::kF32, {1, 1, 1, 1})),
        dst(Tensor(p.spec(Operand::kDst))),
        has_bias(p.has_bias()) {}
  Stores stores() { return {&src, &weights, has_bias ? &bias : nullptr, &dst}; }
  SpyStore src, weights, bias, dst;
  bool has_bias;
};

inline Plan forced_plan(const std::string& line, const std::string& force, int threads = 2) {
  PlanOptions options;
  options.force = force;
  return plan(parse_problem(line), test_machine(Index{1} << 30, threads), options);
}

}  // namespace tilewright::testing
