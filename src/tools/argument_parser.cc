// SPDX-License-Identifier: Apache-2.0
#include "tools/argument_parser.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/check.h"
#include "tools/compiled_schema.h"
#include "tools/field_rules.h"
#include "wire/http_fields.h"

namespace writ::tools {
namespace {

using schema_detail::Schema;

std::unexpected<Error> wrong(std::string where, std::string message, std::string hint = {}) {
  return fail(Errc::invalid_input, std::move(message), std::move(where), std::move(hint));
}

// The names of definitions that a schema leads to.
void collect_references(const Json& schema, const JsonObject& definitions,
                        std::set<std::string>& names) {
  if (const auto* array = schema.if_array()) {
    for (const auto& element : *array) collect_references(element, definitions, names);
  } else if (const auto* object = schema.if_object()) {
    for (const auto& member : *object) {
      collect_references(member.value(), definitions, names);
      const auto* text = member.value().if_string();
      constexpr std::string_view kDefs = "#/$defs/";
      if (text_of(member) != "$ref" || text == nullptr || !text_of(*text).starts_with(kDefs)) {
        continue;
      }
      const auto name = text_of(*text).substr(kDefs.size());
      const auto* found = definitions.if_contains(name);
      if (found != nullptr && names.insert(std::string(name)).second) {
        collect_references(*found, definitions, names);
      }
    }
  }
}

class ArgumentParser {
 public:
  ArgumentParser(const ArgumentSource& source, const OperationContext& context)
      : source_(source), context_(context) {}

  Expected<ParsedArguments> parse() {
    const JsonObject none;
    const auto& at = source_.at;
    const JsonObject& declared = source_.declared == nullptr ? none : *source_.declared;
    if (declared.size() > context_.limits.arguments) {
      return fail(Errc::too_large,
                  "has more than " + std::to_string(context_.limits.arguments) + " arguments", at);
    }
    JsonObject properties;
    JsonArray required;
    std::set<std::string> names;
    for (const auto& member : declared) {
      const auto name = text_of(member);
      const auto pointer = json_pointer(at, name);
      if (!is_argument_name(name)) {
        return wrong(pointer,
                     "a name has letters, digits, \"_\" and \"-\", and begins with a letter");
      }
      if (!names.insert(to_lower(name)).second) {
        return wrong(pointer, "differs from another argument by case alone");
      }
      if (!member.value().is_object()) return wrong(pointer, "must be a table");
      JsonObject schema = member.value().get_object();
      WRIT_TRY(auto argument, read_argument(name, schema, pointer));
      if (argument.required) required.emplace_back(boost::json::string(name));
      properties.emplace(name, std::move(schema));
      arguments_.push_back(std::move(argument));
    }
    for (const auto& name : source_.path_names) {
      if (!declared.contains(name)) {
        return wrong(source_.path_at,
                     "names the argument \"" + name + "\", which \"arguments\" does not declare");
      }
    }
    WRIT_TRY_VOID(check_wire_names(at));
    WRIT_TRY_VOID(compile_schema(std::move(properties), std::move(required), at));
    for (auto& argument : arguments_) {
      const bool is_text = argument.place != Place::body || source_.body == BodyKind::form;
      if (is_text) {
        WRIT_TRY_VOID(find_text_type(argument, json_pointer(at, argument.name)));
      }
    }
    std::ranges::sort(arguments_, {}, &Argument::name);
    WRIT_CHECK(schema_.has_value());
    return ParsedArguments{.arguments = std::move(arguments_), .schema = *std::move(schema_)};
  }

 private:
  // Takes `in`, `as` and `optional` out of the declaration; what is left is the schema.
  Expected<Argument> read_argument(std::string_view name, JsonObject& declared,
                                   const std::string& at) const {
    ObjectReader reader(declared, at);
    reader.allow_unknown();
    const auto in = reader.optional_choice("in", {"path", "query", "header", "body"});
    const auto as = reader.optional_string("as", {.max = 128});
    const auto optional = reader.optional_boolean("optional");
    WRIT_TRY_VOID(reader.finish());
    for (const auto* key : {"in", "as", "optional"}) declared.erase(key);

    const bool in_template = source_.path_names.contains(std::string(name));
    const bool has_fields = source_.body == BodyKind::json || source_.body == BodyKind::form;
    Argument out{.name = std::string(name), .wire_name = as.value_or(std::string(name))};
    out.required = !optional.value_or(false);
    if (in == "path" || (!in && in_template)) {
      out.place = Place::path;
    } else if (in == "body" || (!in && has_fields)) {
      out.place = Place::body;
    } else {
      out.place = in == "header" ? Place::header : Place::query;
    }

    if (in_template != (out.place == Place::path)) {
      return wrong(json_pointer(at, "in"), in_template ? "the path names this argument"
                                                       : "the path does not name this argument");
    }
    if (out.place == Place::path && as) {
      return wrong(json_pointer(at, "as"), "an argument in the path has no other name there");
    }
    if (out.place == Place::path && !out.required) {
      return wrong(json_pointer(at, "optional"), "an argument in the path cannot be left out");
    }
    if (out.place == Place::body && !has_fields) {
      return wrong(
          json_pointer(at, "in"),
          "the body is \"" + std::string(tools::name(source_.body)) + "\" and has no fields");
    }
    const auto as_pointer = as ? json_pointer(at, "as") : at;
    if (!is_wire_name(out.wire_name)) {
      return wrong(as_pointer, "must be visible ASCII without blanks");
    }
    if (out.place == Place::header) {
      if (!is_token(out.wire_name)) return wrong(as_pointer, "is no name of a header");
      if (is_reserved_request_field(out.wire_name)) {
        return wrong(as_pointer, "the header " + out.wire_name + " can never be an argument",
                     "Writ makes, consumes or strips it");
      }
    }
    return out;
  }

