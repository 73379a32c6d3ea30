// SPDX-License-Identifier: Apache-2.0
#include "gateway/response_filter.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include "tools/field_rules.h"
#include "tools/request.h"
#include "wire/url.h"

namespace writ::gateway {
namespace {

constexpr auto kAlways =
    std::to_array<std::string_view>({"content-type", "content-language", "content-disposition",
                                     "last-modified", "retry-after", "allow"});

template <typename List>
bool is_in(const List& list, std::string_view name) {
  return std::ranges::find(list, name) != list.end();
}

// The target at the upstream that `location` names, if it stays there.
std::optional<std::string> target_of(std::string_view location, const Url& upstream) {
  if (location.starts_with('/') && !location.starts_with("//")) return std::string(location);
  const auto url = parse_url(location);
  if (!url || url->origin() != upstream.origin()) return std::nullopt;
  return url->target();
}

std::optional<std::string> rewritten(std::string_view location, const tools::ToolServer& server,
                                     std::string_view base) {
  const auto target = target_of(location, server.url());
  if (!target) return std::nullopt;
  const auto* method = "GET";  // what a client does with it
  if (!tools::find_operation(server, method, *target)) return std::nullopt;
  return std::string(base) + *target;
}

}  // namespace

Fields filter_response(const net::ResponseHead& head, const tools::ToolServer& server,
                       const tools::Operation& operation, std::string_view base,
                       Redactor& redactor) {
  const bool redacting = !redactor.empty();
  Fields out(FieldLimits{.obs_text = true});
  for (const auto field : head.fields) {
    const auto name = to_lower(field.name);
    if (net::is_connection_field(name)) continue;
    std::string value(field.value);
    if (name == "location") {
      auto location = rewritten(value, server, base);
      if (!location) continue;
      value = std::move(*location);
    } else if (name == "content-encoding") {
      if (redacting) continue;
    } else if (tools::is_about_exact_bytes(name)) {
      if (redacting) continue;
    } else if (!is_in(kAlways, name)) {
      if (tools::is_reserved_response_field(name)) continue;
      if (!is_in(operation.response_headers, name)) continue;
    }
    (void)out.add(field.name, redactor.masked(value));
  }
  // Bytes of others on our origin: never guessed to be a page, never run as one.
  (void)out.set("X-Content-Type-Options", "nosniff");
  (void)out.set("Content-Security-Policy", "default-src 'none'; sandbox");
  // What an upstream lets caches keep and share, it lets them for who holds its key. An answer out
  // of a cache is a call that nobody decided on or wrote down, perhaps another agent's.
  (void)out.set("Cache-Control", "no-store");
  return out;
}

}  // namespace writ::gateway
