// SPDX-License-Identifier: Apache-2.0
#include "gateway/place.h"

#include <gtest/gtest.h>

namespace writ::gateway {
namespace {

TEST(Place, P10_TakesTheBytesAsTheyCame) {
  const auto place = Place::parse("/tools/acme/billing/v1/a%20b?x=%2F");
  ASSERT_TRUE(place);
  EXPECT_EQ(place->workspace, "acme");
  EXPECT_EQ(place->server, "billing");
  EXPECT_EQ(place->resource, "/tools/acme/billing");
  EXPECT_EQ(place->path, "/tools/acme/billing/v1/a%20b");
  EXPECT_EQ(place->target, "/v1/a%20b?x=%2F");
  EXPECT_EQ(Place::parse("/tools/acme/billing")->target, "/");
  EXPECT_EQ(Place::parse("/tools/acme/billing?x")->target, "/?x");
  EXPECT_EQ(Place::parse("/tools/acme/billing/")->target, "/");
  // For the tool server's matching to refuse (failures.md 18).
  EXPECT_EQ(Place::parse("/tools/acme/billing//admin")->target, "//admin");
  EXPECT_EQ(Place::parse("/tools/acme/billing/../x")->target, "/../x");
}

TEST(Place, P10_F18_WhatIsNoNameNamesNothing) {
  for (const auto* target :
       {"/", "/tools", "/tools/", "/tools/acme", "/tools/acme/", "/tools//billing/x",
        "/tools/acme//billing/x", "/tools/ACME/billing/x", "/tools/%61cme/billing/x",
        "/tools/acme/../billing/x", "/tools/./billing/x", "/tools/acme?/billing/x",
        "/tools/acme/billing%2Fx", "/tools/acme/billing;x/y", "/Tools/acme/billing/x",
        "/mcp/acme/billing", "*", ""}) {
    EXPECT_FALSE(Place::parse(target)) << target;
  }
}

}  // namespace
}  // namespace writ::gateway
