// SPDX-License-Identifier: Apache-2.0
#include "action/digest.h"

#include <functional>
#include <set>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "base/encoding.h"
#include "crypto/hash.h"
#include "wire/canonical.h"

namespace writ::action {
namespace {

template <typename T>
T id(std::uint8_t n) {
  return T(id_detail::Raw{n});
}

const JsonObject kArguments{{"invoice", "inv_1"}, {"amount", 12000}, {"currency", "EUR"}};

Statement example() {
  Digest definition{};
  definition.fill(0x11);
  return {.workspace = id<WorkspaceId>(1),
          .run = id<RunId>(2),
          .agent = id<AgentId>(3),
          .user = id<UserId>(4),
          .tool = "billing.refund.execute",
          .definition = definition,
          .server = id<ServerId>(5),
          .method = "POST",
          .target = "/v1/refunds",
          .arguments = &kArguments,
          .credential = id<CredentialId>(6),
          .generation = 1,
          .idempotency_key = "key-1"};
}

// The bytes are what approvals sign and the log keeps: a change of them is a change of the format.
TEST(Digest, P12_TheStatementsBytesAreThese) {
  EXPECT_EQ(
      canonical_statement(example()),
      R"({"agent":"agt_03000000000000000000000000","arguments":{"amount":12000,"currency":"EUR",)"
      R"("invoice":"inv_1"},"credential":"crd_06000000000000000000000000",)"
      R"("definition":"1111111111111111111111111111111111111111111111111111111111111111",)"
      R"("generation":1,"idempotency_key":"key-1","method":"POST",)"
      R"("run":"run_02000000000000000000000000","server":"srv_05000000000000000000000000",)"
      R"("tag":"writ-action-v1","target":"/v1/refunds","tool":"billing.refund.execute",)"
      R"("user":"usr_04000000000000000000000000","workspace":"wsp_01000000000000000000000000"})");
}

TEST(Digest, P12_ItIsTheHashOfTheCanonicalForm) {
  const auto statement = canonical_statement(example());
  EXPECT_EQ(canonical_json(parse_json(statement).value()), statement);
  EXPECT_EQ(action_digest(statement), crypto::sha256(statement));
}

// One level deeper than the request that it is about.
TEST(Digest, P12_WhatIsAsDeepAsARequestMayBeReadsBack) {
  std::string text = "1";
  for (std::size_t depth = 0; depth < JsonLimits().depth; ++depth) text = "{\"a\":" + text + "}";
  const auto arguments = parse_json_object(text).value();
  auto statement = example();
  statement.arguments = &arguments;
  const auto read = parse_statement(canonical_statement(statement));
  ASSERT_TRUE(read) << read.error().to_string();
  EXPECT_EQ(canonical_json(*read), canonical_statement(statement));
  EXPECT_FALSE(parse_statement("{"));
}

TEST(Digest, P12_WhatIsAbsentIsStatedAsNull) {
  auto statement = example();
  statement.user.reset();
  statement.credential.reset();
  statement.generation = 0;
  statement.idempotency_key.reset();
  const auto object = parse_json_object(canonical_statement(statement)).value();
  EXPECT_TRUE(object.at("user").is_null());
  EXPECT_TRUE(object.at("credential").is_null());
  EXPECT_TRUE(object.at("idempotency_key").is_null());
  EXPECT_EQ(canonical_json(object), canonical_statement(statement));
}

// failures.md 24: each field alone makes another action.
TEST(Digest, P12_AnyChangeIsAnotherAction) {
  static const JsonObject one_cent_more{
      {"invoice", "inv_1"}, {"amount", 12001}, {"currency", "EUR"}};
  static const JsonObject text_amount{
      {"invoice", "inv_1"}, {"amount", "12000"}, {"currency", "EUR"}};
  static const JsonObject one_more{
      {"invoice", "inv_1"}, {"amount", 12000}, {"currency", "EUR"}, {"note", ""}};
  const std::vector<std::function<void(Statement&)>> changes{
      [](Statement& s) { s.workspace = id<WorkspaceId>(9); },
      [](Statement& s) { s.run = id<RunId>(9); },
      [](Statement& s) { s.agent = id<AgentId>(9); },
      [](Statement& s) { s.user = id<UserId>(9); },
      [](Statement& s) { s.user.reset(); },
      [](Statement& s) { s.tool = "billing.refund.preview"; },
      [](Statement& s) { s.definition[31] ^= 1; },
      [](Statement& s) { s.server = id<ServerId>(9); },
      [](Statement& s) { s.method = "PUT"; },
      [](Statement& s) { s.target = "/v1/refunds?dry=1"; },
      [](Statement& s) { s.arguments = &one_cent_more; },
      [](Statement& s) { s.arguments = &text_amount; },
      [](Statement& s) { s.arguments = &one_more; },
      [](Statement& s) { s.credential = id<CredentialId>(9); },
      [](Statement& s) { s.credential.reset(); },
      [](Statement& s) { s.generation = 2; },
      [](Statement& s) { s.idempotency_key = "key-2"; },
      [](Statement& s) { s.idempotency_key.reset(); },
      [](Statement& s) { s.idempotency_key = ""; },
      [](Statement& s) { s.idempotency_key = "null"; },
  };
  std::set<Digest> seen{action_digest(canonical_statement(example()))};
  for (const auto& change : changes) {
    auto changed = example();
    change(changed);
    EXPECT_TRUE(seen.insert(action_digest(canonical_statement(changed))).second)
        << canonical_statement(changed);
  }
}

TEST(Digest, P12_TheOrderOfArgumentsDoesNotMatter) {
  const JsonObject turned{{"currency", "EUR"}, {"amount", 12000}, {"invoice", "inv_1"}};
  auto statement = example();
  statement.arguments = &turned;
  EXPECT_EQ(canonical_statement(statement), canonical_statement(example()));
}

TEST(Digest, P14_ALikenessForgetsWhoAsksAndTheKey) {
  const auto like = likeness(example());
  auto other = example();
  other.run = id<RunId>(9);
  other.agent = id<AgentId>(9);
  other.user.reset();
  other.idempotency_key = "another";
  other.generation = 2;
  EXPECT_EQ(likeness(other), like);
  static const JsonObject more{{"invoice", "inv_1"}, {"amount", 12001}, {"currency", "EUR"}};
  for (const auto& change : std::vector<std::function<void(Statement&)>>{
           [](Statement& s) { s.workspace = id<WorkspaceId>(9); },
           [](Statement& s) { s.tool = "billing.refund.preview"; },
           [](Statement& s) { s.server = id<ServerId>(9); }, [](Statement& s) { s.method = "PUT"; },
           [](Statement& s) { s.target = "/v1/other"; },
           [](Statement& s) { s.arguments = &more; }}) {
    auto changed = example();
    change(changed);
    EXPECT_NE(likeness(changed), like);
  }
  EXPECT_NE(like, action_digest(canonical_statement(example())));
}

// Texts that try to break out of their place give a statement that still parses to themselves.
RC_GTEST_PROP(DigestProperty, P12_TextsStayWithinTheirField, ()) {
  const auto text = [] {
    return *rc::gen::container<std::string>(rc::gen::elementOf(std::string("\"\\,:{}[]a\n\x01")));
  };
  auto statement = example();
  const auto target = text();
  const auto key = text();
  const auto note = text();
  const JsonObject arguments{{note, note}};
  statement.target = target;
  statement.idempotency_key = key;
  statement.arguments = &arguments;
  const auto canonical = canonical_statement(statement);
  const auto object = parse_json_object(canonical).value();
  RC_ASSERT(object.size() == 14U);
  RC_ASSERT(object.at("target") == Json(target));
  RC_ASSERT(object.at("idempotency_key") == Json(key));
  RC_ASSERT(object.at("arguments") == Json(arguments));
  RC_ASSERT(canonical_json(object) == canonical);
}

}  // namespace
}  // namespace writ::action
