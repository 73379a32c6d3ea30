// SPDX-License-Identifier: Apache-2.0
// Widening takes a key (P40), over HTTP: what a session alone does not do.
#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/testing.h"
#include "protocol/problem.h"

namespace writ::api {
namespace {

using testing::HasSubstr;

struct Giving {
  std::string by;
  std::string target;
  std::string body;
  std::string type = "application/json";
  int status = 200;
};

class SignaturesTest : public testing::Test, public ApiServer {
 protected:
  static std::vector<Giving> all() {
    const std::string octets = "application/octet-stream";
    const std::string secret = "sk_live_ABCDEFGHIJKLMNOP";
    return {{.by = "admin", .target = "/v1/users/bob/invitations", .body = "{}"},
            {.by = "opal", .target = "/v1/users/carol/enable", .body = "{}"},
            {.by = "opal",
             .target = "/v1/credentials/billing-api-key/rotate?account=other",
             .body = secret,
             .type = octets,
             .status = 201},
            {.by = "opal",
             .target = "/v1/credentials/billing-api-key/rotate?account=same",
             .body = secret,
             .type = octets,
             .status = 201},
            {.by = "opal",
             .target = "/v1/credentials/other-key?server=billing",
             .body = secret,
             .type = octets,
             .status = 400}};
  }
  Seen send(const Giving& giving, const std::string& signature) {
    return request("POST", giving.target,
                   fields_of(session_of(giving.by), "POST", giving.target) + signature, giving.body,
                   giving.type);
  }
  std::string signed_by(const std::string& name, const Giving& giving,
                        std::optional<approval::Freshness> fresh = std::nullopt) {
    return signature_field(name, "POST", giving.target, giving.body, std::move(fresh));
  }
};

TEST_F(SignaturesTest, P40_ASessionAloneGivesNobodyAKeyOrAnAccount) {
  acme.disable("carol");
  for (const auto& giving : all()) {
    (void)session_of(giving.by);
    const auto before = acme.store().commits();
    const auto refused = [&](const std::string& signature, const char* why) {
      const auto seen = send(giving, signature);
      EXPECT_EQ(seen.status, 403) << giving.target << ", " << why << ": " << seen.body;
      EXPECT_THAT(seen.body, HasSubstr("key-required")) << why;
      EXPECT_EQ(acme.store().commits(), before) << why;
    };
    refused("", "no signature");
    refused(signed_by("bob", giving), "another person's key");
    auto other = giving;
    other.target = "/v1/users/dave/enable";
    refused(signed_by(giving.by, other), "another request");
    other = giving;
    other.body = "sk_live_ABCDEFGHIJKLMNOQ";
    refused(signed_by(giving.by, other), "another body");
    auto fresh = freshness();
    fresh.expires = acme.clock().now();
    refused(signed_by(giving.by, giving, fresh), "too late");
    fresh.expires = acme.clock().now() + approval::kMaxStatementLife + milliseconds(1);
    refused(signed_by(giving.by, giving, fresh), "good for too long");
    fresh = freshness();
    fresh.nonce.pop_back();
    refused(signed_by(giving.by, giving, fresh), "a short nonce");
    EXPECT_EQ(send(giving, signed_by(giving.by, giving)).status, giving.status) << giving.target;
  }
}

TEST_F(SignaturesTest, P40_ASignatureIsGoodOnce) {
  const Giving giving{.by = "admin", .target = "/v1/users/bob/invitations", .body = "{}"};
  const auto signature = signed_by("admin", giving);
  EXPECT_EQ(send(giving, signature).status, 200);
  EXPECT_EQ(send(giving, signature).status, 409);
  EXPECT_EQ(entries(audit::Kind::user_invited).size(), 1U);
  EXPECT_EQ(entries(audit::Kind::user_invited)[0].at("signed_by"),
            Json(key_of("admin").public_jwk().thumbprint()));
}

// Else it could be used again: who remembered that it was used has forgotten it.
TEST_F(SignaturesTest, P24_WhatWasSignedBeforeTheClockWasResetCountsNoMore) {
  const Giving giving{.by = "admin", .target = "/v1/users/bob/invitations", .body = "{}"};
  auto fresh = freshness();
  fresh.expires = acme.clock().now() + approval::kMaxStatementLife;
  const auto before = signed_by("admin", giving, fresh);
  EXPECT_EQ(send(giving, before).status, 200);
  const auto right = acme.clock().now();
  acme.clock().set_wall(right + std::chrono::hours(1));
  ASSERT_TRUE(acme.run(acme.time().advance()));
  acme.clock().set_wall(right + seconds(5));
  ASSERT_TRUE(acme.run(acme.time().begin_epoch(acme.time().view())));
  acme.clock().advance(broker::TimeGuard::kEpochDelay + seconds(2));
  ASSERT_GT(fresh.expires, acme.clock().now());
  const auto replayed = send(giving, before);
  EXPECT_EQ(replayed.status, 403) << replayed.body;
  EXPECT_THAT(replayed.body, HasSubstr("before counts no more"));
  acme.clock().advance(approval::kMaxStatementLife);
  EXPECT_EQ(send(giving, signed_by("admin", giving)).status, 200);
}

TEST_F(SignaturesTest, P40_AMalformedFieldIsRefused) {
  const Giving giving{.by = "admin", .target = "/v1/users/bob/invitations", .body = "{}"};
  for (const auto* text : {"", "nonce=", "nonce=AA; expiry=x; signature=AA", "x"}) {
    const auto seen = send(giving, "Writ-Signature: " + std::string(text) + "\r\n");
    EXPECT_THAT(seen.status, testing::AnyOf(400, 403)) << text;
  }
  EXPECT_TRUE(entries(audit::Kind::user_invited).empty());
}

TEST_F(SignaturesTest, P40_AWideningApplyBySessionAloneIsRefusedWithTheDifference) {
  const auto base = read<protocol::ApplyAnswer>(as("admin", "POST", "/v1/apply", apply_body(true)));
  acme.documents()["workspace.toml"] += "\n[users.erin]\nroles = [\"admin\"]\n";
  const protocol::ApplyRequest message{
      .documents = acme.documents(), .dry_run = false, .base = base.base, .signed_by_admin = {}};
  const auto seen = as("admin", "POST", "/v1/apply", write_json(message.to_json()));
  EXPECT_EQ(seen.status, 403) << seen.body;
  const auto problem = protocol::ProblemView::from_json(Json(seen.json())).value();
  EXPECT_EQ(problem.type, "key-required");
  EXPECT_EQ(problem.changes.size(), 2U);
  EXPECT_EQ(apply_signed().status, 200);
  // From the version of before: what it would take back is shown.
  const auto late = as("admin", "POST", "/v1/apply", write_json(message.to_json()));
  EXPECT_EQ(late.status, 200) << "the same documents again change nothing";
  auto other = message;
  other.documents["workspace.toml"] += "\n[users.frank]\n";
  EXPECT_EQ(as("admin", "POST", "/v1/apply", write_json(other.to_json())).status, 409);
}

}  // namespace
}  // namespace writ::api
