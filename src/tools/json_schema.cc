// SPDX-License-Identifier: Apache-2.0
// Compiling an argument schema.
#include "tools/json_schema.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

#include "tools/compiled_schema.h"
#include "wire/canonical.h"

namespace writ::tools {

using namespace schema_detail;

namespace {

struct TypeName {
  std::string_view name;
  Types types;
};
constexpr auto kTypeNames = std::to_array<TypeName>({{"null", kNull},
                                                     {"boolean", kBoolean},
                                                     {"integer", kInteger},
                                                     {"number", kNumber},
                                                     {"string", kString},
                                                     {"array", kArray},
                                                     {"object", kObject}});

// Which types a keyword speaks of; kAnyType for those that speak of all.
struct Keyword {
  std::string_view name;
  Types applies;
};
constexpr auto kKeywords =
    std::to_array<Keyword>({{"type", kAnyType},       {"enum", kAnyType},
                            {"const", kAnyType},      {"anyOf", kAnyType},
                            {"$ref", kAnyType},       {"$defs", kAnyType},
                            {"title", kAnyType},      {"description", kAnyType},
                            {"default", kAnyType},    {"examples", kAnyType},
                            {"deprecated", kAnyType}, {"properties", kObject},
                            {"required", kObject},    {"additionalProperties", kObject},
                            {"minimum", kNumber},     {"maximum", kNumber},
                            {"minLength", kString},   {"maxLength", kString},
                            {"pattern", kString},     {"format", kString},
                            {"items", kArray},        {"minItems", kArray},
                            {"maxItems", kArray},     {"uniqueItems", kArray}});

constexpr std::string_view kDefs = "#/$defs/";

class Compiler {
 public:
  Compiler(Compiled& out, StepBudget& budget, const SchemaLimits& limits)
      : out_(out), budget_(budget), limits_(limits) {}

  Expected<void> compile(std::size_t bytes) {
    WRIT_TRY_VOID(spend(steps_for_bytes(bytes), ""));
    if (!out_.document.is_object()) {
      return fail(Errc::invalid_input, "a schema must be an object");
    }
    const JsonObject& root = out_.document.get_object();
    if (const auto* defs = root.if_contains("$defs")) {
      if (!defs->is_object()) return fail(Errc::invalid_input, "must be an object", "/$defs");
      defs_ = &defs->get_object();
      for (const auto& member : *defs_) {
        WRIT_TRY_VOID(definition(text_of(member), "/$defs", 1));
      }
    }
    WRIT_TRY(out_.root, schema(out_.document, "", 1));
    return {};
  }

 private:
  // A definition is compiled once; one that is still being compiled leads back to itself.
  Expected<const Schema*> definition(std::string_view name, const std::string& from,
                                     std::size_t depth) {
    const auto known = done_.find(std::string(name));
    if (known != done_.end()) {
      if (known->second != nullptr) return known->second;
      return fail(Errc::invalid_input, "leads back to itself", from,
                  "describe the nested value as far as it is needed");
    }
    const Json* found = defs_ == nullptr ? nullptr : defs_->if_contains(name);
    if (found == nullptr) {
      return fail(Errc::invalid_input, "there is no such definition in \"$defs\"", from);
    }
    done_.emplace(name, nullptr);
    WRIT_TRY(const auto* compiled, schema(*found, json_pointer("/$defs", name), depth + 1));
    done_[std::string(name)] = compiled;
    return compiled;
  }

