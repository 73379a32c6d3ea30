// SPDX-License-Identifier: Apache-2.0
#include "net/answer.h"

namespace writ::net {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Answer, a_problem_names_place_and_next_step) {
  const auto text = problem_document(
      problem_of(Error{Errc::conflict, "moved on", "agents/x.toml:3:5", "apply again"}));
  const auto json = parse_json_object(text);
  ASSERT_TRUE(json);
  EXPECT_EQ(json->at("type"), "https://writ.dev/problems/conflict");
  EXPECT_EQ(json->at("status"), 409);
  EXPECT_EQ(json->at("where"), "agents/x.toml:3:5");
  EXPECT_EQ(json->at("hint"), "apply again");
}

TEST(Answer, an_internal_error_keeps_its_cause_to_the_log) {
  const auto text =
      problem_document(problem_of(Error{Errc::internal, "the cause", "here", "there"}));
  EXPECT_THAT(text, Not(HasSubstr("cause")));
  EXPECT_THAT(text, Not(HasSubstr("here")));
}

TEST(Answer, more_never_replaces_a_standard_member) {
  Problem problem{.status = 403, .type = "denied"};
  problem.more["status"] = 200;
  problem.more["operand"] = "run's scope";
  const auto json = parse_json_object(problem_document(problem));
  ASSERT_TRUE(json);
  EXPECT_EQ(json->at("status"), 403);
  EXPECT_EQ(json->at("operand"), "run's scope");
}

// failures.md 17
TEST(Answer, credentials_stand_once_or_not_at_all) {
  Fields none;
  EXPECT_EQ(credentials_of(none).error().code, Errc::unauthenticated);

  Fields twice;
  ASSERT_TRUE(twice.add("Authorization", "DPoP a"));
  ASSERT_TRUE(twice.add("authorization", "DPoP a"));
  EXPECT_EQ(credentials_of(twice).error().code, Errc::invalid_input);

  Fields joined;
  ASSERT_TRUE(joined.add("Authorization", "DPoP a, DPoP b"));
  EXPECT_EQ(credentials_of(joined).error().code, Errc::invalid_input);

  for (const bool same_line : {true, false}) {
    Fields proofs;
    ASSERT_TRUE(proofs.add("Authorization", "DPoP a"));
    ASSERT_TRUE(proofs.add("DPoP", same_line ? "p,q" : "p"));
    if (!same_line) {
      ASSERT_TRUE(proofs.add("dpop", "q"));
    }
    EXPECT_EQ(credentials_of(proofs).error().code, Errc::invalid_input);
  }

  Fields good;
  ASSERT_TRUE(good.add("Authorization", "DPoP abc"));
  ASSERT_TRUE(good.add("DPoP", "proof"));
  const auto taken = credentials_of(good);
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->scheme, "DPoP");
  EXPECT_EQ(taken->token, "abc");
  EXPECT_EQ(taken->proof, "proof");
}

TEST(Answer, a_target_is_its_path_and_its_query) {
  EXPECT_EQ(path_of("/a/b?c=d?e"), "/a/b");
  EXPECT_EQ(query_of("/a/b?c=d?e"), "c=d?e");
  EXPECT_EQ(query_of("/a/b"), "");
}

}  // namespace
}  // namespace writ::net
