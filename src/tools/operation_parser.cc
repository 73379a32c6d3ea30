// SPDX-License-Identifier: Apache-2.0
#include "tools/operation_parser.h"

#include <algorithm>
#include <array>
#include <set>

#include "base/check.h"
#include "tools/compiled_schema.h"
#include "tools/field_rules.h"
#include "wire/http_fields.h"
#include "wire/url.h"

namespace writ::tools {
namespace {

using schema_detail::Schema;

bool is_argument_name(std::string_view text) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  return !text.empty() && text.size() <= 64 && (is_letter(text.front()) || text.front() == '_') &&
         std::ranges::all_of(text, [&](char c) {
           return is_letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '-';
         });
}

// Where a form or query names its fields, APIs use brackets and dots too ("items[0]", "a.b").
bool is_wire_name(std::string_view text) {
  return !text.empty() && text.size() <= 128 &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; });
}

std::unexpected<Error> wrong(std::string where, std::string message, std::string hint = {}) {
  return fail(Errc::invalid_input, std::move(message), std::move(where), std::move(hint));
}

Effect effect_named(std::string_view text) {
  return text == "read" ? Effect::read : text == "write" ? Effect::write : Effect::money;
}

Outcome outcome_named(std::string_view text) {
  return text == "done" ? Outcome::done : text == "failed" ? Outcome::failed : Outcome::unknown;
}

