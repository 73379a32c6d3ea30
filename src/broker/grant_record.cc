// SPDX-License-Identifier: Apache-2.0
#include "broker/grant_record.h"

#include "base/encoding.h"
#include "crypto/hash.h"
#include "wire/canonical.h"

namespace writ::broker {
namespace {

TimePoint read_expiry(ObjectReader& reader) {
  return from_unix_millis(reader.integer("expires", {.min = 0}));
}

JsonObject head(std::string_view kind, TimePoint expires) {
  JsonObject out;
  out["v"] = 1;
  out["kind"] = kind;
  out["expires"] = to_unix_millis(expires);
  return out;
}

void read_head(ObjectReader& reader, std::string_view kind) {
  reader.integer("v", {.min = 1, .max = 1});
  reader.choice("kind", {kind});
}

}  // namespace

std::string RefreshGrant::to_text() const {
  auto out = head("refresh", expires);
  out["run"] = run.to_string();
  out["agent"] = agent.to_string();
  if (!key.empty()) out["key"] = key;
  out["resources"] = JsonArray(resources.begin(), resources.end());
  out["used"] = used;
  return canonical_json(out);
}

Expected<RefreshGrant> RefreshGrant::parse(std::string_view text) {
  WRIT_TRY(const auto object, parse_json_object(text));
  ObjectReader reader(object);
  RefreshGrant out;
  read_head(reader, "refresh");
  const auto run = reader.string("run", {.max = 64});
  const auto agent = reader.string("agent", {.max = 64});
  out.key = reader.optional_string("key", {.max = 64}).value_or("");
  out.resources = reader.strings("resources", {.min = 1, .max = 64});
  out.expires = read_expiry(reader);
  out.used = reader.boolean("used");
  WRIT_TRY_VOID(reader.finish());
  WRIT_TRY(out.run, RunId::parse(run));
  WRIT_TRY(out.agent, AgentId::parse(agent));
  return out;
}

std::string UserTokenUse::to_text() const {
  auto out = head("user_token", expires);
  out["runs"] = runs;
  return canonical_json(out);
}

Expected<UserTokenUse> UserTokenUse::parse(std::string_view text) {
  WRIT_TRY(const auto object, parse_json_object(text));
  ObjectReader reader(object);
  UserTokenUse out;
  read_head(reader, "user_token");
  out.runs = reader.integer("runs", {.min = 0});
  out.expires = read_expiry(reader);
  WRIT_TRY_VOID(reader.finish());
  return out;
}

Expected<TimePoint> grant_record_expiry(std::string_view text) {
  WRIT_TRY(const auto object, parse_json_object(text));
  ObjectReader reader(object);
  reader.allow_unknown();
  const auto expires = read_expiry(reader);
  WRIT_TRY_VOID(reader.finish());
  return expires;
}

Digest user_token_hmac(const vault::DigestKey& key, const Digest& token) {
  return key.of("user-token", "", token);
}

std::string grant_record_id(const Digest& token) { return hex_encode(token); }
std::string grant_record_id(const SecretBytes& token) {
  return hex_encode(crypto::sha256(token.reveal()));
}

}  // namespace writ::broker
