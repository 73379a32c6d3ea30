// SPDX-License-Identifier: Apache-2.0
#include "protocol/problem.h"

#include <gtest/gtest.h>

namespace writ::protocol {
namespace {

Json json(std::string_view text) { return parse_json(text).value(); }

TEST(Problem, IsReadWithItsPlaceHintAndErrors) {
  const auto problem = ProblemView::from_json(json(R"({
    "type":"https://writ.dev/problems/bad-documents","status":422,"title":"Unprocessable",
    "detail":"two documents are wrong","hint":"mend them","where":"/documents","approval":"apr_1",
    "errors":[{"where":"agents/x.toml:3:5","message":"unknown key"},"odd"]})"));
  ASSERT_TRUE(problem);
  EXPECT_EQ(problem->type, "bad-documents");
  ASSERT_EQ(problem->errors.size(), 1U);
  EXPECT_EQ(problem->errors[0].where, "agents/x.toml:3:5");
  EXPECT_EQ(problem->members.at("approval"), Json("apr_1"));
  EXPECT_EQ(problem->to_error(), (Error{.code = Errc::invalid_input,
                                        .message = "two documents are wrong",
                                        .where = "/documents",
                                        .hint = "mend them"}));
}

TEST(Problem, OfAnotherTypeOrShapeIsShownAsFarAsItGoes) {
  const auto problem =
      ProblemView::from_json(json(R"({"type":"about:blank","title":"Not Found","status":"x"})"));
  ASSERT_TRUE(problem);
  EXPECT_EQ(problem->type, "");
  EXPECT_EQ(problem->status, 0);
  EXPECT_EQ(problem->to_error().message, "Not Found");
  EXPECT_EQ(problem->to_error().code, Errc::internal);
  EXPECT_FALSE(ProblemView::from_json(json("[]")));
}

TEST(Problem, StatusesStandForTheirCodes) {
  EXPECT_EQ(code_of_status(401), Errc::unauthenticated);
  EXPECT_EQ(code_of_status(403), Errc::denied);
  EXPECT_EQ(code_of_status(404), Errc::not_found);
  EXPECT_EQ(code_of_status(409), Errc::conflict);
  EXPECT_EQ(code_of_status(413), Errc::too_large);
  EXPECT_EQ(code_of_status(429), Errc::rate_limited);
  EXPECT_EQ(code_of_status(502), Errc::unknown_outcome);
  EXPECT_EQ(code_of_status(503), Errc::unavailable);
  EXPECT_EQ(code_of_status(500), Errc::internal);
}

}  // namespace
}  // namespace writ::protocol
