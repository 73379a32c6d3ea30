// SPDX-License-Identifier: Apache-2.0
#include "oauth/parameters.h"

#include <set>

#include "net/answer.h"

namespace writ::oauth {
namespace {

constexpr std::string_view kRepeatable = "resource";  // RFC 8707 section 2

}  // namespace

Task<Expected<Parameters>> Parameters::read(net::ServerRequest& request, ParameterLimits limits) {
  if (request.target().find('?') != std::string::npos) {
    co_return fail(Errc::invalid_input, "parameters are sent in the body, never in the URL",
                   "query");
  }
  WRIT_CO_TRY(const auto type, request.fields().get_unique("Content-Type"));
  const auto media = type ? parse_media_type(*type) : fail(Errc::invalid_input, "no content type");
  if (!media || media->essence != "application/x-www-form-urlencoded") {
    co_return fail(Errc::invalid_input, "the body must be a form", "Content-Type",
                   "send Content-Type: application/x-www-form-urlencoded");
  }
  WRIT_CO_TRY(const auto body, co_await request.read_all(limits.bytes));
  co_return parse(as_text(body), limits);
}

Expected<Parameters> Parameters::parse(std::string_view text, const ParameterLimits& limits) {
  auto form = parse_form(text, {.bytes = limits.bytes, .fields = limits.fields});
  if (!form) {
    return fail(form.error().code, form.error().message, "body", form.error().hint);
  }
  std::set<std::string_view> seen;
  for (const auto& field : form->fields()) {
    if (field.name == kRepeatable) continue;
    if (!seen.insert(field.name).second) {
      return fail(Errc::invalid_input, quoted_extract(field.name) + " stands there twice", "body",
                  "send each parameter once");
    }
  }
  return Parameters(std::move(*form));
}

std::optional<std::string_view> Parameters::get(std::string_view name) const {
  const auto values = form_.all(name);
  return values.size() != 1 || values.front().empty() ? std::nullopt
                                                      : std::optional(values.front());
}

Expected<std::string> Parameters::require(std::string_view name) const {
  const auto value = get(name);
  if (value) return std::string(*value);
  return fail(Errc::invalid_input, std::string(name) + " is missing", std::string(name));
}

std::vector<std::string> Parameters::all(std::string_view name) const {
  std::vector<std::string> out;
  for (const auto value : form_.all(name)) {
    if (!value.empty()) out.emplace_back(value);
  }
  return out;
}

}  // namespace writ::oauth
