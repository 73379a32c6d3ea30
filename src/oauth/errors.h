// SPDX-License-Identifier: Apache-2.0
// What an error is called on the wire (RFC 6749 section 5.2 and the RFCs that add to it). The one
// place where the broker's errors become OAuth's.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "net/http_server.h"

namespace writ::oauth {

// The parameters and fields in which an error may stand, as Error::where names them; those of the
// broker are in its headers.
inline constexpr std::string_view kGrantTypePlace = "grant_type";
inline constexpr std::string_view kScopePlace = "scope";
inline constexpr std::string_view kAudiencePlace = "audience";

struct ErrorAnswer {
  int status = 400;
  std::string_view code;  // "invalid_grant"
};
ErrorAnswer answer_of(const Error& error);

// `error_description` as RFC 6749 allows it: printable ASCII without quotes and backslashes. Cut to
// 400 bytes; never more of the request than the message quotes.
std::string description_of(const Error& error);

// {"error", "error_description"}; Retry-After where the client is to wait, WWW-Authenticate with a
// 401.
Task<void> send_error(net::ServerResponse& response, const Error& error);

}  // namespace writ::oauth
