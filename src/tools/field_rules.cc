// SPDX-License-Identifier: Apache-2.0
#include "tools/field_rules.h"

#include <algorithm>
#include <array>
#include <string>

#include "wire/http_fields.h"

namespace writ::tools {
namespace {

// RFC 9110 section 7.6.1, with the older names that some programs still obey.
constexpr auto kHopByHop = std::to_array<std::string_view>(
    {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding",
     "upgrade", "http2-settings", "proxy-authenticate", "proxy-authorization",
     "proxy-authentication-info"});

constexpr auto kReservedRequest = std::to_array<std::string_view>({
    "host",
    "accept",
    "accept-encoding",
    "accept-charset",
    "expect",
    "range",
    "if-range",
    "max-forwards",
    "via",
    "forwarded",
    "x-real-ip",
    "true-client-ip",
    "cf-connecting-ip",
    "origin",
    "referer",
    "user-agent",
    "date",
    "prefer",
    "idempotency-key",
    "traceparent",
    "tracestate",
    "baggage",
    "authorization",
    "dpop",
    "cookie",
    "cookie2",
    "signature",
    "signature-input",
    "client-cert",
    "client-cert-chain",
    // Upstreams that obey these do another thing than the request line says.
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-url",
    "x-original-uri",
    "x-rewrite-url",
    "x-original-method",
    "x-host",
    "x-forwarded",
});
constexpr auto kReservedRequestPrefixes = std::to_array<std::string_view>(
    {"content-", "x-forwarded-", "writ-", "x-writ-", "sec-", "proxy-"});

constexpr auto kReservedResponse = std::to_array<std::string_view>(
    {"set-cookie", "set-cookie2", "content-length", "content-encoding", "content-range",
     "content-type", "location", "www-authenticate", "authentication-info", "dpop-nonce",
     "clear-site-data", "strict-transport-security", "alt-svc", "refresh", "traceparent",
     "tracestate", "authorization"});

constexpr auto kAboutBytes = std::to_array<std::string_view>(
    {"etag", "digest", "content-digest", "repr-digest", "content-md5", "want-content-digest",
     "want-repr-digest", "accept-ranges", "signature", "signature-input"});

template <typename List>
bool is_in(const List& list, std::string_view name) {
  return std::ranges::find(list, name) != list.end();
}

}  // namespace

bool is_reserved_request_field(std::string_view name) {
  const auto lower = to_lower(name);
  return is_in(kHopByHop, lower) || is_in(kReservedRequest, lower) ||
         std::ranges::any_of(kReservedRequestPrefixes,
                             [&](std::string_view p) { return lower.starts_with(p); });
}

bool may_carry_credential(std::string_view name) {
  return equal_ignoring_case(name, "authorization") || !is_reserved_request_field(name);
}

bool is_reserved_response_field(std::string_view name) {
  const auto lower = to_lower(name);
  return is_in(kHopByHop, lower) || is_in(kReservedResponse, lower) || lower.starts_with("writ-") ||
         lower.starts_with("access-control-");
}

bool is_about_exact_bytes(std::string_view name) { return is_in(kAboutBytes, to_lower(name)); }

}  // namespace writ::tools
