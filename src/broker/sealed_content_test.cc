// SPDX-License-Identifier: Apache-2.0
// P38, played: somebody has a copy of the store and of the log, knows all of a refund but its
// amount and invoice, and does not have the seal key. A few thousand guesses are hashed in every
// way in which 0.1 stored a digest, and each is looked for in all that lies outside the seal.
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "approval/chain.h"
#include "base/encoding.h"
#include "broker/calls_testing.h"
#include "broker/explain.h"
#include "broker/grant_record.h"
#include "crypto/hash.h"
#include "wire/canonical.h"

namespace writ::broker {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::int64_t kLeast = 11'500;
constexpr std::int64_t kMost = 12'499;

class SealedContentTest : public CallsTest {
 protected:
  // A refund that was approved and done.
  void SetUp() override {
    question_ = approved("k");
    statement_ = parse_json_object(question_->statement).value();
    auto sent = prepare(acme_.refund(*billing_, "k"));
    ASSERT_TRUE(sent.has_value()) << describe(sent);
    action_ = sent->action.id();
    likeness_ = sent->action.proposed().likeness();
    ASSERT_TRUE(
        acme_
            .run(acme_.calls().finish(acme_.workspace(), sent->action,
                                      {.outcome = tools::Outcome::done,
                                       .status = 201,
                                       .response_bytes = 2,
                                       .credential_version = 1,
                                       .request_digest = crypto::sha256(Acme::refund_body()),
                                       .detail = {},
                                       .result = "{}"}))
            .has_value());
  }

  // All texts outside the seal: records with their ids, entries, subjects, log lines.
  std::vector<std::string> stored() {
    std::vector<std::string> out;
    auto& store = acme_.workspace().store();
    for (int kind = 0; kind <= static_cast<int>(RecordKind::setting); ++kind) {
      for (const auto& each :
           acme_.run(store.list(static_cast<RecordKind>(kind), "", kMaxList)).value()) {
        out.push_back(each.id);
        out.push_back(each.value);
      }
    }
    for (const auto& row : acme_.run(store.read_log(0, kMaxList)).value()) out.push_back(row.entry);
    for (const auto& event : acme_.log().events()) {
      for (const auto& [name, value] : event.fields) out.push_back(value);
    }
    return out;
  }

  // Each digest of that content that 0.1 stored somewhere.
  std::vector<Digest> digests(const std::string& invoice, std::int64_t amount) {
    const JsonObject arguments{
        {"amount", amount}, {"currency", "EUR"}, {"invoice", invoice}, {"preview_id", "prv_1"}};
    auto statement = statement_;
    statement["arguments"] = arguments;
    JsonObject likeness{{"arguments", arguments}, {"tag", "writ-likeness-v1"}};
    for (const auto* member : {"method", "server", "target", "tool", "workspace"})
      likeness[member] = statement.at(member);
    const JsonObject fact{
        {"operation", "billing.refund.preview"},
        {"same", JsonObject{{"amount", amount}, {"currency", "EUR"}, {"invoice", invoice}}}};
    return {crypto::sha256(canonical_json(statement)), crypto::sha256(canonical_json(likeness)),
            crypto::sha256(canonical_json(fact)), crypto::sha256(canonical_json(arguments)),
            crypto::sha256("k")};
  }

  // How many of the guesses, each hashed in each way, are found in one of the texts.
  std::size_t found_in(const std::vector<std::string>& texts) {
    // Every part that could be a digest: hexadecimal, or base64url.
    std::set<std::string, std::less<>> parts;
    const auto is_part = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             c == '-' || c == '_';
    };
    for (const auto& text : texts) {
      for (std::size_t begin = 0; begin < text.size();) {
        auto end = begin;
        while (end < text.size() && is_part(text[end])) ++end;
        parts.insert(text.substr(begin, end - begin));
        begin = end + 1;
      }
    }
    std::size_t found = 0;
    for (const auto* invoice : {"inv_1", "inv_2"}) {
      for (auto amount = kLeast; amount <= kMost; ++amount) {
        for (const auto& digest : digests(invoice, amount)) {
          found += parts.contains(hex_encode(digest)) ? 1 : 0;
          found += parts.contains("like_" + hex_encode(digest)) ? 1 : 0;
          found += parts.contains(base64url_encode(digest)) ? 1 : 0;
        }
      }
    }
    return found;
  }

  void erase() {
    auto& store = acme_.workspace().store();
    for (const auto& row : acme_.run(store.read_log(0, kMaxList)).value())
      ASSERT_TRUE(acme_.run(store.erase_sealed(row.index)).has_value());
  }

  Approvals::Shared question_;
  JsonObject statement_;
  ActionId action_;
  Digest likeness_{};
};

