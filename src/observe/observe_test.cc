// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "base/fake_random.h"
#include "observe/capture.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "observe/trace_context.h"

namespace writ::observe {
namespace {

static_assert(!std::is_constructible_v<Value, SecretBytes>);
static_assert(!std::is_constructible_v<Value, const SecretBytes&>);
static_assert(!std::is_constructible_v<Value, BytesView>);
static_assert(!std::is_constructible_v<Value, Bytes>);
static_assert(!std::is_constructible_v<Value, const Bytes*>);
static_assert(std::is_constructible_v<Value, const char*>);

TEST(Log, AnEventKeepsItsFields) {
  CapturingLog log;
  log.info("call.done", {{"status", 200}, {"tool", "billing.refund"}, {"held", false}});
  const auto event = log.find("call.done");
  ASSERT_TRUE(event);
  EXPECT_EQ(event->level, Level::info);
  EXPECT_EQ(event->fields.at("status"), "200");
  EXPECT_EQ(event->fields.at("tool"), "billing.refund");
  EXPECT_EQ(event->fields.at("held"), "false");
  EXPECT_TRUE(log.contains("refund"));
  EXPECT_FALSE(log.contains("absent"));
}

TEST(Metrics, OneNameWithOtherLabelsIsAnotherHandle) {
  CapturingMetrics metrics;
  metrics.counter("calls", "", {{"outcome", "done"}}).add();
  metrics.counter("calls", "", {{"outcome", "failed"}}).add(2);
  metrics.counter("calls", "", {{"outcome", "done"}}).add();
  EXPECT_EQ(metrics.value("calls{outcome=\"done\"}"), 2);
  EXPECT_EQ(metrics.value("calls{outcome=\"failed\"}"), 2);
  EXPECT_EQ(metrics.value("calls"), 0);
}

constexpr std::string_view kParent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

TEST(TraceContext, RoundTrips) {
  const auto context = TraceContext::parse(kParent);
  ASSERT_TRUE(context);
  EXPECT_EQ(context->to_string(), kParent);
  EXPECT_TRUE(context->sampled());
}

TEST(TraceContext, AChildKeepsTheTraceAndHasItsOwnSpan) {
  FakeRandom random;
  const auto context = TraceContext::parse(kParent);
  ASSERT_TRUE(context);
  const auto child = context->child(random);
  EXPECT_EQ(child.trace_id(), context->trace_id());
  EXPECT_NE(child.span_id(), context->span_id());
  EXPECT_TRUE(child.sampled());
}

TEST(TraceContext, MalformedHeadersAreRefusedAndReplaced) {
  FakeRandom random;
  for (const std::string_view bad : {
           "",
           "00",
           "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
           "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
           "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
           "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
           "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
           "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
           "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
           "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01x",
       }) {
    EXPECT_FALSE(TraceContext::parse(bad)) << bad;
    EXPECT_TRUE(TraceContext::parse(TraceContext::from_header(bad, random).to_string())) << bad;
  }
}

TEST(TraceContext, ALaterVersionIsReadAsFarAsOursGoes) {
  const auto context =
      TraceContext::parse("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03-more");
  ASSERT_TRUE(context);
  EXPECT_EQ(context->to_string(), kParent);
}

}  // namespace
}  // namespace writ::observe
