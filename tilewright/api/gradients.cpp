// Each gradient is a problem of its own; they run one after the other, each within the budget.
#include "tilewright/api/gradients.h"

#include <fmt/format.h>

#include <filesystem>
#include <initializer_list>
#include <optional>
#include <utility>

#include "tilewright/store/memory/memory_store.h"

namespace tilewright {
namespace {

using From = GradientProblem::From;

// Adds what is written to it to what another store holds, a few rows at a time.
class AddingStore final : public Store {
 public:
  explicit AddingStore(Store& sums) : sums_(sums) {}
  const TensorSpec& spec() const override { return sums_.spec(); }
  int rank() const override { return sums_.rank(); }
  StoreLayout layout() const override {
    StoreLayout l = sums_.layout();
    l.scratch_bytes = checked_add(l.scratch_bytes, std::max(kPartBytes, row_bytes()));
    return l;
  }
  std::string describe() const override { return "added to " + sums_.describe(); }
  void set_cache_bytes(Index bytes) override { sums_.set_cache_bytes(bytes); }
  Index cache_bytes() const override { return sums_.cache_bytes(); }
  void read(const Region&, const TensorView&) override {
    throw InternalError("sums are not read by a run");
  }
  void write(const Region& region, const ConstTensorView& src) override {
    const Index rows = std::max<Index>(1, kPartBytes / row_bytes());
    for (Index n = 0; n < src.shape[kN]; ++n)
      for (Index c = 0; c < src.shape[kC]; ++c)
        for (Index y = 0; y < src.shape[kY]; y += rows) {
          Region part = whole(src.shape);
          part[kN] = {n, n + 1}, part[kC] = {c, c + 1};
          part[kY] = {y, std::min(src.shape[kY], y + rows)};
          Region at = part;
          for (int d = 0; d < 4; ++d)
            at[static_cast<Dim>(d)] =
                part[static_cast<Dim>(d)].shifted(region[static_cast<Dim>(d)].begin);
          add(src.slice(part), at);
        }
  }

 private:
  static constexpr Index kPartBytes = Index{1} << 18;
  Index row_bytes() const { return spec().shape[kX] * size_of(spec().dtype); }

  void add(const ConstTensorView& part, const Region& at) {
    Tensor sum(spec().dtype, part.shape);
    sums_.read(at, sum.view());
    part.dtype == DType::kF64 ? add_rows<double>(part, sum) : add_rows<float>(part, sum);
    sums_.write(at, sum.view());
  }
  template <class T>
  static void add_rows(const ConstTensorView& part, Tensor& sum) {
    const TensorView to = sum.view();
    for (Index y = 0; y < part.shape[kY]; ++y)
      for (Index x = 0; x < part.shape[kX]; ++x) *to.at<T>(0, 0, y, x) += *part.at<T>(0, 0, y, x);
  }

  Store& sums_;
};

// A source that is one everywhere, without memory for it.
std::unique_ptr<Store> make_ones(const TensorSpec& spec) {
  static const float one = 1;
  return std::make_unique<MemoryStore>(ConstTensorView(reinterpret_cast<const std::byte*>(&one),
                                                       DType::kF32, spec.shape, Shape{0, 0, 0, 0}));
}

void check_gradient(const Problem& forward, const Shape& gradient) {
  const Shape result = forward.spec(Operand::kDst).shape;
  if (gradient != result)
    throw InvalidArgument(fmt::format(
        "the gradient of the result is {}, but this convolution gives {}; check stride, "
        "padding, dilation and weights",
        to_string(gradient), to_string(result)));
}

// What the gradients of one convolution are computed from.
struct Inputs {
  Store* src = nullptr;
  Store* weights = nullptr;
  Store* gradient = nullptr;
  std::unique_ptr<Store> ones{};

  Store* at(From from, const TensorSpec& spec) {
    if (from == From::kSrc) return src;
    if (from == From::kWeights) return weights;
    if (from == From::kGradient) return gradient;
    if (ones == nullptr) ones = make_ones(spec);
    return ones.get();
  }
};

// Caches of stores that the next gradient does not use are no part of its budget.
void drop_caches(std::initializer_list<Store*> stores) {
  for (Store* s : stores) s->set_cache_bytes(0);
}

// Plans every gradient before it complains, so that the budget named is enough for all.
class Planning {
 public:
  template <class F>
  void add(F&& plan) {
    try {
      plan();
    } catch (const BudgetTooSmall& e) {
      if (!worst_ || e.smallest_bytes > worst_->smallest_bytes) worst_ = e;
    }
  }
  void finish() const {
    if (worst_) throw *worst_;
  }

