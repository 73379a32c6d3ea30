// SPDX-License-Identifier: Apache-2.0
// What bounds a flood: rate limits, shares of what is under way, samples in place of log lines.
#include <gtest/gtest.h>

#include "base/fake_clock.h"
#include "base/fake_random.h"
#include "broker/in_flight.h"
#include "broker/rate_limiter.h"
#include "broker/refusal_sampler.h"
#include "observe/capture.h"

namespace writ::broker {
namespace {

class Limits : public testing::Test {
 protected:
  FakeClock clock_;
  FakeRandom random_;
  AgentId agent_ = AgentId::make(clock_, random_);
  RunId run_ = RunId::make(clock_, random_);
};

TEST_F(Limits, P25_AnAgentHasABurstAndThenItsRate) {
  RateLimiter limiter(clock_, {.per_second = 2, .burst = 3});
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(limiter.take(agent_).has_value()) << i;
  EXPECT_EQ(limiter.take(agent_).error().code, Errc::rate_limited);
  clock_.advance(milliseconds(499));
  EXPECT_FALSE(limiter.take(agent_).has_value());
  clock_.advance(milliseconds(1));
  EXPECT_TRUE(limiter.take(agent_).has_value());
  EXPECT_FALSE(limiter.take(agent_).has_value());
  clock_.advance(std::chrono::hours(1));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(limiter.take(agent_).has_value()) << i;
  EXPECT_FALSE(limiter.take(agent_).has_value());
}

TEST_F(Limits, P25_ARefusalSaysWhenToComeBackInWholeSeconds) {
  RateLimiter limiter(clock_, {.per_second = 1, .burst = 1});
  ASSERT_TRUE(limiter.take(agent_).has_value());
  clock_.advance(milliseconds(1));
  EXPECT_EQ(retry_after(limiter.take(agent_).error()), seconds(1));
  EXPECT_EQ(retry_after(fail(Errc::rate_limited, "", "retry-after:x").error()), std::nullopt);
  EXPECT_EQ(retry_after(fail(Errc::denied, "", "retry-after:1").error()), std::nullopt);
}

TEST_F(Limits, P25_NobodyUsesUpAnothersRate) {
  RateLimiter limiter(clock_, {.per_second = 1, .burst = 1});
  ASSERT_TRUE(limiter.take(agent_).has_value());
  EXPECT_FALSE(limiter.take(agent_).has_value());
  EXPECT_TRUE(limiter.take(AgentId::make(clock_, random_)).has_value());
}

TEST_F(Limits, P25_RefusalsOfStrangersAreAllCountedAndLoggedAsASample) {
  observe::CapturingLog log;
  observe::CapturingMetrics metrics;
  RefusalSampler sampler("gateway", log, metrics, clock_);
  const auto error = fail(Errc::unauthenticated, "no proof").error();
  for (int i = 0; i < 1000; ++i) sampler.refused(error);
  EXPECT_EQ(metrics.value("writ_unauthenticated_refusals_total{surface=\"gateway\"}"), 1000);
  EXPECT_EQ(log.events().size(), 1U);
  clock_.advance(RefusalSampler::kInterval);
  sampler.refused(error);
  ASSERT_EQ(log.events().size(), 2U);
  EXPECT_EQ(log.events()[1].fields.at("left_out"), "999");
}

TEST_F(Limits, P17_ARunHasItsShareOfCallsUnderWay) {
  InFlight in_flight({.calls_per_run = 2, .held_per_run = 1});
  auto first = in_flight.call(run_);
  const auto second = in_flight.call(run_);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(in_flight.call(run_).error().code, Errc::rate_limited);
  EXPECT_TRUE(in_flight.call(RunId::make(clock_, random_)).has_value());
  *first = InFlight::Slot();
  EXPECT_TRUE(in_flight.call(run_).has_value());
}

TEST_F(Limits, P17_WhatIsHeldIsBoundedPerRunAndInBytes) {
  InFlight in_flight({.calls_per_run = 9, .held_per_run = 2, .held_bytes = 100});
  const auto other = RunId::make(clock_, random_);
  auto first = in_flight.held(run_, 60);
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(in_flight.held(other, 41).error().code, Errc::rate_limited);
  const auto second = in_flight.held(run_, 40);
  EXPECT_TRUE(second.has_value());
  EXPECT_EQ(in_flight.held(run_, 0).error().code, Errc::rate_limited);
  first = InFlight::Slot();
  EXPECT_TRUE(in_flight.held(other, 60).has_value());
}

TEST_F(Limits, P17_ASlotMayOutliveWhatGaveIt) {
  std::optional<InFlight> in_flight(std::in_place);
  auto slot = in_flight->call(run_);
  in_flight.reset();
  EXPECT_TRUE(slot.has_value());
}

}  // namespace
}  // namespace writ::broker