  Expected<const Schema*> schema(const Json& json, const std::string& at, std::size_t depth) {
    if (depth > limits_.depth) {
      return fail(Errc::too_large,
                  "schemas are nested more than " + std::to_string(limits_.depth) + " deep", at);
    }
    if (!json.is_object()) return fail(Errc::invalid_input, "a schema must be an object", at);
    const JsonObject& object = json.get_object();
    WRIT_TRY_VOID(known_keywords(object, at, depth));

    WRIT_TRY_VOID(spend(1 + object.size(), at));
    Schema& out = out_.schemas.emplace_back();
    WRIT_TRY_VOID(read_type(object, at, out));
    WRIT_TRY_VOID(read_values(object, at, out));
    WRIT_TRY_VOID(read_combined(object, at, depth, out));
    if (out.types == 0) return fail(Errc::invalid_input, "no value can satisfy this schema", at);
    WRIT_TRY_VOID(keywords_apply(object, at, out));
    WRIT_TRY_VOID(read_number_keywords(object, at, out));
    WRIT_TRY_VOID(read_string_keywords(object, at, out));
    WRIT_TRY_VOID(read_array_keywords(object, at, depth, out));
    WRIT_TRY_VOID(read_object_keywords(object, at, depth, out));
    if (out.cost > limits_.schemas || out_.schemas.size() > limits_.schemas) {
      return fail(Errc::too_large,
                  "has more than " + std::to_string(limits_.schemas) +
                      " schemas, each \"$ref\" counted as often as it is followed",
                  at);
    }
    return &out;
  }

  static Expected<void> known_keywords(const JsonObject& object, const std::string& at,
                                       std::size_t depth) {
    bool constrains = false;
    for (const auto& member : object) {
      const auto keyword = text_of(member);
      if (std::ranges::find(kKeywords, keyword, &Keyword::name) == kKeywords.end()) {
        return fail(Errc::invalid_input,
                    "the keyword " + quoted_extract(keyword) + " is not supported",
                    json_pointer(at, quoted_extract(keyword)),
                    "a keyword that is passed over would let through what it means to keep out");
      }
      if (keyword == "$defs" && depth != 1) {
        return fail(Errc::invalid_input, "\"$defs\" may stand at the root alone",
                    json_pointer(at, keyword));
      }
      constrains = constrains || keyword == "type" || keyword == "enum" || keyword == "const" ||
                   keyword == "$ref" || keyword == "anyOf";
    }
    if (constrains) return {};
    return fail(Errc::invalid_input,
                "says none of type, enum, const, $ref and anyOf, and would let everything through",
                at);
  }

  static Expected<Types> type_named(const Json& json, const std::string& at) {
    if (const auto* text = json.if_string()) {
      const auto found = std::ranges::find(kTypeNames, text_of(*text), &TypeName::name);
      if (found != kTypeNames.end()) return found->types;
    }
    return fail(Errc::invalid_input,
                "must be one of null, boolean, integer, number, string, array, object", at);
  }

  static Expected<void> read_type(const JsonObject& object, const std::string& at, Schema& out) {
    const auto* type = object.if_contains("type");
    if (type == nullptr) return {};
    const auto here = json_pointer(at, "type");
    if (const auto* list = type->if_array()) {
      if (list->empty()) return fail(Errc::invalid_input, "must name at least one type", here);
      out.types = 0;
      for (std::size_t i = 0; i < list->size(); ++i) {
        WRIT_TRY(const auto one, type_named((*list)[i], json_pointer(here, i)));
        out.types = static_cast<Types>(out.types | one);
      }
    } else {
      WRIT_TRY(out.types, type_named(*type, here));
    }
    // The default of P27: what is not declared is refused.
    if ((out.types & kObject) != 0) out.additional = Additional::refused;
    return {};
  }

  Expected<void> spend(std::uint64_t steps, const std::string& at) {
    if (budget_.spend(steps)) return {};
    return fail(Errc::too_large,
                "the workspace's schemas and patterns take more than " +
                    std::to_string(budget_.limit()) + " steps to compile",
                at, "write simpler patterns; counted repetitions such as {1000} are large");
  }

