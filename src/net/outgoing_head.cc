// SPDX-License-Identifier: Apache-2.0
#include "net/outgoing_head.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "wire/url.h"

namespace writ::net {
namespace {

bool is_target_text(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f && c != '#'; });
}

// field-value of RFC 9110 section 5.5, in ASCII.
bool is_field_value(std::string_view text) {
  if (text.empty() || text.front() == ' ' || text.front() == '\t' || text.back() == ' ' ||
      text.back() == '\t') {
    return false;
  }
  return std::ranges::all_of(text, [](char c) { return (c >= ' ' && c < 0x7f) || c == '\t'; });
}

std::unexpected<Error> refuse(const char* why, std::string where) {
  return fail(Errc::invalid_input, why, std::move(where));
}

Expected<void> check(const OutgoingRequest& request) {
  if (!is_token(request.method) || request.method == "CONNECT") {
    return refuse("is no method that can be sent", "method");
  }
  if (!request.target.starts_with('/') || !is_target_text(request.target)) {
    return refuse("is not in origin-form", "target");
  }
  if (!is_target_text(request.secret_target.reveal_text())) {
    return refuse("has a character that must be percent-encoded", "the secret part of the target");
  }
  WRIT_TRY_VOID(parse_authority(request.host));
  for (const auto& field : request.secret_fields) {
    if (!is_token(field.name) || is_connection_field(field.name) ||
        equal_ignoring_case(field.name, "Host")) {
      return refuse("is no field that can carry a secret", field.name);
    }
    if (request.fields.contains(field.name)) {
      return refuse("would stand there twice, once as a secret", field.name);
    }
    if (!is_field_value(field.value.reveal_text())) {
      return refuse("has a secret value that cannot stand in a field", field.name);
    }
  }
  return {};
}

// Called twice with the same pieces: once to measure, once to write, so that no secret is ever in
// memory that has to grow.
template <typename Sink>
void write_head(const OutgoingRequest& request, std::string_view framing, Sink put) {
  put(request.method);
  put(" ");
  put(request.target);
  put(request.secret_target.reveal_text());
  put(" HTTP/1.1\r\nHost: ");
  put(request.host);
  put("\r\n");
  const auto line = [&](std::string_view name, std::string_view value) {
    put(name);
    put(": ");
    put(value);
    put("\r\n");
  };
  for (const auto field : request.fields) {
    if (is_connection_field(field.name) || equal_ignoring_case(field.name, "Host")) continue;
    line(field.name, field.value);
  }
  put(framing);
  for (const auto& field : request.secret_fields) line(field.name, field.value.reveal_text());
  put("\r\n");
}

}  // namespace

Expected<SecretBytes> encode_head(const OutgoingRequest& request, std::string_view framing) {
  WRIT_TRY_VOID(check(request));
  std::size_t size = 0;
  write_head(request, framing, [&](std::string_view text) { size += text.size(); });
  SecretBytes head(size);
  auto* at = head.writable().data();
  write_head(request, framing, [&](std::string_view text) {
    if (!text.empty()) std::memcpy(at, text.data(), text.size());
    at += text.size();
  });
  WRIT_CHECK(at == head.writable().data() + size);
  return head;
}

}  // namespace writ::net
