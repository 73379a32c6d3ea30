// SPDX-License-Identifier: Apache-2.0
#include "app/config.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace writ::app {
namespace {

using ::testing::HasSubstr;

Expected<ServerConfig> parse(std::string_view text) {
  return parse_config(text, "writ.toml", "/etc/writ");
}

TEST(Config, AnEmptyFileIsAServerOnLoopback) {
  const auto config = parse("");
  ASSERT_TRUE(config) << config.error().to_string();
  EXPECT_EQ(listen_text(config->address, config->port), "127.0.0.1:8700");
  EXPECT_EQ(config->data, "/etc/writ/data");
  EXPECT_EQ(config->anchor, "/etc/writ/anchor");
  EXPECT_FALSE(config->seal_key_file);
  EXPECT_TRUE(config->public_url.empty());
  EXPECT_EQ(config->rotate_token_key_after, std::chrono::days(30));
}

TEST(Config, EveryKeyHasItsPlace) {
  const auto config = parse(R"(
public_url = "https://writ.example:443/"
listen = "[::]:8443"
data = "/srv/writ"
seal_key_file = "../seal.key"
anchor = "/mnt/anchor"
trusted_proxies = ["10.0.0.2"]
require_mlock = true
loops = 3
[tls]
certificate = "tls/cert.pem"
key = "tls/key.pem"
[log]
level = "debug"
format = "json"
[limits]
connections = 10
body_bytes = 4096
calls_per_second = 5
burst = 6
body_bytes_per_second = 9
strangers = 40
stranger_bytes = 1048576
calls_per_run = 7
held_per_run = 8
[tokens]
rotate_after = "7d"
[metrics]
allow = ["10.1.0.0/16"]
)");
  ASSERT_TRUE(config) << config.error().to_string();
  EXPECT_EQ(config->public_url, "https://writ.example");
  EXPECT_EQ(listen_text(config->address, config->port), "[::]:8443");
  EXPECT_EQ(config->data, "/srv/writ");
  EXPECT_EQ(*config->seal_key_file, "/etc/seal.key");
  EXPECT_EQ(config->anchor, "/mnt/anchor");
  EXPECT_EQ(config->tls->certificate, "/etc/writ/tls/cert.pem");
  EXPECT_EQ(config->log.level, observe::Level::debug);
  EXPECT_EQ(config->log.format, LogFormat::json);
  EXPECT_TRUE(config->require_mlock);
  EXPECT_EQ(config->loops, 3U);
  EXPECT_EQ(config->listener.connections, 10U);
  EXPECT_EQ(config->listener.body, 4096U);
  EXPECT_EQ(config->listener.body_bytes_per_second, 9U);
  EXPECT_EQ(config->listener.strangers.connections, 40U);
  EXPECT_EQ(config->listener.strangers.connections_per_address, 10U);
  EXPECT_EQ(config->listener.strangers.bytes, 1U << 20);
  EXPECT_EQ(config->listener.strangers.bytes_per_address, 1U << 18);
  EXPECT_EQ(config->rates.per_second, 5U);
  EXPECT_EQ(config->rates.burst, 6U);
  EXPECT_EQ(config->shares.calls.run, 7U);
  EXPECT_EQ(config->shares.held.run, 8U);
  EXPECT_EQ(config->rotate_token_key_after, std::chrono::days(7));
  ASSERT_EQ(config->metrics_allow.size(), 1U);
}

TEST(Config, P37_NoAgentHasMoreThanAQuarterNorAWorkspaceMoreThanHalfUnlessSaid) {
  const auto config = parse(R"(
[limits]
calls = 800
runs = 100
runs_per_workspace = 60
questions_per_agent = 7
control_bytes = 4096
control_requests_per_user = 3
builds = 8
builds_per_user = 3
)");
  ASSERT_TRUE(config) << config.error().to_string();
  const auto& shares = config->shares;
  EXPECT_EQ(shares.calls.server, 800U);
  EXPECT_EQ(shares.calls.workspace, 400U);
  EXPECT_EQ(shares.calls.agent, 100U);
  EXPECT_EQ(shares.calls.run, 64U);
  EXPECT_EQ(shares.runs.workspace, 60U);
  EXPECT_EQ(shares.runs.agent, 15U);
  EXPECT_EQ(shares.runs.run, std::nullopt);
  EXPECT_EQ(shares.questions.agent, 7U);
  EXPECT_EQ(shares.control_bytes.workspace, 2048U);
  EXPECT_EQ(shares.control_bytes.agent, 1024U);
  EXPECT_EQ(shares.control_requests.agent, 3U);
  // P48
  EXPECT_EQ(shares.builds.server, 8U);
  EXPECT_EQ(shares.builds.workspace, 4U);
  EXPECT_EQ(shares.builds.agent, 3U);
  const auto unknown = parse("[limits]\nruns_per_run = 1");
  EXPECT_FALSE(unknown);
}

TEST(Config, P37_EveryDefaultOfAnAgentIsAQuarterAndOfAWorkspaceHalf) {
  const broker::SharedLimits limits;
  for (const auto& each : {limits.calls, limits.call_bytes, limits.held, limits.questions,
                           limits.question_bytes, limits.proposals, limits.proposal_bytes,
                           limits.runs, limits.control_requests, limits.builds}) {
    EXPECT_LE(each.workspace * 2, each.server);
    EXPECT_LE(each.agent * 4, each.workspace);
  }
}

struct Mistake {
  const char* name;
  const char* text;
  const char* where;
  const char* what;
};

class Mistakes : public ::testing::TestWithParam<Mistake> {};

TEST_P(Mistakes, AreNamedWithTheirPlace) {
  const auto config = parse(GetParam().text);
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().where, GetParam().where) << config.error().to_string();
  EXPECT_THAT(config.error().to_string(), HasSubstr(GetParam().what));
}