TEST_F(SealedContentTest, P38_NoGuessIsConfirmedByWhatLiesOutsideTheSeal) {
  EXPECT_EQ(found_in(stored()), 0U);
  // Subjects are not listed, but who has the file reads them: the intent is found by none.
  auto& store = acme_.workspace().store();
  EXPECT_TRUE(acme_.run(store.find_log("like_" + hex_encode(likeness_), 0, 10))->empty());
  EXPECT_EQ(
      acme_.run(store.find_log(likeness_subject(acme_.workspace().digest_key(), likeness_), 0, 10))
          ->size(),
      1U);
  for (const auto& row : acme_.run(store.read_log(0, kMaxList)).value()) {
    EXPECT_THAT(row.entry, Not(HasSubstr(hex_encode(crypto::sha256(Acme::refund_body())))));
    EXPECT_THAT(row.entry, Not(HasSubstr("\"digest\"")));
    EXPECT_THAT(row.entry, Not(HasSubstr("inv_1")));
  }
}

// That the attack is one: what 0.1 stored in these places is found, each by itself.
TEST_F(SealedContentTest, P38_EachPlaceOfVersionOneWouldBeFound) {
  const auto real = digests("inv_1", 12'000);
  const auto run = billing_->id.to_string();
  EXPECT_EQ(hex_encode(real[0]), hex_encode(question_->digest));
  EXPECT_EQ(hex_encode(real[1]), hex_encode(likeness_));
  EXPECT_EQ(found_in({R"({"digest":")" + hex_encode(real[0]) + R"("})"}), 1U);
  EXPECT_EQ(found_in({"like_" + hex_encode(real[1])}), 1U);
  EXPECT_EQ(found_in({run + ":" + hex_encode(real[2])}), 1U);
  EXPECT_EQ(found_in({R"({"request_sha256":")" + hex_encode(real[3]) + R"("})"}), 1U);
  // The key is the same for every guess.
  EXPECT_GT(found_in({run + ":" + hex_encode(real[4])}), 0U);
}

TEST_F(SealedContentTest, P38_AfterAnErasureExplainSaysErasedAndNothingElse) {
  erase();
  const auto recorded = acme_.run(record_readings(
      acme_.authority("admin", Operation::explain), Operation::explain,
      {{action_.to_string(), "arguments and result"}}, acme_.clock(), acme_.random()));
  ASSERT_TRUE(recorded);
  const auto answers = acme_.run(explain(acme_.workspace(), action_, *recorded));
  ASSERT_TRUE(answers.has_value());
  const auto& done = answers->back();
  EXPECT_THAT(done.answer, HasSubstr("arguments that were erased since"));
  EXPECT_EQ(done.facts.at("arguments_erased"), Json(true));
  EXPECT_FALSE(done.facts.contains("digest"));
  EXPECT_FALSE(done.facts.contains("arguments"));
  std::vector<std::string> said;
  for (const auto& answer : *answers) {
    said.push_back(answer.answer);
    said.push_back(canonical_json(answer.facts));
  }
  EXPECT_EQ(found_in(said), 0U);
}

// P20: entries keep what leads from the approval to the action.
TEST_F(SealedContentTest, P20_TheLeavesLeadFromApprovalToActionBeforeAndAfterAnErasure) {
  const auto check = [&] {
    approval::ApprovalChain chain;
    const auto bob =
        audit::EntryBuilder(audit::Kind::user_enrolled, acme_.clock().now(), acme_.workspace().id())
            .set("user", acme_.user_id("bob").to_string())
            .set("key", acme_.key("bob").public_jwk().thumbprint())
            .build()
            .value();
    EXPECT_EQ(chain.give(bob.bytes()), std::nullopt);
    std::size_t intents = 0;
    for (const auto& entry : acme_.entries()) {
      EXPECT_EQ(chain.give(entry.bytes()), std::nullopt) << entry.text();
      if (!entry.subjects().approval.is_nil() && entry.kind() == audit::Kind::action_intent) {
        ++intents;
        EXPECT_EQ(field(entry, "commitment"), hex_encode(approval::commitment_of(*question_)));
      }
    }
    EXPECT_EQ(intents, 1U);
  };
  check();
  erase();
  check();
}

// Which token began a run is found again by who has the seal, and guessed by nobody else.
TEST(SealedContent, P38_AUsersTokenIsRecordedKeyed) {
  Acme acme;
  const Digest token{1, 2, 3};
  const auto& key = acme.workspace().digest_key();
  EXPECT_NE(user_token_hmac(key, token), token);
  EXPECT_EQ(user_token_hmac(key, token), key.of("user-token", "", token));
}

}  // namespace
}  // namespace writ::broker
