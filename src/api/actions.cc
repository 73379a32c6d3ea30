// SPDX-License-Identifier: Apache-2.0
// Endpoints about actions: their state, the seven answers, receipts, and unknown ones settled.
#include "protocol/actions.h"

#include "api/bodies.h"
#include "api/endpoints.h"
#include "broker/explain.h"
#include "broker/receipts.h"
#include "broker/resolution.h"
#include "wire/http_fields.h"

namespace writ::api {
namespace {

constexpr seconds kLongestWait{10};  // for a receipt

}  // namespace

Task<Handled> Endpoints::action(Asked& asked) {
  const auto& past = *asked.action;
  protocol::ActionView out{.id = past.id,
                           .run = past.run,
                           .tool = past.tool,
                           .phase = past.phase,
                           .status = past.status,
                           .resolved = past.resolved,
                           .result = std::nullopt};
  WRIT_API_TRY(const auto state, co_await parts_.calls.state(*asked.workspace, past.id));
  if (state) {
    WRIT_API_TRY(const auto result, co_await parts_.calls.result(*asked.workspace, *state));
    if (result && asked.authority) {
      // A person reads what lies sealed: that is in the log before it is shown (readings.h).
      const auto recorded =
          co_await record(asked, broker::Operation::see_action, {{past.id.to_string(), "result"}});
      if (!recorded && recorded.error().code == Errc::conflict) co_return problem(recorded.error());
      if (!recorded) out.withheld = std::string(broker::kWithheld);
    }
    if (result && !out.withheld) {
      const auto json = parse_json(*result, {.bytes = std::size_t{8} << 20});
      out.result = json ? *json : Json(*result);
    }
  }
  co_return json_answer(out.to_json());
}

Task<Expected<broker::RecordedReadings>> Endpoints::record(
    const Asked& asked, broker::Operation operation, std::vector<broker::Reading> readings) const {
  return broker::record_readings(*asked.authority, operation, std::move(readings), parts_.clock,
                                 parts_.random);
}

Task<Handled> Endpoints::explain(Asked& asked) {
  auto recorded = co_await record(asked, broker::Operation::explain,
                                  {{asked.action->id.to_string(), "arguments and result"}});
  if (!recorded && recorded.error().code == Errc::conflict) co_return problem(recorded.error());
  std::optional<broker::RecordedReadings> readings;
  if (recorded) readings = *recorded;
  WRIT_API_TRY(auto answers,
               co_await broker::explain(*asked.workspace, asked.action->id, readings));
  protocol::Explanation out{.action = asked.action->id, .answers = {}};
  for (auto& answer : answers) {
    out.answers.push_back({.question = std::move(answer.question),
                           .answer = std::move(answer.answer),
                           .facts = std::move(answer.facts)});
  }
  co_return json_answer(out.to_json());
}

Task<Expected<audit::Receipt>> Endpoints::latest_receipt(const Asked& asked,
                                                         broker::Receipted which) {
  WRIT_CO_TRY(const auto signed_head, head(asked));
  co_return co_await broker::receipt(*asked.workspace, *signed_head, asked.action->id, which);
}

Task<Handled> Endpoints::receipt(Asked& asked) {
  WRIT_API_TRY(const auto of, asked.query.get_unique("of"));
  if (of && *of != "intent" && *of != "outcome") {
    co_return problem(
        fail(Errc::invalid_input, "a receipt is of the \"intent\" or the \"outcome\"", "of")
            .error());
  }
  const auto which = of == "outcome" ? broker::Receipted::outcome : broker::Receipted::intent;
  // The newest entries are signed a moment after they are recorded (RFC 7240: `Prefer: wait`).
  const auto wait = parse_prefer(asked.request.fields()).wait.value_or(seconds(0));
  const auto& loop = asked.request.loop();
  const auto until = loop.now() + std::min(wait, kLongestWait);
  CancelSource stop;
  stop.follow(asked.request.gone());
  stop.follow(asked.ended);
  auto receipt = co_await latest_receipt(asked, which);
  while (!receipt && receipt.error().code == Errc::unavailable && loop.now() < until &&
         !stop.cancelled()) {
    (void)co_await sleep_until(
        {.deadline = loop.now() + milliseconds(200), .cancel = stop.token()});
    receipt = co_await latest_receipt(asked, which);
  }
  if (!receipt) co_return problem(receipt.error());
  if (receipt->says_what()) {
    // Whoever has it has read the arguments: that is in the log before it is handed out.
    WRIT_API_TRY_VOID(co_await record(asked, broker::Operation::prove,
                                      {{asked.action->id.to_string(), "receipt"}}));
  }
  co_return Answer{.status = 200, .type = "application/json", .body = to_bytes(receipt->to_json())};
}

Task<Handled> Endpoints::resolve(Asked& asked) {
  WRIT_API_TRY(auto message, message_of<protocol::ResolveRequest>(asked));
  if (message.outcome != "done" && message.outcome != "failed") {
    co_return problem(
        fail(Errc::invalid_input, "an outcome is \"done\" or \"failed\"", "/outcome").error());
  }
  WRIT_API_TRY(const auto state,
               co_await broker::resolve(
                   *asked.workspace, asked.action->id,
                   {.done = message.outcome == "done", .detail = std::move(message.detail)},
                   *asked.authority, parts_.clock, parts_.random));
  const protocol::ActionView out{.id = state.id,
                                 .run = state.run,
                                 .tool = state.tool,
                                 .phase = std::string(broker::name(state.phase)),
                                 .status = state.status,
                                 .resolved = state.resolved,
                                 .result = std::nullopt};
  co_return json_answer(out.to_json());
}

}  // namespace writ::api
