// SPDX-License-Identifier: Apache-2.0
#include "audit/entry.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "audit/tile.h"
#include "base/encoding.h"
#include "base/fake_clock.h"
#include "base/fake_random.h"
#include "crypto/hash.h"
#include "wire/canonical.h"

namespace writ::audit {
namespace {

class EntryTest : public ::testing::Test {
 protected:
  EntryBuilder builder(Kind kind = Kind::action_intent) const {
    return {kind, clock.now(), workspace};
  }
  // The least that is an entry, with one member replaced, added (in its place) or left out.
  std::string text(std::string_view key = "", std::string_view value = "") const {
    JsonObject object;
    object["at"] = "2026-01-02T03:04:05.000Z";
    object["kind"] = "action.intent";
    object["v"] = 2;
    object["workspace"] = workspace.to_string();
    if (!key.empty()) {
      const boost::json::string_view name(key.data(), key.size());
      if (value.empty())
        object.erase(name);
      else
        object[name] = parse_json(value).value();
    }
    return canonical_json(object);
  }
  static Errc error_of(std::string_view text) {
    const auto entry = Entry::parse(as_bytes(text));
    EXPECT_FALSE(entry) << text.substr(0, 200);
    return entry ? Errc::internal : entry.error().code;
  }

  FakeClock clock;
  FakeRandom random;
  WorkspaceId workspace = WorkspaceId::make(clock, random);
  ActionId action = ActionId::make(clock, random);
  RunId run = RunId::make(clock, random);
  ApprovalId approval = ApprovalId::make(clock, random);
};
using EntryBuilderTest = EntryTest;

TEST_F(EntryTest, P21_the_bytes_are_those_that_the_header_draws) {
  const auto commitment = commit_payload(random, as_bytes("arguments"));
  const auto entry = builder()
                         .set("tool", "billing.refund.execute")
                         .set("amount", 12)
                         .approval(approval)
                         .run(run)
                         .action(action)
                         .commit("arguments", commitment.digest)
                         .build();
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->text(), R"({"action":")" + action.to_string() + R"(","amount":12,"approval":")" +
                               approval.to_string() +
                               R"(","at":"2026-01-02T03:04:05.000Z","commitments":{"arguments":")" +
                               base64url_encode(commitment.digest) +
                               R"("},"kind":"action.intent","run":")" + run.to_string() +
                               R"(","tool":"billing.refund.execute","v":2,"workspace":")" +
                               workspace.to_string() + R"("})");
  EXPECT_EQ(to_text(entry->bytes()), entry->text());
}

TEST_F(EntryTest, P21_what_was_built_reads_back) {
  for (const auto kind : kKinds) {
    const auto commitment = commit_payload(random, as_bytes("payload"));
    const auto built = builder(kind)
                           .action(action)
                           .run(run)
                           .approval(approval)
                           .set("nested", parse_json(R"([1,-2.5,{"A b":null},"é",true])").value())
                           .commit("arguments", commitment.digest)
                           .build();
    ASSERT_TRUE(built);
    const auto entry = Entry::parse(built->bytes());
    ASSERT_TRUE(entry);
    EXPECT_EQ(entry->text(), built->text());
    EXPECT_EQ(entry->json(), built->json());
    EXPECT_EQ(canonical_json(entry->json()), entry->text());
    EXPECT_EQ(entry->commitment("arguments"), commitment.digest);
    EXPECT_EQ(entry->commitment("result"), std::nullopt);
    for (const auto& each : {*built, *entry}) {
      EXPECT_EQ(each.kind(), kind);
      EXPECT_EQ(each.at(), clock.now());
      EXPECT_EQ(each.workspace(), workspace);
      EXPECT_EQ(each.subjects(),
                (EntrySubjects{.action = action, .run = run, .approval = approval}));
    }
  }
  const auto bare = Entry::parse(as_bytes(text()));
  ASSERT_TRUE(bare);
  EXPECT_EQ(bare->subjects(), EntrySubjects());
  EXPECT_EQ(bare->commitment("arguments"), std::nullopt);
  EXPECT_EQ(bare->text(), builder().build()->text());
}

// failures.md 27: CR, LF and ANSI in any field: still one record.
TEST_F(EntryTest, P21_F27_control_characters_in_any_field_stay_one_record) {
  EXPECT_TRUE(rc::check("any text", [&] {
    std::string hostile;
    for (const auto c : *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 128)))
      hostile += static_cast<char>(c);
    for (const auto* piece : {"\r\n{\"v\":1}\n", "\x1b[2K\x1b[1A", "\xe2\x80\xae", "\xe2\x80\xa8"})
      if (*rc::gen::arbitrary<bool>()) hostile += piece;
    JsonObject object;
    object[hostile] = hostile;
    const auto entry = builder().set("tool", hostile).set("nested", std::move(object)).build();
    RC_ASSERT(entry.has_value());
    RC_ASSERT(std::ranges::none_of(entry->text(),
                                   [](char c) { return static_cast<unsigned char>(c) < 0x20; }));
    const auto read = Entry::parse(entry->bytes());
    RC_ASSERT(read.has_value());
    RC_ASSERT(text_of(read->json().at("tool").as_string()) == hostile);
  }));
}

