// SPDX-License-Identifier: Apache-2.0
// Who may vouch for a tool server, by its document: found without opening a file (P48).
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/dialer.h"
#include "net/testing.h"
#include "net/tls_testing.h"
#include "wire/toml.h"

namespace writ::gateway {
namespace {

using ::testing::HasSubstr;

class RoutesTest : public ::testing::Test {
 protected:
  static tools::ToolServer server(const std::string& line) {
    const auto document =
        parse_toml("kind = \"http\"\nurl = \"https://api.test\"\n" + line +
                       "\n[[operations]]\nname = \"api.read\"\nmethod = \"GET\"\npath = \"/v1/x\"\n"
                       "effect = \"read\"\n",
                   "tools/api.toml");
    WRIT_CHECK(document.has_value());
    auto parsed = tools::parse_tool_server(document->value(), ServerId(id_detail::Raw{1}), "api");
    WRIT_CHECK(parsed.has_value());
    return std::move(*parsed);
  }
  std::string pem() const {
    std::ifstream in(authority_.ca_file());
    return {std::istreambuf_iterator<char>(in), {}};
  }

  SystemClock clock_;
  Loop loop_{clock_};
  net::testing::FakeResolver resolver_;
  net::Dialer dialer_{resolver_};
  net::HttpClient client_{loop_, dialer_};
  net::testing::TestAuthority authority_;
  net::Authorities authorities_;
  Routes routes_{client_, authorities_};
};

TEST_F(RoutesTest, P48_AStoredDocumentThatNamesAFileIsRefusedAndTheFileIsNotOpened) {
  const auto refused = routes_.route(server("ca_file = \"" + authority_.ca_file() + "\""));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::denied);
  EXPECT_THAT(refused.error().message, HasSubstr("names a file for its certificates"));
  EXPECT_THAT(refused.error().hint, HasSubstr("ca_name"));
}

TEST_F(RoutesTest, CertificatesOfTheDocumentAreItsOwn) {
  const auto document = server("ca = \"\"\"\n" + pem() + "\"\"\"");
  const auto route = routes_.route(document);
  ASSERT_TRUE(route) << route.error().to_string();
  ASSERT_NE(route->tls, nullptr);
  EXPECT_EQ(routes_.route(document)->tls, route->tls) << "read once";
}

TEST_F(RoutesTest, NamedAuthoritiesAreThoseThatWereReadLast) {
  const auto document = server("ca_name = \"corp\"");
  EXPECT_EQ(routes_.route(document).error().code, Errc::unavailable);
  ASSERT_TRUE(authorities_.load({{"corp", authority_.ca_file()}}));
  const auto first = routes_.route(document);
  ASSERT_TRUE(first) << first.error().to_string();
  EXPECT_EQ(first->tls, authorities_.named("corp").value());
  EXPECT_EQ(routes_.route(server(""))->tls, authorities_.system().value());
  ASSERT_TRUE(authorities_.load({}));
  EXPECT_EQ(routes_.route(document).error().code, Errc::unavailable)
      << "what is not named any more is trusted no longer";
}

}  // namespace
}  // namespace writ::gateway
