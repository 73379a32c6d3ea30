// SPDX-License-Identifier: Apache-2.0
// Endpoints about the server's clock (P24).
#include "protocol/clock.h"

#include "api/bodies.h"
#include "api/endpoints.h"
#include "broker/clock_reset.h"

namespace writ::api {

Task<Handled> Endpoints::clock(Asked& /*asked*/) {
  const auto view = parts_.time.view();
  const protocol::ClockView out{.server = public_url_,
                                .now = parts_.clock.now(),
                                .latest = view.latest,
                                .epoch = view.epoch.number,
                                .behind = parts_.time.is_behind()};
  co_return json_answer(out.to_json());
}

Task<Handled> Endpoints::reset_clock(Asked& asked) {
  WRIT_API_TRY(auto message, message_of<protocol::ClockResetRequest>(asked));
  broker::SignedReset reset{
      .of = parts_.time.view(), .time = message.time, .signature = std::move(message.signature)};
  reset.of.latest = message.latest;
  reset.of.epoch.number = message.epoch;
  auto epoch =
      co_await parts_.clock_reset.reset(*asked.workspace, std::move(reset), *asked.authority);
  if (!epoch) {
    auto out = problem_of(epoch.error());
    // The session holds; it is the signature that does not.
    if (epoch.error().code == Errc::unauthenticated) {
      out.status = 422;
      out.type = "bad-signature";
    }
    co_return std::unexpected(std::move(out));
  }
  co_return json_answer(
      protocol::ClockResetAnswer{.epoch = epoch->number, .since = epoch->since}.to_json());
}

}  // namespace writ::api
