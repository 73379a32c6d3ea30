// SPDX-License-Identifier: Apache-2.0
// Signing in, people, and what is given to them once: POST, GET and DELETE /v1/session(s),
// /v1/users/…, /v1/user-tokens.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/id.h"
#include "base/secret_bytes.h"
#include "protocol/fields.h"

namespace writ::protocol {

// POST /v1/sessions. `assertion` is a JWT signed by the user's key (typ kLoginType, iss = sub =
// "WORKSPACE/USER", aud = the server's public URL, cnf.jkt of a key made for this session).
inline constexpr std::string_view kLoginType = "writ-login+jwt";
struct OpenSession {
  std::string workspace;
  std::string user;
  std::string assertion;
  // To enrol a key: the one-time code and the public JWK. Both or neither.
  std::optional<SecretBytes> code;
  std::optional<JsonObject> key;

  JsonObject to_json() const;
  static Expected<OpenSession> from_json(const Json& value, std::string pointer = {});
  friend bool operator==(const OpenSession&, const OpenSession&) = default;
};

struct Person {
  UserId id;
  std::string name;
  std::vector<std::string> roles;
  std::vector<std::string> groups;

  JsonObject to_json() const;
  static Expected<Person> from_json(const Json& value, std::string pointer = {});
  friend bool operator==(const Person&, const Person&) = default;
};

// 201 to POST /v1/sessions. `expires` is in whole seconds, Unix time on the wire.
struct SessionOpened {
  SecretBytes session;
  TimePoint expires;
  Person user;
  std::string workspace;

  JsonObject to_json() const;
  static Expected<SessionOpened> from_json(const Json& value, std::string pointer = {});
  friend bool operator==(const SessionOpened&, const SessionOpened&) = default;
};

// GET /v1/session.
struct WhoAmI {
  Person user;
  std::string workspace;
  WorkspaceId workspace_id;
  TimePoint expires;  // of the session

  JsonObject to_json() const;
  static Expected<WhoAmI> from_json(const Json& value, std::string pointer = {});
  friend bool operator==(const WhoAmI&, const WhoAmI&) = default;
};

// POST /v1/users/{name}/invitations: a code for one enrolment.
struct Invitation {
  SecretBytes code;
  TimePoint expires;

  JsonObject to_json() const;
  static Expected<Invitation> from_json(const Json& value, std::string pointer = {});
  friend bool operator==(const Invitation&, const Invitation&) = default;
};

// POST /v1/user-tokens: a subject token of oneself for one agent (P6).
struct UserTokenRequest {
  std::string agent;

  JsonObject to_json() const;
  static Expected<UserTokenRequest> from_json(const Json& value, std::string pointer = {});
  friend bool operator==(const UserTokenRequest&, const UserTokenRequest&) = default;
};
struct UserToken {
  SecretBytes token;
  std::int64_t expires_in = 0;  // seconds

  JsonObject to_json() const;
  static Expected<UserToken> from_json(const Json& value, std::string pointer = {});
  friend bool operator==(const UserToken&, const UserToken&) = default;
};

}  // namespace writ::protocol
