// SPDX-License-Identifier: Apache-2.0
#include "store/commit_queue.h"

#include <gtest/gtest.h>

namespace writ::store {
namespace {

Job job(bool ends, std::size_t bytes = 1) {
  broker::Unit unit;
  unit.ends = ends;
  return {.workspace = nullptr,
          .what = std::move(unit),
          .ticket = std::make_shared<Ticket>(),
          .bytes = bytes};
}

CommitQueue::Limits limits(std::size_t jobs, std::size_t bytes) {
  CommitQueue::Limits out;
  out.jobs = jobs;
  out.bytes = bytes;
  return out;
}

// I6: what others wait with keeps no outcome out.
TEST(CommitQueue, I6_AFullQueueTakesInWhatEndsSomething) {
  CommitQueue jobs(limits(1, 1000));
  EXPECT_TRUE(jobs.push(job(false)));
  EXPECT_EQ(jobs.push(job(false)).error().code, Errc::unavailable);
  EXPECT_TRUE(jobs.push(job(true)));
  CommitQueue bytes(limits(10, 10));
  EXPECT_EQ(bytes.push(job(false, 11)).error().code, Errc::unavailable);
  EXPECT_TRUE(bytes.push(job(true, 11)));
  EXPECT_EQ(bytes.take(milliseconds(0))->size(), 1U);
  bytes.close();
  EXPECT_EQ(bytes.push(job(true)).error().code, Errc::unavailable);
}

}  // namespace
}  // namespace writ::store
