// SPDX-License-Identifier: Apache-2.0
// Signing in and out. A session is opened with an assertion by the person's key; with a one-time
// code that key is made and enrolled first.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "base/random.h"
#include "cli/http.h"
#include "cli/session.h"
#include "cli/terminal.h"
#include "protocol/sessions.h"

namespace writ::cli {

// The JWT that opens a session: by `key`, for a session whose own key has this thumbprint. Lives a
// minute.
std::string make_login_assertion(const jose::Signer& key, const Identity& identity,
                                 std::string_view session_thumbprint, const Clock& clock,
                                 Random& random);

// POST /v1/sessions with a key at hand; `code` enrols it. The session's key is made here. Nothing
// is stored.
Expected<Session> open_session(Http& http, const Identity& identity, const jose::Signer& key,
                               const std::optional<SecretBytes>& code, const Clock& clock,
                               Random& random);

struct LoginOptions {
  Identity identity;
  std::optional<SecretBytes> code{};  // to enrol a new key
  std::string ca_file{};              // absolute, or empty
  crypto::PassphraseCost cost{};
};

// Asks for the passphrase, opens the session and stores it under `home`. With a code a passphrase
// is chosen and a new key made. It lies beside the older one until the server has answered that it
// is enrolled (PendingKeys); where the answer was lost, the same key is tried again, with and
// without the code, so that any number of lost answers loses no key. A key that the server refused
// is removed. The older key stays, as STEM.json.old.
Expected<Session> login(Http& http, const std::filesystem::path& home, Asker& asker,
                        const LoginOptions& options, const Clock& clock, Random& random);

// Ends the session at the server and removes its file. The file is removed also where the server
// does not know the session any more; where the server cannot be reached, it stays.
Expected<void> logout(Http& http, const std::filesystem::path& home, const Session& session,
                      const Clock& clock, Random& random);

}  // namespace writ::cli
