// SPDX-License-Identifier: Apache-2.0
// A private ES256 key as a JWK (RFC 7518 section 6.2.2): the form in which agents keep their keys,
// since every JOSE library reads it. The text holds the private key, so it is SecretBytes.
#pragma once

#include "base/error.h"
#include "base/secret_bytes.h"
#include "jose/signer.h"

namespace writ::jose {

// {"alg":"ES256","crv":"P-256","d":…,"kid":…,"kty":"EC","use":"sig","x":…,"y":…}, RFC 8785, and a
// newline. `kid` is the one that the key has in documents.
SecretBytes write_private_jwk(const crypto::Es256PrivateKey& key, const std::string& kid);

// invalid_input where the text is no such key, or its halves do not belong together; unsupported
// for a key of another kind. Messages never carry a part of the text.
Expected<Es256Signer> read_private_jwk(const SecretBytes& text);

}  // namespace writ::jose
