// SPDX-License-Identifier: Apache-2.0
// X.509 certificates as PEM text (RFC 7468). They are read here and not judged: who trusts them
// does that.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"

namespace writ::crypto {

struct CertificateLimits {
  std::size_t bytes = std::size_t{256} << 10;  // of the text
  std::size_t count = 128;
};

// The DER of each certificate, in the order of the text; at least one. Text between the blocks is
// passed over. invalid_input for a block that is not a certificate (a private key above all) or
// cannot be read; too_large beyond the limits.
Expected<std::vector<Bytes>> read_certificates(std::string_view pem,
                                               const CertificateLimits& limits = {});

}  // namespace writ::crypto
