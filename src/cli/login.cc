// SPDX-License-Identifier: Apache-2.0
#include "cli/login.h"

#include <array>

#include "base/encoding.h"
#include "cli/api_client.h"
#include "jose/jwt.h"
#include "jose/private_jwk.h"
#include "wire/canonical.h"

namespace writ::cli {
namespace {

constexpr seconds kAssertionLife{60};

// Whether the server did not enrol the key, for certain. Everything else leaves it open.
bool is_refusal(const Error& error) {
  switch (error.code) {
    case Errc::invalid_input:
    case Errc::unauthenticated:
    case Errc::denied:
    case Errc::not_found:
    case Errc::conflict:
    case Errc::too_large:
    case Errc::rate_limited:
      return true;
    case Errc::unavailable:
    case Errc::unknown_outcome:
    case Errc::unsupported:
    case Errc::internal:
      break;
  }
  return false;
}

class SigningIn {
 public:
  SigningIn(Http& http, const std::filesystem::path& home, Asker& asker,
            const LoginOptions& options, const Clock& clock, Random& random)
      : http_(http),
        home_(home),
        asker_(asker),
        options_(options),
        pending_(home, options.identity),
        clock_(clock),
        random_(random) {}

  Expected<Session> with_code(const SecretBytes& code) {
    const auto waiting = pending_.all();
    for (const auto& key : waiting) {
      WRIT_TRY(const auto passphrase,
               asker_.secret("There is a key of an earlier try. Its passphrase (Enter for a new "
                             "key): "));
      if (passphrase.empty()) break;
      WRIT_TRY(const auto signer, key.open(passphrase));
      auto session = open(signer, code);
      // The code is spent where the server took it with this very key, and only its answer was
      // lost.
      if (!session && session.error().code == Errc::unauthenticated) {
        if (auto taken = open(signer)) session = std::move(taken);
      }
      return finish(key, std::move(session));
    }
    return with_new_key(code);
  }

  Expected<Session> with_enrolled_key() {
    auto current = load_user_key(home_, options_.identity);
    const auto waiting = pending_.all();
    if (!current && (waiting.empty() || current.error().code != Errc::not_found))
      return std::unexpected(std::move(current).error());
    std::optional<Error> refused;
    if (current) {
      WRIT_TRY(const auto passphrase, asker_.secret("Passphrase of " + whose() + ": "));
      WRIT_TRY(const auto signer, current->open(passphrase));
      auto session = open(signer);
      if (session || session.error().code != Errc::unauthenticated) return session;
      refused = std::move(session).error();
    }
    // The enrolled key may be one whose enrolment was never answered.
    for (const auto& key : waiting) {
      WRIT_TRY(const auto passphrase, asker_.secret("Passphrase of " + whose() +
                                                    ", of the key whose enrolment was not "
                                                    "answered (Enter to skip it): "));
      if (passphrase.empty()) continue;
      WRIT_TRY(const auto signer, key.open(passphrase));
      auto session = open(signer);
      if (session) return finish(key, std::move(session));
      if (session.error().code != Errc::unauthenticated) return session;
      refused = std::move(session).error();
    }
    if (refused) return std::unexpected(std::move(*refused));
    return std::unexpected(std::move(current).error());
  }

 private:
  Expected<Session> with_new_key(const SecretBytes& code) {
    WRIT_TRY(const auto passphrase, new_passphrase(asker_, options_.identity.user));
    WRIT_TRY(const auto key,
             UserKey::generate(options_.identity, passphrase, random_, options_.cost));
    WRIT_TRY(const auto signer, key.open(passphrase));
    WRIT_TRY_VOID(pending_.keep(key));
    auto session = open(signer, code);
    if (!session && is_refusal(session.error())) {
      WRIT_TRY_VOID(pending_.drop(key));
      return session;
    }
    return finish(key, std::move(session));
  }

  Expected<Session> open(const jose::Signer& key) {
    return open_session(http_, options_.identity, key, {}, clock_, random_);
  }
  Expected<Session> open(const jose::Signer& key, const SecretBytes& code) {
    return open_session(http_, options_.identity, key, code.clone(), clock_, random_);
  }

  // After the server's 201 the key takes the place of the older one. Before it, all of them stay.
  Expected<Session> finish(const UserKey& key, Expected<Session> session) {
    if (session) {
      WRIT_TRY_VOID(pending_.promote(key));
    } else if (!is_refusal(session.error())) {
      session.error().hint = "run writ login again: the new key is kept, and so is the older one";
    }
    return session;
  }

  std::string whose() const {
    return options_.identity.user + " for " + options_.identity.workspace;
  }

  Http& http_;
  const std::filesystem::path& home_;
  Asker& asker_;
  const LoginOptions& options_;
  PendingKeys pending_;
  const Clock& clock_;
  Random& random_;
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
  SigningIn signing_in(http, home, asker, options, clock, random);
  WRIT_TRY(auto session,
           options.code ? signing_in.with_code(*options.code) : signing_in.with_enrolled_key());
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
