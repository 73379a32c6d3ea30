// SPDX-License-Identifier: Apache-2.0
// TraceContext: which trace a request belongs to, as the header `traceparent` says it
// (W3C Trace Context, level 1, section 3.2). It identifies; it never authorizes.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/random.h"

namespace writ::observe {

class TraceContext {
 public:
  using TraceId = std::array<std::uint8_t, 16>;
  using SpanId = std::array<std::uint8_t, 8>;

  // A trace of our own, with a first span.
  static TraceContext root(Random& random);
  // invalid_input for what section 3.2 does not allow. A later version than 00 is read as far as
  // 00 goes (section 3.2.1 asks for it).
  static Expected<TraceContext> parse(std::string_view traceparent);
  // The context of a request: the caller's trace where it sent a valid header, else a new one
  // (section 4.3: a malformed header is ignored).
  static TraceContext from_header(std::string_view traceparent, Random& random);

  // The same trace with a new span, for what we send on.
  TraceContext child(Random& random) const;

  // "00-{trace}-{span}-{flags}".
  std::string to_string() const;
  std::string trace_id() const;  // 32 hex digits
  std::string span_id() const;   // 16 hex digits
  bool sampled() const { return (flags_ & 1) != 0; }

  friend bool operator==(const TraceContext&, const TraceContext&) = default;

 private:
  TraceContext() = default;

  TraceId trace_{};
  SpanId span_{};
  std::uint8_t flags_ = 0;
};

}  // namespace writ::observe
