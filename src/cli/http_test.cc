// SPDX-License-Identifier: Apache-2.0
#include "cli/http.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/testing_server.h"
#include "net/tls_testing.h"

namespace writ::cli {
namespace {

using ::testing::HasSubstr;
using testing::Reply;
using testing::Seen;
using testing::TestServer;

SystemClock system_clock;

std::unique_ptr<Http> http(std::string ca_file = {}) {
  return Http::create(system_clock, {.ca_file = std::move(ca_file)}).value();
}

TEST(Http, SendsAndReceives) {
  TestServer server([](const Seen& seen) { return Reply{.status = 201, .body = seen.body + "!"}; });
  const auto answer = http()->send(
      server.url(), {.method = "POST", .target = "/v1/x?y=1", .body = SecretBytes::copy_of("abc")});
  ASSERT_TRUE(answer) << answer.error().to_string();
  EXPECT_EQ(answer->status, 201);
  EXPECT_TRUE(answer->ok());
  EXPECT_EQ(answer->body, "abc!");
  EXPECT_EQ(answer->field("content-type"), "application/json");
  EXPECT_EQ(answer->field("absent"), "");
  EXPECT_EQ(server.last().target, "/v1/x?y=1");
  EXPECT_EQ(server.last().field("host"), server.url().authority());
}

TEST(Http, ARedirectIsNotFollowed) {
  TestServer elsewhere;
  TestServer server([&](const Seen&) {
    return Reply{.status = 307, .body = "", .fields = {{"Location", elsewhere.origin() + "/"}}};
  });
  HttpRequest request{.target = "/"};
  request.secret_fields.push_back({"Authorization", SecretBytes::copy_of("DPoP secret")});
  const auto answer = http()->send(server.url(), std::move(request));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 307);
  EXPECT_TRUE(elsewhere.seen().empty());
}

TEST(Http, AServerThatIsNotThereIsNamedWithTheNextStep) {
  const auto url = TestServer().url();  // gone again
  const auto answer = http()->send(url, {.target = "/"});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Errc::unavailable);
  EXPECT_THAT(answer.error().message, HasSubstr(url.origin()));
  EXPECT_THAT(answer.error().hint, HasSubstr("--server"));
}

TEST(Http, WhatTheServerAsksToSendAgainIsMadeAnewWithinBounds) {
  std::vector<milliseconds> pauses;
  const auto made =
      Http::create(system_clock,
                   {.ca_file = {}, .pause = [&](milliseconds time) { pauses.push_back(time); }})
          .value();
  int made_requests = 0;
  const auto make = [&]() -> Expected<HttpRequest> {
    return HttpRequest{.target = "/" + std::to_string(++made_requests)};
  };
  const auto starting = [](std::string after, std::string type = "application/problem+json") {
    return Reply{.status = 503,
                 .body = "{}",
                 .content_type = std::move(type),
                 .fields = {{"Retry-After", std::move(after)}}};
  };
  TestServer soon(
      [&](const Seen& seen) { return seen.target == "/2" ? Reply{.body = "{}"} : starting("1"); });
  EXPECT_EQ(made->send_until_served(soon.url(), make)->status, 200);
  EXPECT_THAT(pauses, ::testing::ElementsAre(seconds(1)));
  EXPECT_EQ(soon.last().target, "/2") << "each is made anew";
  TestServer never([&](const Seen&) { return starting("1"); });
  EXPECT_EQ(made->send_until_served(never.url(), make)->status, 503);
  EXPECT_EQ(never.seen().size(), 4U);
  pauses.clear();
  for (const auto& final : {starting("60"), starting("soon"), starting("1", "text/html"),
                            Reply{.status = 500, .body = "{}"}}) {
    TestServer server([&](const Seen&) { return final; });
    EXPECT_GE(made->send_until_served(server.url(), make)->status, 500);
    EXPECT_EQ(server.seen().size(), 1U);
  }
  EXPECT_TRUE(pauses.empty());
}

TEST(Http, CertificatesAreVerified) {
  net::testing::TestAuthority authority;
  const auto files = authority.issue("IP:127.0.0.1");
  TestServer server(
      [](const Seen&) { return Reply{.body = "{}"}; },
      net::TlsServerContext::create({.certificate_file = files.certificate, .key_file = files.key})
          .value());
  const auto trusted = http(authority.ca_file())->send(server.url(), {.target = "/"});
  EXPECT_TRUE(trusted) << trusted.error().to_string();
  const auto unknown = http()->send(server.url(), {.target = "/"});
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, Errc::unavailable);
  EXPECT_EQ(server.seen().size(), 1U);
  EXPECT_FALSE(Http::create(system_clock, {.ca_file = "/nowhere.pem"}));
}

TEST(ServerUrl, IsAnOriginAndPlaintextIsForThisMachine_P28) {
  EXPECT_EQ(parse_server_url("HTTPS://Writ.example:443/").value().origin(), "https://writ.example");
  EXPECT_EQ(parse_server_url("http://127.0.0.1:8700").value().origin(), "http://127.0.0.1:8700");
  EXPECT_TRUE(parse_server_url("http://[::1]:8700"));
  EXPECT_TRUE(parse_server_url("http://localhost:8700"));
  for (const auto* text : {"http://writ.example", "http://10.0.0.1", "http://localhost.example",
                           "https://writ.example/path", "https://writ.example/?a", "writ.example",
                           "ftp://writ.example", "https://a:b@writ.example", ""}) {
    const auto refused = parse_server_url(text);
    ASSERT_FALSE(refused) << text;
    EXPECT_EQ(refused.error().code, Errc::invalid_input);
    EXPECT_NE(refused.error().hint, "");
  }
}

}  // namespace
}  // namespace writ::cli
