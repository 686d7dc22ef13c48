// run(): one thread reads, one computes (its kernels use the plan's threads), one converts and
// fingerprints, one writes. With one piece in flight, a single step, or nothing to read and write,
// they take turns on the calling thread.
#include "tilewright/run/run.h"

#include <fmt/format.h>

#include <exception>
#include <memory>
#include <thread>

#include "tilewright/run/channel.h"
#include "tilewright/run/stages.h"

namespace tilewright {
namespace {

void check_store(const Store* store, const TensorSpec& wanted, const char* name, bool dtype) {
  if (store == nullptr) throw InvalidArgument(fmt::format("run: the store '{}' is missing", name));
  const TensorSpec& s = store->spec();
  if (s.shape != wanted.shape || (dtype && s.dtype != wanted.dtype))
    throw InvalidArgument(fmt::format("run: '{}' is {} {}, the plan expects {} {}", name,
                                      to_string(s.dtype), to_string(s.shape),
                                      to_string(wanted.dtype), to_string(wanted.shape)));
}

void check_stores(const Plan& plan, const Stores& stores) {
  const Problem& p = plan.problem;
  check_store(stores.src, p.spec(Operand::kSrc), "src", true);
  check_store(stores.weights, p.spec(Operand::kWeights), "weights", false);
  if (p.has_bias()) check_store(stores.bias, p.spec(Operand::kBias), "bias", false);
  check_store(stores.dst, p.spec(Operand::kDst), "dst", true);
  if (plan.kernel.factored && stores.weights->factors() == nullptr)
    throw InvalidArgument(
        "run: the plan is for weights that are products of a column and a row; plan these anew");
  if (plan.src_in_place && stores.src->readable().data == nullptr)
    throw InvalidArgument("run: the plan reads 'src' in place, but it is not plain memory");
  if (plan.weights_in_place && stores.weights->readable().data == nullptr)
    throw InvalidArgument("run: the plan reads 'weights' in place, but they are not plain memory");
  if (plan.dst_in_place && stores.dst->memory().data == nullptr)
    throw InvalidArgument("run: the plan computes in place, but 'dst' is not plain memory");
}

// Where a view begins and ends in memory.
std::pair<const std::byte*, const std::byte*> span_of(const ConstTensorView& v) {
  Index low = 0, high = 1;
  for (std::size_t d = 0; d < v.shape.size(); ++d) {
    const Index reach = (v.shape[d] - 1) * v.strides[d];
    (reach < 0 ? low : high) += reach;
  }
  return {v.data + low * size_of(v.dtype), v.data + high * size_of(v.dtype)};
}

// What is read in place must not be overwritten by results.
void check_apart(const Plan& plan, const Stores& stores) {
  const ConstTensorView dst = stores.dst->memory();
  if (dst.data == nullptr) return;
  const auto [dst_begin, dst_end] = span_of(dst);
  const auto check = [begin = dst_begin, end = dst_end](const Store& store, const char* name) {
    const auto [store_begin, store_end] = span_of(store.readable());
    if (store_begin < end && begin < store_end)
      throw InvalidArgument(
          fmt::format("run: '{}' and 'dst' share memory; compute into another array", name));
  };
  if (plan.src_in_place) check(*stores.src, "src");
  if (plan.weights_in_place) check(*stores.weights, "weights");
}

// Whether there is anything for the stages beside the kernels to do.
bool overlaps(const Plan& plan, const RunOptions& options) {
  if (plan.in_flight == 1 || plan.counts().elemental_convolutions == 1) return false;
  return !plan.src_in_place || !plan.dst_in_place || options.fingerprint ||
         !(plan.keep_weights || plan.weights_in_place);
}

class Pipeline {
 public:
  Pipeline(Bench& bench, Reader& reader, Computer& computer, Writer& writer)
      : bench_(bench), reader_(reader), computer_(computer), writer_(writer) {}

  void in_turn() {
    for (Index i = 0; i < bench_.graph.piece_count(); ++i) {
      const Piece piece = bench_.graph.piece(i);
      for (Index j = 0; j < bench_.graph.steps(piece); ++j) {
        bench_.check_cancel();
        const Step step = bench_.graph.step(piece, j);
        reader_.fetch(step, bench_.src_slots[0]);
        computer_.run(piece, step, bench_.src_slots[0], bench_.dst_slots[0]);
      }
      writer_.finish(piece, bench_.dst_slots[0]);
      writer_.write(piece, bench_.dst_slots[0]);
    }
  }

