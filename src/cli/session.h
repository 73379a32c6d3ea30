// SPDX-License-Identifier: Apache-2.0
// Session: signing in, as it lies on disk between commands: sessions/STEM.json, mode 0600.
//
//   {"ca_file":"/…","expires":"2026-…Z","key":{private JWK},"server":"https://writ.example",
//    "session":"…","type":"writ-session","user":"bob","v":1,"workspace":"acme"}
//
// A session is worth nothing without its key, and lives 12 hours; it cannot approve, for which the
// person's own key is needed each time. sessions/current names the one that was used last to sign
// in.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/secret_bytes.h"
#include "cli/user_key.h"

namespace writ::cli {

struct Session {
  Identity identity;
  SecretBytes session;
  SecretBytes key;  // a private JWK (jose/private_jwk.h)
  TimePoint expires;
  std::string ca_file;  // absolute; empty for the system's store

  static Expected<Session> parse(std::string_view text);
  SecretBytes to_text() const;
};

// Which of the sessions: what is absent fits any.
struct SessionChoice {
  std::optional<std::string> server{};  // an origin
  std::optional<std::string> workspace{};
  std::optional<std::string> user{};
};

// The files under the configuration directory `home`.
class Sessions {
 public:
  explicit Sessions(std::filesystem::path home) : home_(std::move(home)) {}

  // And makes it the current one.
  Expected<void> save(const Session& session) const;
  Expected<void> remove(const Identity& identity) const;

  // The one session that fits; among several the current one if it fits. unauthenticated, with the
  // next step, where none fits, where several do and none of them is current, and where it has
  // expired.
  Expected<Session> find(const SessionChoice& choice, TimePoint now) const;
  // Readable ones, expired or not, by file name.
  std::vector<Session> all() const;

 private:
  std::filesystem::path path(const Identity& identity) const;
  std::filesystem::path current_path() const { return home_ / "sessions" / "current"; }

  std::filesystem::path home_;
};

}  // namespace writ::cli
