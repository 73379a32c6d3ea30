// SPDX-License-Identifier: Apache-2.0
#include "store/commit_queue.h"

#include <algorithm>
#include <iterator>

namespace writ::store {
namespace {

// What a job costs beside its bytes.
constexpr std::size_t kOverhead = 256;

}  // namespace

std::size_t size_of(const std::vector<broker::Append>& appends) {
  std::size_t size = 0;
  for (const auto& append : appends) {
    size += kOverhead + append.entry.size() + append.sealed.size();
    for (const auto& subject : append.subjects) size += subject.size();
  }
  return size;
}

std::size_t size_of(const broker::Unit& unit) {
  std::size_t size = kOverhead + size_of(unit.appends);
  for (const auto& put : unit.puts) size += kOverhead + put.id.size() + put.value.size();
  size += (unit.checks.size() + unit.once.size() + unit.erases.size()) * kOverhead;
  return size;
}

std::size_t size_of(const broker::Publication& publication) {
  std::size_t size = kOverhead + publication.checkpoint.size();
  for (const auto& tile : publication.tiles) size += kOverhead + tile.hashes.size();
  return size;
}

Expected<void> CommitQueue::push(Job job) {
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return fail(Errc::unavailable, "the server is shutting down");
    const auto* unit = std::get_if<broker::Unit>(&job.what);
    const bool ends = unit != nullptr && unit->ends;
    if (!ends && (jobs_.size() >= limits_.jobs || bytes_ + job.bytes > limits_.bytes))
      return fail(Errc::unavailable, "too much waits to be written");
    bytes_ += job.bytes;
    ++urgent_;
    jobs_.push_back(std::move(job));
    wake = waiting_;
  }
  if (wake) changed_.notify_one();
  return {};
}

bool CommitQueue::push_later(Job job) {
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return false;
    bytes_ += job.bytes;
    jobs_.push_back(std::move(job));
    wake = waiting_ && !flush_by_;
    if (!flush_by_) flush_by_ = RealTime::now() + limits_.later_delay;
  }
  if (wake) changed_.notify_one();
  return true;
}

void CommitQueue::close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  changed_.notify_all();
}

std::optional<std::vector<Job>> CommitQueue::take(milliseconds patience) {
  std::unique_lock lock(mutex_);
  const auto until = RealTime::now() + patience;
  waiting_ = true;
  for (;;) {
    const auto now = RealTime::now();
    if (urgent_ > 0 || (closed_ && !jobs_.empty()) || (flush_by_ && *flush_by_ <= now)) break;
    if (closed_) return std::nullopt;
    if (until <= now) {
      waiting_ = false;
      return std::vector<Job>();
    }
    changed_.wait_until(lock, flush_by_ ? std::min(until, *flush_by_) : until);
  }
  waiting_ = false;
  return take_group();
}

std::vector<Job> CommitQueue::take_group() {
  std::vector<Job> group;
  std::size_t bytes = 0;
  while (!jobs_.empty() && group.size() < limits_.group_jobs && bytes < limits_.group_bytes) {
    auto& job = jobs_.front();
    bytes += job.bytes;
    bytes_ -= job.bytes;
    if (job.ticket) --urgent_;
    group.push_back(std::move(job));
    jobs_.pop_front();
  }
  // What is left behind has waited long enough already.
  if (jobs_.empty()) flush_by_.reset();
  return group;
}

bool CommitQueue::give_back(std::vector<Job> jobs) {
  if (jobs.empty()) return true;
  const std::lock_guard lock(mutex_);
  if (closed_) return false;
  for (const auto& job : jobs) {
    bytes_ += job.bytes;
    if (job.ticket) ++urgent_;
  }
  jobs_.insert(jobs_.begin(), std::make_move_iterator(jobs.begin()),
               std::make_move_iterator(jobs.end()));
  if (!flush_by_) flush_by_ = RealTime::now() + limits_.later_delay;
  return true;
}

}  // namespace writ::store
