// SPDX-License-Identifier: Apache-2.0
#include "audit/receipt.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "audit/fake_log.h"
#include "audit/tile.h"
#include "base/encoding.h"
#include "base/fake_clock.h"
#include "base/fake_random.h"
#include "crypto/hash.h"
#include "wire/canonical.h"

namespace writ::audit {
namespace {

// A log of 300 entries, and its receipts.
class ReceiptTest : public ::testing::Test {
 protected:
  ReceiptTest() {
    for (std::uint64_t i = 0; i < 300; ++i) {
      entries.push_back(entry(i));
      log.append(to_bytes(entries.back().bytes()));
    }
    log.keep_partial_tiles();
    log.sign(signer);
  }
  Entry entry(std::uint64_t i) const {
    return EntryBuilder(Kind::action_intent, clock.now(), workspace)
        .set("number", i)
        .set("note", "\"quoted\"\n\x1b[0m")
        .build()
        .value();
  }
  SignedCheckpoint checkpoint() const {
    return SignedCheckpoint::open(log.checkpoints.back(), signer.verifier()).value();
  }
  Proof proof(std::uint64_t index, std::uint64_t size = 300) const {
    return prove_inclusion(TileHashes(log, size), index, size).value();
  }
  Receipt receipt(std::uint64_t index) const {
    return Receipt::issue(entries[index], index, proof(index), checkpoint()).value();
  }
  JsonObject json(std::uint64_t index) const {
    return parse_json_object(receipt(index).to_json()).value();
  }
  // What an auditor says to a receipt of this text.
  Errc verdict(const JsonObject& object) const {
    const auto parsed = Receipt::parse(canonical_json(object));
    if (!parsed) return parsed.error().code;
    const auto verified = parsed->verify(signer.verifier());
    EXPECT_FALSE(verified);
    return verified ? Errc::internal : verified.error().code;
  }

