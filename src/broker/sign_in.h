// SPDX-License-Identifier: Apache-2.0
// SignIns: POST /v1/sessions, in its three forms: with a key that is enrolled; with a one-time code
// that enrols one; and with the founding code, which makes a workspace and its first admin.
//
// Enrolling, the code's end and the new session are one commit. Founding is in an order that
// survives a crash at any point: the code is taken for this workspace, user and key (and for no
// other from then on), the workspace with its data key, first version, admin and session is written
// in one commit, and the code is erased; who was cut off in between asks again with the same code
// and key and goes on.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker/enrolments.h"
#include "broker/login.h"
#include "broker/sessions.h"
#include "vault/keys.h"

namespace writ::broker {

struct SignInRequest {
  std::string workspace;  // names
  std::string user;
  std::string assertion;
  struct Enrol {
    SecretBytes code;
    jose::Jwk key;
  };
  std::optional<Enrol> enrol;
};

struct SignedIn {
  SecretBytes session;
  TimePoint expires;
  std::shared_ptr<const identity::User> user;
  std::shared_ptr<LiveWorkspace> workspace;
};

struct SignInParts {
  Store& store;
  Live& live;
  Sessions& sessions;
  const TimeGuard& time;
  const vault::SealKey& seal_key;
  const Clock& clock;
  Random& random;
};

// Thread-safe. What the constructor takes outlives it.
class SignIns {
 public:
  SignIns(SignInParts parts, std::string public_url);

  // unauthenticated where anything of it does not hold, with the same words whether the workspace,
  // the user, the key or the code is what is wrong; conflict where the key is another person's or
  // an agent's; invalid_input for names that no workspace or user can have.
  Task<Expected<SignedIn>> sign_in(SignInRequest request);

  // How many signatures were held against a key. A sign-in with a key costs the same number whether
  // there is such a workspace, user or key, so that its time tells nobody.
  std::uint64_t verifications() const { return verifications_.load(); }

 private:
  Task<Expected<SignedIn>> with_key(std::shared_ptr<LiveWorkspace> workspace,
                                    const SignInRequest& request);
  Task<Expected<SignedIn>> with_invitation(std::shared_ptr<LiveWorkspace> workspace,
                                           const SignInRequest& request);
  Task<Expected<SignedIn>> found(const SignInRequest& request);
  Task<Expected<SignedIn>> create(const SignInRequest& request, const Founder& founder);
  // What was committed of it, from now on in memory too.
  SignedIn signed_in(Sessions::Opening opening, std::shared_ptr<const identity::User> user,
                     std::shared_ptr<LiveWorkspace> workspace);
  Expected<VerifiedLogin> verify(const SignInRequest& request, const jose::Jwk& key) const;
  // With this key, or with none that is anybody's: the same work.
  Expected<VerifiedLogin> verify_enrolled(const SignInRequest& request,
                                          const std::optional<jose::Jwk>& key) const;

  SignInParts parts_;
  // One for each algorithm; who has signed with it nobody knows.
  const std::vector<jose::Jwk> nobodys_;
  mutable std::atomic<std::uint64_t> verifications_ = 0;
  const std::string public_url_;
};

// user.enrolled, with whose code it was.
Append user_enrolled(const EntryWriter& writer, const identity::User& user, const jose::Jwk& key,
                     std::string_view by);

}  // namespace writ::broker
