// SPDX-License-Identifier: Apache-2.0
// UnverifiedJws: a compact JWS (RFC 7515 section 7.1) taken apart and not yet believed. What JWT
// and DPoP proofs have in common; other rooms use jwt.h and dpop.h.
//
// Refused whatever the key: JWE (five parts) and JSON serialization, base64url with another
// spelling, headers that are not a strict JSON object, algorithms other than those of jwk.h ("none"
// and HMAC among them), and every header parameter that would have a key, code or network address
// come from the sender or change how the rest is read: crit, b64, zip, enc, cty, jku, x5u, x5c,
// jwk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"
#include "jose/jwk.h"
#include "jose/signer.h"
#include "wire/json.h"

namespace writ::jose {

struct JwsLimits {
  std::size_t text = std::size_t{16} * 1024;  // of the whole, in bytes
  std::size_t header = 4096;                  // of the decoded header
  std::size_t depth = 16;                     // of JSON in header and payload
  std::size_t values = 2048;                  // in header or payload, each
};

enum class EmbeddedKey : std::uint8_t {
  refused,
  required,  // a DPoP proof carries its public key in `jwk` (RFC 9449 section 4.2)
};

// `likely`: the key that is probably embedded, as JwkRules has it.
// Every error is unauthenticated: what is no token proves nothing. Thread-safe.
class UnverifiedJws {
 public:
  static Expected<UnverifiedJws> parse(std::string_view text, const JwsLimits& limits = {},
                                       EmbeddedKey embedded = EmbeddedKey::refused,
                                       const Jwk* likely = nullptr);

  // Claims of the sender, all of them.
  Algorithm algorithm() const { return algorithm_; }
  const std::string& kid() const { return kid_; }                   // empty if absent
  const std::optional<std::string>& type() const { return type_; }  // as spelled
  const std::optional<Jwk>& embedded_key() const { return embedded_key_; }
  BytesView unverified_payload() const { return payload_; }
  const JwsLimits& limits() const { return limits_; }
  std::string_view text() const { return text_; }

  // The payload, if the signature is one of `key` and the header names its algorithm.
  Expected<BytesView> verify(const Jwk& key) const;

 private:
  UnverifiedJws() = default;

  std::string text_;
  std::size_t signed_size_ = 0;  // of text_: header, period, payload
  Algorithm algorithm_ = Algorithm::es256;
  std::string kid_;
  std::optional<std::string> type_;
  std::optional<Jwk> embedded_key_;
  Bytes payload_;
  Bytes signature_;
  JwsLimits limits_;
};

// A compact JWS. `header` has its `alg` from the signer.
std::string sign_jws(const Signer& signer, JsonObject header, std::string_view payload);

// Whether a header's `typ` is the media type `wanted`: without regard to case and to a leading
// "application/" (RFC 7515 section 4.1.9).
bool type_matches(std::string_view type, std::string_view wanted);

}  // namespace writ::jose
