// SPDX-License-Identifier: Apache-2.0
#include "protocol/sessions.h"

#include "wire/time_text.h"

namespace writ::protocol {

JsonObject OpenSession::to_json() const {
  JsonObject out{{"workspace", workspace}, {"user", user}, {"assertion", assertion}};
  if (code) out["code"] = write_secret(*code);
  if (key) out["key"] = *key;
  return out;
}

Expected<OpenSession> OpenSession::from_json(const Json& value, std::string pointer) {
  ObjectReader r(value, std::move(pointer));
  OpenSession out;
  out.workspace = r.string("workspace", {.max = 64});
  out.user = r.string("user", {.max = 64});
  out.assertion = r.string("assertion", {.max = kMaxSecretText});
  if (r.has("code")) out.code = read_secret(r, "code");
  r.ignore("code");
  if (const auto* key = r.optional_object("key")) out.key = *key;
  if (out.code.has_value() != out.key.has_value()) {
    r.refuse(out.code ? "key" : "code", "a code enrols a key: send both or neither");
  }
  WRIT_TRY_VOID(r.finish());
  return out;
}

JsonObject Person::to_json() const {
  return {{"id", id.to_string()},
          {"name", name},
          {"roles", write_strings(roles)},
          {"groups", write_strings(groups)}};
}

Expected<Person> Person::from_json(const Json& value, std::string pointer) {
  ObjectReader r(value, std::move(pointer));
  r.allow_unknown();
  Person out;
  out.id = read_id<UserId>(r, "id");
  out.name = r.string("name");
  out.roles = read_strings(r, "roles");
  out.groups = read_strings(r, "groups");
  WRIT_TRY_VOID(r.finish());
  return out;
}

JsonObject SessionOpened::to_json() const {
  return {{"session", write_secret(session)},
          {"expires", to_unix_seconds(expires)},
          {"user", user.to_json()},
          {"workspace", workspace}};
}

Expected<SessionOpened> SessionOpened::from_json(const Json& value, std::string pointer) {
  ObjectReader r(value, std::move(pointer));
  r.allow_unknown();
  SessionOpened out;
  out.session = read_secret(r, "session");
  out.expires = from_unix_seconds(r.integer("expires", {.min = 0, .max = 253'402'300'799}));
  const Json& user = r.value("user");
  out.workspace = r.string("workspace");
  WRIT_TRY_VOID(r.finish());
  WRIT_TRY(out.user, Person::from_json(user, r.pointer("user")));
  return out;
}

JsonObject WhoAmI::to_json() const {
  return {{"user", user.to_json()},
          {"workspace", workspace},
          {"workspace_id", workspace_id.to_string()},
          {"expires", format_time(expires)}};
}

Expected<WhoAmI> WhoAmI::from_json(const Json& value, std::string pointer) {
  ObjectReader r(value, std::move(pointer));
  r.allow_unknown();
  WhoAmI out;
  const Json& user = r.value("user");
  out.workspace = r.string("workspace");
  out.workspace_id = read_id<WorkspaceId>(r, "workspace_id");
  out.expires = read_time(r, "expires");
  WRIT_TRY_VOID(r.finish());
  WRIT_TRY(out.user, Person::from_json(user, r.pointer("user")));
  return out;
}

JsonObject Invitation::to_json() const {
  return {{"code", write_secret(code)}, {"expires", format_time(expires)}};
}

Expected<Invitation> Invitation::from_json(const Json& value, std::string pointer) {
  ObjectReader r(value, std::move(pointer));
  r.allow_unknown();
  Invitation out;
  out.code = read_secret(r, "code");
  out.expires = read_time(r, "expires");
  WRIT_TRY_VOID(r.finish());
  return out;
}

JsonObject UserTokenRequest::to_json() const { return {{"agent", agent}}; }

Expected<UserTokenRequest> UserTokenRequest::from_json(const Json& value, std::string pointer) {
  ObjectReader r(value, std::move(pointer));
  UserTokenRequest out{.agent = r.string("agent", {.max = 64})};
  WRIT_TRY_VOID(r.finish());
  return out;
}

JsonObject UserToken::to_json() const {
  return {{"token", write_secret(token)}, {"expires_in", expires_in}};
}

Expected<UserToken> UserToken::from_json(const Json& value, std::string pointer) {
  ObjectReader r(value, std::move(pointer));
  r.allow_unknown();
  UserToken out;
  out.token = read_secret(r, "token");
  out.expires_in = r.integer("expires_in", {.min = 0});
  WRIT_TRY_VOID(r.finish());
  return out;
}

}  // namespace writ::protocol