constexpr Mistake kMistakes[] = {
    {"Toml", "listen = ", "writ.toml:1:10", ""},
    {"UnknownKey", "data = \"d\"\nlisen = \"127.0.0.1:1\"", "writ.toml:2:1", "lisen"},
    {"UnknownTable", "[logs]\nlevel = \"info\"", "writ.toml:1:2", "logs"},
    {"UnknownKeyOfATable", "[log]\nlevel = \"info\"\ncolour = true", "writ.toml:3:1", "colour"},
    {"WrongType", "loops = \"4\"", "writ.toml:1:1", "loops"},
    {"TooMany", "loops = 1000", "writ.toml:1:1", "256"},
    {"Level", "[log]\nlevel = \"loud\"", "writ.toml:2:1", "warning"},
    {"ListenWithoutPort", "listen = \"127.0.0.1\"", "writ.toml:1:1", "an address and a port"},
    {"ListenByName", "listen = \"localhost:80\"", "writ.toml:1:1", "not an IP address"},
    {"ListenPort", "listen = \"127.0.0.1:65536\"", "writ.toml:1:1", "0 to 65535"},
    {"ListenPortText", "listen = \"127.0.0.1:+80\"", "writ.toml:1:1", "0 to 65535"},
    {"ListenIpv6", "listen = \"::1:80\"", "writ.toml:1:1", "brackets"},
    {"PublicUrlPath", "public_url = \"https://a.example/writ\"", "writ.toml:1:1", "no path"},
    {"PublicUrl", "public_url = \"writ.example\"", "writ.toml:1:1", ""},
    {"Proxy", "trusted_proxies = [\"here\"]", "writ.toml:1:1", ""},
    {"Metrics", "[metrics]\nallow = [\"10.0.0.1/8\"]", "writ.toml:2:1", ""},
    {"TlsHalf", "[tls]\ncertificate = \"c.pem\"", "writ.toml:1:2", "key"},
    {"Rotation", "[tokens]\nrotate_after = \"5m\"", "writ.toml:2:1", "1h"},
    {"RotationUnit", "[tokens]\nrotate_after = 5", "writ.toml:2:1", ""},
    // P28
    {"PlaintextForOthers", "public_url = \"https://a.example\"\nlisten = \"0.0.0.0:80\"",
     "writ.toml:2:1", "plaintext"},
    {"NoPublicUrlForOthers", "listen = \"0.0.0.0:80\"\n[tls]\ncertificate = \"c\"\nkey = \"k\"",
     "writ.toml", "by which URL"},
    // P21
    {"AnchorInData", "data = \"d\"\nanchor = \"d/anchor\"", "writ.toml:2:1",
     "in the data directory"},
    {"AnchorIsData", "data = \"d\"\nanchor = \"x/../d\"", "writ.toml:2:1", "in the data directory"},
};

INSTANTIATE_TEST_SUITE_P(Config, Mistakes, ::testing::ValuesIn(kMistakes),
                         [](const auto& test) { return test.param.name; });

TEST(Config, AMissingFileSaysHowToMakeOne) {
  const auto config = read_config("/nonexistent/writ.toml");
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().code, Errc::not_found);
  EXPECT_THAT(config.error().to_string(), HasSubstr("writ init"));
}

TEST(Config, P28_AProxyMayStandBeforePlaintext) {
  EXPECT_TRUE(
      parse("public_url = \"https://a.example\"\nlisten = \"0.0.0.0:80\"\ntrusted_proxies = "
            "[\"10.0.0.2\"]"));
}

}  // namespace
}  // namespace writ::app