 private:
  std::optional<BudgetTooSmall> worst_;
};

std::unique_ptr<Store> output_store(Tensor& sums, bool as_weights) {
  if (sums.empty()) return nullptr;
  TensorView view = sums.view();
  if (as_weights && view.shape[2] == 1 && view.shape[3] == 1 &&
      std::min(view.shape[0], view.shape[1]) == 1) {
    view.shape = {sums.spec().volume(), 1, 1, 1};
    view.strides = dense_strides(view.shape);
  }
  return std::make_unique<MemoryStore>(view);
}

// In memory: every gradient whose tensor in `sums` is not empty.
void compute_all(const Tensor& src, const Tensor& weights, const Tensor& gradient,
                 const Conv2dOptions& options, bool add, Conv2dGradients& sums) {
  MemoryStore from_src(src.view()), from_weights(weights.view()), from_gradient(gradient.view());
  const auto to_src = output_store(sums.src, false);
  const auto to_weights = output_store(sums.weights, false);
  const auto to_bias = output_store(sums.bias, true);
  GradientStores stores{&from_src, &from_weights, &from_gradient};
  stores.out_src = to_src.get(), stores.out_weights = to_weights.get();
  stores.out_bias = to_bias.get();
  stores.add = add;
  RunOptions running;
  running.fingerprint = false;
  conv2d_gradients(stores, options, this_machine(), {}, running);
}

struct Output {
  Operand wrt;
  const std::string* path;
};

bool same_place(const std::string& a, const std::string& b) {
  namespace fs = std::filesystem;
  std::error_code error;
  return fs::weakly_canonical(a, error) == fs::weakly_canonical(b, error) && !error;
}

std::vector<Output> outputs_of(const GradientRequest& r) {
  std::vector<Output> list;
  for (const Output& o :
       {Output{Operand::kSrc, &r.out_src}, Output{Operand::kWeights, &r.out_weights},
        Output{Operand::kBias, &r.out_bias}})
    if (!o.path->empty()) list.push_back(o);
  if (list.empty())
    throw InvalidArgument("no gradient is asked for; name --out-src, --out-weights or --out-bias");
  for (const Output& o : list) {
    for (const std::string* input : {&r.src, &r.gradient, &r.weights})
      check_distinct(*o.path, *input, *input);
    for (const Output& other : list)
      if (&o != &other && same_place(*o.path, *other.path))
        throw InvalidArgument(fmt::format("--out-{} and --out-{} are both '{}'; give each its own",
                                          gradient_name(other.wrt), gradient_name(o.wrt), *o.path));
  }
  return list;
}

CreateOptions output_options(const GradientRequest& request, const Gradients& g,
                             const Problem& problem, Operand wrt) {
  CreateOptions o;
  o.spec = problem.spec(Operand::kDst);
  o.overwrite = request.overwrite;
  if (wrt == Operand::kSrc) {
    o.rank = g.src->rank();
    o.metadata = g.src->metadata();
  }
  if (wrt == Operand::kWeights) o.rank = g.weights->rank();
  return o;
}

Problem forward_problem(const GradientRequest& request, const Store& src, const Store& weights) {
  const Shape& taps = weights.spec().shape;
  if (request.dtype.empty()) return conv2d_problem(src.spec(), taps, request.options, true);
  const DType dtype = parse_dtype(request.dtype);
  if (!is_float(dtype))
    throw InvalidArgument(
        fmt::format("--dtype {}: gradients are float32 or float64", request.dtype));
  return conv2d_problem(src.spec(), taps, request.options, true, dtype);
}

}  // namespace

const char* gradient_name(Operand wrt) {
  return wrt == Operand::kSrc ? "src" : wrt == Operand::kWeights ? "weights" : "bias";
}

Conv2dGradients conv2d_gradients(const Tensor& src, const Tensor& weights, const Tensor& gradient,
                                 const Conv2dOptions& options, const WantedGradients& wanted) {
  const DType dtype = compute_dtype(src.dtype());
  Conv2dGradients result;
  if (wanted.src) result.src = Tensor(dtype, src.shape());
  if (wanted.weights) result.weights = Tensor(dtype, weights.shape());
  if (wanted.bias) result.bias = Tensor(dtype, {1, weights.shape()[0], 1, 1});
  compute_all(src, weights, gradient, options, false, result);
  return result;
}

void add_conv2d_gradients(const Tensor& src, const Tensor& weights, const Tensor& gradient,
                          const Conv2dOptions& options, Conv2dGradients& sums) {
  compute_all(src, weights, gradient, options, true, sums);
}

std::vector<Trace> conv2d_gradients(const GradientStores& stores, const Conv2dOptions& options,
                                    const Machine& machine, const PlanOptions& planning,
                                    const RunOptions& running) {
  for (const auto& [store, name] :
       {std::pair{stores.src, "src"}, {stores.weights, "weights"}, {stores.gradient, "gradient"}})
    if (store == nullptr)
      throw InvalidArgument(fmt::format("conv2d_gradients: the store '{}' is missing", name));
  const Problem forward =
      conv2d_problem(stores.src->spec(), stores.weights->spec().shape, options, true);
  check_gradient(forward, stores.gradient->spec().shape);
  Inputs inputs{stores.src, stores.weights, stores.gradient};
  struct Job {
    Plan plan;
    Stores stores;
  };
  std::vector<std::unique_ptr<Store>> sums;
  std::vector<Job> jobs;  // all planned before any runs
  Planning planned;
  for (const auto& [wrt, dst] : {std::pair{Operand::kSrc, stores.out_src},
                                 {Operand::kWeights, stores.out_weights},
                                 {Operand::kBias, stores.out_bias}}) {
    if (dst == nullptr) continue;
    const GradientProblem g = gradient_problem(forward, wrt, stores.gradient->spec().dtype);
    const TensorSpec spec = g.problem.spec(Operand::kDst), &given = dst->spec();
    if (given != spec)
      throw InvalidArgument(fmt::format("a gradient of {} {} does not fit an output of {} {}",
                                        to_string(spec.dtype), to_string(spec.shape),
                                        to_string(given.dtype), to_string(given.shape)));
    Store* src = inputs.at(g.src, g.problem.spec(Operand::kSrc));
    Store* weights = inputs.at(g.weights, g.problem.spec(Operand::kWeights));
    PlanOptions with_hints = planning;
    set_hints(with_hints, *src, *weights);
    Store* to = dst;
    if (stores.add) to = sums.emplace_back(std::make_unique<AddingStore>(*dst)).get();
    with_hints.dst = store_hints(*to);
    with_hints.dst.file = store_hints(*dst).file;
    with_hints.dst.in_place = to->memory().data != nullptr;
    planned.add([&] {
      jobs.push_back({plan(g.problem, machine, with_hints), {src, weights, nullptr, to}});
    });
  }
  planned.finish();
  std::vector<Trace> traces;
  for (const Job& job : jobs) {
    drop_caches({stores.src, stores.weights, stores.gradient});
    traces.push_back(run(job.plan, job.stores, running));
  }
  return traces;
}

Tensor conv2d_transpose(const Tensor& src, const Tensor& weights, Index rows, Index columns,
                        const Conv2dOptions& options) {
  return compute(conv2d_transpose_problem(src.spec(), weights.shape(), rows, columns, options), src,
                 weights);
}

Gradients prepare(const GradientRequest& request, const Machine& machine) {
  Gradients g;
  const std::vector<Output> outputs = outputs_of(request);
  const auto open = [&](const std::string& path) {
    auto store = open_store(path);
    for (const Output& o : outputs)
      for (const std::string& file : store->files()) check_distinct(*o.path, path, file);
    return store;
  };
  g.src = open(request.src);
  g.gradient = open(request.gradient);
  g.weights = open(request.weights);
  g.forward = forward_problem(request, *g.src, *g.weights);
  check_gradient(g.forward, g.gradient->spec().shape);
  Inputs inputs{g.src.get(), g.weights.get(), g.gradient.get()};
  Planning planned;
  for (const Output& o : outputs) {
    const GradientProblem part = gradient_problem(g.forward, o.wrt, g.gradient->spec().dtype);
    GradientJob job;
    job.wrt = o.wrt;
    job.dst = *o.path;
    job.problem = part.problem;
    if (!request.dtype.empty()) job.problem.dst_dtype = parse_dtype(request.dtype);
    job.src = inputs.at(part.src, part.problem.spec(Operand::kSrc));
    job.weights = inputs.at(part.weights, part.problem.spec(Operand::kWeights));
    job.output = output_options(request, g, job.problem, o.wrt);
    PlanOptions planning = request.planning;
    set_hints(planning, *job.src, *job.weights);
    planned.add(
        [&] { job.plan = plan_output(job.dst, job.problem, machine, planning, job.output); });
    g.jobs.push_back(std::move(job));
  }
  planned.finish();
  g.ones = std::move(inputs.ones);
  return g;
}

std::vector<Trace> run_gradients(const Gradients& gradients, const RunOptions& options) {
  std::vector<std::unique_ptr<Store>> outputs;
  for (const GradientJob& job : gradients.jobs)
    outputs.push_back(create_store(job.dst, job.output));
  std::vector<Trace> traces;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const GradientJob& job = gradients.jobs[i];
    drop_caches({gradients.src.get(), gradients.weights.get(), gradients.gradient.get()});
    RunOptions running = options;
    if (options.progress && outputs.size() > 1)
      running.progress = [&](Progress p) {
        p.output = gradient_name(job.wrt);
        options.progress(p);
      };
    traces.push_back(
        run(job.plan, Stores{job.src, job.weights, nullptr, outputs[i].get()}, running));
  }
  for (const auto& output : outputs) output->commit();
  return traces;
}

}  // namespace tilewright
