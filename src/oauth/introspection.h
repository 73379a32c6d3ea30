// SPDX-License-Identifier: Apache-2.0
// Token introspection (RFC 7662): for the client that a token was issued to, and for nobody else.
#pragma once

#include <optional>

#include "wire/json.h"

namespace writ::oauth {

// Section 2.2. Of a token that is not good, or not the client's: {"active":false} and not a byte
// more, so that nothing is learnt of it (failures.md 7).
JsonObject introspection_answer(std::optional<JsonObject> about);

}  // namespace writ::oauth