  // One place of the request has one meaning, to readers that do not mind case too.
  Expected<void> check_wire_names(const std::string& at) const {
    std::set<std::pair<Place, std::string>> seen;
    for (const auto& argument : arguments_) {
      if (!seen.emplace(argument.place, to_lower(argument.wire_name)).second) {
        return wrong(json_pointer(at, argument.name), "another argument already stands in the " +
                                                          std::string(tools::name(argument.place)) +
                                                          " as \"" + argument.wire_name +
                                                          "\", or differs from it by case alone");
      }
    }
    return {};
  }

  Expected<void> compile_schema(JsonObject properties, JsonArray required, const std::string& at) {
    JsonObject root;
    if (context_.definitions != nullptr) {
      // Only what is used, so that a change elsewhere does not change this operation's digest.
      std::set<std::string> used;
      collect_references(Json(properties), *context_.definitions, used);
      JsonObject definitions;
      for (const auto& name : used) definitions[name] = context_.definitions->at(name);
      if (!definitions.empty()) root["$defs"] = std::move(definitions);
    }
    root["type"] = "object";
    root["properties"] = std::move(properties);
    root["required"] = std::move(required);
    root["additionalProperties"] = false;
    auto compiled =
        ArgumentSchema::compile(Json(std::move(root)), context_.budget, context_.limits.schema);
    if (!compiled) {
      Error error = std::move(compiled).error();
      constexpr std::string_view kProperties = "/properties";
      if (error.where.starts_with(kProperties)) {
        error.where = at + error.where.substr(kProperties.size());
      } else if (!error.where.starts_with("/$defs")) {
        error.where = at;
      }
      return std::unexpected(std::move(error));
    }
    schema_ = *std::move(compiled);
    return {};
  }

  Expected<void> find_text_type(Argument& argument, const std::string& at) const {
    const Schema* schema = schema_detail::property_of(*schema_, argument.name);
    WRIT_CHECK(schema != nullptr);
    if (schema->types == schema_detail::kArray) {
      if (argument.place != Place::query && argument.place != Place::body) {
        return wrong(at, "a list cannot stand in the " + std::string(tools::name(argument.place)));
      }
      argument.repeated = true;
      while (schema->items == nullptr && schema->ref != nullptr) schema = schema->ref;
      if (schema->items == nullptr) return wrong(at, "must say what its \"items\" are");
      schema = schema->items;
    }
    switch (schema->types) {
      case schema_detail::kString:
        argument.text_type = TextType::string;
        return {};
      case schema_detail::kInteger:
        argument.text_type = TextType::integer;
        return {};
      case schema_detail::kNumber:
      case schema_detail::kFraction:
        argument.text_type = TextType::number;
        return {};
      case schema_detail::kBoolean:
        argument.text_type = TextType::boolean;
        return {};
      default:
        return wrong(at,
                     "where only text can stand, the type is one of string, integer, number, "
                     "boolean, or a list of one of these");
    }
  }

  const ArgumentSource& source_;
  const OperationContext& context_;
  std::vector<Argument> arguments_;
  std::optional<ArgumentSchema> schema_;
};

}  // namespace

bool is_argument_name(std::string_view text) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  return !text.empty() && text.size() <= 64 && (is_letter(text.front()) || text.front() == '_') &&
         std::ranges::all_of(text, [&](char c) {
           return is_letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '-';
         });
}

bool is_wire_name(std::string_view text) {
  return !text.empty() && text.size() <= 128 &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; });
}

Expected<ParsedArguments> parse_arguments(const ArgumentSource& source,
                                          const OperationContext& context) {
  return ArgumentParser(source, context).parse();
}

}  // namespace writ::tools
