// SPDX-License-Identifier: Apache-2.0
// CommitQueue: what waits for the one thread that writes, in the order of arrival, and bounded:
// what does not fit is refused, not kept. Engine-neutral.
//
// Thread-safe; take() and give_back() are for the writer's thread.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "async/event.h"
#include "broker/store.h"

namespace writ::store {

struct SqliteWorkspace;

// What one caller waits for. Either the writer begins on it or the caller gives up, never both: so
// a caller that gave up in time knows that it was not done.
class Ticket {
 public:
  // False where the other side was first.
  bool claim() { return !claimed_.exchange(true); }
  const OneShot<Expected<broker::Committed>> done;

 private:
  std::atomic<bool> claimed_ = false;
};

struct Later {
  std::vector<broker::Append> appends;
};
struct EraseSealed {
  std::uint64_t index = 0;
};
struct EmptyLog {};  // move the write-ahead log into the database, and truncate it

struct Job {
  std::shared_ptr<SqliteWorkspace> workspace;  // none for EmptyLog
  std::variant<broker::Unit, Later, broker::Publication, EraseSealed, EmptyLog> what;
  std::shared_ptr<Ticket> ticket;  // none for Later
  std::size_t bytes = 0;
};

// About what a job keeps in memory and writes.
std::size_t size_of(const broker::Unit& unit);
std::size_t size_of(const std::vector<broker::Append>& appends);
std::size_t size_of(const broker::Publication& publication);

class CommitQueue {
 public:
  struct Limits {
    std::size_t jobs = 8192;
    std::size_t bytes = std::size_t{256} << 20;
    std::size_t group_jobs = 512;
    std::size_t group_bytes = std::size_t{8} << 20;
    milliseconds later_delay{50};  // how long a Later waits at most for company
  };
  explicit CommitQueue(Limits limits) : limits_(limits) {}

  // unavailable where the queue is full, save for a unit that ends something, or closed. What came
  // before in one thread stays before.
  Expected<void> push(Job job);
  // Never refused for its size: it tells of what has happened already. Units are, as long as these
  // fill the queue. False where the queue is closed.
  bool push_later(Job job);
  // Nothing more is taken in. What is here is still handed out.
  void close();

  // Waits for work, at most for `patience`: the jobs of the next group, none where only time has
  // passed, nullopt at the end.
  std::optional<std::vector<Job>> take(milliseconds patience);
  // Back to the front, in order. False, and they are gone, where the queue is closed: what cannot
  // be written by then never will be.
  bool give_back(std::vector<Job> jobs);

 private:
  using RealTime = std::chrono::steady_clock;  // for the pace of a thread, not for any decision

  std::vector<Job> take_group();

  const Limits limits_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> jobs_;
  std::size_t bytes_ = 0;
  std::size_t urgent_ = 0;  // jobs that somebody waits for
  std::optional<RealTime::time_point> flush_by_;
  bool waiting_ = false;
  bool closed_ = false;
};

}  // namespace writ::store
