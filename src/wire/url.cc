// SPDX-License-Identifier: Apache-2.0
#include "wire/url.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <arpa/inet.h>

#include "wire/ascii.h"
#include "wire/http_fields.h"

namespace writ {
namespace {

std::unexpected<Error> refused(std::string message) {
  return fail(Errc::invalid_input, std::move(message));
}

bool is_octet(std::string_view text) {
  if (text.empty() || text.size() > 3 || !std::ranges::all_of(text, ascii::is_digit)) return false;
  if (text.size() > 1 && text.front() == '0') return false;
  int value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value <= 255;
}

bool is_ipv4(std::string_view text) {
  for (int i = 0; i < 3; ++i) {
    const auto dot = text.find('.');
    if (dot == std::string_view::npos || !is_octet(text.substr(0, dot))) return false;
    text.remove_prefix(dot + 1);
  }
  return is_octet(text);
}

// Whether some resolvers would take a name with this last label for a number, and so for an IPv4
// address (WHATWG URL, "ends in a number").
bool looks_like_a_number(std::string_view label) {
  if (std::ranges::all_of(label, ascii::is_digit)) return true;
  return label.starts_with("0x") &&
         std::ranges::all_of(label.substr(2), [](char c) { return ascii::hex_value(c) >= 0; });
}

Expected<std::string> parse_ipv6(std::string_view text) {
  const std::string inner(text.substr(1, text.size() - 2));
  const bool plain = std::ranges::all_of(
      inner, [](char c) { return ascii::hex_value(c) >= 0 || c == ':' || c == '.'; });
  std::array<unsigned char, 16> address{};
  if (!plain || inet_pton(AF_INET6, inner.c_str(), address.data()) != 1) {
    return refused("the host is not an IPv6 address");
  }
  std::array<char, INET6_ADDRSTRLEN> canonical{};
  inet_ntop(AF_INET6, address.data(), canonical.data(), canonical.size());
  return '[' + std::string(canonical.data()) + ']';
}

Expected<std::string> parse_name(std::string_view text) {
  if (text.size() > 253) return refused("the host is longer than 253 bytes");
  if (text.ends_with('.')) return refused("the host ends in a dot");
  std::string out = to_lower(text);
  std::string_view rest = out;
  std::string_view label;
  while (true) {
    const auto dot = rest.find('.');
    label = rest.substr(0, dot);
    if (label.empty()) return refused("the host has an empty label");
    if (label.size() > 63) return refused("the host has a label longer than 63 bytes");
    if (label.front() == '-' || label.back() == '-') {
      return refused("the host has a label with a hyphen at its end");
    }
    // The underscore is in no host name of the DNS, and in many of a container network.
    if (!std::ranges::all_of(label,
                             [](char c) { return ascii::is_alnum(c) || c == '-' || c == '_'; })) {
      return refused("the host has a character that host names do not have");
    }
    if (dot == std::string_view::npos) break;
    rest.remove_prefix(dot + 1);
  }
  if (looks_like_a_number(label) && !is_ipv4(out)) {
    return refused("the host is a number, and not four decimal octets");
  }
  return out;
}

Expected<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (failure != std::errc{} || end != text.data() + text.size() || port == 0 ||
      text.front() == '0') {
    return refused("the port is not a number from 1 to 65535");
  }
  return port;
}

}  // namespace

std::string Url::authority() const {
  return has_default_port() ? host : host + ':' + std::to_string(port);
}
std::string Url::origin() const { return scheme + "://" + authority(); }
std::string Url::target() const { return query ? path + '?' + *query : path; }
std::string Url::to_string() const { return origin() + target(); }

HostKind host_kind(std::string_view host) {
  if (host.starts_with('[')) return HostKind::ipv6;
  return is_ipv4(host) ? HostKind::ipv4 : HostKind::name;
}

Expected<std::string> parse_host(std::string_view text) {
  if (text.empty()) return refused("the host is missing");
  if (text.size() > 2 && text.front() == '[' && text.back() == ']') return parse_ipv6(text);
  return parse_name(text);
}

Expected<Authority> parse_authority(std::string_view text) {
  if (text.contains('@')) return refused("user information before the host");
  // Within brackets colons belong to the address.
  const auto bracket = text.rfind(']');
  const auto colon = text.find(':', bracket == std::string_view::npos ? 0 : bracket);
  Authority out;
  WRIT_TRY(out.host, parse_host(text.substr(0, colon)));
  if (colon != std::string_view::npos) {
    WRIT_TRY(out.port, parse_port(text.substr(colon + 1)));
  }
  return out;
}

Expected<Url> parse_url(std::string_view text, const UrlLimits& limits) {
  if (text.size() > limits.bytes) {
    return fail(Errc::too_large,
                "the URL is longer than " + std::to_string(limits.bytes) + " bytes");
  }
  if (!std::ranges::all_of(text, ascii::is_visible)) {
    return refused("the URL has a space, a control character or a character outside ASCII");
  }
  if (text.contains('\\')) return refused("the URL has a backslash");
  const auto colon = text.find("://");
  Url out;
  out.scheme = to_lower(text.substr(0, colon));
  if (colon == std::string_view::npos || (out.scheme != "https" && out.scheme != "http")) {
    return refused("the URL does not begin with https:// or http://");
  }
  text.remove_prefix(colon + 3);
  const auto authority_end = std::min(text.find_first_of("/?#"), text.size());
  WRIT_TRY(auto authority, parse_authority(text.substr(0, authority_end)));
  out.host = std::move(authority.host);
  out.port = authority.port.value_or(out.is_https() ? 443 : 80);
  std::string rest(text.substr(authority_end));
  if (!rest.starts_with('/')) rest.insert(0, "/");
  WRIT_TRY(auto target, parse_target(rest, {.bytes = limits.bytes + 1}));
  out.path = std::move(target.path);
  out.query = std::move(target.query);
  return out;
}

}  // namespace writ
