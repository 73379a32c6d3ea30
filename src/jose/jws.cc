// SPDX-License-Identifier: Apache-2.0
#include "jose/jws.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/encoding.h"

namespace writ::jose {
namespace {

// What a header must not have; see the file's comment.
constexpr std::array<std::string_view, 8> kRefusedParameters = {"crit", "b64", "zip", "enc",
                                                                "cty",  "jku", "x5u", "x5c"};

std::unexpected<Error> refuse(std::string message) {
  return fail(Errc::unauthenticated, std::move(message));
}

// Text compared without regard to the case of ASCII letters.
bool equal_ignoring_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

std::string_view without_application(std::string_view type) {
  constexpr std::string_view kPrefix = "application/";
  if (type.size() > kPrefix.size() &&
      equal_ignoring_case(type.substr(0, kPrefix.size()), kPrefix) &&
      !type.substr(kPrefix.size()).contains('/')) {
    type.remove_prefix(kPrefix.size());
  }
  return type;
}

Expected<std::optional<std::string>> header_text(const JsonObject& header, std::string_view name,
                                                 std::size_t longest) {
  const Json* value = header.if_contains(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string() || value->get_string().empty() || value->get_string().size() > longest) {
    return refuse("the token's " + std::string(name) + " is not a text of 1 to " +
                  std::to_string(longest) + " bytes");
  }
  return std::string(text_of(value->get_string()));
}

}  // namespace

Expected<UnverifiedJws> UnverifiedJws::parse(std::string_view text, const JwsLimits& limits,
                                             EmbeddedKey embedded, const Jwk* likely) {
  if (text.size() > limits.text) return refuse("the token is too long");
  const auto first = text.find('.');
  const auto second = first == text.npos ? text.npos : text.find('.', first + 1);
  if (second == text.npos) return refuse("not a signed token: it does not have three parts");
  if (text.find('.', second + 1) != text.npos) {
    return refuse("not a signed token: it has more than three parts, as encrypted ones do");
  }
  const auto header_bytes = base64url_decode(text.substr(0, first));
  auto payload = base64url_decode(text.substr(first + 1, second - first - 1));
  auto signature = base64url_decode(text.substr(second + 1));
  if (!header_bytes || !payload || !signature) {
    return refuse("a part of the token is not base64url in its one spelling");
  }

  const auto header = parse_json_object(as_text(*header_bytes), {.bytes = limits.header,
                                                                 .depth = limits.depth,
                                                                 .values = limits.values,
                                                                 .members = 32,
                                                                 .string_bytes = limits.header});
  if (!header) return refuse("the token's header is not a JSON object: " + header.error().message);
  for (const auto parameter : kRefusedParameters) {
    if (header->contains(parameter)) {
      return refuse("the token's header has " + std::string(parameter) +
                    ", which is not accepted here");
    }
  }

  UnverifiedJws jws;
  const Json* alg = header->if_contains("alg");
  if (alg == nullptr || !alg->is_string()) return refuse("the token's header has no alg");
  const auto algorithm = algorithm_named(text_of(alg->get_string()));
  if (!algorithm) return refuse(algorithm.error().message);
  jws.algorithm_ = *algorithm;
  WRIT_TRY(auto kid, header_text(*header, "kid", 256));
  if (kid) jws.kid_ = *std::move(kid);
  WRIT_TRY(jws.type_, header_text(*header, "typ", 128));

  const Json* key = header->if_contains("jwk");
  if (embedded == EmbeddedKey::refused && key != nullptr) {
    return refuse("the token's header has jwk, which is not accepted here");
  }
  if (embedded == EmbeddedKey::required) {
    if (key == nullptr) return refuse("the proof's header has no jwk");
    auto jwk = Jwk::from_json(*key, {.likely = likely});
    if (!jwk) return refuse("the proof's key: " + jwk.error().to_string());
    jws.embedded_key_ = *std::move(jwk);
  }
  jws.text_ = text;
  jws.signed_size_ = second;
  jws.payload_ = *std::move(payload);
  jws.signature_ = *std::move(signature);
  jws.limits_ = limits;
  return jws;
}

Expected<BytesView> UnverifiedJws::verify(const Jwk& key) const {
  // RFC 8725 section 3.1: the algorithm is the key's; the header may only agree.
  if (algorithm_ != key.algorithm()) {
    return refuse("the token is not signed with its key's algorithm");
  }
  if (!key.verify(as_bytes(std::string_view(text_).substr(0, signed_size_)), signature_)) {
    return refuse("the token's signature does not verify");
  }
  return payload_;
}

std::string sign_jws(const Signer& signer, JsonObject header, std::string_view payload) {
  header["alg"] = name(signer.public_jwk().algorithm());
  std::string text = base64url_encode(as_bytes(write_json(std::move(header))));
  text += '.';
  text += base64url_encode(as_bytes(payload));
  const Bytes signature = signer.sign(as_bytes(text));
  text += '.';
  text += base64url_encode(signature);
  return text;
}

bool type_matches(std::string_view type, std::string_view wanted) {
  return equal_ignoring_case(without_application(type), without_application(wanted));
}

}  // namespace writ::jose
