// SPDX-License-Identifier: Apache-2.0
#include "approval/statements.h"

#include <algorithm>
#include <array>

#include "base/encoding.h"
#include "crypto/hash.h"
#include "wire/canonical.h"
#include "wire/time_text.h"

namespace writ::approval {
namespace {

constexpr std::size_t kMaxField = 512;

void add_freshness(JsonObject& object, const Freshness& fresh) {
  object["nonce"] = base64url_encode(fresh.nonce);
  object["expiry"] = format_time(fresh.expires);
}

}  // namespace

std::string canonical_apply(const ApplyStatement& statement) {
  JsonObject base;
  base["version"] = statement.base_version;
  base["digest"] = hex_encode(statement.base);
  JsonObject object;
  object["tag"] = "writ-apply-v1";
  object["workspace"] = statement.workspace.to_string();
  object["base"] = std::move(base);
  object["digest"] = hex_encode(statement.digest);
  object["difference"] = hex_encode(statement.difference);
  add_freshness(object, statement.fresh);
  return canonical_json(object);
}

Digest difference_digest(const JsonArray& changes) {
  JsonObject object;
  object["tag"] = "writ-difference-v1";
  object["changes"] = changes;
  return crypto::sha256(canonical_json(object));
}

Digest route_digest(const RouteStatement& statement) {
  JsonObject object;
  object["tag"] = "writ-route-v1";
  object["workspace"] = statement.workspace.to_string();
  object["method"] = statement.method;
  object["target"] = statement.target;
  object["body"] = hex_encode(statement.body);
  return crypto::sha256(canonical_json(object));
}

DecisionStatement decision_of(const RouteStatement& statement) {
  return {.workspace = statement.workspace,
          .approval = {},
          .subject = Subject::route,
          .commitment = commitment(statement.salt, route_digest(statement)),
          .verdict = Verdict::approve,
          .groups = {},
          .nonce = statement.fresh.nonce,
          .expires = statement.fresh.expires};
}

std::string canonical_route(const RouteStatement& statement) {
  return canonical_decision(decision_of(statement));
}

std::string to_field(const SignedRoute& of) {
  return "nonce=" + base64url_encode(of.fresh.nonce) + "; expiry=" + format_time(of.fresh.expires) +
         "; salt=" + base64url_encode(of.salt) + "; signature=" + base64url_encode(of.signature);
}

Expected<SignedRoute> parse_field(std::string_view text) {
  constexpr auto kNames =
      std::to_array<std::string_view>({"nonce=", "; expiry=", "; salt=", "; signature="});
  std::array<std::string_view, kNames.size()> values;
  const auto malformed = [] {
    return fail(Errc::invalid_input, "the field is malformed", std::string(kSignatureField),
                "send nonce=…; expiry=…; salt=…; signature=…");
  };
  if (text.size() > kMaxField) return malformed();
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (!text.starts_with(kNames[i])) return malformed();
    text.remove_prefix(kNames[i].size());
    values[i] = text.substr(0, text.find(';'));
    text.remove_prefix(values[i].size());
  }
  const auto nonce = base64url_decode(values[0]);
  const auto expires = parse_time(values[1]);
  const auto salt = base64url_decode(values[2]);
  const auto signature = base64url_decode(values[3]);
  if (!text.empty() || !nonce || !expires || !salt || !signature) return malformed();
  SignedRoute out{
      .fresh = {.nonce = *nonce, .expires = *expires}, .salt = {}, .signature = *signature};
  if (salt->size() != out.salt.size()) return malformed();
  std::ranges::copy(*salt, out.salt.begin());
  return out;
}

Expected<void> check_statement(const jose::Jwk& key, std::string_view canonical,
                               const Freshness& fresh, BytesView signature, TimePoint now) {
  const auto refused = [](std::string message, std::string hint) {
    return fail(Errc::denied, std::move(message), "signature", std::move(hint));
  };
  if (fresh.nonce.size() != kStatementNonce)
    return refused("the nonce has not 32 bytes", "draw 32 random bytes for each statement");
  if (fresh.expires <= now || fresh.expires > now + kMaxStatementLife) {
    return refused("the statement's expiry has passed, or lies more than ten minutes ahead",
                   "sign it again; look at the clocks of both machines if it says so again");
  }
  if (!key.verify(as_bytes(canonical), signature)) {
    return refused("the signature is not by the enrolled key over this statement",
                   "sign what the server was asked for, with the key that is enrolled");
  }
  return {};
}

}  // namespace writ::approval
