// SPDX-License-Identifier: Apache-2.0
// The backends of logs, metrics and health.
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/health.h"
#include "app/prometheus_metrics.h"
#include "app/spdlog_log.h"
#include "app/testing.h"
#include "wire/json.h"

namespace writ::app {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using testing::TestServer;

const TimePoint kAt = from_unix_millis(1767323045678);

std::string line(LogFormat format, std::initializer_list<observe::Field> fields) {
  return log_line(format, kAt, observe::Level::warning, "call.refused",
                  {fields.begin(), fields.size()});
}

TEST(LogLine, TextHasTimeLevelEventAndFields) {
  EXPECT_EQ(line(LogFormat::text, {{"run", "run_1"}, {"count", 3}, {"held", true}}),
            R"(2026-01-02T03:04:05.678Z warn  call.refused run="run_1" count=3 held=true)");
}

TEST(LogLine, JsonIsOneObject) {
  const auto json = parse_json_object(
      line(LogFormat::json, {{"run", "a \"quote\""},
                             {"count", std::uint64_t{18446744073709551615U}},
                             {"share", 0.5},
                             {"nothing", std::numeric_limits<double>::infinity()}}),
      {.numbers = JsonNumbers::ieee754});
  ASSERT_TRUE(json) << json.error().to_string();
  EXPECT_EQ(json->at("at"), "2026-01-02T03:04:05.678Z");
  EXPECT_EQ(json->at("level"), "warning");
  EXPECT_EQ(json->at("event"), "call.refused");
  EXPECT_EQ(json->at("run"), "a \"quote\"");
  EXPECT_EQ(json->at("share"), 0.5);
  EXPECT_TRUE(json->at("nothing").is_null());
}

// failures.md 27: CR, LF and ANSI in any field: still one record.
TEST(LogLine, WhateverAFieldHoldsItIsOneVisibleLine) {
  const std::string hostile = "a\r\nb\x1b[31mc\x7f\u202e\u2028\xff\x9b";
  for (const auto format : {LogFormat::text, LogFormat::json}) {
    const auto text = line(format, {{"what", hostile}, {hostile, 1}});
    for (const char c : text) EXPECT_TRUE(c >= 0x20 && c != 0x7f) << int(c) << " in " << text;
    EXPECT_THAT(text, Not(HasSubstr("\u202e")));
    EXPECT_THAT(text, Not(HasSubstr("\u2028")));
  }
  EXPECT_TRUE(parse_json_object(line(LogFormat::json, {{"what", hostile}})));
}

TEST(SpdlogLog, WritesWhatIsAtOrAboveItsLevel) {
  const SystemClock clock;
  ::testing::internal::CaptureStderr();
  {
    SpdlogLog log(clock, {.level = observe::Level::warning, .format = LogFormat::text});
    EXPECT_FALSE(log.enabled(observe::Level::info));
    log.info("not.this");
    log.warning("but.this", {{"braces", "{} {0}"}});
    log.set_level(observe::Level::debug);
    log.debug("and.this");
  }
  const auto written = ::testing::internal::GetCapturedStderr();
  EXPECT_THAT(written, Not(HasSubstr("not.this")));
  EXPECT_THAT(written, HasSubstr("but.this braces=\"{} {0}\"\n"));
  EXPECT_THAT(written, HasSubstr("and.this\n"));
}

TEST(Metrics, TheSameNameAndLabelsAreTheSameHandle) {
  PrometheusMetrics metrics;
  auto& one = metrics.counter("writ_calls_total", "Calls.", {{"kind", "read"}});
  auto& same = metrics.counter("writ_calls_total", "Calls.", {{"kind", "read"}});
  auto& other = metrics.counter("writ_calls_total", "Calls.", {{"kind", "money"}});
  EXPECT_EQ(&one, &same);
  EXPECT_NE(&one, &other);
  one.add(1);
  same.add(2);
  other.add(1);
  metrics.gauge("writ_open", "Open.", {}).set(4);
  const double bounds[] = {0.1, 1};
  metrics.histogram("writ_seconds", "Seconds.", bounds, {}).observe(0.5);
  const auto text = metrics.text();
  EXPECT_THAT(text, HasSubstr("# HELP writ_calls_total Calls."));
  EXPECT_THAT(text, HasSubstr("writ_calls_total{kind=\"read\"} 3"));
  EXPECT_THAT(text, HasSubstr("writ_calls_total{kind=\"money\"} 1"));
  EXPECT_THAT(text, HasSubstr("writ_open 4"));
  EXPECT_THAT(text, HasSubstr("writ_seconds_bucket{le=\"1\"} 1"));
}

// --- health, over a server that is there

class HealthTest : public ::testing::Test {
 protected:
  TestServer test_;
};

TEST_F(HealthTest, P24_AClockThatIsBehindIsNotReadyAndSaysWhy) {
  PrometheusMetrics metrics;
  Health health(metrics, {});
  health.add("store", [] { return Expected<void>(); });
  health.add("clock", []() -> Expected<void> {
    return fail(Errc::unavailable, "the clock is behind", "clock", "set it right");
  });
  ASSERT_EQ(health.troubles().size(), 1U);
  EXPECT_EQ(health.troubles()[0].error.message, "the server is starting");
  health.started();
  ASSERT_EQ(health.troubles().size(), 1U);
  EXPECT_EQ(health.troubles()[0].name, "clock");
  health.stopping();
  EXPECT_EQ(health.troubles()[0].error.message, "the server is stopping");
}

TEST_F(HealthTest, WhatComesThroughAProxyReadsNoMetrics) {
  ASSERT_TRUE(test_.start());
  EXPECT_THAT(test_.get("/metrics"), StartsWith("HTTP/1.1 200"));
  for (const auto* field : {"Forwarded: for=192.0.2.1\r\n", "X-Forwarded-For: 127.0.0.1\r\n",
                            "X-Real-IP: 127.0.0.1\r\n", "Via: 1.1 proxy\r\n"}) {
    EXPECT_THAT(test_.get("/metrics", field), StartsWith("HTTP/1.1 404")) << field;
    EXPECT_THAT(test_.get("/healthz", field), StartsWith("HTTP/1.1 200")) << field;
  }
}

TEST_F(HealthTest, AProxyOnThisMachineIsNotThisMachine) {
  auto config = test_.config();
  config.trusted_proxies = {"127.0.0.1"};
  ASSERT_TRUE(test_.start(config));
  EXPECT_THAT(test_.get("/metrics"), StartsWith("HTTP/1.1 404"));
  config.metrics_allow = {net::Cidr::parse("127.0.0.0/8").value()};
  ASSERT_TRUE(test_.start(config));
  EXPECT_THAT(test_.get("/metrics"), StartsWith("HTTP/1.1 200"));
}

TEST(Health, OthersLearnWhatIsNotReadyAndNotWhy) {
  const SystemClock clock;
  observe::CapturingLog log;
  PrometheusMetrics metrics;
  Health health(metrics, {});
  health.add("log", []() -> Expected<void> {
    return fail(Errc::conflict, "the log of acme is cut", "writ.example/log/acme", "restore it");
  });
  health.started();
  LoopPool loops(clock, 1);
  loops.start();
  {
    const auto server =
        net::HttpServer::create(
            loops, {.address = net::Address(boost::asio::ip::address_v4::loopback())},
            [&health](net::ServerRequest& request, net::ServerResponse& response) {
              return health.handle(request, response);
            },
            log, metrics)
            .value();
    const auto ask = [&](std::string_view fields) {
      auto socket = net::testing::RawSocket::connect_to(server->port());
      socket.send("GET /readyz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + std::string(fields) +
                  "\r\n");
      return socket.read_all();
    };
    const auto local = ask("");
    EXPECT_THAT(local, StartsWith("HTTP/1.1 503"));
    EXPECT_THAT(local, HasSubstr("the log of acme is cut"));
    const auto other = ask("X-Forwarded-For: 192.0.2.1\r\n");
    EXPECT_THAT(other, StartsWith("HTTP/1.1 503"));
    EXPECT_THAT(other, HasSubstr(R"("reasons":[{"part":"log"}])"));
    EXPECT_THAT(other, Not(HasSubstr("acme")));
  }
  loops.stop();
}

TEST_F(HealthTest, HealthCanOnlyBeRead) {
  ASSERT_TRUE(test_.start());
  auto socket = net::testing::RawSocket::connect_to(test_.server().port());
  socket.send("POST /readyz HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  const auto answer = socket.read_all();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 405"));
  EXPECT_THAT(answer, HasSubstr("Allow: GET, HEAD"));
}

}  // namespace
}  // namespace writ::app
