// SPDX-License-Identifier: Apache-2.0
#include "wire/network.h"

#include <string>

#include <gtest/gtest.h>

namespace writ {
namespace {

using namespace std::string_view_literals;

TEST(Network, ReadsWhatIsWrittenAndNothingElse) {
  for (const auto good : {"10.1.0.0/16", "127.0.0.1/32", "0.0.0.0/0", "::1/128", "2001:db8::/32"})
    EXPECT_TRUE(Network::parse(good)) << good;
  for (const auto bad : {"10.1.0.1/16"sv, "127.0.0.1"sv, "127.0.0.1/33"sv, "127.0.0.1/032"sv,
                         "127.1/32"sv, "/8"sv, "a/8"sv, "127.0.0.1/"sv, "127.0.0.1/3x"sv,
                         "127.0.0.1/-1"sv, "[::1]/128"sv, "127.0.0.1\0/32"sv, ""sv})
    EXPECT_FALSE(Network::parse(bad)) << bad;
}

TEST(Network, ContainsByPrefixWithinOneFamily) {
  const auto ten = *Network::parse("10.0.0.0/8");
  EXPECT_TRUE(ten.contains(*Network::parse("10.1.0.0/16")));
  EXPECT_FALSE(ten.contains(*Network::parse("0.0.0.0/0")));
  EXPECT_FALSE(ten.contains(*Network::parse("11.0.0.0/8")));
  EXPECT_TRUE(ten.contains(*Network::of_host("10.255.0.1")));
  EXPECT_FALSE(ten.contains(*Network::of_host("[::1]")));
  EXPECT_TRUE(Network::parse("::1/128")->contains(*Network::of_host("[::1]")));
  EXPECT_FALSE(Network::of_host("localhost"));
}

}  // namespace
}  // namespace writ