  FakeClock clock;
  FakeRandom random;
  WorkspaceId workspace = WorkspaceId::make(clock, random);
  NoteSigner signer = fake_signer(std::string(kFakeOrigin));
  std::vector<Entry> entries;
  FakeLog log;
};

TEST_F(ReceiptTest, P21_it_verifies_with_the_pinned_key_alone) {
  for (const std::uint64_t index : {0, 1, 255, 256, 299}) {
    const auto text = receipt(index).to_json();
    const auto parsed = Receipt::parse(text);
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->to_json(), text);
    const auto verified = parsed->verify(signer.verifier());
    ASSERT_TRUE(verified);
    EXPECT_EQ(verified->entry().text(), entries[index].text());
    EXPECT_EQ(verified->index(), index);
    EXPECT_EQ(verified->checkpoint().note(), log.checkpoints.back());
    EXPECT_EQ(verified->checkpoint().size(), 300U);
  }
}

TEST_F(ReceiptTest, P21_its_text_is_the_one_that_the_header_draws) {
  const auto object = json(7);
  EXPECT_EQ(object.size(), 6U);
  EXPECT_EQ(object.at("type"), "writ-receipt");
  EXPECT_EQ(object.at("v"), 2);
  EXPECT_EQ(object.at("index"), 7);
  EXPECT_EQ(text_of(object.at("entry").as_string()), entries[7].text());
  EXPECT_EQ(text_of(object.at("checkpoint").as_string()), log.checkpoints.back());
  ASSERT_EQ(object.at("proof").as_array().size(), proof(7).size());
  EXPECT_EQ(text_of(object.at("proof").as_array()[0].as_string()), base64_encode(proof(7)[0]));
  EXPECT_EQ(receipt(7).to_json(), canonical_json(object));
}

TEST_F(ReceiptTest, P21_of_the_only_entry_the_proof_is_empty) {
  FakeLog one;
  one.append(to_bytes(entries[0].bytes()));
  const auto note = one.sign(signer);
  const auto made =
      Receipt::issue(entries[0], 0, {}, SignedCheckpoint::open(note, signer.verifier()).value());
  ASSERT_TRUE(made);
  EXPECT_TRUE(Receipt::parse(made->to_json())->verify(signer.verifier()));
}

TEST_F(ReceiptTest, P21_none_is_issued_that_would_not_verify) {
  const auto issue = [&](const Entry& entry, std::uint64_t index, Proof proof) {
    const auto made = Receipt::issue(entry, index, std::move(proof), checkpoint());
    return made ? Errc::internal : made.error().code;
  };
  EXPECT_EQ(issue(entries[8], 7, proof(7)), Errc::denied);
  EXPECT_EQ(issue(entries[7], 8, proof(7)), Errc::denied);
  EXPECT_EQ(issue(entries[7], 7, proof(8)), Errc::denied);
  EXPECT_EQ(issue(entries[7], 300, proof(7)), Errc::invalid_input);
  EXPECT_EQ(issue(entries[7], 7, {}), Errc::invalid_input);
  EXPECT_EQ(issue(entry(1000), 7, proof(7)), Errc::denied);  // never recorded
  // Recorded, and not under this checkpoint.
  const auto size = proof(7, 256).size();
  EXPECT_NE(size, proof(7).size());
  EXPECT_EQ(issue(entries[7], 7, proof(7, 256)), Errc::invalid_input);
}

TEST_F(ReceiptTest, P21_a_tampered_receipt_does_not_verify) {
  auto tampered = json(7);
  tampered["index"] = 8;
  EXPECT_EQ(verdict(tampered), Errc::denied);
  tampered["index"] = 300;
  EXPECT_EQ(verdict(tampered), Errc::invalid_input);

  tampered = json(7);
  tampered["entry"] = entries[8].text();
  EXPECT_EQ(verdict(tampered), Errc::denied);
  tampered["entry"] = entries[7].text() + " ";
  EXPECT_EQ(verdict(tampered), Errc::denied);

  tampered = json(7);
  auto& hashes = tampered["proof"].as_array();
  std::swap(hashes[0], hashes[1]);
  EXPECT_EQ(verdict(tampered), Errc::denied);
  std::swap(hashes[0], hashes[1]);
  hashes[0] = base64_encode(Digest{});
  EXPECT_EQ(verdict(tampered), Errc::denied);
  hashes.pop_back();
  EXPECT_EQ(verdict(tampered), Errc::invalid_input);
  hashes.clear();
  EXPECT_EQ(verdict(tampered), Errc::invalid_input);

  // Another log's checkpoint, the same log's by another key, and one that was edited.
  tampered = json(7);
  auto stranger = log;
  tampered["checkpoint"] = stranger.sign(fake_signer("stranger.example", 2));
  EXPECT_EQ(verdict(tampered), Errc::unauthenticated);
  tampered["checkpoint"] = stranger.sign(fake_signer(std::string(kFakeOrigin), 2));
  EXPECT_EQ(verdict(tampered), Errc::unauthenticated);
  auto note = log.checkpoints.back();
  note.replace(note.find("\n300\n"), 5, "\n301\n");
  tampered["checkpoint"] = note;
  EXPECT_EQ(verdict(tampered), Errc::unauthenticated);
  tampered["checkpoint"] = "no note";
  EXPECT_EQ(verdict(tampered), Errc::invalid_input);
  // A good checkpoint, of the log one entry later.
  stranger = log;
  stranger.append(FakeLog::entry(300));
  tampered["checkpoint"] = stranger.sign(signer);
  EXPECT_EQ(verdict(tampered), Errc::denied);
}

TEST_F(ReceiptTest, P21_the_pinned_key_is_the_verifiers_and_not_the_receipts) {
  EXPECT_EQ(receipt(7).verify(fake_signer(std::string(kFakeOrigin), 2).verifier()).error().code,
            Errc::unauthenticated);
  EXPECT_EQ(receipt(7).verify(fake_signer("log.example/other").verifier()).error().code,
            Errc::unauthenticated);
  // A key that signed this text for another log than its own name.
  const auto other = fake_signer("log.example/other");
  auto moved = json(7);
  moved["checkpoint"] = other.sign(checkpoint_text(checkpoint().checkpoint()).value()).value();
  EXPECT_EQ(Receipt::parse(canonical_json(moved))->verify(other.verifier()).error().code,
            Errc::denied);
}

// A leaf that the log signed for and that is no entry proves nothing about an action.
TEST_F(ReceiptTest, P21_what_is_in_the_tree_and_no_entry_has_no_receipt) {
  FakeLog odd;
  odd.append(to_bytes("not an entry"));
  auto object = json(7);
  object["entry"] = "not an entry";
  object["index"] = 0;
  object["proof"] = JsonArray();
  object["checkpoint"] = odd.sign(signer);
  EXPECT_EQ(verdict(object), Errc::invalid_input);
}

TEST_F(ReceiptTest, P21_malformed_receipts_are_refused) {
  const auto good = json(7);
  for (const auto* key : {"v", "type", "entry", "index", "proof", "checkpoint"}) {
    auto without = good;
    without.erase(key);
    EXPECT_EQ(Receipt::parse(canonical_json(without)).error().code, Errc::invalid_input) << key;
    auto null = good;
    null[key] = nullptr;
    EXPECT_EQ(Receipt::parse(canonical_json(null)).error().code, Errc::invalid_input) << key;
  }
  const auto with = [&](const char* key, Json value) {
    auto changed = good;
    changed[key] = std::move(value);
    const auto parsed = Receipt::parse(canonical_json(changed));
    return parsed ? Errc::internal : parsed.error().code;
  };
  EXPECT_EQ(with("more", 1), Errc::invalid_input);
  EXPECT_EQ(with("type", "writ-recipe"), Errc::invalid_input);
  EXPECT_EQ(with("v", 3), Errc::unsupported);
  EXPECT_EQ(with("v", 0), Errc::unsupported);
  EXPECT_EQ(with("index", -1), Errc::invalid_input);
  EXPECT_EQ(with("index", "7"), Errc::invalid_input);
  EXPECT_EQ(with("index", 7.5), Errc::invalid_input);
  EXPECT_EQ(with("entry", ""), Errc::invalid_input);
  EXPECT_NE(with("entry", Json(std::string(65536, 'a'))), Errc::internal);
  EXPECT_NE(with("checkpoint", Json(std::string(65537, 'a'))), Errc::internal);
  const auto hash = base64_encode(Digest{});
  EXPECT_EQ(with("proof", JsonArray(53, Json(hash))), Errc::internal);  // it parses
  EXPECT_NE(with("proof", JsonArray(54, Json(hash))), Errc::internal);
  EXPECT_EQ(with("proof", Json(hash)), Errc::invalid_input);
  EXPECT_EQ(with("proof", JsonArray{7}), Errc::invalid_input);
  EXPECT_EQ(with("proof", JsonArray{hash, ""}), Errc::invalid_input);
  EXPECT_EQ(with("proof", JsonArray{base64_encode(Bytes(31))}), Errc::invalid_input);
  EXPECT_EQ(with("proof", JsonArray{base64_encode(Bytes(33))}), Errc::invalid_input);
  EXPECT_EQ(with("proof", JsonArray{hash.substr(0, 42) + "F="}), Errc::invalid_input);
  EXPECT_EQ(with("proof", JsonArray{hash.substr(0, 40) + "!!!="}), Errc::invalid_input);
  EXPECT_EQ(with("proof", JsonArray(1, Json(JsonArray()))), Errc::too_large);  // too deep
  for (const auto* bad : {"", "{}", "[]", "null", "{"})
    EXPECT_EQ(Receipt::parse(bad).error().code, Errc::invalid_input) << bad;
  const auto text = canonical_json(good);
  EXPECT_FALSE(Receipt::parse(text + text));
  EXPECT_FALSE(Receipt::parse("{\"v\":2," + text.substr(1)));  // a duplicate
}

TEST_F(ReceiptTest, P21_limits_stand_before_the_work) {
  const auto text = receipt(7).to_json();
  EXPECT_TRUE(Receipt::parse(text, {.bytes = text.size()}));
  EXPECT_EQ(Receipt::parse(text, {.bytes = text.size() - 1}).error().code, Errc::too_large);
  EXPECT_EQ(Receipt::parse(std::string(ReceiptLimits{}.bytes + 1, ' ')).error().code,
            Errc::too_large);
  // The largest entry, all of which is escaped twice, still has a receipt that can be read.
  const auto room =
      kMaxEntryBytes -
      EntryBuilder(Kind::action_intent, clock.now(), workspace).set("a", "").build()->text().size();
  const auto largest = EntryBuilder(Kind::action_intent, clock.now(), workspace)
                           .set("a", std::string(room / 2, '"'))
                           .build()
                           .value();
  FakeLog one;
  one.append(to_bytes(largest.bytes()));
  const auto made = Receipt::issue(
      largest, 0, {}, SignedCheckpoint::open(one.sign(signer), signer.verifier()).value());
  EXPECT_TRUE(Receipt::parse(made->to_json())->verify(signer.verifier()));
}

// Version 0.1's, which had no opening.
TEST_F(ReceiptTest, P21_a_receipt_of_version_1_still_verifies) {
  auto old = json(7);
  old["v"] = 1;
  const auto parsed = Receipt::parse(canonical_json(old));
  ASSERT_TRUE(parsed);
  EXPECT_TRUE(parsed->verify(signer.verifier()));
  old["salt"] = std::string(64, '0');
  old["statement"] = "{}";
  EXPECT_FALSE(Receipt::parse(canonical_json(old)));
}

TEST_F(ReceiptTest, P20_a_receipt_says_what_was_done_and_the_entry_commits_to_it) {
  const Opening opening{.salt = Digest{7}, .statement = R"({"amount":12000})"};
  const auto commitment = hex_encode(crypto::Sha256()
                                         .update(BytesView(opening.salt))
                                         .update(BytesView(crypto::sha256(opening.statement)))
                                         .finish());
  const auto entry_with = [&](const std::string& approved, std::string_view payload) {
    return EntryBuilder(Kind::action_intent, clock.now(), workspace)
        .set("commitment", approved)
        .commit("arguments", commit_payload(opening.salt, as_bytes(payload)).digest)
        .build()
        .value();
  };
  const auto issue = [&](const Entry& entry) {
    FakeLog one;
    one.append(to_bytes(entry.bytes()));
    return Receipt::issue(
        entry, 0, {}, SignedCheckpoint::open(one.sign(signer), signer.verifier()).value(), opening);
  };
  const auto made = issue(entry_with(commitment, opening.statement));
  ASSERT_TRUE(made);
  EXPECT_TRUE(made->says_what());
  const auto verified = Receipt::parse(made->to_json())->verify(signer.verifier());
  ASSERT_TRUE(verified);
  EXPECT_EQ(verified->opening()->statement, opening.statement);
  // Of another statement than the one that was done, or that was approved.
  EXPECT_FALSE(issue(entry_with(commitment, R"({"amount":12001})")));
  EXPECT_FALSE(issue(entry_with(std::string(64, '0'), opening.statement)));

  auto object = parse_json_object(made->to_json()).value();
  auto changed = object;
  changed["statement"] = R"({"amount":12001})";
  EXPECT_EQ(verdict(changed), Errc::denied);
  changed = object;
  changed["salt"] = std::string(64, '0');
  EXPECT_EQ(verdict(changed), Errc::denied);
  // Handed on without what was done, it proves the entry all the same.
  object.erase("salt");
  EXPECT_EQ(verdict(object), Errc::invalid_input);
  object.erase("statement");
  const auto bare = Receipt::parse(canonical_json(object))->verify(signer.verifier());
  ASSERT_TRUE(bare);
  EXPECT_FALSE(bare->opening());
}

TEST_F(ReceiptTest, P21_any_bit_flipped_and_it_proves_nothing_else) {
  const auto text = receipt(7).to_json();
  EXPECT_TRUE(rc::check("a bit of the receipt", [&] {
    auto flipped = text;
    const auto bit = *rc::gen::inRange<std::size_t>(0, text.size() * 8);
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    const auto parsed = Receipt::parse(flipped);
    if (parsed) RC_ASSERT_FALSE(parsed->verify(signer.verifier()).has_value());
  }));
}

}  // namespace
}  // namespace writ::audit