  void overlapped() {
    for (SrcSlot& s : bench_.src_slots) free_src_.push(&s);
    for (DstSlot& s : bench_.dst_slots) free_dst_.push(&s);
    std::thread reading([&] { guarded([&] { read_all(); }); });
    std::thread finishing, writing;
    // If the system refuses another thread, the first must still be ended.
    guarded([&] {
      finishing = std::thread([&] { guarded([&] { finish_all(); }); });
      writing = std::thread([&] { guarded([&] { write_all(); }); });
    });
    guarded([&] { compute_all(); });
    for (std::thread* t : {&reading, &finishing, &writing})
      if (t->joinable()) t->join();
    if (error_) std::rethrow_exception(error_);
  }

 private:
  struct Fetched {
    std::shared_ptr<const Piece> piece;
    Step step;
    SrcSlot* slot;
  };
  struct Computed {
    std::shared_ptr<const Piece> piece;
    DstSlot* slot;
  };

  template <class F>
  void guarded(F&& stage) {
    try {
      stage();
    } catch (...) {
      const std::lock_guard lock(error_mutex_);
      if (!error_) error_ = std::current_exception();
      free_src_.abort();
      free_dst_.abort();
      fetched_.abort();
      computed_.abort();
      finished_.abort();
    }
  }

  void read_all() {
    for (Index i = 0; i < bench_.graph.piece_count(); ++i) {
      const auto piece = std::make_shared<const Piece>(bench_.graph.piece(i));
      for (Index j = 0; j < bench_.graph.steps(*piece); ++j) {
        const auto slot = free_src_.pop();
        if (!slot) return;
        bench_.check_cancel();
        const Step step = bench_.graph.step(*piece, j);
        reader_.fetch(step, **slot);
        fetched_.push({piece, step, *slot});
      }
    }
    fetched_.close();
  }

  void compute_all() {
    DstSlot* out = nullptr;
    while (const auto job = fetched_.pop()) {
      if (job->step.index == 0) {
        const auto slot = free_dst_.pop();
        if (!slot) return;
        out = *slot;
      }
      computer_.run(*job->piece, job->step, *job->slot, *out);
      free_src_.push(job->slot);
      if (job->step.finishes) computed_.push({job->piece, out});
    }
    computed_.close();
  }

  void finish_all() {
    while (const auto done = computed_.pop()) {
      writer_.finish(*done->piece, *done->slot);
      finished_.push(*done);
    }
    finished_.close();
  }

  void write_all() {
    while (const auto done = finished_.pop()) {
      writer_.write(*done->piece, *done->slot);
      free_dst_.push(done->slot);
    }
  }

  Bench& bench_;
  Reader& reader_;
  Computer& computer_;
  Writer& writer_;
  Channel<SrcSlot*> free_src_;
  Channel<DstSlot*> free_dst_;
  Channel<Fetched> fetched_;
  Channel<Computed> computed_, finished_;
  std::mutex error_mutex_;
  std::exception_ptr error_;
};

}  // namespace

Trace run(const Plan& plan, const Stores& stores, const RunOptions& options) {
  check_stores(plan, stores);
  check_apart(plan, stores);
  stores.src->set_cache_bytes(plan.src_cache_bytes);
  stores.dst->set_cache_bytes(plan.dst_cache_bytes);
  stores.weights->set_cache_bytes(plan.weights_cache_bytes);
  Meter meter({.pieces = plan.counts().pieces,
               .budget_bytes = plan.budget_bytes,
               .dst_bytes = static_cast<double>(plan.problem.spec(Operand::kDst).bytes()),
               .flop = plan.problem.flop()},
              options);
  Bench bench(plan, stores, options);
  Reader reader(bench);
  Computer computer(bench, &meter);
  Writer writer(bench, meter);
  Pipeline pipeline(bench, reader, computer, writer);
  reader.fetch_kept();
  overlaps(plan, options) ? pipeline.overlapped() : pipeline.in_turn();
  Trace trace;
  meter.finish(trace);
  trace.read_seconds = reader.seconds;
  trace.compute_seconds = computer.seconds;
  trace.write_seconds = writer.seconds + writer.finish_seconds;
  trace.bytes_read = reader.bytes;
  trace.steps = computer.steps;
  trace.peak_bytes = writer.peak_bytes;
  if (options.fingerprint) trace.hash = writer.fingerprint().text();
  return trace;
}

}  // namespace tilewright
