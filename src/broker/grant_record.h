// SPDX-License-Identifier: Apache-2.0
// What a record of kind `grant` holds. Its id stands for a token that grants are made from, so the
// token itself is nowhere: the hex SHA-256 of a refresh token, or user_token_hmac() of a user's
// token that began runs (P6).
// Plain values. The stored forms last; both have `expires`, after which a record may be erased.
//
//   {"v":1, "kind":"refresh", "run":"run_…", "agent":"agt_…", "key"?:thumbprint,
//    "resources":[…], "expires":ms, "used":bool}
//   {"v":1, "kind":"user_token", "runs":n, "expires":ms}
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/secret_bytes.h"
#include "vault/digest_key.h"
#include "wire/json.h"

namespace writ::broker {

// Of the SHA-256 of a user's token without its signature: the rest of one is what a provider says
// of a person, and can be guessed (P38).
Digest user_token_hmac(const vault::DigestKey& key, const Digest& token);

// A refresh token's standing. It is used once: then its record stays, so that a second use is seen
// (P9).
struct RefreshGrant {
  RunId run;
  AgentId agent;
  std::string key;  // that the run's tokens are bound to; empty for a bearer run
  std::vector<std::string> resources;
  TimePoint expires;  // the run's end
  bool used = false;

  std::string to_text() const;
  static Expected<RefreshGrant> parse(std::string_view text);
  friend bool operator==(const RefreshGrant&, const RefreshGrant&) = default;
};

// How many runs a user's token has begun.
struct UserTokenUse {
  std::int64_t runs = 0;
  TimePoint expires;  // when the token is no longer accepted

  std::string to_text() const;
  static Expected<UserTokenUse> parse(std::string_view text);
  friend bool operator==(const UserTokenUse&, const UserTokenUse&) = default;
};

// `expires` of either.
Expected<TimePoint> grant_record_expiry(std::string_view text);

// The record's id.
std::string grant_record_id(const Digest& token);
std::string grant_record_id(const SecretBytes& token);

}  // namespace writ::broker
