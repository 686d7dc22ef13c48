// A queue between the stages of the pipeline. Closing it wakes everybody, so that an error in one
// stage ends the others.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>

namespace tilewright {

template <class T>
class Channel {
 public:
  void push(T item) {
    {
      const std::lock_guard lock(mutex_);
      items_.push_back(std::move(item));
    }
    changed_.notify_one();
  }

  /// Waits for an item; empty once the channel is closed and drained, or aborted.
  std::optional<T> pop() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return aborted_ || closed_ || !items_.empty(); });
    if (aborted_ || items_.empty()) return std::nullopt;
    T item = std::move(items_.front());
    items_.pop_front();
    return item;
  }

  /// No more items will come; those waiting are still handed out.
  void close() { set(closed_); }
  /// Stop at once.
  void abort() { set(aborted_); }

 private:
  void set(bool& flag) {
    {
      const std::lock_guard lock(mutex_);
      flag = true;
    }
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<T> items_;
  bool closed_ = false;
  bool aborted_ = false;
};

}  // namespace tilewright