BodyKind body_named(std::string_view text) {
  if (text == "json") return BodyKind::json;
  if (text == "form") return BodyKind::form;
  return text == "opaque" ? BodyKind::opaque : BodyKind::none;
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

class OperationParser {
 public:
  OperationParser(const Json& json, const std::string& at, const OperationContext& context)
      : reader_(json, at), context_(context) {}

  Expected<Operation> parse() {
    read_members();
    WRIT_TRY_VOID(reader_.finish());
    WRIT_TRY_VOID(check_name());
    WRIT_TRY_VOID(check_method_and_body());
    WRIT_TRY_VOID(read_template());
    WRIT_TRY_VOID(read_arguments());
    WRIT_TRY_VOID(bind_template());
    WRIT_TRY_VOID(check_title());
    WRIT_TRY_VOID(read_requirements());
    WRIT_TRY_VOID(read_compensation());
    WRIT_TRY_VOID(read_outcomes());
    WRIT_TRY_VOID(read_credential());
    WRIT_TRY_VOID(check_idempotency_header());
    WRIT_TRY_VOID(check_response_headers());
    WRIT_CHECK(schema_.has_value());
    return Operation{.name = name_,
                     .title = title_,
                     .description = description_,
                     .method = method_,
                     .path = path_,
                     .segments = std::move(segments_),
                     .arguments = std::move(arguments_),
                     .schema = *std::move(schema_),
                     .body = body_,
                     .content_type = content_type_,
                     .effect = effect_,
                     .compensation = std::move(compensation_),
                     .requires_done = std::move(requirements_),
                     .outcomes = std::move(outcomes_),
                     .credential = std::move(credential_),
                     .idempotency_header = std::move(idempotency_header_),
                     .redact = redact_,
                     .response_headers = std::move(response_headers_)};
  }

 private:
  void read_members() {
    const TextRule text{.min = 1, .max = context_.limits.text_bytes};
    name_ = reader_.string("name", {.max = 128});
    effect_ = effect_named(reader_.choice("effect", {"read", "write", "money"}));
    const auto title = reader_.optional_string("title", text);
    if (!title && effect_ != Effect::read) {
      reader_.refuse("title", "\"title\" is missing",
                     "it tells an approver what is about to happen: \"Refund {amount}\"");
    }
    title_ = title.value_or(name_);
    description_ = reader_.optional_string("description", text).value_or("");
    method_ = reader_.string("method", {.max = 16});
    path_ = reader_.string("path", {.max = context_.limits.path_bytes});
    body_ = body_named(
        reader_.optional_choice("body", {"none", "json", "form", "opaque"}).value_or("none"));
    declared_content_type_ = reader_.optional_string("content_type", {.max = 128});
    declared_arguments_ = reader_.optional_object("arguments");
    declared_requirements_ =
        reader_.optional_array("requires", {.min = 1, .max = context_.limits.list_entries});
    compensation_ = reader_.optional_string("compensation", {.max = 128});
    compensable_ = reader_.optional_boolean("compensable");
    declared_outcomes_ = reader_.optional_object("outcomes");
    declared_credential_ = reader_.optional_value("credential");
    idempotency_header_ = reader_.optional_string("idempotency_header", {.max = 64});
    redact_ = reader_.optional_boolean("redact").value_or(true);
    response_headers_ =
        reader_.optional_strings("response_headers", {.max = context_.limits.list_entries})
            .value_or(std::vector<std::string>());
  }

  Expected<void> check_name() const {
    std::string_view rest = name_;
    const auto prefix = std::string(context_.server) + '.';
    if (!rest.starts_with(prefix)) {
      return wrong(reader_.pointer("name"), "must begin with the server's name, \"" + prefix + '"');
    }
    rest.remove_prefix(prefix.size());
    while (true) {
      const auto dot = rest.find('.');
      if (!is_name_word(rest.substr(0, dot))) {
        return wrong(
            reader_.pointer("name"),
            "must be lower-case words with dots between them, as \"" + prefix + "refund.execute\"");
      }
      if (dot == rest.npos) return {};
      rest.remove_prefix(dot + 1);
    }
  }

  Expected<void> check_method_and_body() {
    constexpr auto kMethods = std::to_array<std::string_view>(
        {"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"});
    if (std::ranges::find(kMethods, method_) == kMethods.end()) {
      return wrong(reader_.pointer("method"),
                   "must be one of GET, HEAD, OPTIONS, POST, PUT, PATCH, DELETE");
    }
    // A body there has no meaning, and servers differ on it (RFC 9110 section 9.3.1).
    if (body_ != BodyKind::none &&
        (method_ == "GET" || method_ == "HEAD" || method_ == "OPTIONS")) {
      return wrong(reader_.pointer("body"), method_ + " has no body");
    }
    if (body_ == BodyKind::opaque && effect_ == Effect::money) {
      return wrong(reader_.pointer("body"),
                   "what moves money cannot have a body that policy and approver do not see",
                   "use \"json\" or \"form\"");
    }
    if (declared_content_type_ && body_ != BodyKind::opaque) {
      return wrong(reader_.pointer("content_type"), "is said for an opaque body alone");
    }
    switch (body_) {
      case BodyKind::none:
        break;
      case BodyKind::json:
        content_type_ = "application/json";
        break;
      case BodyKind::form:
        content_type_ = "application/x-www-form-urlencoded";
        break;
      case BodyKind::opaque:
        content_type_ = declared_content_type_.value_or("application/octet-stream");
        if (!parse_media_type(content_type_)) {
          return wrong(reader_.pointer("content_type"), "is no media type");
        }
        break;
    }
    return {};
  }

  Expected<void> read_template() {
    const auto at = reader_.pointer("path");
    if (!path_.starts_with('/')) return wrong(at, "must begin with \"/\"");
    std::string_view rest = std::string_view(path_).substr(1);
    std::string plain;  // the template with a word for each argument: what the rest must pass as
    while (true) {
      const auto slash = rest.find('/');
      const auto segment = rest.substr(0, slash);
      plain += '/';
      if (segment.find_first_of("{}") == segment.npos) {
        plain += segment;
        segments_.push_back({.literal = std::string(segment), .argument = {}});
      } else {
        if (segment.size() < 3 || segment.front() != '{' || segment.back() != '}' ||
            !is_argument_name(segment.substr(1, segment.size() - 2))) {
          return wrong(at, "an argument is a whole segment, as \"/{invoice}/\"");
        }
        const auto name = std::string(segment.substr(1, segment.size() - 2));
        if (!template_names_.insert(name).second) {
          return wrong(at, "names the argument \"" + name + "\" twice");
        }
        plain += 'x';
        segments_.push_back({.literal = name, .argument = 0});
      }
      if (slash == rest.npos) break;
      rest.remove_prefix(slash + 1);
    }
    const auto target = parse_target(plain);
    if (!target) return wrong(at, "is no path: " + target.error().message);
    if (target->query) return wrong(at, "must have no query", "declare its names as arguments");
    // What is decoded here is encoded anew when it is sent.
    for (std::size_t i = 0; i < segments_.size(); ++i) {
      if (!segments_[i].argument) segments_[i].literal = target->segments[i];
    }
    return {};
  }

  Expected<void> read_arguments() {
    const JsonObject none;
    const auto at = reader_.pointer("arguments");
    const JsonObject& declared = declared_arguments_ == nullptr ? none : *declared_arguments_;
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
    for (const auto& name : template_names_) {
      if (!declared.contains(name)) {
        return wrong(reader_.pointer("path"),
                     "names the argument \"" + name + "\", which \"arguments\" does not declare");
      }
    }
    WRIT_TRY_VOID(check_wire_names(at));
    WRIT_TRY_VOID(compile_schema(std::move(properties), std::move(required), at));
    for (auto& argument : arguments_) {
      const bool is_text = argument.place != Place::body || body_ == BodyKind::form;
      if (is_text) {
        WRIT_TRY_VOID(find_text_type(argument, json_pointer(at, argument.name)));
      }
    }
    std::ranges::sort(arguments_, {}, &Argument::name);
    return {};
  }

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

    const bool in_template = template_names_.contains(std::string(name));
    const bool has_fields = body_ == BodyKind::json || body_ == BodyKind::form;
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
      return wrong(json_pointer(at, "in"),
                   "the body is \"" + std::string(tools::name(body_)) + "\" and has no fields");
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
    auto compiled = ArgumentSchema::compile(Json(std::move(root)), context_.limits.schema);
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

  Expected<void> bind_template() {
    for (auto& segment : segments_) {
      if (!segment.argument) continue;
      const auto found = std::ranges::lower_bound(arguments_, segment.literal, {}, &Argument::name);
      WRIT_CHECK(found != arguments_.end() && found->name == segment.literal);
      segment.argument = static_cast<std::size_t>(found - arguments_.begin());
      segment.literal.clear();
    }
    return {};
  }

  bool declares(std::string_view argument) const {
    return std::ranges::find(arguments_, argument, &Argument::name) != arguments_.end();
  }

  Expected<void> check_title() const {
    const auto at = reader_.pointer("title");
    std::string_view rest = title_;
    while (true) {
      const auto brace = rest.find_first_of("{}");
      if (brace == rest.npos) return {};
      const auto close = rest.find('}', brace);
      if (rest[brace] == '}' || close == rest.npos) {
        return wrong(at, "\"{\" and \"}\" stand around an argument's name alone");
      }
      const auto name = rest.substr(brace + 1, close - brace - 1);
      if (!declares(name)) {
        return wrong(at, "names the argument " + quoted_extract(name) + ", which is not declared");
      }
      rest.remove_prefix(close + 1);
    }
  }

  Expected<void> read_requirements() {
    if (declared_requirements_ == nullptr) return {};
    for (std::size_t i = 0; i < declared_requirements_->size(); ++i) {
      const Json& entry = (*declared_requirements_)[i];
      const auto at = json_pointer(reader_.pointer("requires"), i);
      if (const auto* text = entry.if_string()) {
        requirements_.push_back({.operation = std::string(text_of(*text)), .same = {}});
        continue;
      }
      ObjectReader reader(entry, at);
      Requirement out{.operation = reader.string("operation", {.max = 128}),
                      .same = reader.strings("same", {.min = 1, .max = context_.limits.arguments})};
      WRIT_TRY_VOID(reader.finish());
      requirements_.push_back(std::move(out));
    }
    return {};
  }

  Expected<void> read_compensation() const {
    if (effect_ == Effect::read) {
      if (!compensation_ && !compensable_) return {};
      return wrong(reader_.pointer(compensation_ ? "compensation" : "compensable"),
                   "a read has nothing to compensate");
    }
    if (compensation_ && compensable_) {
      return wrong(reader_.pointer("compensable"), "\"compensation\" says it already");
    }
    if (compensation_ || compensable_ == false) return {};
    return wrong(compensable_ ? reader_.pointer("compensable") : reader_.pointer(),
                 "must say how it is undone",
                 "compensation = \"OPERATION\", or compensable = false");
  }

  Expected<void> read_outcomes() {
    if (declared_outcomes_ == nullptr) return {};
    const auto at = reader_.pointer("outcomes");
    if (declared_outcomes_->size() > context_.limits.list_entries) {
      return fail(Errc::too_large, "has too many entries", at);
    }
    for (const auto& member : *declared_outcomes_) {
      const auto key = text_of(member);
      const auto pointer = json_pointer(at, key);
      const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
      if (key.size() != 3 || key[0] < '2' || key[0] > '5' ||
          (key.substr(1) != "xx" && !(is_digit(key[1]) && is_digit(key[2])))) {
        return wrong(at + '/' + quoted_extract(key), "must be a status as 409, or a class as 5xx");
      }
      const auto* value = member.value().if_string();
      const auto text = value == nullptr ? std::string_view() : text_of(*value);
      if (text != "done" && text != "failed" && text != "unknown") {
        return wrong(pointer, "must be one of done, failed, unknown");
      }
      if (text == "unknown" && effect_ == Effect::read) {
        return wrong(pointer, "a read is done or failed");
      }
      const int first = key[0] - '0';
      const int status = key[1] == 'x' ? first : first * 100 + (key[1] - '0') * 10 + (key[2] - '0');
      outcomes_[status] = outcome_named(text);
    }
    return {};
  }

  Expected<void> read_credential() {
    const auto at = reader_.pointer("credential");
    if (declared_credential_ == nullptr) {
      credential_ = context_.credential;
    } else if (declared_credential_->is_bool() && !declared_credential_->get_bool()) {
      return {};
    } else {
      if (!context_.has_credential) {
        return wrong(at, "the server names no credential that could stand there");
      }
      if (!declared_credential_->is_object()) {
        return wrong(at, "must be false, or a place: { header, prefix }, { query } or { basic }");
      }
      ObjectReader reader(*declared_credential_, at);
      credential_ = read_credential_place(reader);
      WRIT_TRY_VOID(reader.finish());
      if (!credential_) return wrong(at, "must say header, query or basic");
    }
    if (!credential_) return {};
    // P11: the agent has no way to write where the credential goes.
    for (const auto& argument : arguments_) {
      const auto* header = std::get_if<CredentialHeader>(&*credential_);
      const auto* query = std::get_if<CredentialQuery>(&*credential_);
      if ((header != nullptr && argument.place == Place::header &&
           equal_ignoring_case(header->name, argument.wire_name)) ||
          (query != nullptr && argument.place == Place::query &&
           equal_ignoring_case(query->name, argument.wire_name))) {
        return wrong(json_pointer(reader_.pointer("arguments"), argument.name),
                     "stands where the credential goes");
      }
    }
    return {};
  }

  Expected<void> check_idempotency_header() const {
    if (!idempotency_header_) return {};
    const auto at = reader_.pointer("idempotency_header");
    if (effect_ == Effect::read) return wrong(at, "a read needs none");
    if (!is_token(*idempotency_header_)) return wrong(at, "is no name of a header");
    if (is_reserved_request_field(*idempotency_header_) &&
        !equal_ignoring_case(*idempotency_header_, "idempotency-key")) {
      return wrong(at, "this header has another meaning");
    }
    for (const auto& argument : arguments_) {
      if (argument.place == Place::header &&
          equal_ignoring_case(argument.wire_name, *idempotency_header_)) {
        return wrong(at, "the argument \"" + argument.name + "\" already stands there");
      }
    }
    const auto* header = credential_ ? std::get_if<CredentialHeader>(&*credential_) : nullptr;
    if (header != nullptr && equal_ignoring_case(header->name, *idempotency_header_)) {
      return wrong(at, "the credential already stands there");
    }
    return {};
  }

  Expected<void> check_response_headers() {
    for (std::size_t i = 0; i < response_headers_.size(); ++i) {
      const auto at = json_pointer(reader_.pointer("response_headers"), i);
      auto& header = response_headers_[i];
      if (!is_token(header)) return wrong(at, "is no name of a header");
      if (is_reserved_response_field(header)) {
        return wrong(at, "this header is never passed on, or always in a form of Writ's own");
      }
      if (redact_ && is_about_exact_bytes(header)) {
        return wrong(at, "speaks of bytes that redaction may change, so it is dropped",
                     "redact = false passes it on");
      }
      header = to_lower(header);
    }
    std::ranges::sort(response_headers_);
    const auto repeated = std::ranges::unique(response_headers_);
    response_headers_.erase(repeated.begin(), repeated.end());
    return {};
  }

  ObjectReader reader_;
  const OperationContext& context_;

  std::optional<std::string> declared_content_type_;
  const JsonObject* declared_arguments_ = nullptr;
  const JsonArray* declared_requirements_ = nullptr;
  const JsonObject* declared_outcomes_ = nullptr;
  const Json* declared_credential_ = nullptr;
  std::optional<bool> compensable_;

  std::set<std::string> template_names_;

  std::string name_;
  std::string title_;
  std::string description_;
  std::string method_;
  std::string path_;
  std::vector<Operation::Segment> segments_;
  std::vector<Argument> arguments_;
  std::optional<ArgumentSchema> schema_;
  BodyKind body_ = BodyKind::none;
  std::string content_type_;
  Effect effect_ = Effect::money;
  std::optional<std::string> compensation_;
  std::vector<Requirement> requirements_;
  std::map<int, Outcome> outcomes_;
  std::optional<CredentialPlace> credential_;
  std::optional<std::string> idempotency_header_;
  bool redact_ = true;
  std::vector<std::string> response_headers_;
};

std::string_view name(TextType type) {
  switch (type) {
    case TextType::string:
      return "string";
    case TextType::integer:
      return "integer";
    case TextType::number:
      return "number";
    case TextType::boolean:
      return "boolean";
  }
  WRIT_UNREACHABLE();
}

Json to_json(const CredentialPlace& place) {
  if (const auto* header = std::get_if<CredentialHeader>(&place)) {
    return {{"header", header->name}, {"prefix", header->prefix}};
  }
  if (const auto* query = std::get_if<CredentialQuery>(&place)) return {{"query", query->name}};
  return {{"basic", std::get<CredentialBasic>(place).user}};
}

}  // namespace

