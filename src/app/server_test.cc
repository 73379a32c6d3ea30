// SPDX-License-Identifier: Apache-2.0
#include "app/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/testing.h"

namespace writ::app {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using testing::TestServer;

TEST(Server, StartsOnAnEmptyFolderAndIsReady) {
  TestServer test;
  const auto started = test.start();
  ASSERT_TRUE(started) << started.error().to_string();
  EXPECT_THAT(test.server().url(), StartsWith("http://127.0.0.1:"));
  EXPECT_TRUE(test.server().ready());
  EXPECT_THAT(test.get("/healthz"), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(test.get("/readyz"), HasSubstr(R"({"ready":true,"reasons":[]})"));
  EXPECT_THAT(test.get("/metrics"), HasSubstr("writ_http_responses_total"));
  EXPECT_THAT(test.get("/nothing"), StartsWith("HTTP/1.1 404"));
}

}  // namespace
}  // namespace writ::app
