// SPDX-License-Identifier: Apache-2.0
// room: jose
// Signs what a benchmark's requests carry, before the measurement: COUNT lines, each a DPoP proof
// with a `jti` of its own for METHOD and URL, bound to the access token on standard input.
//
// Usage: dpop_proofs_tool KEY_FILE METHOD URL COUNT < TOKEN
// KEY_FILE is the agent's private key as DER (PKCS #8).
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

#include "base/clock.h"
#include "crypto/random.h"
#include "jose/dpop.h"

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fputs("usage: dpop_proofs_tool KEY_FILE METHOD URL COUNT < TOKEN\n", stderr);
    return 2;
  }
  std::ifstream file(argv[1], std::ios::binary);
  const std::string der((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  auto key = writ::crypto::Es256PrivateKey::from_pkcs8_der(writ::SecretBytes::copy_of(der));
  if (!key) {
    std::fprintf(stderr, "dpop_proofs_tool: %s: %s\n", argv[1], key.error().to_string().c_str());
    return 1;
  }
  std::string token;
  std::getline(std::cin, token);
  const writ::jose::Es256Signer signer(std::move(*key));
  const writ::SystemClock clock;
  writ::crypto::SystemRandom random;
  for (long left = std::atol(argv[4]); left > 0; --left) {
    std::puts(writ::jose::make_dpop_proof(signer, argv[2], argv[3], token, clock, random).c_str());
  }
  return 0;
}
