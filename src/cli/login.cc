// SPDX-License-Identifier: Apache-2.0
#include "cli/login.h"

#include <array>

#include "base/encoding.h"
#include "cli/api_client.h"
#include "cli/files.h"
#include "jose/jwt.h"
#include "jose/private_jwk.h"
#include "wire/canonical.h"

namespace writ::cli {
namespace {

constexpr seconds kAssertionLife{60};

// What happened before the request is known not to have been carried out.
bool is_certain_refusal(const Error& error) {
  return error.code != Errc::unknown_outcome && error.code != Errc::internal;
}

Expected<jose::Es256Signer> open_key(const std::filesystem::path& home, Asker& asker,
                                     const Identity& identity) {
  WRIT_TRY(const auto file, load_user_key(home, identity));
  WRIT_TRY(const auto passphrase,
           asker.secret("Passphrase of " + identity.user + " for " + identity.workspace + ": "));
  return file.open(passphrase);
}

// The new key's file, with a way back to the older one.
class NewKeyFile {
 public:
  NewKeyFile(const std::filesystem::path& home, const Identity& identity)
      : path_(user_key_path(home, identity)), old_(path_.string() + ".old") {}

  Expected<void> write(const UserKey& key) {
    std::error_code failed;
    std::filesystem::rename(path_, old_, failed);
    had_older_ = !failed;
    return write_private_file(path_, as_bytes(key.to_text()), Existing::keep);
  }
  void undo() {
    std::error_code ignored;
    (void)remove_file(path_);
    if (had_older_) std::filesystem::rename(old_, path_, ignored);
  }

 private:
  std::filesystem::path path_;
  std::filesystem::path old_;
  bool had_older_ = false;
};

}  // namespace

std::string make_login_assertion(const jose::Signer& key, const Identity& identity,
                                 std::string_view session_thumbprint, const Clock& clock,
                                 Random& random) {
  std::array<std::uint8_t, 16> jti;
  random.fill(jti);
  const auto now = to_unix_seconds(clock.now());
  const auto subject = identity.workspace + "/" + identity.user;
  const JsonObject claims{{"iss", subject},
                          {"sub", subject},
                          {"aud", identity.server},
                          {"jti", base64url_encode(jti)},
                          {"iat", now},
                          {"exp", now + kAssertionLife.count()},
                          {"cnf", JsonObject{{"jkt", session_thumbprint}}}};
  return jose::sign_jwt(key, protocol::kLoginType, claims);
}

Expected<Session> open_session(Http& http, const Identity& identity, const jose::Signer& key,
                               const std::optional<SecretBytes>& code, const Clock& clock,
                               Random& random) {
  WRIT_TRY(const auto server, parse_server_url(identity.server));
  const auto session_key = crypto::Es256PrivateKey::generate();
  const jose::Jwk session_jwk(session_key.public_key());
  protocol::OpenSession request{
      .workspace = identity.workspace,
      .user = identity.user,
      .assertion = make_login_assertion(key, identity, session_jwk.thumbprint(), clock, random),
      .code = std::nullopt,
      .key = std::nullopt};
  if (code) {
    request.code = code->clone();
    request.key = key.public_jwk().to_json();
  }
  WRIT_TRY(const auto answer,
           http.send(server, {.method = "POST",
                              .target = "/v1/sessions",
                              .body = SecretBytes::copy_of(canonical_json(request.to_json())),
                              .content_type = "application/json"}));
  if (!answer.ok()) {
    auto error = failure_of(answer).error;
    if (error.code == Errc::unauthenticated && error.hint.empty()) {
      error.hint = code ? "a code is good once and for a short time: ask for a new one"
                        : "the key of " + identity.user +
                              " on this machine may have been replaced; enrol again with --code";
    }
    return std::unexpected(std::move(error));
  }
  WRIT_TRY(auto opened, ApiClient::read<protocol::SessionOpened>(answer.body));
  return Session{.identity = identity,
                 .session = std::move(opened.session),
                 .key = jose::write_private_jwk(session_key, session_jwk.thumbprint()),
                 .expires = opened.expires,
                 .ca_file = {}};
}

Expected<Session> login(Http& http, const std::filesystem::path& home, Asker& asker,
                        const LoginOptions& options, const Clock& clock, Random& random) {
  const auto opened = [&]() -> Expected<Session> {
    if (!options.code) {
      WRIT_TRY(const auto key, open_key(home, asker, options.identity));
      return open_session(http, options.identity, key, {}, clock, random);
    }
    WRIT_TRY(const auto passphrase, new_passphrase(asker, options.identity.user));
    WRIT_TRY(const auto key, UserKey::generate(options.identity, passphrase, random, options.cost));
    WRIT_TRY(const auto signer, key.open(passphrase));
    NewKeyFile file(home, options.identity);
    WRIT_TRY_VOID(file.write(key));
    auto session = open_session(http, options.identity, signer, options.code, clock, random);
    // Where the answer was lost the key may be the enrolled one: then it stays.
    if (!session && is_certain_refusal(session.error())) file.undo();
    return session;
  };
  WRIT_TRY(auto session, opened());
  session.ca_file = options.ca_file;
  WRIT_TRY_VOID(Sessions(home).save(session));
  return session;
}

Expected<void> logout(Http& http, const std::filesystem::path& home, const Session& session,
                      const Clock& clock, Random& random) {
  WRIT_TRY(auto client, ApiClient::create(http, session, clock, random));
  const auto ended = client.send("DELETE", "/v1/session");
  if (!ended && ended.error().code != Errc::unauthenticated) return std::unexpected(ended.error());
  return Sessions(home).remove(session.identity);
}

}  // namespace writ::cli