  Expected<void> read_values(const JsonObject& object, const std::string& at, Schema& out) {
    if (const auto* list = object.if_contains("enum")) {
      const auto here = json_pointer(at, "enum");
      if (!list->is_array() || list->get_array().empty()) {
        return fail(Errc::invalid_input, "must be a list of at least one value", here);
      }
      Types seen = 0;
      std::set<std::string> forms;
      for (std::size_t i = 0; i < list->get_array().size(); ++i) {
        const Json& value = list->get_array()[i];
        WRIT_TRY_VOID(value_fits(value, json_pointer(here, i), out));
        if (!forms.insert(canonical_json(value)).second) {
          return fail(Errc::invalid_input, "stands here twice", json_pointer(here, i));
        }
        seen = static_cast<Types>(seen | type_of(value));
      }
      out.values.assign(forms.begin(), forms.end());
      out.types = static_cast<Types>(out.types & seen);
    }
    if (const auto* value = object.if_contains("const")) {
      WRIT_TRY_VOID(value_fits(*value, json_pointer(at, "const"), out));
      out.constant = canonical_json(*value);
      out.types = static_cast<Types>(out.types & type_of(*value));
    }
    return {};
  }

  static Expected<void> value_fits(const Json& value, const std::string& at, const Schema& out) {
    if ((type_of(value) & out.types) != 0) return {};
    return fail(Errc::invalid_input, "does not have the type that this schema asks for", at);
  }

  Expected<void> read_combined(const JsonObject& object, const std::string& at, std::size_t depth,
                               Schema& out) {
    if (const auto* ref = object.if_contains("$ref")) {
      const auto here = json_pointer(at, "$ref");
      const auto* text = ref->if_string();
      const auto target = text == nullptr ? std::string_view() : text_of(*text);
      if (!target.starts_with(kDefs) || target.find_first_of("/~%", kDefs.size()) != target.npos) {
        return fail(Errc::invalid_input, "must be \"#/$defs/NAME\"", here,
                    "other places, here or elsewhere, are not followed");
      }
      WRIT_TRY(out.ref, definition(target.substr(kDefs.size()), here, depth));
      add(out, *out.ref);
      out.types = static_cast<Types>(out.types & out.ref->types);
    }
    if (const auto* list = object.if_contains("anyOf")) {
      const auto here = json_pointer(at, "anyOf");
      if (!list->is_array() || list->get_array().empty()) {
        return fail(Errc::invalid_input, "must be a list of at least one schema", here);
      }
      Types any = 0;
      for (std::size_t i = 0; i < list->get_array().size(); ++i) {
        WRIT_TRY(const auto* one, schema(list->get_array()[i], json_pointer(here, i), depth + 1));
        out.any_of.push_back(one);
        add(out, *one);
        any = static_cast<Types>(any | one->types);
      }
      out.types = static_cast<Types>(out.types & any);
    }
    return {};
  }

  static Expected<void> keywords_apply(const JsonObject& object, const std::string& at,
                                       const Schema& out) {
    for (const auto& member : object) {
      const auto keyword = std::ranges::find(kKeywords, text_of(member), &Keyword::name);
      if ((keyword->applies & out.types) == 0) {
        return fail(Errc::invalid_input,
                    "constrains " + in_words(keyword->applies) + ", and this schema allows only " +
                        in_words(out.types),
                    json_pointer(at, text_of(member)));
      }
    }
    return {};
  }

  static Expected<std::optional<double>> number(const JsonObject& object, const std::string& at,
                                                std::string_view keyword) {
    const auto* value = object.if_contains(keyword);
    if (value == nullptr) return std::optional<double>();
    if ((type_of(*value) & kNumber) == 0) {
      return fail(Errc::invalid_input, "must be a number", json_pointer(at, keyword));
    }
    return std::optional(value->to_number<double>());
  }

  static Expected<std::optional<std::size_t>> count(const JsonObject& object, const std::string& at,
                                                    std::string_view keyword) {
    const auto* value = object.if_contains(keyword);
    if (value == nullptr) return std::optional<std::size_t>();
    if (!value->is_int64() || value->get_int64() < 0) {
      return fail(Errc::invalid_input, "must be a whole number of 0 or more",
                  json_pointer(at, keyword));
    }
    return std::optional(static_cast<std::size_t>(value->get_int64()));
  }

