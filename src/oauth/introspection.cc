// SPDX-License-Identifier: Apache-2.0
#include "oauth/introspection.h"

#include <utility>

namespace writ::oauth {

JsonObject introspection_answer(std::optional<JsonObject> about) {
  if (about) return std::move(*about);
  JsonObject out;
  out["active"] = false;
  return out;
}

}  // namespace writ::oauth
