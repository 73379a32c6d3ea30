// SPDX-License-Identifier: Apache-2.0
// What the log says of calls, and what lies beside it.
#include "broker/entries.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/encoding.h"
#include "broker/action_state.h"
#include "broker/facts.h"
#include "broker/testing.h"

namespace writ::broker {
namespace {

using testing::HasSubstr;
using testing::Not;

class Entries : public testing::Test {
 protected:
  std::expected<Sendable, Stopped> prepare(Matched matched) {
    return acme_.run(acme_.calls().prepare(acme_.workspace(), std::move(matched), dialer_, {}));
  }
  std::vector<LogRow> rows() {
    return acme_.run(acme_.workspace().store().read_log(0, 1000)).value();
  }
  LogRow row_of(audit::Kind kind) {
    for (auto& row : rows()) {
      if (audit::Entry::parse(as_bytes(row.entry))->kind() == kind) return row;
    }
    ADD_FAILURE() << "no entry of " << audit::name(kind);
    return {};
  }
  Expected<std::string> payload(const LogRow& row, std::string_view owner, std::string_view use) {
    const auto entry = audit::Entry::parse(as_bytes(row.entry)).value();
    return open_payload(acme_.workspace().data_key(), acme_.workspace().id(), owner, use,
                        row.sealed, entry.commitment(use).value());
  }

