// SPDX-License-Identifier: Apache-2.0
// Text forms of bytes. Every decoder is strict: one text for one value, so that two spellings of
// the same bytes cannot pass a comparison of texts (RFC 4648 sections 3.3 and 3.5).
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"

namespace writ {

std::string hex_encode(BytesView bytes);  // lower case
Expected<Bytes> hex_decode(std::string_view text);

std::string base64_encode(BytesView bytes);  // RFC 4648 section 4, padded
Expected<Bytes> base64_decode(std::string_view text);

std::string base64url_encode(BytesView bytes);  // RFC 4648 section 5, unpadded, as JOSE uses it
Expected<Bytes> base64url_decode(std::string_view text);

}  // namespace writ