TEST_F(EntryTest, P21_F27_what_is_not_text_is_committed_to_and_not_copied) {
  const Bytes body = {0xff, 0x00, 0x80, 0x0a};
  const auto commitment = commit_payload(random, body);
  EXPECT_FALSE(builder().set("body", as_text(body)).build());
  const auto entry = builder().commit("body", commitment.digest).build();
  ASSERT_TRUE(entry);
  EXPECT_TRUE(opens_commitment(*entry->commitment("body"), commitment.salt, body));
}

TEST_F(EntryTest, P21_only_the_canonical_form_is_an_entry) {
  const auto good = text();
  ASSERT_TRUE(Entry::parse(as_bytes(good)));
  for (const auto& bad : std::vector<std::string>{
           good + "\n", " " + good, "\xef\xbb\xbf" + good, good + good,
           "{\"v\":2," + good.substr(1),                   // a duplicate
           "{ " + good.substr(1),                          // a space
           good.substr(0, good.size() - 1) + ",\"a\":1}",  // out of order
           good.substr(0, good.find("\"v\":2")) + "\"v\":2.0" +
               good.substr(good.find("\"v\":2") + 5),
           good.substr(0, good.find("intent")) + "\\u0069ntent" +
               good.substr(good.find("intent") + 6),  // another spelling of a letter
           "", "{}", "[]", "null", good.substr(0, good.size() - 1)})
    EXPECT_EQ(error_of(bad), Errc::invalid_input);
  EXPECT_TRUE(rc::check("a change of one byte is another entry or none", [&] {
    auto changed = good;
    changed[*rc::gen::inRange<std::size_t>(0, good.size())] =
        static_cast<char>(*rc::gen::inRange(0, 256));
    if (const auto entry = Entry::parse(as_bytes(changed))) RC_ASSERT(entry->text() == changed);
  }));
}

// An entry that 0.1 made: its bytes are those of its leaf for ever.
TEST_F(EntryTest, P38_an_entry_of_version_1_is_read_as_it_stands) {
  const std::string old =
      R"({"action":")" + action.to_string() +
      R"(","at":"2026-01-02T03:04:05.000Z","digest":"00ff","kind":"action.intent","v":1,"workspace":")" +
      workspace.to_string() + R"("})";
  const auto entry = Entry::parse(as_bytes(old));
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->version(), 1);
  EXPECT_EQ(entry->text(), old);
  EXPECT_EQ(entry->subjects().action, action);
  EXPECT_EQ(Entry::parse(as_bytes(text()))->version(), 2);
  EXPECT_EQ(builder().build()->version(), 2);
}

TEST_F(EntryTest, P21_unknown_versions_kinds_and_malformed_members_are_refused) {
  for (const auto* version : {"0", "3", "-1", "9007199254740991"})
    EXPECT_EQ(error_of(text("v", version)), Errc::unsupported);
  const struct {
    const char* key;
    const char* value;  // null: left out
  } bad[] = {
      {"v", nullptr},
      {"v", R"("1")"},
      {"v", "1.5"},
      {"kind", nullptr},
      {"kind", R"("action.approved")"},
      {"kind", R"("action.intent\n")"},
      {"kind", R"("ACTION.INTENT")"},
      {"kind", "1"},
      {"at", nullptr},
      {"at", R"("2026-01-02T03:04:05Z")"},  // a time, in another spelling
      {"at", R"("2026-01-02T03:04:05.0Z")"},
      {"at", R"("2026-01-02T03:04:05.000+00:00")"},
      {"at", R"("2026-13-02T03:04:05.000Z")"},
      {"at", "1767323045"},
      {"workspace", nullptr},
      {"workspace", R"("acme")"},
      {"workspace", R"("wsp_00000000000000000000000000")"},  // nil
      {"workspace", R"("run_01kdx9kbh8ebetnmbxp1yjx2g3")"},  // of another kind
      {"workspace", "null"},
      {"action", R"("")"},
      {"action", R"("act_00000000000000000000000000")"},
      {"action", "null"},
      {"run", R"("run")"},
      {"run", "7"},
      {"approval", R"("apr_!")"},
      {"approval", "{}"},
      {"commitments", "{}"},
      {"commitments", "null"},
      {"commitments", "[]"},
      {"commitments", R"({"arguments":"AQEB"})"},
      {"commitments", R"({"arguments":1})"},
      {"commitments", R"({"arguments":"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="})"},
      {"commitments", R"({"Arguments":"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE"})"},
      {"Tool", "1"},
      {"a-b", "1"},
      {"7", "1"},
      {"_a", "1"},
      {"a\n", "1"},
      {"caf\xc3\xa9", "1"},
  };
  for (const auto& [key, value] : bad)
    EXPECT_EQ(error_of(text(key, value == nullptr ? "" : value)), Errc::invalid_input)
        << key << " " << (value == nullptr ? "absent" : value);
  EXPECT_EQ(error_of(text(std::string(65, 'a'), "1")), Errc::invalid_input);
  EXPECT_TRUE(Entry::parse(as_bytes(text(std::string(64, 'a'), "1"))));
  // A key that a later release adds to a kind is no reason to refuse the entry.
  EXPECT_TRUE(Entry::parse(as_bytes(text("later_field", R"({"Any Key":1})"))));
}