  template <typename T>
  static Expected<void> ordered(const std::optional<T>& low, const std::optional<T>& high,
                                const std::string& at, std::string_view low_name) {
    if (!low || !high || *low <= *high) return {};
    return fail(Errc::invalid_input, "is above its maximum: no value can satisfy both",
                json_pointer(at, low_name));
  }

  static Expected<void> read_number_keywords(const JsonObject& object, const std::string& at,
                                             Schema& out) {
    WRIT_TRY(out.minimum, number(object, at, "minimum"));
    WRIT_TRY(out.maximum, number(object, at, "maximum"));
    return ordered(out.minimum, out.maximum, at, "minimum");
  }

  Expected<void> read_string_keywords(const JsonObject& object, const std::string& at,
                                      Schema& out) {
    WRIT_TRY(out.min_length, count(object, at, "minLength"));
    WRIT_TRY(out.max_length, count(object, at, "maxLength"));
    WRIT_TRY_VOID(ordered(out.min_length, out.max_length, at, "minLength"));
    if (const auto* format = object.if_contains("format")) {
      const auto* text = format->if_string();
      if (text != nullptr) out.format = format_named(text_of(*text));
      if (!out.format) {
        return fail(Errc::invalid_input, "must be one of date-time, date, email, uri, uuid",
                    json_pointer(at, "format"));
      }
    }
    const auto* pattern = object.if_contains("pattern");
    if (pattern == nullptr) return {};
    const auto here = json_pointer(at, "pattern");
    const auto* text = pattern->if_string();
    if (text == nullptr) return fail(Errc::invalid_input, "must be a regular expression", here);
    if (text->size() > limits_.pattern_bytes) {
      return fail(Errc::too_large,
                  "is longer than " + std::to_string(limits_.pattern_bytes) + " bytes", here);
    }
    re2::RE2::Options options;
    options.set_log_errors(false);
    options.set_max_mem(limits_.pattern_memory);
    out.pattern = std::make_unique<const re2::RE2>(std::string(text_of(*text)), options);
    if (!out.pattern->ok()) {
      return fail(Errc::invalid_input,
                  "is no regular expression of RE2: " + visible_text(out.pattern->error()), here,
                  "lookaround and backreferences do not exist there");
    }
    return spend(4 * static_cast<std::uint64_t>(out.pattern->ProgramSize()), here);
  }

  Expected<void> read_array_keywords(const JsonObject& object, const std::string& at,
                                     std::size_t depth, Schema& out) {
    WRIT_TRY(out.min_items, count(object, at, "minItems"));
    WRIT_TRY(out.max_items, count(object, at, "maxItems"));
    WRIT_TRY_VOID(ordered(out.min_items, out.max_items, at, "minItems"));
    if (const auto* unique = object.if_contains("uniqueItems")) {
      if (!unique->is_bool()) {
        return fail(Errc::invalid_input, "must be true or false", json_pointer(at, "uniqueItems"));
      }
      out.unique_items = unique->get_bool();
    }
    if (const auto* items = object.if_contains("items")) {
      WRIT_TRY(out.items, schema(*items, json_pointer(at, "items"), depth + 1));
      add(out, *out.items);
    } else if (says_type(object, kArray, out)) {
      return fail(Errc::invalid_input, "an array says what its \"items\" are", at);
    }
    return {};
  }

