#include "tilewright/device/cpu/arena.h"

#include <oneapi/tbb/blocked_range.h>
#include <oneapi/tbb/info.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task_arena.h>

#include <algorithm>
#include <memory>

namespace tilewright::cpu {
namespace {

tbb::task_arena& arena_of(int threads) {
  thread_local std::unique_ptr<tbb::task_arena> arena;
  if (!arena || arena->max_concurrency() != threads)
    arena = std::make_unique<tbb::task_arena>(threads);
  return *arena;
}

}  // namespace

void parallel_ranges(Index count, int threads, const std::function<void(Index, Index, int)>& body) {
  threads = std::min(threads, tbb::info::default_concurrency());  // TBB prints if it gets fewer
  if (threads <= 1 || count <= 1) return body(0, count, 0);
  arena_of(threads).execute([&] {
    tbb::parallel_for(tbb::blocked_range<Index>(0, count), [&](const auto& range) {
      body(range.begin(), range.end(), tbb::this_task_arena::current_thread_index());
    });
  });
}

}  // namespace tilewright::cpu
