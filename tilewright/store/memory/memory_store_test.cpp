#include "tilewright/store/memory/memory_store.h"

#include "tilewright/store/conformance.h"

namespace tilewright {
namespace {

TEST(MemoryStore, returns_what_was_written) {
  const Tensor truth = testing::numbered({DType::kI16, {2, 3, 30, 41}});
  MemoryStore store{Tensor(truth.spec())};

  testing::write_in_pieces(store, truth);

  testing::expect_random_regions(store, truth, 40, 1);
}

TEST(MemoryStore, borrows_without_copying) {
  Tensor tensor = testing::numbered({DType::kF32, {1, 1, 4, 5}});
  MemoryStore store(tensor.view(), 2);
  const Tensor one = Tensor::from({1, 1, 1, 1}, {42});

  store.write({{{{0, 1}, {0, 1}, {2, 3}, {1, 2}}}}, one.view());

  EXPECT_EQ(tensor.data<float>()[2 * 5 + 1], 42);
}

TEST(MemoryStore, refuses_to_write_to_a_constant_view) {
  const Tensor tensor(DType::kF32, {1, 1, 2, 2});
  MemoryStore store(tensor.view());

  testing::message_of<Unsupported>([&] { store.write(whole(tensor.shape()), tensor.view()); });
}

}  // namespace
}  // namespace tilewright
