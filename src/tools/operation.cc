// SPDX-License-Identifier: Apache-2.0
#include "tools/operation.h"

#include <algorithm>

#include "base/check.h"
#include "wire/canonical.h"

namespace writ::tools {
namespace {

bool is_plain_word(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_-.:@/+").contains(c);
  });
}

void append_value(const Json& value, std::string& out) {
  if (const auto* text = value.if_string(); text != nullptr && is_plain_word(text_of(*text))) {
    out += text_of(*text);
    return;
  }
  out += visible_text(canonical_json(value));
}

}  // namespace

std::string_view name(Effect effect) {
  switch (effect) {
    case Effect::read:
      return "read";
    case Effect::write:
      return "write";
    case Effect::money:
      return "money";
  }
  WRIT_UNREACHABLE();
}

std::string_view name(Outcome outcome) {
  switch (outcome) {
    case Outcome::done:
      return "done";
    case Outcome::failed:
      return "failed";
    case Outcome::unknown:
      return "unknown";
  }
  WRIT_UNREACHABLE();
}

std::string_view name(BodyKind kind) {
  switch (kind) {
    case BodyKind::none:
      return "none";
    case BodyKind::json:
      return "json";
    case BodyKind::form:
      return "form";
    case BodyKind::opaque:
      return "opaque";
  }
  WRIT_UNREACHABLE();
}

std::string_view name(Place place) {
  switch (place) {
    case Place::path:
      return "path";
    case Place::query:
      return "query";
    case Place::header:
      return "header";
    case Place::body:
      return "body";
  }
  WRIT_UNREACHABLE();
}

const Argument* Operation::find_argument(std::string_view argument_name) const {
  const auto found = std::ranges::lower_bound(arguments, argument_name, {}, &Argument::name);
  return found != arguments.end() && found->name == argument_name ? &*found : nullptr;
}

std::string describe(const Operation& operation, const JsonObject& arguments) {
  std::string out;
  std::string_view rest = operation.title;
  while (true) {
    const auto open = rest.find('{');
    out += rest.substr(0, open);
    if (open == rest.npos) return out;
    const auto close = rest.find('}', open);
    WRIT_CHECK(close != rest.npos);  // the reader of the definition saw to it
    if (const auto* value = arguments.if_contains(rest.substr(open + 1, close - open - 1))) {
      append_value(*value, out);
    } else {
      out += "(none)";
    }
    rest.remove_prefix(close + 1);
  }
}

}  // namespace writ::tools
