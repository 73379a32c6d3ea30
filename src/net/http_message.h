// SPDX-License-Identifier: Apache-2.0
// HTTP/1.1 messages as values (RFC 9112). Heads carry the fields as they came; how a body is framed
// is decided once, by the parser (http_parser.h) or by the writer, and never passed on.
#pragma once

#include <cstdint>
#include <string>

#include "wire/http_fields.h"

namespace writ::net {

enum class Version : std::uint8_t { http10, http11 };

struct RequestHead {
  std::string method;
  std::string target;  // origin-form, the very bytes of the request line
  Version version = Version::http11;
  Fields fields;
  std::string host;  // the Host field, syntactically valid
};

struct ResponseHead {
  int status = 0;
  Version version = Version::http11;
  Fields fields;
};

// How a body ends.
struct Framing {
  enum class Kind : std::uint8_t { none, length, chunked, until_close };
  Kind kind = Kind::none;
  std::uint64_t length = 0;  // of Kind::length

  friend bool operator==(const Framing&, const Framing&) = default;
};

// The fields that frame a message or belong to one connection (RFC 9110 section 7.6.1, RFC 9112).
// The writers make those they need and skip all that a caller passes.
bool is_connection_field(std::string_view name);

// "OK"; empty where the registry has none.
std::string_view reason_phrase(int status);

}  // namespace writ::net
