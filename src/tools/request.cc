// SPDX-License-Identifier: Apache-2.0
#include "tools/request.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "base/check.h"
#include "base/metered_budget.h"
#include "tools/compiled_schema.h"
#include "tools/text_value.h"
#include "wire/canonical.h"
#include "wire/url.h"

namespace writ::tools {
namespace {

std::unexpected<Error> wrong(std::string where, std::string message, std::string hint = {}) {
  return fail(Errc::invalid_input, std::move(message), std::move(where), std::move(hint));
}

// The error of something within a request, at its place there.
std::unexpected<Error> at(Error error, std::string_view where) {
  error.where = where;
  return std::unexpected(std::move(error));
}

bool has_shape(const Operation& operation, const std::vector<std::string>& segments) {
  if (operation.segments.size() != segments.size()) return false;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const auto& segment = operation.segments[i];
    if (!segment.argument && segment.literal != segments[i]) return false;
  }
  return true;
}

bool path_arguments_fit(const Operation& operation, const std::vector<std::string>& segments,
                        StepBudget& budget) {
  for (std::size_t i = 0; i < segments.size(); ++i) {
    if (!operation.segments[i].argument) continue;
    const auto& argument = operation.arguments[*operation.segments[i].argument];
    const auto value = value_from_text(argument.text_type, segments[i]);
    const auto* schema = schema_detail::property_of(operation.schema, argument.name);
    if (!value || !schema_detail::validate_with(*schema, *value, budget)) return false;
  }
  return true;
}

Expected<const Operation*> find(const ToolServer& server, std::string_view method,
                                const Target& target, StepBudget& budget) {
  std::vector<const Operation*> shaped;
  for (const auto position : server.candidates(method, target.segments.front())) {
    const Operation& operation = server.operations()[position];
    if (has_shape(operation, target.segments)) shaped.push_back(&operation);
  }
  if (shaped.size() > 1) {
    // No text fits the arguments of two: the definition was checked for that.
    const auto fitting = std::ranges::find_if(shaped, [&](const Operation* operation) {
      return path_arguments_fit(*operation, target.segments, budget);
    });
    if (fitting != shaped.end()) return *fitting;
  }
  if (!shaped.empty()) return shaped.front();  // its schema says what is wrong
  return fail(Errc::not_found,
              "no operation of \"" + server.name() + "\" is " + quoted_extract(method) + ' ' +
                  quoted_extract(target.path),
              "path", "what the server's document does not declare is refused");
}

// Takes the arguments out of a request.
class Extractor {
 public:
  Extractor(const ToolServer& server, const Operation& operation)
      : server_(server), operation_(operation) {}

  Expected<JsonObject> extract(const Target& target, const Fields& fields, BytesView body) {
    WRIT_TRY_VOID(check_fields(fields));
    WRIT_TRY_VOID(take_path(target));
    WRIT_TRY_VOID(take_query(target));
    WRIT_TRY_VOID(take_headers(fields));
    WRIT_TRY_VOID(take_body(fields, body));
    return std::move(arguments_);
  }

 private:
  Expected<void> check_fields(const Fields& fields) const {
    for (const auto* name : {"Content-Encoding", "Range", "If-Range"}) {
      if (fields.contains(name)) {
        return fail(Errc::unsupported, "is not supported", "header " + std::string(name));
      }
    }
    if (!operation_.credential) return {};
    const auto* header = std::get_if<CredentialHeader>(&*operation_.credential);
    // Authorization holds the agent's own token, which ends here.
    if (header != nullptr && !equal_ignoring_case(header->name, "authorization") &&
        fields.contains(header->name)) {
      return credential_place("header " + header->name);
    }
    return {};
  }

  static std::unexpected<Error> credential_place(std::string where) {
    return fail(Errc::denied, "is the place of the credential, which Writ alone fills in",
                std::move(where), "leave it out");
  }

  Expected<void> put(const Argument& argument, std::string_view text) {
    auto value = value_from_text(argument.text_type, text);
    if (!value) return at(std::move(value).error(), '/' + argument.name);
    Json* present = arguments_.if_contains(argument.name);
    if (!argument.repeated) {
      if (present != nullptr) {
        return wrong('/' + argument.name,
                     "stands in the " + std::string(name(argument.place)) + " more than once");
      }
      arguments_.emplace(argument.name, *std::move(value));
      return {};
    }
    if (present == nullptr)
      present = &arguments_.emplace(argument.name, JsonArray()).first->value();
    present->get_array().push_back(*std::move(value));
    return {};
  }

