// SPDX-License-Identifier: Apache-2.0
// An entry is written whatever others made its texts of: agents, upstreams, the authors of a
// workspace's documents. One tenant's texts must never stop the server that all share.
#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "audit/tile.h"
#include "broker/calls_testing.h"
#include "wire/utf8.h"

namespace writ::broker {
namespace {

using testing::SizeIs;

// What a document's groups are called, as long as they may be.
std::string group(int number) {
  const auto digits = std::to_string(number);
  return "g" + std::string(62 - digits.size(), 'x') + digits;
}

// With the example's own three, as many as a workspace may have.
constexpr int kGroups = 497;

// Each of them is asked about every refund.
void ask_many_groups(workspace::Documents& documents) {
  std::string groups = "[groups]\n";
  std::string policies;
  for (int i = 0; i < kGroups; ++i) {
    groups += group(i) + " = \"one of many\"\n";
    policies += "@id(\"ask-" + std::to_string(i) + "\") @needs_approval(\"" + group(i) +
                "\") forbid (principal is Writ::Run, action in Writ::Action::\"tool.money\", "
                "resource);\n";
  }
  auto& text = documents.at("workspace.toml");
  text.replace(text.find("[groups]\n"), 9, groups);
  // A group that somebody asks for has somebody in it.
  for (int first = 0; first < kGroups; first += 50) {
    text += "\n[users.member" + std::to_string(first) + "]\ndisplay = \"Of many\"\ngroups = [";
    for (int i = first; i < std::min(first + 50, kGroups); ++i)
      text += (i > first ? ", \"" : "\"") + group(i) + "\"";
    text += "]\n";
  }
  documents["policies/many.cedar"] = policies;
}

class EntryBounds : public CallsTest {
 protected:
  static EntryWriter writer(Acme& acme) {
    return {acme.workspace().id(), acme.workspace().data_key(), acme.clock(), acme.random()};
  }
  static action::ProposedAction propose(Acme& acme, const delegation::Run& run) {
    auto matched = acme.refund(run, "k");
    const auto stored = acme.workspace().credential("billing-api-key").credential;
    return action::ProposedAction::propose(
        std::move(matched.call), ActionId::make(acme.clock(), acme.random()), "acme",
        matched.server, std::move(matched.request), action::Account{stored->id, stored->generation},
        matched.idempotency_key);
  }
  static JsonObject json(const Append& append) {
    return audit::Entry::parse(as_bytes(append.entry)).value().json();
  }
};

TEST_F(EntryBounds, ARefusalWhosePolicyIdsAreControlCharactersIsStillAnEntry) {
  const policy::Denied denied{
      .refusal = {delegation::Operand::policy, std::string(10'000, '\x01')},
      .policies = std::vector<std::string>(16, std::string(1000, '\x01')),
      .errors = std::vector<std::string>(16, std::string(900, '\x02') + ": no such attribute"),
      .proposed = propose(acme_, *billing_)};
  const auto entry = json(writer(acme_).refusal(denied));
  EXPECT_GT(entry.at("policies").get_array().size(), 0U);
  EXPECT_GT(entry.at("errors").get_array().size(), 0U);
  EXPECT_EQ(entry.at("policies").get_array().size() +
                static_cast<std::size_t>(entry.at("policies_left_out").to_number<int>()),
            16U);
  EXPECT_TRUE(entry.contains("message"));
}

TEST_F(EntryBounds, AnIntentThatManyGroupsAndPeopleApprovedIsStillAnEntry) {
  Acme many({.per_second = 1000, .burst = 1000}, {}, ask_many_groups);
  const auto run = many.refund_chain();
  const auto version = many.workspace().version();
  const auto decided =
      version->decider().decide(propose(many, *run), version->terms(), many.clock().now());
  ASSERT_TRUE(decided);
  ASSERT_THAT(decided->approvals(), SizeIs(kGroups + 1));  // with the example's own
  approval::Approval approval;
  approval.id = ApprovalId::make(many.clock(), many.random());
  for (int i = 0; i < 500; ++i) {
    approval.decisions.emplace_back();
    approval.decisions.back().user_name = std::string(66, 'u');
  }
  const auto entry = json(writer(many).intent(*decided, &approval, many.workspace().digest_key()));
  for (const std::string key : {"approval_groups", "approved_by"}) {
    const auto listed = entry.at(key).get_array().size();
    EXPECT_GT(listed, 100U) << key;
    EXPECT_EQ(entry.at(key + "_left_out"), Json((key == "approved_by" ? 500U : 498U) - listed));
  }
}

// Few characters, many times: each kind that is written longer than it is.
std::string hostile(bool utf8) {
  auto text = *rc::gen::element<std::string>("\x01", "\"", "\\", "~", "\u00e9", "\U0001F600",
                                             "\x7f", "\u202e", utf8 ? "a" : "\xff");
  const auto length = *rc::gen::inRange<std::size_t>(0, 12'000);
  std::string out;
  while (out.size() < length) out += text;
  return out;
}

RC_GTEST_PROP(EntryTexts, WhatOthersWroteAlwaysFitsAnEntry, ()) {
  const FakeClock clock;
  audit::EntryBuilder entry(audit::Kind::action_refused, clock.now(),
                            WorkspaceId(id_detail::Raw{1}));
  for (const auto* key : {"agent_name", "role", "run_name", "workflow", "step", "tool", "user_name",
                          "by_name", "trace", "note"})
    entry.set(key, hostile(true));
  entry.set("message", bounded_text(hostile(false))).set("detail", bounded_text(hostile(false)));
  set_scope(entry, JsonArray{Json(std::string_view(hostile(true)))});
  for (const auto* key : {"policies", "errors", "approval_groups", "approved_by"}) {
    std::vector<std::string> list;
    for (auto left = *rc::gen::inRange(0, 40); left > 0; --left) list.push_back(hostile(false));
    set_texts(entry, key, list);
  }
  const auto append = EntryWriter::append(entry, {});
  RC_ASSERT(append.entry.size() <= audit::kMaxEntryBytes);
  RC_ASSERT(audit::Entry::parse(as_bytes(append.entry)).has_value());
}

RC_GTEST_PROP(EntryTexts, ABoundedTextIsShortAsItIsWritten, ()) {
  const auto text = bounded_text(hostile(false));
  RC_ASSERT(is_utf8(text));
  RC_ASSERT(canonical_json(Json(std::string_view(text))).size() <= 1005U);
}

}  // namespace
}  // namespace writ::broker
