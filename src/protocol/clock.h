// SPDX-License-Identifier: Apache-2.0
// The server's clock: GET /v1/clock, POST /v1/clock/reset.
#pragma once

#include <cstdint>
#include <string>

#include "protocol/fields.h"

namespace writ::protocol {

struct ClockView {
  std::string server;       // its public URL, as a reset is signed for it
  TimePoint now;            // what the server's clock says
  TimePoint latest;         // the latest time that the server has seen
  std::uint64_t epoch = 0;  // how often the clock was reset
  bool behind = false;      // too far: nothing is granted, and a reset is possible

  JsonObject to_json() const;
  static Expected<ClockView> from_json(const Json& value, std::string pointer = {});
  friend bool operator==(const ClockView&, const ClockView&) = default;
};

// Signed as approval/clock_statement.h says.
struct ClockResetRequest {
  std::uint64_t epoch = 0;
  TimePoint latest;
  TimePoint time;
  Bytes signature;

  JsonObject to_json() const;
  static Expected<ClockResetRequest> from_json(const Json& value, std::string pointer = {});
  friend bool operator==(const ClockResetRequest&, const ClockResetRequest&) = default;
};

struct ClockResetAnswer {
  std::uint64_t epoch = 0;
  TimePoint since;  // until then nothing is granted

  JsonObject to_json() const;
  static Expected<ClockResetAnswer> from_json(const Json& value, std::string pointer = {});
  friend bool operator==(const ClockResetAnswer&, const ClockResetAnswer&) = default;
};

}  // namespace writ::protocol
