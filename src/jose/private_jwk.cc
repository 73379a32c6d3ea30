// SPDX-License-Identifier: Apache-2.0
#include "jose/private_jwk.h"

#include "base/encoding.h"
#include "wire/canonical.h"

namespace writ::jose {
namespace {

constexpr std::size_t kMaxText = 4096;

void wipe_text(std::string& text) {
  wipe({reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
}

Error at_key(const Error& error) {
  return {.code = error.code,
          .message = "not a private key: " + error.message,
          .where = {},
          .hint = {}};
}

}  // namespace

SecretBytes write_private_jwk(const crypto::Es256PrivateKey& key, const std::string& kid) {
  auto object = Jwk(key.public_key()).with_kid(kid).to_json();
  auto scalar = base64url_encode(key.to_scalar().reveal());
  object["d"] = scalar;
  auto text = canonical_json(object) + '\n';
  auto out = SecretBytes::copy_of(text);
  wipe_text(text);
  wipe_text(scalar);
  return out;
}

Expected<Es256Signer> read_private_jwk(const SecretBytes& text) {
  auto object = parse_json_object(text.reveal_text(), {.bytes = kMaxText, .depth = 4});
  // The parser's own message could quote the text.
  if (!object) return fail(Errc::invalid_input, "not a private key: not a JSON object");
  ObjectReader r(*object);
  r.allow_unknown();
  auto d = r.string("d", {.max = 64});
  const auto kid = r.optional_string("kid", {.max = 256});
  if (const auto read = r.finish(); !read) return std::unexpected(at_key(read.error()));
  auto scalar_bytes = base64url_decode(d);
  wipe_text(d);
  if (!scalar_bytes) return fail(Errc::invalid_input, "not a private key: \"d\" is not base64url");
  const auto scalar = SecretBytes::copy_of(*scalar_bytes);
  wipe(*scalar_bytes);

  object->erase("d");
  const auto public_jwk = Jwk::from_json(Json(*object), {.algorithms = {Algorithm::es256}});
  if (!public_jwk) return std::unexpected(at_key(public_jwk.error()));
  const auto coordinate = [&](std::string_view name) {
    // from_json() has read both already.
    return base64url_decode(text_of(object->at(name).as_string())).value_or(Bytes());
  };
  WRIT_TRY(const auto point, crypto::Es256PublicKey::from_xy(coordinate("x"), coordinate("y")));
  auto key = crypto::Es256PrivateKey::from_scalar(scalar, point);
  if (!key) return std::unexpected(at_key(key.error()));
  return Es256Signer(std::move(*key), kid.value_or(std::string()));
}

}  // namespace writ::jose
