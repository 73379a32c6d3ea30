// SPDX-License-Identifier: Apache-2.0
#include "cli/decide.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "action/digest.h"
#include "wire/canonical.h"
#include "wire/time_text.h"

namespace writ::cli {
namespace {

using approval::Verdict;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;

template <typename T>
T an_id(std::uint8_t last) {
  return T(id_detail::Raw{1, 2, 3, 4, 5, 6, 0x70, 1, 0x80, 1, 1, 1, 1, 1, 1, last});
}

class DecideTest : public ::testing::Test {
 public:
  DecideTest() {
    person_.user.name = "bob";
    person_.user.groups = {"everyone", "finance", "controllers"};
    person_.workspace_id = an_id<WorkspaceId>(1);
    const JsonObject arguments{{"amount", 12000}};
    view_.id = an_id<ApprovalId>(1);
    view_.state = "pending";
    view_.run = an_id<RunId>(1);
    view_.run_name = "Settle 17";
    view_.agent = "billing";
    view_.user = "alice";
    view_.tool = "billing.refund.execute";
    view_.title = "Refund 120.00 EUR";
    view_.statement = action::canonical_statement({.workspace = person_.workspace_id,
                                                   .run = view_.run,
                                                   .agent = an_id<AgentId>(1),
                                                   .user = std::nullopt,
                                                   .tool = view_.tool,
                                                   .server = an_id<ServerId>(1),
                                                   .method = "POST",
                                                   .target = "/v1/refunds",
                                                   .arguments = &arguments,
                                                   .credential = std::nullopt,
                                                   .idempotency_key = std::nullopt});
    view_.subject = "action";
    view_.salt = Digest{7};
    commit();
    view_.groups = {"finance", "controllers"};
    view_.missing = view_.groups;
    view_.nonce = Bytes(32, 1);
    view_.expires = parse_time("2026-11-25T12:15:00Z").value();
  }
  void commit() {
    view_.commitment = approval::commitment(view_.salt, action::action_digest(view_.statement));
  }
  // The statement with another member, and the commitment that goes with it.
  void restate(std::string_view member, const Json& value) {
    auto object = parse_json_object(view_.statement).value();
    object[member] = value;
    view_.statement = canonical_json(object);
    commit();
  }
  Expected<PreparedDecision> prepare(Verdict verdict = Verdict::approve,
                                     const std::vector<std::string>& only = {}) {
    return prepare_decision(view_, verdict, person_, only);
  }
  Errc refusal(Verdict verdict = Verdict::approve) {
    const auto prepared = prepare(verdict);
    EXPECT_FALSE(prepared);
    return prepared ? Errc::internal : prepared.error().code;
  }

  static std::string unfolded(std::string page) {
    constexpr std::string_view kFold = "\n    > ";
    for (auto at = page.find(kFold); at != std::string::npos; at = page.find(kFold, at))
      page.erase(at, kFold.size());
    return page;
  }

  std::string whole(const PreparedDecision& prepared, std::size_t width = 80) {
    return render_parts(decision_page(view_, prepared), {.width = width}, Detail::whole).text;
  }
  std::string last(const PreparedDecision& prepared, std::size_t width) {
    return render_recap(decision_page(view_, prepared), {.width = width});
  }

