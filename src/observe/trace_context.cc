// SPDX-License-Identifier: Apache-2.0
#include "observe/trace_context.h"

#include <algorithm>

#include "base/encoding.h"

namespace writ::observe {
namespace {

constexpr std::size_t kLength = 55;  // 2 + 1 + 32 + 1 + 16 + 1 + 2

template <std::size_t N>
bool read_hex(std::string_view text, std::array<std::uint8_t, N>& out) {
  if (std::ranges::any_of(text, [](char c) { return c >= 'A' && c <= 'F'; })) return false;
  auto bytes = hex_decode(text);
  if (!bytes || bytes->size() != N) return false;
  std::ranges::copy(*bytes, out.begin());
  return true;
}

template <std::size_t N>
bool is_zero(const std::array<std::uint8_t, N>& bytes) {
  return std::ranges::all_of(bytes, [](std::uint8_t byte) { return byte == 0; });
}

// All-zero ids mean "invalid" in the header, so they are never drawn.
template <std::size_t N>
void draw(Random& random, std::array<std::uint8_t, N>& out) {
  do {
    random.fill(out);
  } while (is_zero(out));
}

std::unexpected<Error> refuse(const char* why) {
  return fail(Errc::invalid_input, why, "traceparent");
}

}  // namespace

TraceContext TraceContext::root(Random& random) {
  TraceContext context;
  draw(random, context.trace_);
  draw(random, context.span_);
  return context;
}

Expected<TraceContext> TraceContext::parse(std::string_view text) {
  if (text.size() < kLength) return refuse("is too short");
  if (text[2] != '-' || text[35] != '-' || text[52] != '-') return refuse("lacks its dashes");
  std::array<std::uint8_t, 1> version{};
  if (!read_hex(text.substr(0, 2), version) || version[0] == 0xff) {
    return refuse("has no valid version");
  }
  if (version[0] == 0 && text.size() != kLength) return refuse("is too long for version 00");
  if (text.size() > kLength && text[kLength] != '-') return refuse("is malformed after the flags");

  TraceContext context;
  std::array<std::uint8_t, 1> flags{};
  if (!read_hex(text.substr(3, 32), context.trace_) || is_zero(context.trace_)) {
    return refuse("has no valid trace id");
  }
  if (!read_hex(text.substr(36, 16), context.span_) || is_zero(context.span_)) {
    return refuse("has no valid parent id");
  }
  if (!read_hex(text.substr(53, 2), flags)) return refuse("has no valid flags");
  // Only the sampled bit is defined; the others are not passed on (section 3.2.2.5).
  context.flags_ = flags[0] & 1;
  return context;
}

TraceContext TraceContext::from_header(std::string_view traceparent, Random& random) {
  auto parsed = parse(traceparent);
  return parsed ? *parsed : root(random);
}

TraceContext TraceContext::child(Random& random) const {
  TraceContext context = *this;
  draw(random, context.span_);
  return context;
}

std::string TraceContext::to_string() const {
  return "00-" + trace_id() + "-" + span_id() + (sampled() ? "-01" : "-00");
}
std::string TraceContext::trace_id() const { return hex_encode(trace_); }
std::string TraceContext::span_id() const { return hex_encode(span_); }

}  // namespace writ::observe