  const Argument* find(Place place, std::string_view wire_name) const {
    const auto& all = operation_.arguments;
    const auto found = std::ranges::find_if(all, [&](const Argument& argument) {
      return argument.place == place && argument.wire_name == wire_name;
    });
    return found == all.end() ? nullptr : &*found;
  }

  std::string known_names(Place place) const {
    std::string out;
    for (const auto& argument : operation_.arguments) {
      if (argument.place != place) continue;
      out += out.empty() ? operation_.name + " takes " : ", ";
      out += argument.wire_name;
    }
    return out.empty() ? operation_.name + " takes none" : out;
  }

  std::unexpected<Error> unknown(Place place, std::string_view wire_name) const {
    return wrong(std::string(name(place)),
                 quoted_extract(wire_name) + " is no argument of this operation",
                 known_names(place));
  }

  Expected<void> take_path(const Target& target) {
    for (std::size_t i = 0; i < target.segments.size(); ++i) {
      const auto& segment = operation_.segments[i];
      if (!segment.argument) continue;
      WRIT_TRY_VOID(put(operation_.arguments[*segment.argument], target.segments[i]));
    }
    return {};
  }

  Expected<void> take_query(const Target& target) {
    if (!target.query) return {};
    const auto form = parse_form(*target.query);
    if (!form) return at(form.error(), "query");
    const auto* credential =
        operation_.credential ? std::get_if<CredentialQuery>(&*operation_.credential) : nullptr;
    for (const auto& field : form->fields()) {
      if (credential != nullptr && equal_ignoring_case(credential->name, field.name)) {
        return credential_place("query");
      }
      const Argument* argument = find(Place::query, field.name);
      if (argument == nullptr) return unknown(Place::query, field.name);
      WRIT_TRY_VOID(put(*argument, field.value));
    }
    return {};
  }

  Expected<void> take_headers(const Fields& fields) {
    for (const auto& argument : operation_.arguments) {
      if (argument.place != Place::header) continue;
      const auto value = fields.get_unique(argument.wire_name);
      if (!value) return at(value.error(), "header " + argument.wire_name);
      if (*value) {
        WRIT_TRY_VOID(put(argument, **value));
      }
    }
    return {};
  }

  Expected<void> check_content_type(const Fields& fields) const {
    const auto text = fields.get_unique("Content-Type");
    if (!text) return at(text.error(), "header Content-Type");
    if (!*text) return {};
    const auto type = parse_media_type(**text);
    if (!type) return at(type.error(), "header Content-Type");
    const auto declared = parse_media_type(operation_.content_type);
    const auto charset = type->parameter("charset");
    if (type->essence != declared->essence || (operation_.body != BodyKind::opaque && charset &&
                                               !equal_ignoring_case(*charset, "utf-8"))) {
      return wrong("header Content-Type",
                   "this operation takes " + visible_text(operation_.content_type));
    }
    return {};
  }

  Expected<void> take_body(const Fields& fields, BytesView body) {
    if (operation_.body == BodyKind::none) {
      if (!body.empty()) return wrong("body", "this operation takes no body");
      return {};
    }
    WRIT_TRY_VOID(check_content_type(fields));
    if (operation_.body == BodyKind::opaque) {
      // One that was read belongs to another declaration: a held call may meet this one.
      if (!body.empty()) return wrong("body", "is streamed, and cannot be decided on");
      return {};
    }
    const auto limit = server_.request_limit(operation_);
    if (body.size() > limit) {
      return fail(Errc::too_large, "is larger than " + std::to_string(limit) + " bytes", "body");
    }
    return operation_.body == BodyKind::json ? take_json(as_text(body)) : take_form(as_text(body));
  }

  Expected<void> take_json(std::string_view text) {
    JsonLimits limits;
    limits.bytes = limits.string_bytes = server_.request_limit(operation_);
    auto object = parse_json_object(text, limits);
    if (!object) return at(object.error(), "body " + object.error().where);
    for (auto& member : *object) {
      const Argument* argument = find(Place::body, text_of(member));
      if (argument == nullptr) return unknown(Place::body, text_of(member));
      arguments_.emplace(argument->name, std::move(member.value()));
    }
    return {};
  }

  Expected<void> take_form(std::string_view text) {
    FormLimits limits;
    limits.bytes = server_.request_limit(operation_);
    const auto form = parse_form(text, limits);
    if (!form) return at(form.error(), "body");
    for (const auto& field : form->fields()) {
      const Argument* argument = find(Place::body, field.name);
      if (argument == nullptr) return unknown(Place::body, field.name);
      WRIT_TRY_VOID(put(*argument, field.value));
    }
    return {};
  }

