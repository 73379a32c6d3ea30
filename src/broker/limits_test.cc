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
  WorkspaceId workspace_ = WorkspaceId::make(clock_, random_);
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
  EXPECT_EQ(exceeded(limiter.take(agent_).error())->limit, "calls_per_second");
  EXPECT_EQ(retry_after(fail(Errc::rate_limited, "", "limit:calls:x").error()), std::nullopt);
  EXPECT_EQ(retry_after(fail(Errc::denied, "", "limit:calls:1").error()), std::nullopt);
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

TEST_F(Limits, P17_P37_ACallTakesItsSlotAndItsBytesAndAHeldOneItsOwn) {
  SharedLimits limits;
  limits.calls = ShareLimits::fair(800, 2);
  limits.call_bytes = ShareLimits::fair(800);
  limits.held = ShareLimits::fair(80, 1);
  InFlight in_flight(limits);
  const Holder run{.workspace = workspace_, .member = agent_.raw(), .run = run_};
  const Holder sibling{
      .workspace = workspace_, .member = agent_.raw(), .run = RunId::make(clock_, random_)};
  auto first = in_flight.call(run, 60);
  const auto second = in_flight.call(run, 0);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(exceeded(in_flight.call(run, 0).error())->limit, "calls_per_run");
  EXPECT_EQ(exceeded(in_flight.call(sibling, 41).error())->limit, "call_bytes_per_agent");
  EXPECT_TRUE(in_flight.call(sibling, 40));
  const auto never = in_flight.call(sibling, 101);
  EXPECT_EQ(never.error().code, Errc::too_large);
  EXPECT_EQ(exceeded(never.error())->limit, "call_bytes_per_agent");
  *first = InFlight::Slot();
  EXPECT_TRUE(in_flight.call(run, 100));
  const auto waits = in_flight.held(run);
  EXPECT_TRUE(waits);
  EXPECT_EQ(exceeded(in_flight.held(run).error())->limit, "held_per_run");
  EXPECT_TRUE(in_flight.held(sibling));
}

}  // namespace
}  // namespace writ::broker
