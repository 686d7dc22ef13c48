// Stands in for oneTBB under the thread sanitizer, which cannot see the synchronisation inside
// Debian's uninstrumented libtbb and would call every hand-over of a task a race. Plain threads
// run the same bodies, so that races of our own are still found. Only what the library uses.
#pragma once

#include <algorithm>
#include <functional>
#include <thread>
#include <vector>

namespace tbb {

template <class Value>
struct blocked_range {
  blocked_range(Value begin, Value end, std::size_t = 1) : begin_(begin), end_(end) {}
  Value begin() const { return begin_; }
  Value end() const { return end_; }
  Value begin_, end_;
};

namespace info {
inline int default_concurrency() { return std::max(4u, std::thread::hardware_concurrency()); }
}  // namespace info

namespace stand_in {
inline thread_local int concurrency = 4;
inline thread_local int thread_index = 0;
}  // namespace stand_in

class task_arena {
 public:
  explicit task_arena(int threads = info::default_concurrency()) : threads_(threads) {}
  int max_concurrency() const { return threads_; }
  template <class F>
  auto execute(F&& f) {
    stand_in::concurrency = threads_;
    return f();
  }

 private:
  int threads_;
};

namespace this_task_arena {
inline int current_thread_index() { return stand_in::thread_index; }
inline int max_concurrency() { return stand_in::concurrency; }
}  // namespace this_task_arena

// One part of the range for each thread.
template <class Value, class Body>
void parallel_for(const blocked_range<Value>& range, const Body& body) {
  const int threads = stand_in::concurrency;
  const Value count = range.end() - range.begin();
  std::vector<std::thread> running;
  for (int i = 0; i < threads; ++i) {
    const blocked_range<Value> part(range.begin() + count * i / threads,
                                    range.begin() + count * (i + 1) / threads);
    if (part.begin() == part.end()) continue;
    running.emplace_back([&body, part, i] {
      stand_in::thread_index = i;
      body(part);
    });
  }
  for (std::thread& t : running) t.join();
}

template <class Value, class Body>
void parallel_for(Value begin, Value end, const Body& body) {
  parallel_for(blocked_range<Value>(begin, end), [&body](const blocked_range<Value>& part) {
    for (Value i = part.begin(); i < part.end(); ++i) body(i);
  });
}

class task_group {
 public:
  template <class F>
  void run(F&& f) {
    running_.emplace_back(std::forward<F>(f));
  }
  void wait() {
    for (std::thread& t : running_) t.join();
    running_.clear();
  }

 private:
  std::vector<std::thread> running_;
};

}  // namespace tbb