  Acme acme_;
  FakeDialer dialer_;
  Acme::SharedRun billing_ = acme_.refund_chain();
};

// The seven questions, from the entry and what lies beside it.
TEST_F(Entries, AnIntentAnswersTheQuestions) {
  acme_.preview(*billing_);
  auto asked = prepare(acme_.refund(*billing_, "k1"));
  const auto question = std::get<ApprovalNeeded>(asked.error()).approval;
  ASSERT_TRUE(acme_.decide(*question, "bob", {"finance"}).has_value());
  const auto sent = prepare(acme_.refund(*billing_, "k1"));
  ASSERT_TRUE(sent.has_value());
  const auto row = rows().at(sent->action.log_index());
  const auto json = audit::Entry::parse(as_bytes(row.entry))->json();
  const auto text = [&](const char* key) {
    return std::string(text_of(json.at(key).get_string()));
  };
  EXPECT_EQ(text("user_name"), "alice");
  EXPECT_EQ(text("agent_name"), "billing");
  EXPECT_EQ(text("workflow"), "refund");
  EXPECT_EQ(text("step"), "settle");
  EXPECT_EQ(text("credential_name"), "billing-api-key");
  EXPECT_EQ(text("tool"), "billing.refund.execute");
  EXPECT_EQ(text("effect"), "money");
  EXPECT_EQ(json.at("approval_groups"), Json(JsonArray{"finance"}));
  EXPECT_EQ(json.at("approved_by"), Json(JsonArray{"bob"}));
  EXPECT_EQ(write_json(json.at("scope")),
            R"([{"tool":"billing.refund.execute","where":{"amount":{"max":500000}}}])");
  EXPECT_EQ(payload(row, sent->action.id().to_string(), kArguments),
            sent->action.proposed().statement());
}

// P21: arguments lie beside, sealed; the leaf holds a commitment that cannot be guessed.
TEST_F(Entries, P21_ArgumentsAreInNoLeaf) {
  ASSERT_TRUE(prepare(acme_.read(*billing_)).has_value());
  acme_.preview(*billing_, 31'337);
  for (const auto& row : rows()) {
    EXPECT_THAT(row.entry, Not(HasSubstr("inv_1")));
    EXPECT_THAT(row.entry, Not(HasSubstr("31337")));
    EXPECT_THAT(as_text(row.sealed), Not(HasSubstr("inv_1")));
  }
  const auto twice = [&] {
    EXPECT_TRUE(prepare(acme_.read(*billing_)).has_value());
    return *audit::Entry::parse(as_bytes(rows().back().entry))->commitment(kArguments);
  };
  EXPECT_NE(twice(), twice());
}

TEST_F(Entries, P21_APayloadThatIsNotTheOneCommittedToIsRefused) {
  ASSERT_TRUE(prepare(acme_.read(*billing_)).has_value());
  ASSERT_TRUE(prepare(acme_.read(*billing_)).has_value());
  auto all = rows();
  const auto owner = [](const LogRow& row) {
    return audit::Entry::parse(as_bytes(row.entry))->subjects().action.to_string();
  };
  EXPECT_TRUE(payload(all[0], owner(all[0]), kArguments).has_value());
  EXPECT_FALSE(payload(all[0], owner(all[1]), kArguments).has_value());
  auto changed = all[0];
  changed.sealed.back() ^= 1;
  EXPECT_FALSE(payload(changed, owner(changed), kArguments).has_value());
  changed = all[0];
  changed.entry = all[1].entry;  // another entry's commitment
  EXPECT_FALSE(payload(changed, owner(all[0]), kArguments).has_value());
  changed.sealed.clear();
  EXPECT_FALSE(payload(changed, owner(all[0]), kArguments).has_value());
}

// failures.md 27: whatever stands in a field, one record stays one.
TEST_F(Entries, HostileTextStaysWithinItsEntry) {
  auto sent = prepare(acme_.read(*billing_));
  const std::string hostile = "a\r\n\x1b[31m\"}\n{\"kind\":\"action.done\"";
  ASSERT_TRUE(acme_
                  .run(acme_.calls().finish(acme_.workspace(), sent->action,
                                            {.outcome = tools::Outcome::failed,
                                             .status = std::nullopt,
                                             .response_bytes = 0,
                                             .credential_version = std::nullopt,
                                             .detail = hostile,
                                             .result = std::nullopt}))
                  .has_value());
  const auto row = row_of(audit::Kind::action_failed);
  EXPECT_THAT(row.entry, Not(HasSubstr("\n")));
  EXPECT_THAT(row.entry, Not(HasSubstr("\x1b")));
  EXPECT_EQ(text_of(audit::Entry::parse(as_bytes(row.entry))->json().at("detail").get_string()),
            hostile);
}

TEST_F(Entries, ARefusalSaysWhichOperandAndWhatWasAsked) {
  const auto planner = acme_.start("plan");
  acme_.preview(*billing_);
  const auto stopped = prepare(acme_.refund(*planner, "k"));
  const auto action = std::get<Refused>(stopped.error()).action;
  const auto row = row_of(audit::Kind::action_refused);
  const auto entry = audit::Entry::parse(as_bytes(row.entry)).value();
  EXPECT_EQ(entry.subjects().action, action);
  EXPECT_EQ(entry.subjects().run, planner->id);
  EXPECT_THAT(*payload(row, action.to_string(), kArguments), HasSubstr("billing.refund.execute"));
}

TEST_F(Entries, WhatIsAboutAnActionRunOrApprovalIsFoundByItsId) {
  acme_.preview(*billing_);
  const auto intent = row_of(audit::Kind::action_intent);
  const auto action = audit::Entry::parse(as_bytes(intent.entry))->subjects().action;
  auto& store = acme_.workspace().store();
  EXPECT_EQ(acme_.run(store.find_log(action.to_string(), 0, 10))->size(), 2U);
  EXPECT_EQ(acme_.run(store.find_log(billing_->id.to_string(), 0, 10))->size(), 2U);
}

TEST_F(Entries, I6_ARecoveredIntentIsUnknown) {
  const EntryWriter writer(acme_.workspace().id(), acme_.workspace().data_key(), acme_.clock(),
                           acme_.random());
  const auto id = ActionId::make(acme_.clock(), acme_.random());
  const auto append = writer.recovered(id, billing_->id);
  const auto entry = audit::Entry::parse(as_bytes(append.entry)).value();
  EXPECT_EQ(entry.kind(), audit::Kind::recovery_unknown);
  EXPECT_EQ(entry.subjects().action, id);
  EXPECT_THAT(append.subjects, testing::ElementsAre(id.to_string(), billing_->id.to_string()));
}

TEST_F(Entries, AStateSurvivesItsRecordAndAnUnknownOneIsRefused) {
  ActionState state{.id = ActionId::make(acme_.clock(), acme_.random()),
                    .run = billing_->id,
                    .tool = "billing.refund.execute",
                    .digest_hmac = Digest{1, 2, 3},
                    .phase = ActionPhase::unknown,
                    .status = 502,
                    .approval = ApprovalId::make(acme_.clock(), acme_.random()),
                    .resolved = true};
  const auto again = ActionState::from_json(state.to_json()).value();
  EXPECT_EQ(write_json(again.to_json()), write_json(state.to_json()));
  state.status.reset();
  state.approval.reset();
  EXPECT_EQ(write_json(ActionState::from_json(state.to_json())->to_json()),
            write_json(state.to_json()));
  for (const auto& [key, value] :
       std::initializer_list<std::pair<const char*, Json>>{{"v", 1},
                                                           {"phase", "maybe"},
                                                           {"digest_hmac", "00"},
                                                           {"status", 99},
                                                           {"extra", 1},
                                                           {"id", "run_x"},
                                                           {"resolved", "yes"}}) {
    auto json = state.to_json().get_object();
    json[key] = value;
    EXPECT_FALSE(ActionState::from_json(json).has_value()) << key;
  }
}

TEST_F(Entries, TokenKeysOverlapAtARotation) {
  auto& keys = acme_.token_keys();
  const auto first = keys.signer();
  const auto now = acme_.clock().now();
  EXPECT_EQ(keys.public_keys(now)->keys().size(), 1U);
  keys.rotate(
      {.signer = std::make_shared<const jose::Es256Signer>(crypto::Es256PrivateKey::generate()),
       .created = now,
       .retires = std::nullopt},
      now + seconds(600));
  EXPECT_NE(keys.signer()->public_jwk().kid(), first->public_jwk().kid());
  EXPECT_EQ(keys.public_keys(now + seconds(599))->keys().size(), 2U);
  const auto later = keys.public_keys(now + seconds(600));
  ASSERT_EQ(later->keys().size(), 1U);
  EXPECT_EQ(later->find(first->public_jwk().kid()), nullptr);
}

}  // namespace
}  // namespace writ::broker