TEST_F(EntryTest, P21_an_entry_is_at_most_65535_bytes) {
  const auto room = kMaxEntryBytes - builder().set("a", "").build()->text().size();
  const auto largest = builder().set("a", std::string(room, 'x')).build();
  ASSERT_TRUE(largest);
  EXPECT_EQ(largest->bytes().size(), 65535U);
  EXPECT_TRUE(Entry::parse(largest->bytes()));
  EXPECT_TRUE(build_bundle(std::vector<Bytes>{to_bytes(largest->bytes())}));

  EXPECT_EQ(builder().set("a", std::string(room + 1, 'x')).build().error().code, Errc::too_large);
  auto larger = largest->text();
  larger.insert(larger.find("x"), "x");
  EXPECT_EQ(error_of(larger), Errc::too_large);
  // Escapes count as they are written.
  EXPECT_EQ(builder().set("a", std::string(room / 6 + 1, '\x01')).build().error().code,
            Errc::too_large);
}

TEST_F(EntryBuilderTest, P21_reserved_and_repeated_keys_are_mistakes) {
  for (const auto* key :
       {"v", "kind", "at", "workspace", "action", "run", "approval", "commitments"}) {
    EXPECT_TRUE(EntryBuilder::is_reserved(key));
    EXPECT_EQ(builder().set(key, "forged").build().error().code, Errc::invalid_input) << key;
  }
  EXPECT_FALSE(EntryBuilder::is_reserved("tool"));
  EXPECT_FALSE(builder().set("tool", 1).set("tool", 1).build());
  EXPECT_FALSE(builder().commit("arguments", {}).commit("arguments", {}).build());
  EXPECT_TRUE(builder().set("arguments", 1).commit("arguments", {}).build());
  for (const auto* key : {"", "Tool", "7", "_a", "a-b", "a.b", "a b", "a\n", "caf\xc3\xa9"}) {
    EXPECT_FALSE(builder().set(key, 1).build()) << key;
    EXPECT_FALSE(builder().commit(key, {}).build()) << key;
  }
  EXPECT_FALSE(builder().set(std::string(65, 'a'), 1).build());
  // The first mistake is the one that is told, with what follows left alone.
  const auto twice = builder().set("kind", 1).set("B", 1).set("tool", 1).build();
  EXPECT_EQ(twice.error().where, "\"kind\"");
}

TEST_F(EntryBuilderTest, P21_a_value_that_would_not_read_back_is_a_mistake) {
  const auto refused = [&](Json value) {
    const auto entry = builder().set("a", value).build();
    JsonObject object;
    object["deep"] = JsonArray{std::move(value)};
    return !entry && entry.error().code == Errc::invalid_input &&
           !builder().set("a", std::move(object)).build();
  };
  EXPECT_TRUE(refused(Json(kMaxJsonInteger + 1)));
  EXPECT_TRUE(refused(Json(-kMaxJsonInteger - 1)));
  EXPECT_TRUE(refused(Json(static_cast<std::uint64_t>(kMaxJsonInteger) + 1)));
  EXPECT_TRUE(refused(Json(1e300)));
  EXPECT_TRUE(refused(Json(-1e300)));
  EXPECT_TRUE(refused(Json(std::numeric_limits<double>::infinity())));
  EXPECT_TRUE(refused(Json(std::numeric_limits<double>::quiet_NaN())));
  EXPECT_TRUE(refused(Json("\xff")));
  EXPECT_TRUE(refused(Json("\xed\xa0\x80")));
  JsonObject bad_name;
  bad_name["\xff"] = 1;
  EXPECT_TRUE(refused(bad_name));
  Json deep = 1;
  for (int i = 0; i < 23; ++i) deep = JsonArray{std::move(deep)};
  const auto deepest = builder().set("a", deep).build();
  ASSERT_TRUE(deepest);
  EXPECT_TRUE(Entry::parse(deepest->bytes()));
  EXPECT_TRUE(refused(JsonArray{deep}));

  for (const auto& value : {Json(kMaxJsonInteger), Json(-kMaxJsonInteger), Json(-0.0), Json(1e-300),
                            Json(0.1), Json(std::uint64_t{7}), Json(2.0)}) {
    const auto entry = builder().set("a", value).build();
    ASSERT_TRUE(entry) << write_json(value);
    EXPECT_EQ(Entry::parse(entry->bytes())->text(), entry->text());
  }
}

