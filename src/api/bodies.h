// SPDX-License-Identifier: Apache-2.0
// The bodies of requests, read within bounds and strictly.
#pragma once

#include <expected>

#include "api/asked.h"
#include "base/secret_bytes.h"

namespace writ::api {

inline constexpr std::size_t kMaxSmallBody = std::size_t{64} << 10;
// Documents in JSON: each byte may take two, a control character six, and then the limit of the
// documents counts what came of them.
inline constexpr std::size_t kMaxApplyBody = std::size_t{12} << 20;

// A message of protocol/.
template <typename T>
Task<Expected<T>> read_message(net::ServerRequest& request, std::size_t limit = kMaxSmallBody) {
  WRIT_CO_TRY(const auto json, co_await net::read_json(request, limit));
  co_return T::from_json(json);
}

// The same of a body that was read.
template <typename T>
Expected<T> message_of(const Asked& asked) {
  return T::from_json(asked.body);
}

// A JSON object; or an empty one, where there is no body.
Task<Expected<Json>> read_optional(net::ServerRequest& request);

// The octets of a secret, from the connection into memory that is locked and wiped. too_large
// beyond `limit`; invalid_input where the content type is not octets: a secret in JSON would pass
// through a parser's memory.
Task<Expected<SecretBytes>> read_secret(net::ServerRequest& request, std::size_t limit);

}  // namespace writ::api
