// SPDX-License-Identifier: Apache-2.0
// Cedar's JSON forms of values, uids and entities, without a schema: extension values and entity
// references need their explicit forms {"__extn": {fn, arg}} and {"__entity": {type, id}}; an
// object without them is a record, a text a string.
#pragma once

#include "base/error.h"
#include "cedar/entities.h"
#include "cedar/entity_uid.h"
#include "cedar/value.h"
#include "wire/json.h"

namespace writ::cedar {

// Refuses null, numbers that are not 64-bit integers, malformed escapes and unknown extension
// functions. Depth is bounded by what parsed the JSON. Errors name the place as a JSON pointer
// below `where`.
Expected<Value> value_from_json(const Json& json, std::string_view where = {});

// {"type": T, "id": I} or {"__entity": {...}}.
Expected<EntityUid> uid_from_json(const Json& json, std::string_view where = {});

// A record, as a request's context is given.
Expected<Record> context_from_json(const Json& json);

// An array of {"uid", "attrs", "parents", "tags"?}; unknown keys are refused.
Expected<std::vector<Entity>> entity_list_from_json(const Json& json);
Expected<Entities> entities_from_json(const Json& json, const EntityLimits& limits = {});

// The forms that the functions above read, escapes explicit.
Json to_json(const Value& value);
Json to_json(const EntityUid& uid);

}  // namespace writ::cedar