TEST_F(EntryBuilderTest, P21_an_entry_has_a_workspace_and_a_time_that_can_be_written) {
  EXPECT_EQ(EntryBuilder(Kind::log_opened, clock.now(), {}).build().error().where, "workspace");
  for (const auto at : {from_unix_seconds(253402300800), from_unix_seconds(-62167219201)})
    EXPECT_EQ(EntryBuilder(Kind::log_opened, at, workspace).build().error().where, "at");
  for (const auto at : {from_unix_millis(253402300799999), from_unix_seconds(-62167219200)}) {
    const auto entry = EntryBuilder(Kind::log_opened, at, workspace).build();
    ASSERT_TRUE(entry);
    EXPECT_EQ(Entry::parse(entry->bytes())->at(), at);
  }
}

// failures.md 27: whoever makes a field long ends no record, and no process, with it.
TEST_F(EntryTest, P21_what_makes_an_entry_too_large_gives_way_to_its_digest) {
  const std::string hostile(20'000, '\x01');
  auto large = builder();
  large.set("message", hostile).set("role", "payer").set("texts", Json(JsonArray{hostile.c_str()}));
  EXPECT_EQ(large.build().error().code, Errc::too_large);
  const auto entry = large.build_bounded();
  ASSERT_TRUE(entry);
  ASSERT_TRUE(Entry::parse(entry->bytes()));
  const auto json = entry->json();
  EXPECT_EQ(json.at("role"), Json("payer"));
  EXPECT_FALSE(json.contains("message"));
  EXPECT_FALSE(json.contains("texts"));
  EXPECT_EQ(json.at("message_sha256"),
            Json(hex_encode(crypto::sha256(canonical_json(Json(hostile))))));

  const auto small = builder().set("a", "1");
  EXPECT_EQ(small.build_bounded()->text(), small.build()->text());
  EXPECT_EQ(builder().set("a", "\xff").build_bounded().error().code, Errc::invalid_input);
}

TEST_F(EntryTest, P21_a_commitment_is_the_salted_digest_that_is_documented) {
  const auto payload = to_bytes("{\"amount\":12}");
  const auto commitment = commit_payload(random, payload);
  auto preimage = to_bytes("writ-audit-payload-v1");
  preimage.push_back(0);
  preimage.insert(preimage.end(), commitment.salt.begin(), commitment.salt.end());
  preimage.insert(preimage.end(), payload.begin(), payload.end());
  EXPECT_EQ(commitment.digest, crypto::Sha256().update(BytesView(preimage)).finish());

  EXPECT_TRUE(opens_commitment(commitment.digest, commitment.salt, payload));
  EXPECT_FALSE(opens_commitment(commitment.digest, commitment.salt, as_bytes("{\"amount\":13}")));
  EXPECT_FALSE(opens_commitment(commitment.digest, commitment.salt, {}));
  EXPECT_FALSE(opens_commitment(commitment.digest, {}, payload));
  EXPECT_FALSE(opens_commitment({}, commitment.salt, payload));
  // The same payload again: nobody can tell from the log that it is the same.
  const auto again = commit_payload(random, payload);
  EXPECT_NE(again.salt, commitment.salt);
  EXPECT_NE(again.digest, commitment.digest);
  // What is moved from the payload to the salt is another payload.
  const auto empty = commit_payload(random, {});
  EXPECT_TRUE(opens_commitment(empty.digest, empty.salt, {}));
}

// Erasing is deleting payload and salt: neither is in what the leaf commits to.
TEST_F(EntryTest, P21_erasure_leaves_the_leaf_as_it_was) {
  const std::string payload = "card 4111";
  const auto commitment = commit_payload(random, as_bytes(payload));
  const auto entry = builder().commit("arguments", commitment.digest).build().value();
  EXPECT_EQ(entry.text().find(payload), std::string::npos);
  EXPECT_EQ(entry.text().find(base64url_encode(commitment.salt)), std::string::npos);
  // With the salt gone, guessing the payload right shows nothing.
  EXPECT_FALSE(opens_commitment(*entry.commitment("arguments"), {}, as_bytes(payload)));
  EXPECT_EQ(leaf_hash(Entry::parse(entry.bytes())->bytes()), leaf_hash(entry.bytes()));
}

}  // namespace
}  // namespace writ::audit
