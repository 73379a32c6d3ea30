// SPDX-License-Identifier: Apache-2.0
#include "tools/outcome.h"

#include <gtest/gtest.h>

#include "tools/tool_server.h"

namespace writ::tools {
namespace {

Operation operation(std::string_view effect, JsonObject outcomes = {}) {
  JsonObject declared{
      {"name", "s.op"}, {"title", "t"}, {"method", "POST"}, {"path", "/v1/op"}, {"effect", effect}};
  if (effect != "read") declared["compensable"] = false;
  if (!outcomes.empty()) declared["outcomes"] = std::move(outcomes);
  const JsonObject document{
      {"kind", "http"}, {"url", "https://api.example.com"}, {"operations", JsonArray{declared}}};
  return parse_tool_server(Json(document), ServerId(id_detail::Raw{1}), "s")->operations()[0];
}

TEST(OutcomeOf, P16_AWriteIsDoneFailedOrUnknown) {
  for (const auto* effect : {"write", "money"}) {
    const auto op = operation(effect);
    for (const int status : {200, 201, 204, 299})
      EXPECT_EQ(classify(op, {.status = status, .complete = true}), Outcome::done) << status;
    for (const int status : {301, 304, 400, 404, 409, 429})
      EXPECT_EQ(classify(op, {.status = status, .complete = true}), Outcome::failed) << status;
    for (const int status : {500, 502, 503, 504, 100, 600})
      EXPECT_EQ(classify(op, {.status = status, .complete = true}), Outcome::unknown) << status;
  }
}

// "truncated is not complete".
TEST(OutcomeOf, P16_ACutReplyIsUnknownWhateverItsStatusSays) {
  const auto op = operation("money", {{"2xx", "done"}, {"5xx", "failed"}});
  EXPECT_EQ(classify(op, {.status = std::nullopt, .complete = false}), Outcome::unknown);
  EXPECT_EQ(classify(op, {.status = 200, .complete = false}), Outcome::unknown);
  EXPECT_EQ(classify(op, {.status = 503, .complete = false}), Outcome::unknown);
}

TEST(OutcomeOf, P16_AnOperationMayDeclareOtherwise) {
  const auto op = operation("money", {{"409", "done"}, {"4xx", "unknown"}, {"5xx", "failed"}});
  EXPECT_EQ(classify(op, {.status = 409, .complete = true}), Outcome::done);
  EXPECT_EQ(classify(op, {.status = 404, .complete = true}), Outcome::unknown);
  EXPECT_EQ(classify(op, {.status = 503, .complete = true}), Outcome::failed);
}

TEST(OutcomeOf, P16_AReadIsNeverUnknown) {
  const auto op = operation("read");
  EXPECT_EQ(classify(op, {.status = 200, .complete = true}), Outcome::done);
  EXPECT_EQ(classify(op, {.status = 500, .complete = true}), Outcome::failed);
  EXPECT_EQ(classify(op, {.status = 200, .complete = false}), Outcome::failed);
  EXPECT_EQ(classify(op, {.status = std::nullopt, .complete = false}), Outcome::failed);
}

}  // namespace
}  // namespace writ::tools
