// SPDX-License-Identifier: Apache-2.0
// What an agent makes as large or as deep as a request lets it: the server says no or goes on, and
// never stops over it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/calls_testing.h"
#include "broker/explain.h"
#include "wire/utf8.h"

namespace writ::broker {
namespace {

using testing::SizeIs;
using testing::StartsWith;

class CallBounds : public CallsTest {
 protected:
  // Refunds take an open object too.
  CallBounds() {
    constexpr std::string_view kLast =
        R"(preview_id = { type = "string", pattern = "^prv_[0-9A-Za-z]{1,32}$" })";
    acme_.edit("tools/billing.toml", kLast,
               std::string(kLast) +
                   "\nmore = { optional = true, type = \"object\", additionalProperties = true }");
    acme_.preview(*billing_);
  }
  Matched refund_with(std::string_view more, std::string key) {
    auto body = Acme::refund_body();
    body.insert(body.size() - 1, ",\"more\":" + std::string(more));
    return acme_.matched(*billing_, "POST", "/v1/refunds", body, std::move(key));
  }
};

// "~" is written twice as long in a pointer to it.
TEST_F(CallBounds, ARefusalThatQuotesAHugeNameIsStillAnEntry) {
  const auto stopped =
      prepare(refund_with("{\"" + std::string(60'000, '~') + "\u00e9\":null}", "k1"));
  EXPECT_EQ(refused(stopped), delegation::Operand::policy) << describe(stopped);
  const auto entries = acme_.entries(audit::Kind::action_refused);
  ASSERT_THAT(entries, SizeIs(1));
  EXPECT_THAT(field(entries.front(), "message"), StartsWith("/more/\"~0~0"));
  EXPECT_LT(field(entries.front(), "message").size(), 1'100U);
}

// Arguments may be as deep as a request; what is said of them is deeper by what stands around them.
TEST_F(CallBounds, P12_WhatIsAsDeepAsARequestMayBeIsAskedAboutSettledAndExplained) {
  std::string more = "1";
  for (std::size_t depth = 1; depth < JsonLimits().depth; ++depth) more = "{\"a\":" + more + "}";
  const auto first = needed(prepare(refund_with(more, "k1")));
  ASSERT_NE(first, nullptr);
  EXPECT_NE(needed(prepare(refund_with(more, "k2"))), nullptr);
  EXPECT_TRUE(acme_.run(acme_.approvals().settle(acme_.workspace())));
  EXPECT_THAT(acme_.approvals().open(acme_.workspace()), SizeIs(2));

  ASSERT_TRUE(acme_.decide(*first, "bob", {"finance"}));
  const auto sent = prepare(refund_with(more, "k1"));
  ASSERT_TRUE(sent) << describe(sent);
  const auto recorded = acme_.run(record_readings(
      acme_.authority("admin", Operation::explain, {}), Operation::explain,
      {{sent->action.id().to_string(), "arguments and result"}}, acme_.clock(), acme_.random()));
  ASSERT_TRUE(recorded);
  const auto explained = acme_.run(explain(acme_.workspace(), sent->action.id(), *recorded));
  EXPECT_TRUE(explained) << explained.error().to_string();
}

TEST_F(CallBounds, AnIntentUnderHugeBoundsIsStillAnEntry) {
  JsonArray choices{"inv_1"};
  for (int i = 0; i < 255; ++i) {
    auto choice = "inv_" + std::to_string(i + 1000);
    choices.emplace_back(std::string_view(choice + std::string(256 - choice.size(), 'x')));
  }
  const auto use = delegation::ToolSet::parse(
      JsonArray{JsonObject{{"tool", "billing.invoice.read"},
                           {"where", JsonObject{{"invoice", JsonObject{{"one_of", choices}}}}}}},
      "/use");
  ASSERT_TRUE(use) << use.error().to_string();
  delegation::ScopeRequest asked;
  asked.use = *use;
  const auto run = acme_.delegate(acme_.delegate(acme_.start("plan"), "triage"), "settle", asked);
  const auto sent = prepare(acme_.read(*run));
  ASSERT_TRUE(sent) << describe(sent);
  const auto json = acme_.entries(audit::Kind::action_intent).back().json();
  EXPECT_TRUE(json.contains("scope_digest"));
  EXPECT_FALSE(json.contains("scope"));
}

// What a hostile upstream can make of an error's text.
TEST_F(CallBounds, AnOutcomeWithAHugeDetailIsStillAnEntry) {
  const auto sent = prepare(acme_.read(*billing_));
  ASSERT_TRUE(sent) << describe(sent);
  EntryWriter::Ending ending;
  ending.outcome = tools::Outcome::failed;
  ending.detail = "the header field " + std::string(70'000, 'n') + "\x1b[2J";
  ASSERT_TRUE(acme_.run(acme_.calls().finish(acme_.workspace(), sent->action, ending)));
  const auto entries = acme_.entries(audit::Kind::action_failed);
  ASSERT_THAT(entries, SizeIs(1));
  EXPECT_LT(field(entries.front(), "detail").size(), 1'100U);
}

TEST(EntryTexts, WhatIsShortStaysAsItIsAndAllElseBecomesUtf8) {
  EXPECT_EQ(bounded_text("a\nb"), "a\nb");
  EXPECT_EQ(bounded_text("\xff"), "\\xff...");
  const auto cut = bounded_text(std::string(999, 'x') + "\u00e9\u00e9");
  EXPECT_TRUE(is_utf8(cut));
  EXPECT_LT(cut.size(), 1'010U);
}

TEST(EntryTexts, ALongListSaysHowMuchOfItIsLeftOut) {
  FakeClock clock;
  audit::EntryBuilder entry(audit::Kind::action_refused, clock.now(),
                            WorkspaceId(id_detail::Raw{1}));
  set_texts(entry, "policies", std::vector<std::string>(100, std::string(500, 'p')));
  const auto json = entry.build().value().json();
  EXPECT_EQ(json.at("policies").get_array().size(), 16U);
  EXPECT_EQ(json.at("policies_left_out"), 84);
}

}  // namespace
}  // namespace writ::broker
