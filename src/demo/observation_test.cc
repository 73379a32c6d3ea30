// SPDX-License-Identifier: Apache-2.0
#include "demo/observation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace writ::demo {
namespace {

Expected<cli::HttpAnswer> answer(int status, std::string body) {
  return cli::HttpAnswer{.status = status, .fields = {}, .body = std::move(body)};
}

TEST(Observation, AStepHoldsOnlyIfEveryClaimDoes) {
  const auto seen_it = seen("GET /x", answer(200, R"({"id":"inv_1"})"));
  EXPECT_TRUE(
      step_of("s", seen_it, {has_status(seen_it, 200), has_member(seen_it, "id", "inv_1")}).held);
  const auto step = step_of("s", seen_it, {has_status(seen_it, 200), has_status(seen_it, 201)});
  EXPECT_FALSE(step.held);
  EXPECT_EQ(step.expected, "201");
  EXPECT_THAT(step.came, ::testing::HasSubstr("inv_1"));
}

// failures.md 15: an empty list of claims is no proof of anything.
TEST(Observation, AStepThatClaimsNothingDoesNotHold) {
  EXPECT_FALSE(step_of("s", seen("GET /x", answer(200, "{}")), {}).held);
}

TEST(Observation, NoAnswerHoldsNothing) {
  const auto none = seen("GET /x", Expected<cli::HttpAnswer>(fail(Errc::unavailable, "no server")));
  EXPECT_FALSE(has_status(none, 200).holds);
  EXPECT_FALSE(is_problem(none, 403, "denied").holds);
  EXPECT_FALSE(has_member(none, "operand", "policy").holds);
  EXPECT_FALSE(has_tokens(fail(Errc::denied, "invalid_grant: x")).holds);
}

TEST(Observation, AProblemIsKnownByItsTypeToo) {
  const auto problem =
      seen("GET /x", answer(403, R"({"type":"https://writ.dev/problems/denied","status":403})"));
  EXPECT_TRUE(is_problem(problem, 403, "denied").holds);
  EXPECT_FALSE(is_problem(problem, 403, "approval-required").holds);
  EXPECT_FALSE(is_problem(problem, 401, "denied").holds);
}

TEST(Observation, AnOAuthErrorIsComparedWhole) {
  EXPECT_TRUE(has_error(fail(Errc::denied, "invalid_grant: spent"), "invalid_grant").holds);
  EXPECT_TRUE(has_error(fail(Errc::denied, "invalid_grant"), "invalid_grant").holds);
  EXPECT_FALSE(has_error(fail(Errc::denied, "invalid_grants"), "invalid_grant").holds);
  EXPECT_FALSE(has_error(fail(Errc::unavailable, "no server"), "invalid_grant").holds);
}

TEST(Observation, AmountsAreInMajorUnits) {
  EXPECT_EQ(in_words(12'000, "EUR"), "120.00 EUR");
  EXPECT_EQ(in_words(12'001, "EUR"), "120.01 EUR");
  EXPECT_EQ(in_words(5, "EUR"), "0.05 EUR");
}

}  // namespace
}  // namespace writ::demo
