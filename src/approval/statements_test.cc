// SPDX-License-Identifier: Apache-2.0
#include "approval/statements.h"

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "crypto/es256.h"
#include "crypto/hash.h"

namespace writ::approval {
namespace {

const Freshness kFresh{.nonce = Bytes(32, 0xff), .expires = from_unix_seconds(1767323045)};
// What the commitment of a request is to.
const std::string kRequest =
    R"({"body":")" + std::string(64, '0') +
    R"(","method":"POST","tag":"writ-route-v1","target":"/v1/users/bob/invitations?a=b",)" +
    R"("workspace":"wsp_01000000000000000000000000"})";
constexpr std::string_view kNonce = "__________________________________________8";

TEST(Statements, P40_TheSignedBytesAreThese) {
  EXPECT_EQ(canonical_apply({.workspace = WorkspaceId(id_detail::Raw{1}),
                             .base_version = 7,
                             .base = {},
                             .digest = {},
                             .difference = {},
                             .fresh = kFresh}),
            R"({"base":{"digest":")" + std::string(64, '0') + R"(","version":7},"difference":")" +
                std::string(64, '0') + R"(","digest":")" + std::string(64, '0') +
                R"(","expiry":"2026-01-02T03:04:05.000Z","nonce":")" + std::string(kNonce) +
                R"(","tag":"writ-apply-v1","workspace":"wsp_01000000000000000000000000"})");
  EXPECT_EQ(canonical_route({.workspace = WorkspaceId(id_detail::Raw{1}),
                             .method = "POST",
                             .target = "/v1/users/bob/invitations?a=b",
                             .body = {},
                             .salt = Digest{0xab},
                             .fresh = kFresh}),
            R"({"commitment":")" + hex_encode(commitment(Digest{0xab}, crypto::sha256(kRequest))) +
                R"(","decision":"approve","expiry":"2026-01-02T03:04:05.000Z","groups":[],)" +
                R"("nonce":")" + std::string(kNonce) +
                R"(","subject":"route","tag":"writ-approval-v2",)" +
                R"("workspace":"wsp_01000000000000000000000000"})");
}

TEST(Statements, P20_ARouteIsSignedAsADecisionAndAsNoOther) {
  const RouteStatement route{.workspace = WorkspaceId(id_detail::Raw{1}),
                             .method = "POST",
                             .target = "/v1/users/bob/enable",
                             .body = {},
                             .salt = Digest{1},
                             .fresh = kFresh};
  const auto said = canonical_route(route);
  const auto differs = [&](auto change) {
    auto other = route;
    change(other);
    return canonical_route(other) != said;
  };
  EXPECT_TRUE(differs([](auto& other) { other.workspace = WorkspaceId(id_detail::Raw{2}); }));
  EXPECT_TRUE(differs([](auto& other) { other.method = "PUT"; }));
  EXPECT_TRUE(differs([](auto& other) { other.target = "/v1/users/eve/enable"; }));
  EXPECT_TRUE(differs([](auto& other) { other.body = Digest{1}; }));
  EXPECT_TRUE(differs([](auto& other) { other.salt = Digest{2}; }));
  EXPECT_TRUE(differs([](auto& other) { other.fresh.expires += milliseconds(1); }));
  // The same commitment, asked as a question about an action, is another text.
  auto question = decision_of(route);
  question.subject = Subject::action;
  EXPECT_NE(canonical_decision(question), said);
}

TEST(Statements, P40_AFieldReadsBackAndNothingElseDoes) {
  const SignedRoute given{.fresh = kFresh, .salt = Digest{7}, .signature = Bytes(64, 1)};
  const auto text = to_field(given);
  const auto read = parse_field(text);
  ASSERT_TRUE(read) << read.error().to_string();
  EXPECT_EQ(*read, given);
  for (const auto& other :
       {std::string(), text + ";", text + "; x=1", " " + text, text.substr(1),
        std::string("nonce=AA; signature=AA"),
        std::string("nonce=AA; expiry=2026-01-02T03:04:05.000Z; salt=AA; signature=AA"),
        "nonce=!; expiry=2026-01-02T03:04:05.000Z; salt=" + std::string(43, 'A') + "; signature=AA",
        "nonce=" + std::string(1000, 'A') +
            "; expiry=2026-01-02T03:04:05.000Z; salt=" + std::string(43, 'A') + "; signature=AA"})
    EXPECT_FALSE(parse_field(other)) << other;
}

TEST(Statements, P40_ASignatureHoldsForItsKeyItsBytesAndAShortTime) {
  const auto key = crypto::Es256PrivateKey::generate();
  const jose::Jwk known(key.public_key());
  const auto signature = key.sign(as_bytes(std::string_view("text")));
  const auto before = kFresh.expires - seconds(1);
  EXPECT_TRUE(check_statement(known, "text", kFresh, signature, before));
  EXPECT_FALSE(check_statement(known, "texts", kFresh, signature, before));
  EXPECT_FALSE(check_statement(jose::Jwk(crypto::Es256PrivateKey::generate().public_key()), "text",
                               kFresh, signature, before));
  EXPECT_FALSE(check_statement(known, "text", kFresh, signature, kFresh.expires));
  EXPECT_FALSE(check_statement(known, "text", kFresh, signature,
                               kFresh.expires - kMaxStatementLife - milliseconds(1)));
  auto fresh = kFresh;
  fresh.nonce.clear();
  EXPECT_FALSE(check_statement(known, "text", fresh, signature, before));
}

}  // namespace
}  // namespace writ::approval