bool is_name_word(std::string_view text) {
  return !text.empty() && text.size() <= 64 && text.front() >= 'a' && text.front() <= 'z' &&
         std::ranges::all_of(text, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
         });
}

std::optional<CredentialPlace> read_credential_place(ObjectReader& reader) {
  const auto header = reader.optional_string("header", {.max = 64});
  const auto prefix = reader.optional_string("prefix", {.min = 0, .max = 64});
  const auto query = reader.optional_string("query", {.max = 128});
  const auto basic = reader.optional_string("basic", {.min = 0, .max = 128});
  if (int{header.has_value()} + int{query.has_value()} + int{basic.has_value()} > 1) {
    reader.refuse(query ? "query" : "basic", "a credential has one place");
    return std::nullopt;
  }
  if (prefix && !header) reader.refuse("prefix", "stands before a credential in a header alone");
  const auto is_visible = [](std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
  };
  if (header) {
    if (!is_token(*header) || !may_carry_credential(*header)) {
      reader.refuse("header", "no credential can stand in this header");
    }
    if (prefix && (!is_visible(*prefix) || prefix->starts_with(' '))) {
      reader.refuse("prefix", "must be visible ASCII");
    }
    return CredentialHeader{.name = *header, .prefix = prefix.value_or("")};
  }
  if (query) {
    if (!is_wire_name(*query)) reader.refuse("query", "must be visible ASCII without blanks");
    return CredentialQuery{.name = *query};
  }
  if (basic) {
    // RFC 7617 section 2: the user ends at the first colon.
    if (!is_visible(*basic) || basic->contains(':')) {
      reader.refuse("basic", "must be a user in visible ASCII without a colon");
    }
    return CredentialBasic{.user = *basic};
  }
  return std::nullopt;
}

