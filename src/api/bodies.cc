// SPDX-License-Identifier: Apache-2.0
#include "api/bodies.h"

#include <algorithm>

#include "protocol/credentials.h"
#include "wire/http_fields.h"

namespace writ::api {

Task<Expected<Json>> read_optional(net::ServerRequest& request) {
  if (!request.has_body()) co_return Json(JsonObject());
  co_return co_await net::read_json(request, kMaxSmallBody);
}

Task<Expected<SecretBytes>> read_secret(net::ServerRequest& request, std::size_t limit) {
  WRIT_CO_TRY(const auto type, request.fields().get_unique("Content-Type"));
  const auto media = type ? parse_media_type(*type) : fail(Errc::invalid_input, "no content type");
  if (!media || media->essence != protocol::kSecretContentType) {
    co_return fail(Errc::invalid_input, "a secret is sent as its octets", "Content-Type",
                   "send Content-Type: " + std::string(protocol::kSecretContentType));
  }
  SecretBytes out(limit);
  std::size_t size = 0;
  for (;;) {
    WRIT_CO_TRY(const auto piece, co_await request.read());
    if (!piece) break;
    if (piece->size() > limit - size) {
      co_return fail(Errc::too_large, "a secret has at most " + std::to_string(limit) + " bytes");
    }
    std::ranges::copy(*piece, out.writable().begin() + static_cast<std::ptrdiff_t>(size));
    size += piece->size();
  }
  out.truncate(size);
  co_return out;
}

}  // namespace writ::api
