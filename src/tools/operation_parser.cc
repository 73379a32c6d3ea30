// SPDX-License-Identifier: Apache-2.0
#include "tools/operation_parser.h"

#include <algorithm>
#include <array>
#include <set>

#include "base/check.h"
#include "tools/argument_parser.h"
#include "tools/field_rules.h"
#include "wire/http_fields.h"
#include "wire/url.h"

namespace writ::tools {
namespace {

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
    WRIT_TRY(auto parsed, parse_arguments({.declared = declared_arguments_,
                                           .at = reader_.pointer("arguments"),
                                           .path_names = template_names_,
                                           .path_at = reader_.pointer("path"),
                                           .body = body_},
                                          context_));
    arguments_ = std::move(parsed.arguments);
    schema_ = std::move(parsed.schema);
    return {};
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

}  // namespace

bool is_name_word(std::string_view text) {
  return !text.empty() && text.size() <= 64 && text.front() >= 'a' && text.front() <= 'z' &&
         std::ranges::all_of(text, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
         });
}

Expected<Operation> parse_operation(const Json& json, const std::string& at,
                                    const OperationContext& context) {
  return OperationParser(json, at, context).parse();
}

}  // namespace writ::tools
