// SPDX-License-Identifier: Apache-2.0
// For tests of the control plane, here and in api/: Acme (testing.h) with its people's sessions.
#pragma once

#include "base/held_random.h"
#include "broker/applying.h"
#include "broker/credentials.h"
#include "broker/proposals.h"
#include "broker/sign_in.h"
#include "broker/testing.h"

namespace writ::broker {

// A person's side of a session: its text and key.
struct TestSession {
  std::string text;
  jose::Es256Signer key{crypto::Es256PrivateKey::generate()};
  TimePoint expires;
};

inline approval::Freshness freshness(Acme& acme) {
  approval::Freshness out{.nonce = Bytes(approval::kStatementNonce),
                          .expires = acme.clock().now() + approval::kStatementLife};
  acme.random().fill(out.nonce);
  return out;
}

// Signed with the key that Acme gave this person.
inline void sign_apply(Acme& acme, ApplyAsk& ask, const Applied& seen, std::string_view name) {
  JsonArray changes;
  for (const auto& change : seen.changes) changes.emplace_back(change.to_json());
  const approval::ApplyStatement statement{.workspace = acme.workspace().id(),
                                           .base_version = seen.base.number,
                                           .base = seen.base.digest,
                                           .digest = seen.digest,
                                           .difference = approval::difference_digest(changes),
                                           .fresh = freshness(acme)};
  ask.signature = SignedDifference{
      .difference = statement.difference,
      .by = {.fresh = statement.fresh,
             .signature = acme.key(name).sign(as_bytes(approval::canonical_apply(statement)))}};
}

// As the command line applies: what would change, against the version of now, and signed.
inline ApplyAsk signed_apply(Acme& acme, Applying& applying, std::string_view name,
                             workspace::Documents documents) {
  ApplyAsk ask{.documents = std::move(documents), .dry_run = true, .base = {}, .signature = {}};
  const auto seen =
      acme.run(applying.apply(acme.workspace(), ask, acme.authority("admin", Operation::apply)));
  ask.dry_run = false;
  const auto now = acme.workspace().version();
  ask.base = VersionName{.number = now->number(), .digest = now->digest()};
  if (seen) sign_apply(acme, ask, *seen, name);
  return ask;
}

struct ControlPlane {
  static constexpr std::string_view kUrl = Acme::kIssuer;

  // A statement of theirs about some request, signed with that key.
  Expected<KeySignature> try_signature(std::string_view name,
                                       std::optional<approval::Freshness> fresh = std::nullopt) {
    const approval::RouteStatement statement{.workspace = acme.workspace().id(),
                                             .method = "POST",
                                             .target = "/v1/something",
                                             .body = {},
                                             .salt = {},
                                             .fresh = fresh ? *fresh : freshness()};
    return KeySignature::check(acme.workspace(), *acme.workspace().version()->user(name), statement,
                               acme.key(name).sign(as_bytes(approval::canonical_route(statement))),
                               acme.clock().now());
  }
  KeySignature signature(std::string_view name) { return try_signature(name).value(); }
  approval::Freshness freshness() { return broker::freshness(acme); }
  ApplyAsk signed_apply(std::string_view name, workspace::Documents documents) {
    return broker::signed_apply(acme, applying, name, std::move(documents));
  }
  std::string login(const jose::Signer& key, std::string_view workspace, std::string_view user,
                    const jose::Signer& session_key, std::string_view url = kUrl,
                    seconds life = kMaxLoginLife) {
    return make_login(key, {.workspace = workspace, .user = user, .public_url = url},
                      session_key.public_jwk().thumbprint(), acme.clock(), acme.random(), life);
  }
  Expected<SignedIn> sign_in(std::string_view workspace, std::string_view user,
                             std::string assertion,
                             std::optional<SignInRequest::Enrol> enrol = std::nullopt) {
    return acme.run(sign_ins.sign_in({.workspace = std::string(workspace),
                                      .user = std::string(user),
                                      .assertion = std::move(assertion),
                                      .enrol = std::move(enrol)}));
  }
  TestSession session(std::string_view user) {
    TestSession out;
    auto done = sign_in("acme", user, login(acme.key(user), "acme", user, out.key));
    WRIT_CHECK(done.has_value());
    out.text = std::string(done->session.reveal_text());
    out.expires = done->expires;
    return out;
  }
  std::string proof(const TestSession& of, std::string_view method, std::string_view path) {
    return jose::make_dpop_proof(of.key, method, std::string(kUrl) + std::string(path), of.text,
                                 acme.clock(), acme.random());
  }
  Expected<Session> use(const TestSession& of, std::optional<std::string> with,
                        std::string_view method = "GET", std::string_view path = "/v1/session") {
    const auto url = std::string(kUrl) + std::string(path);
    return sessions.authenticate(
        {.scheme = "DPoP",
         .token = of.text,
         .proof = with ? std::optional<std::string_view>(*with) : std::nullopt,
         .method = method,
         .url = url,
         .operation = Operation::see_self});
  }
  Expected<Session> use(const TestSession& of) { return use(of, proof(of, "GET", "/v1/session")); }

  std::vector<JsonObject> entries(audit::Kind kind) {
    std::vector<JsonObject> out;
    for (const auto& entry : acme.entries(kind)) out.push_back(entry.json());
    return out;
  }

  Acme acme;
  // Another than the one that Acme's data key lies under, so founding has one of its own.
  vault::SealKey seal =
      vault::SealKey::from_text(vault::SealKey::generate_text(acme.random())).value();
  Revocations revocations{acme.approvals(), acme.stops(), acme.clock(), acme.random(), acme.log()};
  Sessions& sessions = acme.sessions();
  Users users{sessions, revocations, acme.stops(), acme.clock(), acme.random()};
  HeldRandom build_random{acme.random()};
  Builds builds;
  Applying applying{acme.approvals(), sessions, revocations, builds, acme.clock(), build_random};
  Proposals proposals{applying, builds, acme.shares(), acme.clock(), acme.random()};
  Credentials credentials{{.store = acme.store(),
                           .live = acme.live(),
                           .approvals = acme.approvals(),
                           .clock = acme.clock(),
                           .random = acme.random(),
                           .log = acme.log()}};
  SignIns sign_ins{{.store = acme.store(),
                    .live = acme.live(),
                    .sessions = sessions,
                    .time = acme.time(),
                    .seal_key = seal,
                    .clock = acme.clock(),
                    .random = acme.random()},
                   std::string(kUrl)};
};

}  // namespace writ::broker