  protocol::WhoAmI person_;
  protocol::ApprovalView view_;
};

TEST_F(DecideTest, P20_TheCommitmentIsComputedFromWhatIsShown) {
  const auto prepared = prepare();
  ASSERT_TRUE(prepared) << prepared.error().to_string();
  EXPECT_EQ(prepared->statement.commitment,
            approval::commitment(view_.salt, action::action_digest(view_.statement)));
  EXPECT_EQ(prepared->statement.nonce, view_.nonce);
  EXPECT_EQ(prepared->statement.expires, view_.expires);
  EXPECT_THAT(prepared->statement.groups, ElementsAre("controllers", "finance"))
      << "sorted, as they are signed";
}

TEST_F(DecideTest, P20_AServerThatTellsTwoStoriesIsNotSignedFor) {
  view_.commitment[31] ^= 1;
  EXPECT_EQ(refusal(), Errc::denied);
  view_.commitment[31] ^= 1;
  view_.salt[0] ^= 1;
  EXPECT_EQ(refusal(), Errc::denied);
  view_.salt[0] ^= 1;
  view_.subject = "route";
  EXPECT_EQ(refusal(), Errc::denied);
  view_.subject = "action";
  view_.run = an_id<RunId>(2);
  EXPECT_EQ(refusal(), Errc::denied);
  view_.run = an_id<RunId>(1);
  view_.tool = "billing.invoice.read";
  EXPECT_EQ(refusal(), Errc::denied);
  view_.tool = "billing.refund.execute";
  EXPECT_TRUE(prepare());
  restate("workspace", Json(an_id<WorkspaceId>(2).to_string()));
  EXPECT_EQ(refusal(), Errc::denied);
}

TEST_F(DecideTest, WhatHasTwoReadingsIsNotShown) {
  view_.statement += " ";
  commit();
  EXPECT_EQ(refusal(), Errc::invalid_input);
}

TEST_F(DecideTest, OnlyWhatIsOpenIsDecidedAndADenialMayComeLate) {
  view_.state = "approved";
  EXPECT_EQ(refusal(), Errc::conflict);
  EXPECT_TRUE(prepare(Verdict::deny));
  for (const auto* state : {"denied", "expired", "superseded", "cancelled", "claimed"}) {
    view_.state = state;
    EXPECT_EQ(refusal(), Errc::conflict) << state;
    EXPECT_EQ(refusal(Verdict::deny), Errc::conflict) << state;
  }
}

TEST_F(DecideTest, P4_OneDecidesForNeededGroupsThatOneIsIn) {
  EXPECT_THAT(prepare(Verdict::approve, {"finance"})->statement.groups, ElementsAre("finance"));
  EXPECT_FALSE(prepare(Verdict::approve, {"everyone"})) << "not needed";
  person_.user.groups = {"everyone"};
  EXPECT_EQ(refusal(), Errc::denied);
  person_.user.groups = {};
  EXPECT_EQ(refusal(), Errc::denied);
}

TEST_F(DecideTest, P20_ThePageHasEverythingExactly) {
  view_.identical = {.done = 1, .unknown = 2};
  view_.decided = {{.by = "carol",
                    .decision = "approve",
                    .groups = {"controllers"},
                    .at = parse_time("2026-11-25T12:01:00Z").value()}};
  restate("arguments", JsonObject{{"amount", 12000},
                                  {"note", "to \u202eecila\u202c\u200b" + std::string(300, 'x')}});
  const auto prepared = prepare(Verdict::approve, {"finance"}).value();
  const auto page = unfolded(whole(prepared));
  EXPECT_THAT(page, AllOf(HasSubstr("\n  tool: \"billing.refund.execute\"\n"),
                          HasSubstr("\n  arguments.amount: 12000\n"),
                          HasSubstr("to \\u202eecila\\u202c\\u200b" + std::string(300, 'x')),
                          HasSubstr("carol: approve for controllers"),
                          HasSubstr("done 1 time and may have been done 2 more times already")));
  for (const auto& line : prepared.shown.lines) EXPECT_THAT(page, HasSubstr("  " + line + "\n"));
}

// P20, failures.md 24: the terminal must not make a field of what is a part of another one.
TEST_F(DecideTest, P20_NoPartOfALongValueLooksLikeAFieldOfItsOwn) {
  const auto line_like = [](const std::string& before) {
    return before + "  arguments.amount: 1  needs     nobody";
  };
  for (const std::size_t width : {40U, 50U, 60U, 80U}) {
    for (std::size_t padding = 0; padding < 200; padding += 1 + padding / 90) {
      restate("arguments", JsonObject{{"amount", 12000},
                                      {"note", line_like(std::string(padding, ' '))},
                                      {"wide", line_like(std::string(padding, 'x') + "\u8d22")}});
      view_.title = line_like("Refund" + std::string(padding, ' '));
      view_.run_name = line_like(std::string(padding, ' '));
      const auto prepared = prepare(Verdict::approve, {"finance"}).value();
      const auto shown = whole(prepared, width);
      for (const auto& [text, times] :
           {std::pair{shown, 1U}, std::pair{last(prepared, width), 1U}}) {
        std::size_t amounts = 0;
        for (std::size_t at = 0; at < text.size();) {
          const auto end = text.find('\n', at);
          const std::string_view line(text.data() + at, end - at);
          ASSERT_LT(columns(line), width) << line;
          amounts += line.starts_with("  arguments.amount:") ? 1 : 0;
          ASSERT_FALSE(line.starts_with("needs") || line.starts_with("  needs     nobody")) << line;
          at = end + 1;
        }
        ASSERT_EQ(amounts, times) << text;
      }
      for (const auto& line : prepared.shown.lines)
        ASSERT_THAT(unfolded(shown), HasSubstr("  " + line + "\n"));
    }
  }
}

TEST_F(DecideTest, P20_NothingPushesTheAmountAwayFromThePrompt) {
  // 60 KB before the amount and 60 KB after it, and a title to match.
  restate("arguments", JsonObject{{"aa", std::string(60'000, 'x')},
                                  {"amount", 12000},
                                  {"zz", std::string(60'000, 'y')}});
  view_.title = "Refund " + std::string(60'000, 'z');
  const auto prepared = prepare(Verdict::approve, {"finance"}).value();
  const auto recap = last(prepared, 50);
  EXPECT_LE(std::ranges::count(recap, '\n'), 24) << recap;
  EXPECT_THAT(recap,
              AllOf(HasSubstr("  title      Refund zzz"), HasSubstr("  agent      billing\n"),
                    HasSubstr("  for        alice\n"), HasSubstr("Said by the server:\n"),
                    HasSubstr("Said by the agent:\n  run        \"Settle 17\"\n"
                              "  arguments.amount: 12000\n"),
                    HasSubstr("more bytes, above"),
                    EndsWith("Approve for finance? Ctrl-C "
                             "leaves it.\n")));
}

TEST_F(DecideTest, P20_OfManyArgumentsTheAmountsComeFirst) {
  JsonObject arguments{{"a: 7", "\"amount: 1"}, {"total", 99}};
  for (int i = 0; i < 500; ++i) arguments["b" + std::to_string(i)] = "x";
  arguments["deep"] = JsonObject{{"amount", 5}};
  arguments["amount"] = 12000;
  restate("arguments", arguments);
  const auto prepared = prepare(Verdict::approve, {"finance"}).value();
  const auto recap = last(prepared, 80);
  EXPECT_THAT(recap, HasSubstr("  arguments.amount: 12000\n"
                               "  arguments.deep.amount: 5\n"
                               "  arguments.total: 99\n"));
  EXPECT_THAT(recap, HasSubstr("  and 498 more lines of arguments, above\n"));
  const auto cut = render_parts(decision_page(view_, prepared), {.width = 80}, Detail::cut);
  EXPECT_TRUE(cut.is_cut);
  EXPECT_LE(std::ranges::count(cut.text, '\n'), 80);
  EXPECT_THAT(cut.text, HasSubstr("more lines, "));
  EXPECT_THAT(cut.text, HasSubstr("\n  method: \"POST\"\n"))
      << "the other fields are never cut off";
}

TEST_F(DecideTest, WhatIsSentIsWhatWasPrepared) {
  const jose::Es256Signer key(crypto::Es256PrivateKey::generate());
  const auto prepared = prepare(Verdict::deny).value();
  const auto request = sign_decision(prepared, key, std::nullopt);
  EXPECT_EQ(request.decision, "deny");
  EXPECT_EQ(request.commitment, view_.commitment);
  EXPECT_EQ(request.expiry, view_.expires);
  EXPECT_TRUE(
      key.public_jwk().verify(as_bytes(canonical_decision(prepared.statement)), request.signature));
}

}  // namespace
}  // namespace writ::cli
