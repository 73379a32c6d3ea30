// SPDX-License-Identifier: Apache-2.0
#include "protocol/clock.h"

#include "base/encoding.h"
#include "wire/time_text.h"

namespace writ::protocol {
namespace {

constexpr std::size_t kMaxSignature = 256;

}  // namespace

JsonObject ClockView::to_json() const {
  return {{"server", server},
          {"now", format_time(now)},
          {"latest", format_time(latest)},
          {"epoch", write_count(epoch)},
          {"behind", behind}};
}

Expected<ClockView> ClockView::from_json(const Json& value, std::string pointer) {
  ObjectReader r(value, std::move(pointer));
  r.allow_unknown();
  ClockView out;
  out.server = r.string("server");
  out.now = read_time(r, "now");
  out.latest = read_time(r, "latest");
  out.epoch = read_count(r, "epoch");
  out.behind = r.boolean("behind");
  WRIT_TRY_VOID(r.finish());
  return out;
}

JsonObject ClockResetRequest::to_json() const {
  return {{"epoch", write_count(epoch)},
          {"latest", format_time(latest)},
          {"time", format_time(time)},
          {"signature", base64url_encode(signature)}};
}

Expected<ClockResetRequest> ClockResetRequest::from_json(const Json& value, std::string pointer) {
  ObjectReader r(value, std::move(pointer));
  ClockResetRequest out;
  out.epoch = read_count(r, "epoch");
  out.latest = read_time(r, "latest");
  out.time = read_time(r, "time");
  out.signature = read_base64url(r, "signature", kMaxSignature);
  WRIT_TRY_VOID(r.finish());
  return out;
}

JsonObject ClockResetAnswer::to_json() const {
  return {{"epoch", write_count(epoch)}, {"since", format_time(since)}};
}

Expected<ClockResetAnswer> ClockResetAnswer::from_json(const Json& value, std::string pointer) {
  ObjectReader r(value, std::move(pointer));
  r.allow_unknown();
  ClockResetAnswer out;
  out.epoch = read_count(r, "epoch");
  out.since = read_time(r, "since");
  WRIT_TRY_VOID(r.finish());
  return out;
}

}  // namespace writ::protocol
