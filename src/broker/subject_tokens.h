// SPDX-License-Identifier: Apache-2.0
// SubjectTokens: whether a token that an agent presents stands for a user of its workspace (P6): a
// token of Writ's own for a local user, or an ID token or RFC 9068 token of a configured provider.
//
// Either way its sole audience is the client id of the presenting agent, so what a user gave to one
// agent is of no use to another (failures.md 12).
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "broker/live.h"
#include "broker/token_keys.h"
#include "jose/jwt.h"

namespace writ::broker {

// What the request declares the token to be (RFC 8693 section 3).
enum class SubjectKind : std::uint8_t { jwt, id_token, access_token };

struct VerifiedSubject {
  std::shared_ptr<const identity::User> user;  // active
  Digest token{};            // SHA-256 of what is signed of it: header and payload
  TimePoint accepted_until;  // from then on the same token is refused, by its age or its end
};

// The keys of identity providers. oauth/ fetches them; tests have them at hand.
class ProviderKeys {
 public:
  virtual ~ProviderKeys() = default;
  // Keys of the provider's declared algorithms alone, after a fetch where `kid` is not among those
  // known; the set may still lack it. unavailable where none can be had.
  virtual Task<Expected<std::shared_ptr<const jose::JwkSet>>> keys(identity::Provider provider,
                                                                   std::string kid) = 0;
};

inline constexpr std::string_view kSubjectPlace = "subject_token";
inline constexpr seconds kMaxSubjectAge{300};
inline constexpr std::size_t kMaxKeysTried = 8;  // for one token (P33)

// Thread-safe. What the constructor takes outlives it.
class SubjectTokens {
 public:
  SubjectTokens(std::string issuer, const TokenKeys& keys, ProviderKeys& providers,
                const Clock& clock)
      : issuer_(std::move(issuer)), keys_(keys), providers_(providers), clock_(clock) {}

  // Errors at kSubjectPlace: unauthenticated for a token that does not hold; denied for one that
  // holds, and is another agent's, of no user of this workspace, or of one who is disabled;
  // unavailable where the provider's keys cannot be had.
  Task<Expected<VerifiedSubject>> verify(const LiveWorkspace& workspace,
                                         const identity::Agent& agent, SubjectKind kind,
                                         std::string token) const;

 private:
  Expected<VerifiedSubject> verify_local(const LiveWorkspace& workspace,
                                         const identity::Agent& agent,
                                         const jose::UnverifiedJwt& token) const;
  Task<Expected<VerifiedSubject>> verify_foreign(const LiveWorkspace& workspace,
                                                 const identity::Agent& agent, SubjectKind kind,
                                                 jose::UnverifiedJwt token,
                                                 std::string issuer) const;

  const std::string issuer_;
  const TokenKeys& keys_;
  ProviderKeys& providers_;
  const Clock& clock_;
};

}  // namespace writ::broker
