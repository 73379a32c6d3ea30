// SPDX-License-Identifier: Apache-2.0
// Person: a user of the demo's workspace, with a key of their own: what
// people do with `writ login`, `writ apply`, `writ approve`, here without a terminal and without a
// passphrase typed, since nobody is there to type one.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "approval/decision.h"
#include "approval/statements.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/random.h"
#include "base/secret_bytes.h"
#include "cli/http.h"
#include "cli/session.h"
#include "cli/user_key.h"
#include "jose/signer.h"
#include "protocol/apply.h"
#include "protocol/approvals.h"
#include "protocol/credentials.h"
#include "protocol/proposals.h"
#include "protocol/sessions.h"

namespace writ::demo {

// Where people and agents act. What it refers to outlives them.
struct Place {
  cli::Http& http;
  Url server;
  std::string workspace;
  const Clock& clock;
  Random& random;
};

// Movable. Not thread-safe. Each call returns the server's answer whatever it is; an Error means
// that there was none.
class Person {
 public:
  // With a fresh key, which could be written down under `passphrase`.
  static Expected<Person> create(const Place& place, std::string_view name,
                                 const SecretBytes& passphrase);

  const std::string& name() const { return file_.owner().user; }

  // Enrols the key with the one-time code, and signs in.
  Expected<void> enrol(const SecretBytes& code);

  Expected<cli::HttpAnswer> get(std::string target);
  Expected<cli::HttpAnswer> post(std::string target, const JsonObject& message);
  // Signed with their own key, as is what gives somebody a key or an account (P40).
  Expected<cli::HttpAnswer> post_signed(std::string target, const JsonObject& message);
  Expected<cli::HttpAnswer> post_secret(std::string target, const SecretBytes& octets);
  // Looks at the difference, signs exactly that, and applies it.
  Expected<cli::HttpAnswer> apply(protocol::ApplyRequest request);

  // The same of what somebody else proposed.
  Expected<cli::HttpAnswer> approve(const protocol::ProposalView& proposal);

  // Signs a decision about exactly what the view's statement says and sends it (P20).
  Expected<cli::HttpAnswer> decide(const protocol::ApprovalView& approval,
                                   approval::Verdict verdict, std::vector<std::string> groups);

  // Leaves key and session where the command line finds them.
  Expected<void> write_down(const std::filesystem::path& home) const;
  // Leaves the key as a private JWK, under no passphrase: for programs that play this person.
  Expected<void> write_key(const std::filesystem::path& path) const;

 private:
  Person(const Place& place, cli::UserKey file, crypto::Es256PrivateKey key)
      : place_(place), file_(std::move(file)), private_key_(key), key_(std::move(key)) {}
  Expected<cli::HttpAnswer> send(std::string method, std::string target, SecretBytes body,
                                 std::string content_type, bool is_signed = false);
  Expected<protocol::ApplySignature> sign(const protocol::VersionName& base, const Digest& digest,
                                          const std::vector<protocol::Change>& changes);
  Expected<WorkspaceId> workspace_id();
  approval::Freshness freshness() const;

  Place place_;
  cli::UserKey file_;
  crypto::Es256PrivateKey private_key_;
  jose::Es256Signer key_;
  std::optional<cli::Session> session_;
  std::optional<jose::Es256Signer> session_key_;
  WorkspaceId workspace_id_;
};

// An answer's message of type T, if its status is one of success.
template <typename T>
Expected<T> message_of(const Expected<cli::HttpAnswer>& answer) {
  if (!answer) return std::unexpected(answer.error());
  if (!answer->ok()) return fail(Errc::denied, "answered " + std::to_string(answer->status));
  WRIT_TRY(const auto json, parse_json(answer->body));
  return T::from_json(json);
}

}  // namespace writ::demo
