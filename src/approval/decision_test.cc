// SPDX-License-Identifier: Apache-2.0
#include "approval/decision.h"

#include <set>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "action/digest.h"
#include "crypto/hash.h"
#include "wire/canonical.h"
#include "wire/json.h"

namespace writ::approval {
namespace {

std::string statement_with(const JsonObject& arguments) {
  return action::canonical_statement({.workspace = WorkspaceId(id_detail::Raw{1}),
                                      .run = RunId(id_detail::Raw{2}),
                                      .agent = AgentId(id_detail::Raw{3}),
                                      .user = std::nullopt,
                                      .tool = "billing.refund.execute",
                                      .definition = {},
                                      .server = ServerId(id_detail::Raw{4}),
                                      .method = "POST",
                                      .target = "/v1/refunds",
                                      .arguments = &arguments,
                                      .credential = std::nullopt,
                                      .generation = 0,
                                      .idempotency_key = "key-1"});
}

TEST(Decision, P20_TheSignedBytesAreThese) {
  DecisionStatement statement{.workspace = WorkspaceId(id_detail::Raw{1}),
                              .approval = ApprovalId(id_detail::Raw{2}).to_string(),
                              .subject = Subject::action,
                              .commitment = Digest{0xab},
                              .verdict = Verdict::approve,
                              .groups = {"controllers", "finance"},
                              .nonce = Bytes(32, 0xff),
                              .expires = from_unix_seconds(1767323045)};
  EXPECT_EQ(
      canonical_decision(statement),
      R"({"approval":"apr_02000000000000000000000000",)"
      R"("commitment":"ab00000000000000000000000000000000000000000000000000000000000000",)"
      R"("decision":"approve","expiry":"2026-01-02T03:04:05.000Z","groups":["controllers","finance"],)"
      R"("nonce":"__________________________________________8","subject":"action",)"
      R"("tag":"writ-approval-v2","workspace":"wsp_01000000000000000000000000"})");
}

TEST(Decision, P20_TheCommitmentIsOverSaltAndDigest) {
  Bytes both(32, 1);
  both.insert(both.end(), 32, 2);
  Digest salt;
  Digest digest;
  salt.fill(1);
  digest.fill(2);
  EXPECT_EQ(commitment(salt, digest), crypto::sha256(both));
}

TEST(Decision, ASubjectIsOneOfFour) {
  for (const auto subject : {Subject::action, Subject::plan, Subject::apply, Subject::route})
    EXPECT_EQ(parse_subject(name(subject)).value(), subject);
  EXPECT_FALSE(parse_subject("").has_value());
  EXPECT_FALSE(parse_subject("Action").has_value());
}

TEST(Decision, AVerdictIsApproveOrDeny) {
  EXPECT_EQ(parse_verdict("approve").value(), Verdict::approve);
  EXPECT_EQ(parse_verdict("deny").value(), Verdict::deny);
  EXPECT_FALSE(parse_verdict("Approve").has_value());
  EXPECT_FALSE(parse_verdict("").has_value());
}

TEST(ShowStatement, P20_TheDigestIsOfWhatIsShown) {
  const auto statement = statement_with({{"amount", 12000}, {"currency", "EUR"}});
  const auto shown = show_statement(statement).value();
  EXPECT_EQ(shown.digest, action::action_digest(statement));
  EXPECT_EQ(shown.lines,
            (std::vector<std::string>{
                R"(tool: "billing.refund.execute")", "arguments.amount: 12000",
                R"(arguments.currency: "EUR")", R"(method: "POST")", R"(target: "/v1/refunds")",
                R"(server: "srv_04000000000000000000000000")", "user: null",
                R"(agent: "agt_03000000000000000000000000")",
                R"(run: "run_02000000000000000000000000")", "credential: null", "generation: 0",
                R"(idempotency_key: "key-1")", "definition: \"" + std::string(64, '0') + "\"",
                R"(workspace: "wsp_01000000000000000000000000")", R"(tag: "writ-action-v1")"}));
}

TEST(ShowStatement, NestedArgumentsAreShownLeafByLeaf) {
  const auto shown =
      show_statement(
          statement_with({{"lines", JsonArray{JsonObject{{"n", 1}, {"x", true}}, JsonArray()}},
                          {"empty", JsonObject()},
                          {"none", nullptr}}))
          .value();
  EXPECT_EQ((std::vector<std::string>(shown.lines.begin() + 1, shown.lines.begin() + 6)),
            (std::vector<std::string>{"arguments.empty: {}", "arguments.lines[0].n: 1",
                                      "arguments.lines[0].x: true", "arguments.lines[1]: []",
                                      "arguments.none: null"}));
}

// failures.md 24 and 27
TEST(ShowStatement, WhatAnEyeCannotSeeIsEscaped) {
  const auto shown =
      show_statement(statement_with({{"note",
                                      "pay\xe2\x80\xae"
                                      "001\xe2\x80\x8b \x1b[2J\r\nuser: \"bob\"\xc2\xa0"}}))
          .value();
  EXPECT_EQ(shown.lines[1],
            R"(arguments.note: "pay\u202e001\u200b \u001b[2J\r\nuser: \"bob\"\u00a0")");
  for (const auto& line : shown.lines) EXPECT_EQ(line.find_first_of("\r\n\x1b"), std::string::npos);
}

TEST(ShowStatement, AWrittenEscapeIsNotMistakenForWhatItStandsFor) {
  const auto line = [](std::string_view note) {
    return show_statement(statement_with({{"note", note}}))->lines[1];
  };
  EXPECT_NE(line("\xe2\x80\xae"), line(R"(\u202e)"));
  EXPECT_EQ(line(R"(\u202e)"), R"(arguments.note: "\\u202e")");
}

TEST(ShowStatement, AnArgumentsNameCannotPassForAnother) {
  const auto lines =
      show_statement(statement_with({{"amount: 1", 2}, {"a.b", 3}, {"a", JsonObject{{"b", 4}}}}))
          ->lines;
  EXPECT_EQ(lines[1], "arguments.a.b: 4");
  EXPECT_EQ(lines[2], R"(arguments."a.b": 3)");
  EXPECT_EQ(lines[3], R"(arguments."amount: 1": 2)");
}

TEST(ShowStatement, NothingIsShortened) {
  const std::string note(60'000, 'x');
  EXPECT_EQ(show_statement(statement_with({{"note", note}}))->lines[1],
            "arguments.note: \"" + note + "\"");
}

JsonObject under_a_long_name(std::size_t name_bytes, std::size_t values) {
  JsonArray list;
  for (std::size_t i = 0; i < values; ++i) list.emplace_back(1);
  return {{std::string(name_bytes, 'k'), std::move(list)}};
}

// P11: what a person cannot see a person cannot approve.
TEST(ShowStatement, P11_WhatIsLongerThanAPersonReadsIsNotShown) {
  const auto long_name = show_statement(statement_with(under_a_long_name(30'000, 15'000)));
  ASSERT_FALSE(long_name.has_value());
  EXPECT_EQ(long_name.error().code, Errc::too_large);
  EXPECT_EQ(long_name.error().where, "/arguments");

  const auto shown = show_statement(statement_with(under_a_long_name(30'000, 30))).value();
  std::size_t bytes = 0;
  for (const auto& line : shown.lines) bytes += line.size() + 1;
  EXPECT_LE(bytes, kMaxShownBytes);
  EXPECT_GT(bytes, 30U * 30'000U);
}

TEST(ShowStatement, WhatHasTwoReadingsIsNotShown) {
  const auto good = statement_with({{"amount", 1}});
  EXPECT_TRUE(show_statement(good).has_value());
  EXPECT_FALSE(show_statement(" " + good).has_value());
  EXPECT_FALSE(show_statement(good + "\n").has_value());
  EXPECT_FALSE(show_statement("").has_value());
  EXPECT_FALSE(show_statement("[]").has_value());
  const auto changed = [&](std::string_view from, std::string_view to) {
    auto text = good;
    return text.replace(text.find(from), from.size(), to);
  };
  EXPECT_FALSE(show_statement(changed("\"amount\":1", "\"amount\":1,\"amount\":2")).has_value());
  EXPECT_FALSE(show_statement(changed("\"amount\":1", "\"amount\":1.0")).has_value());
  EXPECT_FALSE(show_statement(changed("writ-action-v1", "writ-action-v2")).has_value());
  EXPECT_FALSE(show_statement(changed("\"user\":null,", "")).has_value());
  EXPECT_FALSE(show_statement(changed("\"user\":null,", "\"user\":null,\"vser\":1,")).has_value());
}

// Different statements never show alike.
RC_GTEST_PROP(ShowStatementProperty, DifferentArgumentsShowDifferently, ()) {
  const auto text = [] {
    return *rc::gen::container<std::string>(rc::gen::elementOf(std::string("\"\\u.:[]{} a0\n")));
  };
  const auto value = [&]() -> Json {
    switch (*rc::gen::inRange(0, 4)) {
      case 0:
        return JsonObject{{text(), text()}};
      case 1:
        return JsonArray{text(), 1};
      default:
        return Json(text());
    }
  };
  const JsonObject a{{text(), value()}};
  const JsonObject b{{text(), value()}};
  const bool alike =
      show_statement(statement_with(a))->lines == show_statement(statement_with(b))->lines;
  RC_ASSERT(alike == (canonical_json(a) == canonical_json(b)));
}

}  // namespace
}  // namespace writ::approval
