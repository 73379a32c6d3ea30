// SPDX-License-Identifier: Apache-2.0
// What an admin's enrolled key signs beside approvals (protocol.md P40): an apply that widens, and
// a request that gives somebody a key or an account. Both sides use this file: the server to check,
// the command line to sign. Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "approval/decision.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/id.h"
#include "jose/jwk.h"
#include "wire/json.h"

namespace writ::approval {

// A statement is made for now: who signs gives it this long, and no expiry lies further ahead than
// the second.
inline constexpr seconds kStatementLife = std::chrono::minutes(5);
inline constexpr seconds kMaxStatementLife = std::chrono::minutes(10);
inline constexpr std::size_t kStatementNonce = 32;

// What makes a signature good once, and for a short time.
struct Freshness {
  Bytes nonce;  // random, kStatementNonce bytes
  TimePoint expires;
  friend bool operator==(const Freshness&, const Freshness&) = default;
};

struct ApplyStatement {
  WorkspaceId workspace;
  std::uint64_t base_version = 0;  // the version that the difference is from
  Digest base{};                   // of its documents
  Digest digest{};                 // of the new documents
  Digest difference{};             // difference_digest() of what was shown
  Freshness fresh;
};

// The bytes that are signed: RFC 8785 of {"base":{"digest":hex,"version":7},"difference":hex,
// "digest":hex,"expiry":"2026-01-02T03:04:05.678Z","nonce":base64url,"tag":"writ-apply-v1",
// "workspace":"wsp_…"}
std::string canonical_apply(const ApplyStatement& statement);

// SHA-256 over RFC 8785 of {"changes":[…],"tag":"writ-difference-v1"}: of the changes as an answer
// of /v1/apply has them.
Digest difference_digest(const JsonArray& changes);

// A request to another route of /v1. What is signed is a decision (decision.h) with the subject
// `route`, which nobody asked for: without an approval, and for no group. Its commitment is to the
// request, under a salt that whoever signs draws: so the log can carry what was signed and says
// nothing of a body that somebody could guess (P38).
struct RouteStatement {
  WorkspaceId workspace;
  std::string method;  // "POST"
  std::string target;  // path and query as they are sent
  Digest body{};       // SHA-256 of the octets of the body
  Digest salt{};       // 32 random bytes
  Freshness fresh;
};

// SHA-256 over RFC 8785 of {"body":hex,"method":…,"tag":"writ-route-v1","target":…,
// "workspace":"wsp_…"}
Digest route_digest(const RouteStatement& statement);
// What it signs: approve, of the commitment to route_digest().
DecisionStatement decision_of(const RouteStatement& statement);
std::string canonical_route(const RouteStatement& statement);

struct Signed {
  Freshness fresh;
  Bytes signature;
  friend bool operator==(const Signed&, const Signed&) = default;
};

// A signature as a request carries it, in the field Writ-Signature:
//   nonce=BASE64URL; expiry=2026-01-02T03:04:05.678Z; salt=BASE64URL; signature=BASE64URL
struct SignedRoute {
  Freshness fresh;
  Digest salt{};
  Bytes signature;
  friend bool operator==(const SignedRoute&, const SignedRoute&) = default;
};
inline constexpr std::string_view kSignatureField = "Writ-Signature";
std::string to_field(const SignedRoute& of);
Expected<SignedRoute> parse_field(std::string_view text);

// denied, at "signature", where the signature is not this key's over these bytes, or the expiry has
// passed or lies too far ahead.
Expected<void> check_statement(const jose::Jwk& key, std::string_view canonical,
                               const Freshness& fresh, BytesView signature, TimePoint now);

}  // namespace writ::approval