  Expected<void> read_object_keywords(const JsonObject& object, const std::string& at,
                                      std::size_t depth, Schema& out) {
    if (const auto* properties = object.if_contains("properties")) {
      const auto here = json_pointer(at, "properties");
      if (!properties->is_object()) return fail(Errc::invalid_input, "must be an object", here);
      out.additional = Additional::refused;
      std::set<std::string> folded;
      for (const auto& member : properties->get_object()) {
        const auto name = text_of(member);
        const auto pointer = json_pointer(here, name);
        if (!folded.insert(folded_name(name)).second) {
          return fail(Errc::invalid_input, "differs from another property by case alone", pointer);
        }
        WRIT_TRY(const auto* one, schema(member.value(), pointer, depth + 1));
        out.properties.push_back({.name = std::string(name), .schema = one});
        add(out, *one);
      }
      std::ranges::sort(out.properties, {}, &Schema::Property::name);
      out.folded_names.assign(folded.begin(), folded.end());
    }
    if (const auto* more = object.if_contains("additionalProperties")) {
      if (more->is_bool()) {
        out.additional = more->get_bool() ? Additional::anything : Additional::refused;
      } else {
        WRIT_TRY(out.additional_schema,
                 schema(*more, json_pointer(at, "additionalProperties"), depth + 1));
        add(out, *out.additional_schema);
        out.additional = Additional::matching;
      }
    }
    return read_required(object, at, out);
  }

  static Expected<void> read_required(const JsonObject& object, const std::string& at,
                                      Schema& out) {
    const auto* required = object.if_contains("required");
    if (required == nullptr) return {};
    const auto here = json_pointer(at, "required");
    if (!required->is_array()) return fail(Errc::invalid_input, "must be a list of names", here);
    std::set<std::string> seen;
    for (std::size_t i = 0; i < required->get_array().size(); ++i) {
      const auto* name = required->get_array()[i].if_string();
      const auto pointer = json_pointer(here, i);
      if (name == nullptr) return fail(Errc::invalid_input, "must be a name", pointer);
      const auto text = std::string(text_of(*name));
      if (!seen.insert(text).second) {
        return fail(Errc::invalid_input, "stands here twice", pointer);
      }
      if (out.additional == Additional::refused &&
          !std::ranges::binary_search(out.properties, text, {}, &Schema::Property::name)) {
        return fail(Errc::invalid_input, "requires a property that is not declared", pointer);
      }
      out.required.push_back(text);
    }
    return {};
  }

  // Whether the schema speaks of `type` itself, not through $ref, anyOf or enum.
  static bool says_type(const JsonObject& object, Types type, const Schema& out) {
    return object.contains("type") && (out.types & type) != 0 && out.ref == nullptr &&
           out.any_of.empty() && out.values.empty() && !out.constant;
  }

  static void add(Schema& out, const Schema& inner) {
    constexpr std::size_t kFar = std::size_t{1} << 40;  // so that sums cannot overflow
    out.height = std::max(out.height, inner.height + 1);
    out.cost = std::min(out.cost + inner.cost, kFar);
  }

  Compiled& out_;
  StepBudget& budget_;
  const SchemaLimits& limits_;
  const JsonObject* defs_ = nullptr;
  std::map<std::string, const Schema*> done_;  // null while being compiled
};

}  // namespace

namespace schema_detail {

const Compiled& compiled_of(const ArgumentSchema& schema) { return *schema.compiled_; }

const Schema* property_of(const ArgumentSchema& schema, std::string_view name) {
  const auto& properties = compiled_of(schema).root->properties;
  const auto found = std::ranges::lower_bound(properties, name, {}, &Schema::Property::name);
  return found != properties.end() && found->name == name ? found->schema : nullptr;
}

}  // namespace schema_detail

ArgumentSchema::ArgumentSchema(std::shared_ptr<const Compiled> compiled)
    : compiled_(std::move(compiled)) {}

Expected<ArgumentSchema> ArgumentSchema::compile(const Json& schema, StepBudget& budget,
                                                 const SchemaLimits& limits) {
  const auto bytes = canonical_json(schema).size();
  if (bytes > limits.bytes) {
    return fail(Errc::too_large,
                "the schema is larger than " + std::to_string(limits.bytes) + " bytes");
  }
  auto compiled = std::make_shared<Compiled>();
  compiled->document = schema;
  WRIT_TRY_VOID(Compiler(*compiled, budget, limits).compile(bytes));
  return ArgumentSchema(std::move(compiled));
}

const Json& ArgumentSchema::to_json() const { return compiled_->document; }

}  // namespace writ::tools
