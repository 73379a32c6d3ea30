// SPDX-License-Identifier: Apache-2.0
#include "cedar/entity_json.h"

#include <array>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "cedar/extension_function.h"

namespace writ::cedar {
namespace {

constexpr std::string_view kEntity = "__entity";
constexpr std::string_view kExtension = "__extn";
constexpr ListRule kAnyNumber{.min = 0, .max = 1'000'000};
constexpr TextRule kAnyText{.min = 0, .max = std::size_t{1} << 20};

// Whether the object is an escape of this name, which then is its one member.
const Json* escaped(const JsonObject& object, std::string_view escape) {
  const Json* inner = object.if_contains(escape);
  return inner != nullptr && object.size() == 1 ? inner : nullptr;
}

Expected<Record> record_from(const JsonObject& object, std::string_view where) {
  std::vector<Field> fields;
  fields.reserve(object.size());
  for (const auto& member : object) {
    const auto name = text_of(member);
    // An escape among other members would otherwise pass for a record without a word.
    if (name == kEntity || name == kExtension || name == "__expr") {
      return fail(Errc::invalid_input, fmt::format("`{}` does not belong here", name),
                  json_pointer(where, name), "an escape is the one member of its object");
    }
    WRIT_TRY(auto value, value_from_json(member.value(), json_pointer(where, name)));
    fields.push_back({.name = std::string(name), .value = std::move(value)});
  }
  return Record(std::move(fields));
}

Expected<std::vector<Value>> values_from(const JsonArray& array, std::string_view where) {
  std::vector<Value> values;
  values.reserve(array.size());
  for (std::size_t i = 0; i < array.size(); ++i) {
    WRIT_TRY(auto value, value_from_json(array[i], json_pointer(where, i)));
    values.push_back(std::move(value));
  }
  return values;
}

// {"fn": name, "arg": value} or, for more than one argument, {"fn": name, "args": [values]}.
Expected<Value> extension_from(const Json& json, std::string_view where) {
  ObjectReader reader(json, std::string(where));
  const std::string function_name = reader.string("fn");
  const Json* one = reader.optional_value("arg");
  const JsonArray* many = reader.optional_array("args");
  if ((one == nullptr) == (many == nullptr)) {
    reader.refuse("arg", "expected one of `arg` and `args`");
  }
  const auto function = find_extension_function(function_name);
  if (!function) {
    reader.refuse("fn",
                  fmt::format("there is no extension function {}", quoted_extract(function_name)));
  }
  WRIT_TRY_VOID(reader.finish());

  std::vector<Value> values;
  if (one != nullptr) {
    WRIT_TRY(auto value, value_from_json(*one, reader.pointer("arg")));
    values.push_back(std::move(value));
  } else {
    WRIT_TRY(values, values_from(*many, reader.pointer("args")));
  }
  std::vector<const Value*> arguments;
  arguments.reserve(values.size());
  for (const Value& value : values) arguments.push_back(&value);
  auto result = call(*function, arguments);
  if (!result) return fail(Errc::invalid_input, result.error().message, std::string(where));
  if (result->kind() < Value::Kind::decimal) {
    return fail(Errc::invalid_input,
                fmt::format("{} does not make an extension value", name(*function)),
                reader.pointer("fn"));
  }
  return result;
}

Json extension(std::string_view function, std::string_view argument) {
  return JsonObject{{kExtension, JsonObject{{"fn", function}, {"arg", argument}}}};
}

Json datetime_to_json(Datetime at) {
  const std::string text = at.to_string();
  if (Datetime::parse(text)) return extension("datetime", text);
  return JsonObject{
      {kExtension,
       JsonObject{{"fn", "offset"},
                  {"args", JsonArray{extension("datetime", "1970-01-01"),
                                     extension("duration", Duration{at.millis}.to_string())}}}}};
}

Expected<Entity> entity_from(const Json& json, const std::string& where) {
  ObjectReader reader(json, where);
  const Json& uid = reader.value("uid");
  const JsonObject& attributes = reader.object("attrs");
  const JsonArray& parents = reader.array("parents", kAnyNumber);
  const JsonObject* tags = reader.optional_object("tags");
  WRIT_TRY_VOID(reader.finish());

  Entity entity;
  WRIT_TRY(entity.uid, uid_from_json(uid, reader.pointer("uid")));
  WRIT_TRY(entity.attributes, record_from(attributes, reader.pointer("attrs")));
  if (tags != nullptr) {
    WRIT_TRY(entity.tags, record_from(*tags, reader.pointer("tags")));
  }
  entity.parents.reserve(parents.size());
  for (std::size_t i = 0; i < parents.size(); ++i) {
    WRIT_TRY(auto parent, uid_from_json(parents[i], json_pointer(reader.pointer("parents"), i)));
    entity.parents.push_back(std::move(parent));
  }
  return entity;
}

}  // namespace

Expected<Value> value_from_json(const Json& json, std::string_view where) {
  switch (json.kind()) {
    case boost::json::kind::bool_:
      return json.get_bool();
    case boost::json::kind::int64:
      return json.get_int64();
    case boost::json::kind::string:
      return text_of(json.get_string());
    case boost::json::kind::array: {
      WRIT_TRY(auto values, values_from(json.get_array(), where));
      return Set(std::move(values));
    }
    case boost::json::kind::object: {
      const JsonObject& object = json.get_object();
      if (escaped(object, kEntity) != nullptr) return uid_from_json(json, where);
      if (const Json* inner = escaped(object, kExtension)) {
        return extension_from(*inner, json_pointer(where, kExtension));
      }
      return record_from(object, where);
    }
    case boost::json::kind::uint64:
    case boost::json::kind::double_:
    case boost::json::kind::null:
      break;
  }
  return fail(Errc::invalid_input,
              fmt::format("{} is no value of the language", kind_in_words(json)),
              std::string(where),
              "numbers are 64-bit integers, and decimals texts; absence is no member at all");
}

Expected<EntityUid> uid_from_json(const Json& json, std::string_view where) {
  const JsonObject* object = json.if_object();
  const Json* inner = object != nullptr ? escaped(*object, kEntity) : nullptr;
  ObjectReader reader(inner != nullptr ? *inner : json,
                      inner != nullptr ? json_pointer(where, kEntity) : std::string(where));
  EntityUid uid{.type = reader.string("type"), .id = reader.string("id", kAnyText)};
  if (reader.ok() && !is_type_name(uid.type)) {
    reader.refuse("type", fmt::format("{} is not an entity type", quoted_extract(uid.type)),
                  "identifiers joined by ::, without spaces");
  }
  WRIT_TRY_VOID(reader.finish());
  return uid;
}

Expected<Record> context_from_json(const Json& json) {
  const JsonObject* object = json.if_object();
  if (object == nullptr) {
    return fail(Errc::invalid_input,
                fmt::format("a context is an object, not {}", kind_in_words(json)));
  }
  return record_from(*object, "");
}

Expected<std::vector<Entity>> entity_list_from_json(const Json& json) {
  const JsonArray* array = json.if_array();
  if (array == nullptr) {
    return fail(Errc::invalid_input,
                fmt::format("entities are an array, not {}", kind_in_words(json)));
  }
  std::vector<Entity> entities;
  entities.reserve(array->size());
  for (std::size_t i = 0; i < array->size(); ++i) {
    WRIT_TRY(auto entity, entity_from((*array)[i], json_pointer("", i)));
    entities.push_back(std::move(entity));
  }
  return entities;
}

Expected<Entities> entities_from_json(const Json& json, const EntityLimits& limits) {
  WRIT_TRY(auto list, entity_list_from_json(json));
  return Entities::create(std::move(list), limits);
}

Json to_json(const Value& value) {
  switch (value.kind()) {
    using enum Value::Kind;
    case boolean:
      return *value.boolean();
    case integer:
      return *value.integer();
    case string:
      return Json(*value.string());
    case entity:
      return JsonObject{{kEntity, to_json(*value.entity())}};
    case set: {
      JsonArray array;
      for (const Value& element : *value.set()) array.push_back(to_json(element));
      return array;
    }
    case record: {
      JsonObject object;
      for (const Field& field : *value.record()) object.emplace(field.name, to_json(field.value));
      return object;
    }
    case decimal:
      return extension("decimal", value.decimal()->to_string());
    case ip:
      return extension("ip", value.ip()->to_string());
    case datetime:
      return datetime_to_json(*value.datetime());
    case duration:
      return extension("duration", value.duration()->to_string());
  }
  return nullptr;
}

Json to_json(const EntityUid& uid) { return JsonObject{{"type", uid.type}, {"id", uid.id}}; }

}  // namespace writ::cedar