Expected<Operation> parse_operation(const Json& json, const std::string& at,
                                    const OperationContext& context) {
  return OperationParser(json, at, context).parse();
}

Json to_json(const Operation& operation) {
  JsonArray arguments;
  for (const auto& argument : operation.arguments) {
    arguments.push_back({{"name", argument.name},
                         {"in", name(argument.place)},
                         {"as", argument.wire_name},
                         {"required", argument.required},
                         {"text", name(argument.text_type)},
                         {"repeated", argument.repeated}});
  }
  JsonArray requirements;
  for (const auto& requirement : operation.requires_done) {
    requirements.push_back({{"operation", requirement.operation},
                            {"same", boost::json::value_from(requirement.same)}});
  }
  JsonObject outcomes;
  for (const auto& [status, outcome] : operation.outcomes) {
    outcomes[std::to_string(status)] = name(outcome);
  }
  JsonObject out;
  out["name"] = operation.name;
  out["title"] = operation.title;
  out["description"] = operation.description;
  out["method"] = operation.method;
  out["path"] = operation.path;
  out["arguments"] = std::move(arguments);
  out["schema"] = operation.schema.to_json();
  out["body"] = name(operation.body);
  out["content_type"] = operation.content_type;
  out["effect"] = name(operation.effect);
  out["compensation"] = operation.compensation ? Json(*operation.compensation) : Json();
  out["requires"] = std::move(requirements);
  out["outcomes"] = std::move(outcomes);
  out["credential"] = operation.credential ? to_json(*operation.credential) : Json();
  out["idempotency_header"] =
      operation.idempotency_header ? Json(*operation.idempotency_header) : Json();
  out["redact"] = operation.redact;
  out["response_headers"] = boost::json::value_from(operation.response_headers);
  return out;
}

}  // namespace writ::tools