  const ToolServer& server_;
  const Operation& operation_;
  JsonObject arguments_;
};

// 1.0 is 1, as parse_json() has it, whoever made the value.
void make_integers(Json& value) {
  if (auto* number = value.if_double()) {
    if (std::trunc(*number) == *number && std::abs(*number) <= double{kMaxJsonInteger}) {
      value = static_cast<std::int64_t>(*number);
    }
  } else if (auto* array = value.if_array()) {
    for (auto& element : *array) make_integers(element);
  } else if (auto* object = value.if_object()) {
    for (auto& member : *object) make_integers(member.value());
  }
}

// Calls `use` with each text of an argument that stands where only text can.
template <typename Use>
Expected<void> each_text(const Argument& argument, const Json& value, const Use& use) {
  const auto one = [&](const Json& item) -> Expected<void> {
    auto text = text_from_value(argument.text_type, item);
    if (!text) return at(std::move(text).error(), '/' + argument.name);
    Expected<void> used = use(*text);
    if (!used) return at(std::move(used).error(), '/' + argument.name);
    return {};
  };
  if (!argument.repeated) return one(value);
  if (value.get_array().empty()) {
    return wrong('/' + argument.name, "an empty list cannot be written here",
                 "leave the argument out");
  }
  for (const auto& item : value.get_array()) {
    WRIT_TRY_VOID(one(item));
  }
  return {};
}

Expected<std::string> render_path(const Operation& operation, const JsonObject& arguments) {
  std::string out;
  for (const auto& segment : operation.segments) {
    out += '/';
    if (!segment.argument) {
      if (!segment.literal.empty()) out += *percent_encode_segment(segment.literal);
      continue;
    }
    const auto& argument = operation.arguments[*segment.argument];
    WRIT_TRY_VOID(each_text(argument, arguments.at(argument.name),
                            [&](std::string_view text) -> Expected<void> {
                              WRIT_TRY(const auto encoded, percent_encode_segment(text));
                              out += encoded;
                              return {};
                            }));
  }
  return out;
}

// Steps are spent for what is checked; what is written then is as long as what was read.
Expected<ToolRequest> render(const Operation& operation, JsonObject arguments, StepBudget& budget) {
  Json value(std::move(arguments));
  make_integers(value);
  WRIT_TRY_VOID(operation.schema.validate(value, budget));

  ToolRequest out;
  out.operation = &operation;
  out.method = operation.method;
  out.arguments = std::move(value.get_object());
  WRIT_TRY(out.target, render_path(operation, out.arguments));

  Form query;
  Form form;
  JsonObject body;
  for (const auto& argument : operation.arguments) {
    const Json* given = out.arguments.if_contains(argument.name);
    if (given == nullptr || argument.place == Place::path) continue;
    if (argument.place == Place::header) {
      WRIT_TRY_VOID(each_text(argument, *given, [&](std::string_view text) -> Expected<void> {
        WRIT_TRY_VOID(may_stand_in_header(text));
        return out.fields.add(argument.wire_name, text);
      }));
    } else if (argument.place == Place::body && operation.body == BodyKind::json) {
      body.emplace(argument.wire_name, *given);
    } else {
      Form& to = argument.place == Place::query ? query : form;
      WRIT_TRY_VOID(each_text(argument, *given, [&](std::string_view text) -> Expected<void> {
        to.add(argument.wire_name, text);
        return {};
      }));
    }
  }
  if (!query.fields().empty()) out.target += '?' + query.encode();
  if (operation.body == BodyKind::json) out.body = canonical_json(body);
  if (operation.body == BodyKind::form) out.body = form.encode();
  if (operation.body != BodyKind::none) {
    WRIT_TRY_VOID(out.fields.add("Content-Type", operation.content_type));
  }
  return out;
}

}  // namespace

Expected<const Operation*> find_operation(const ToolServer& server, std::string_view method,
                                          std::string_view target) {
  const auto parsed = parse_target(target);
  if (!parsed) return at(parsed.error(), "path");
  MeteredBudget budget(kValidationSteps);
  return find(server, method, *parsed, budget);
}

Expected<ToolRequest> match_request(const ToolServer& server, std::string_view method,
                                    std::string_view target, const Fields& fields, BytesView body) {
  const auto parsed = parse_target(target);
  if (!parsed) return at(parsed.error(), "path");
  MeteredBudget budget(kValidationSteps);
  WRIT_TRY(const Operation* operation, find(server, method, *parsed, budget));
  WRIT_TRY(auto arguments, Extractor(server, *operation).extract(*parsed, fields, body));
  return render(*operation, std::move(arguments), budget);
}

Expected<ToolRequest> render_request(const Operation& operation, JsonObject arguments) {
  MeteredBudget budget(kValidationSteps);
  return render(operation, std::move(arguments), budget);
}

}  // namespace writ::tools
