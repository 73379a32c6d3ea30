// SPDX-License-Identifier: Apache-2.0
#include "jose/jwk.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <utility>

#include "base/check.h"
#include "base/encoding.h"
#include "crypto/hash.h"

namespace writ::jose {
namespace {

constexpr std::array kNames = {
    std::pair{Algorithm::es256, std::string_view("ES256")},
    std::pair{Algorithm::eddsa, std::string_view("EdDSA")},
    std::pair{Algorithm::rs256, std::string_view("RS256")},
    std::pair{Algorithm::ps256, std::string_view("PS256")},
};

// RFC 7518 sections 6.2.2, 6.3.2 and 6.4.1. One in a public key means that a secret was published.
constexpr std::array<std::string_view, 8> kPrivateMembers = {"d",  "p",  "q",   "dp",
                                                             "dq", "qi", "oth", "k"};

bool is_rsa(Algorithm algorithm) {
  return algorithm == Algorithm::rs256 || algorithm == Algorithm::ps256;
}

// The member's text; nothing if it is absent, invalid_input if it is no string.
Expected<std::optional<std::string_view>> optional_text(const JsonObject& object,
                                                        std::string_view name) {
  const Json* value = object.if_contains(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) {
    return fail(Errc::invalid_input, "must be a string", json_pointer("", name));
  }
  return text_of(value->get_string());
}

Expected<Bytes> decoded(const JsonObject& object, std::string_view name) {
  constexpr std::size_t kLongest = 1024;  // an RSA modulus of 4096 bits takes 683 characters
  WRIT_TRY(const auto text, optional_text(object, name));
  if (!text) return fail(Errc::invalid_input, "the key lacks it", json_pointer("", name));
  auto bytes = text->size() <= kLongest ? base64url_decode(*text)
                                        : Expected<Bytes>(fail(Errc::too_large, "too long"));
  if (!bytes) return fail(Errc::invalid_input, "must be base64url", json_pointer("", name));
  return bytes;
}

// The algorithm that the key's kind and its `alg` settle, without regard to what is wanted.
Expected<Algorithm> settled_algorithm(std::string_view kty, std::optional<std::string_view> crv,
                                      std::optional<std::string_view> alg, const JwkRules& rules) {
  std::optional<Algorithm> declared;
  if (alg) {
    WRIT_TRY(declared, algorithm_named(*alg));
  }
  std::optional<Algorithm> implied;
  if (kty == "EC" && crv == "P-256") implied = Algorithm::es256;
  if (kty == "OKP" && crv == "Ed25519") implied = Algorithm::eddsa;
  if (kty == "RSA") {
    if (declared) {
      implied = is_rsa(*declared) ? declared : std::nullopt;
    } else if (std::ranges::count_if(rules.algorithms, is_rsa) == 1) {
      implied = *std::ranges::find_if(rules.algorithms, is_rsa);
    }
  }
  if (!implied) return fail(Errc::unsupported, "a key of a kind that is not used here", "/kty");
  if (declared && declared != implied) {
    return fail(Errc::unsupported, "the algorithm does not fit the key", "/alg");
  }
  return *implied;
}

// A key for another purpose is no key here (RFC 7517 sections 4.2 and 4.3).
Expected<void> check_use(const JsonObject& object) {
  WRIT_TRY(const auto use, optional_text(object, "use"));
  if (use && *use != "sig") return fail(Errc::unsupported, "not a key for signatures", "/use");
  const Json* operations = object.if_contains("key_ops");
  if (operations == nullptr) return {};
  const auto* list = operations->if_array();
  if (list == nullptr) return fail(Errc::invalid_input, "must be a list", "/key_ops");
  const bool verifies = std::ranges::any_of(*list, [](const Json& operation) {
    return operation.is_string() && text_of(operation.get_string()) == "verify";
  });
  if (!verifies) return fail(Errc::unsupported, "not a key for verifying", "/key_ops");
  return {};
}

Expected<void> check_unique_kids(const std::vector<Jwk>& keys) {
  // One key may stand there once for each algorithm that it is used with.
  std::map<std::string_view, std::string_view> seen;
  for (const auto& key : keys) {
    if (!key.kid().empty() &&
        seen.emplace(key.kid(), key.thumbprint()).first->second != key.thumbprint()) {
      return fail(Errc::invalid_input, "two keys have the kid " + quoted_extract(key.kid()),
                  "/keys");
    }
  }
  return {};
}

}  // namespace

std::string_view name(Algorithm algorithm) {
  const auto* found =
      std::ranges::find(kNames, algorithm, &std::pair<Algorithm, std::string_view>::first);
  WRIT_CHECK(found != kNames.end());
  return found->second;
}

Expected<Algorithm> algorithm_named(std::string_view name) {
  const auto* found =
      std::ranges::find(kNames, name, &std::pair<Algorithm, std::string_view>::second);
  if (found == kNames.end()) {
    return fail(Errc::unsupported, "the algorithm " + quoted_extract(name) + " is not used here",
                "/alg");
  }
  return found->first;
}

Jwk::Jwk(Key key, Algorithm algorithm) : key_(std::move(key)), algorithm_(algorithm) {
  // RFC 7638 section 3: the required members in the order of their names, without spaces. Values
  // are base64url, so nothing needs escaping.
  std::string text = "{";
  JsonObject members = required_members();
  std::vector<std::pair<std::string_view, std::string_view>> sorted;
  for (const auto& member : members) {
    sorted.emplace_back(text_of(member), text_of(member.value().get_string()));
  }
  std::ranges::sort(sorted);
  for (const auto& [member, value] : sorted) {
    if (text.size() > 1) text += ',';
    text.append("\"").append(member).append("\":\"").append(value).append("\"");
  }
  text += '}';
  thumbprint_ = base64url_encode(crypto::sha256(text));
}

Jwk::Jwk(crypto::Es256PublicKey key) : Jwk(Key(std::move(key)), Algorithm::es256) {}
Jwk::Jwk(crypto::Ed25519PublicKey key) : Jwk(Key(key), Algorithm::eddsa) {}
Jwk::Jwk(crypto::RsaPublicKey key, crypto::RsaScheme scheme)
    : Jwk(Key(std::move(key)),
          scheme == crypto::RsaScheme::pss_sha256 ? Algorithm::ps256 : Algorithm::rs256) {}

Jwk Jwk::with_kid(std::string kid) const {
  Jwk named = *this;
  named.kid_ = std::move(kid);
  return named;
}

Expected<Jwk> Jwk::from_json(const Json& json, const JwkRules& rules) {
  const auto* object = json.if_object();
  if (object == nullptr) return fail(Errc::invalid_input, "a key must be a JSON object");
  for (const auto member : kPrivateMembers) {
    if (object->contains(member)) {
      return fail(Errc::invalid_input, "a public key with a private member",
                  json_pointer("", member),
                  "give the public key only, and replace this one: its secret has been shown");
    }
  }
  WRIT_TRY(const auto kty, optional_text(*object, "kty"));
  if (!kty) return fail(Errc::invalid_input, "the key lacks it", "/kty");
  WRIT_TRY(const auto crv, optional_text(*object, "crv"));
  WRIT_TRY(const auto alg, optional_text(*object, "alg"));
  WRIT_TRY(const auto kid, optional_text(*object, "kid"));
  if (kid && (kid->empty() || kid->size() > rules.max_kid)) {
    return fail(Errc::invalid_input, "must have 1 to " + std::to_string(rules.max_kid) + " bytes",
                "/kid");
  }
  WRIT_TRY_VOID(check_use(*object));
  WRIT_TRY(const auto algorithm, settled_algorithm(*kty, crv, alg, rules));
  if (std::ranges::find(rules.algorithms, algorithm) == rules.algorithms.end()) {
    return fail(Errc::unsupported,
                "keys for " + std::string(name(algorithm)) + " are not taken here");
  }

  const auto key = [&]() -> Expected<Jwk> {
    switch (algorithm) {
      case Algorithm::es256: {
        WRIT_TRY(const auto x, decoded(*object, "x"));
        WRIT_TRY(const auto y, decoded(*object, "y"));
        if (rules.likely != nullptr && rules.likely->is_p256(x, y)) return *rules.likely;
        WRIT_TRY(auto point, crypto::Es256PublicKey::from_xy(x, y));
        return Jwk(std::move(point));
      }
      case Algorithm::eddsa: {
        WRIT_TRY(const auto x, decoded(*object, "x"));
        WRIT_TRY(auto point, crypto::Ed25519PublicKey::from_raw(x));
        return Jwk(point);
      }
      case Algorithm::rs256:
      case Algorithm::ps256: {
        WRIT_TRY(const auto n, decoded(*object, "n"));
        WRIT_TRY(const auto e, decoded(*object, "e"));
        WRIT_TRY(auto numbers, crypto::RsaPublicKey::from_components(n, e));
        return Jwk(std::move(numbers), algorithm == Algorithm::ps256
                                           ? crypto::RsaScheme::pss_sha256
                                           : crypto::RsaScheme::pkcs1_sha256);
      }
    }
    WRIT_UNREACHABLE();
  }();
  if (!key) return std::unexpected(key.error());
  return key->with_kid(kid ? std::string(*kid) : std::string());
}

JsonObject Jwk::required_members() const {
  JsonObject out;
  if (const auto* ec = std::get_if<crypto::Es256PublicKey>(&key_)) {
    out["kty"] = "EC";
    out["crv"] = "P-256";
    out["x"] = base64url_encode(ec->x());
    out["y"] = base64url_encode(ec->y());
  } else if (const auto* ed = std::get_if<crypto::Ed25519PublicKey>(&key_)) {
    out["kty"] = "OKP";
    out["crv"] = "Ed25519";
    out["x"] = base64url_encode(ed->raw());
  } else {
    const auto& rsa = std::get<crypto::RsaPublicKey>(key_);
    out["kty"] = "RSA";
    out["n"] = base64url_encode(rsa.modulus());
    out["e"] = base64url_encode(rsa.exponent());
  }
  return out;
}

JsonObject Jwk::to_json() const {
  JsonObject out = required_members();
  out["alg"] = name(algorithm_);
  out["use"] = "sig";
  if (!kid_.empty()) out["kid"] = kid_;
  return out;
}

bool Jwk::is_p256(BytesView x, BytesView y) const {
  const auto* ec = std::get_if<crypto::Es256PublicKey>(&key_);
  return ec != nullptr && std::ranges::equal(ec->x(), x) && std::ranges::equal(ec->y(), y);
}

bool Jwk::verify(BytesView message, BytesView signature) const {
  if (const auto* ec = std::get_if<crypto::Es256PublicKey>(&key_)) {
    return ec->verify(message, signature);
  }
  if (const auto* ed = std::get_if<crypto::Ed25519PublicKey>(&key_)) {
    return ed->verify(message, signature);
  }
  return std::get<crypto::RsaPublicKey>(key_).verify(algorithm_ == Algorithm::ps256
                                                         ? crypto::RsaScheme::pss_sha256
                                                         : crypto::RsaScheme::pkcs1_sha256,
                                                     message, signature);
}

Expected<JwkSet> JwkSet::from_json(const Json& json, const JwkRules& rules) {
  const auto* object = json.if_object();
  const auto* member = object != nullptr ? object->if_contains("keys") : nullptr;
  const auto* list = member != nullptr ? member->if_array() : nullptr;
  if (list == nullptr) {
    return fail(Errc::invalid_input, "a key set must be an object with a list of keys", "/keys");
  }
  if (list->size() > rules.max_keys) {
    return fail(Errc::too_large, "more than " + std::to_string(rules.max_keys) + " keys", "/keys");
  }
  std::vector<Jwk> keys;
  for (std::size_t at = 0; at < list->size(); ++at) {
    auto key = Jwk::from_json((*list)[at], rules);
    if (key) {
      keys.push_back(*std::move(key));
    } else if (key.error().code != Errc::unsupported) {
      key.error().where = json_pointer("/keys", at) + key.error().where;
      return std::unexpected(std::move(key).error());
    }
  }
  return of(std::move(keys));
}

Expected<JwkSet> JwkSet::of(std::vector<Jwk> keys) {
  WRIT_TRY_VOID(check_unique_kids(keys));
  return JwkSet(std::move(keys));
}

const Jwk* JwkSet::find(std::string_view kid) const {
  if (kid.empty()) return keys_.size() == 1 ? &keys_.front() : nullptr;
  const auto found = std::ranges::find(keys_, kid, &Jwk::kid);
  return found != keys_.end() ? &*found : nullptr;
}

const Jwk* JwkSet::find_thumbprint(std::string_view thumbprint) const {
  const auto found = std::ranges::find(keys_, thumbprint, &Jwk::thumbprint);
  return found != keys_.end() ? &*found : nullptr;
}

JsonObject JwkSet::to_json() const {
  JsonArray list;
  for (const auto& key : keys_) list.emplace_back(key.to_json());
  JsonObject out;
  out["keys"] = std::move(list);
  return out;
}

}  // namespace writ::jose
