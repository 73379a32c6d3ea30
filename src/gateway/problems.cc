// SPDX-License-Identifier: Apache-2.0
#include "gateway/problems.h"

#include <utility>

#include "broker/shares.h"
#include "wire/time_text.h"

namespace writ::gateway {
namespace {

constexpr seconds kTryAgain{10};
constexpr seconds kInFlight{1};

// Values here are ours and valid; a field that does not fit is left out.
void set(Fields& fields, std::string_view name, std::string_view value) {
  (void)fields.set(name, value);
}

Answer problem(int status, std::string type, std::string detail, std::string hint = {},
               std::string where = {}) {
  Answer out;
  out.status = status;
  out.body = net::Problem{.status = status,
                          .type = std::move(type),
                          .title = {},
                          .detail = std::move(detail),
                          .where = std::move(where),
                          .hint = std::move(hint),
                          .more = {}};
  return out;
}

JsonObject& more(Answer& answer) { return std::get<net::Problem>(answer.body).more; }

Answer about(ActionId action, Answer answer) {
  const auto id = action.to_string();
  if (auto* found = std::get_if<net::Problem>(&answer.body)) found->more["action"] = id;
  set(answer.fields, kActionField, id);
  return answer;
}

Answer retry_after(seconds time, Answer answer) {
  set(answer.fields, "Retry-After", std::to_string(std::max<std::int64_t>(time.count(), 1)));
  return answer;
}

// Which limit was met, for programs.
Answer limited(const broker::Exceeded& met, Answer answer) {
  more(answer)["limit"] = met.limit;
  return answer;
}

Answer unauthenticated(const Error& error, const Asked& asked) {
  auto out = problem(401, "unauthenticated", error.message, error.hint, error.where);
  const auto metadata = "resource_metadata=\"" + std::string(asked.public_url) +
                        "/.well-known/oauth-protected-resource" + std::string(asked.resource) +
                        "\"";
  // RFC 6750 section 3.1: no error code for who has not tried.
  std::string dpop;
  std::string bearer;
  if (asked.presented) {
    dpop = error.where == "DPoP" ? "error=\"invalid_dpop_proof\", " : "error=\"invalid_token\", ";
    bearer = "error=\"invalid_token\", ";
  }
  (void)out.fields.add("WWW-Authenticate", "DPoP " + dpop + "algs=\"ES256 EdDSA\", " + metadata);
  (void)out.fields.add("WWW-Authenticate", "Bearer " + bearer + metadata);
  return out;
}

Answer to_error(const Error& error, const Asked& asked) {
  switch (error.code) {
    case Errc::unauthenticated:
      return unauthenticated(error, asked);
    case Errc::denied:
      return problem(403, "denied", error.message, error.hint, error.where);
    case Errc::not_found:
      return not_found();
    case Errc::conflict:
      if (error.where == "Idempotency-Key") {
        return problem(422, "idempotency-key-reused", error.message, error.hint, error.where);
      }
      return problem(409, "conflict", error.message, error.hint, error.where);
    case Errc::too_large:
      if (const auto met = broker::exceeded(error))
        return limited(*met, problem(413, "too-large", error.message, error.hint));
      return problem(413, "too-large", error.message, error.hint, error.where);
    case Errc::rate_limited: {
      auto out = retry_after(broker::retry_after(error).value_or(kTryAgain),
                             problem(429, "rate-limited", error.message, error.hint));
      if (const auto met = broker::exceeded(error)) return limited(*met, std::move(out));
      return out;
    }
    case Errc::unsupported:
      if (error.where == "header Content-Encoding") {
        return problem(415, "unsupported-media-type", error.message, error.hint, error.where);
      }
      return problem(400, "invalid-input", error.message, error.hint, error.where);
    case Errc::invalid_input:
      if (error.where == "header Content-Type") {
        return problem(415, "unsupported-media-type", error.message, error.hint, error.where);
      }
      return problem(400, "invalid-input", error.message, error.hint, error.where);
    case Errc::unavailable:
      return retry_after(
          kInFlight,
          problem(503, "not-delivered", error.message,
                  error.hint.empty() ? "nothing was sent; safe to send again" : error.hint,
                  error.where));
    case Errc::unknown_outcome:
      return problem(502, "outcome-unknown", error.message, "do not retry", error.where);
    case Errc::internal:
      break;
  }
  return problem(500, {}, {});
}

Answer to_refusal(const broker::Refused& refused) {
  auto out = problem(403, "denied", refused.refusal.message);
  more(out)["operand"] = delegation::name(refused.refusal.operand);
  return about(refused.action, std::move(out));
}

Answer to_approval(const approval::Approval& approval, const Asked& asked) {
  auto out = problem(403, "approval-required",
                     "this action waits for the approval of people: " + approval.title,
                     "send the same request with the same Idempotency-Key once it is approved, or "
                     "with Prefer: wait=SECONDS to be held until it is decided");
  const auto id = approval.id.to_string();
  auto& members = more(out);
  members["approval"] = id;
  members["approval_url"] = std::string(asked.public_url) + "/approvals/" + id;
  JsonArray groups;
  for (const auto& group : approval.groups) groups.emplace_back(std::string_view(group));
  members["groups"] = std::move(groups);
  members["expires"] = format_time(approval.request_expires);
  return out;
}

Answer to_known(const broker::ActionState& state, const std::optional<std::string>& result) {
  switch (state.phase) {
    case broker::ActionPhase::intent:
      return retry_after(kInFlight,
                         about(state.id, problem(409, "action-in-flight",
                                                 "the action of this Idempotency-Key is under way",
                                                 "ask again later with the same key")));
    case broker::ActionPhase::unknown:
      return outcome_unknown(state.id);
    case broker::ActionPhase::done:
    case broker::ActionPhase::failed:
      break;
  }
  JsonObject body{{"action", state.id.to_string()},
                  {"tool", state.tool},
                  {"state", broker::name(state.phase)},
                  {"replayed", true}};
  if (state.status) body["status"] = *state.status;
  if (state.resolved) body["resolved"] = true;
  if (result) {
    // What was kept is our own JSON; what does not parse is left out, the state stands without it.
    if (auto kept = parse_json(
            *result, {.bytes = std::size_t{4} << 20, .string_bytes = std::size_t{4} << 20})) {
      body["result"] = std::move(*kept);
    }
  }
  Answer out;
  out.status = 200;
  out.body = std::move(body);
  return about(state.id, std::move(out));
}

}  // namespace

Answer answer_to(const broker::Stopped& stopped, const Asked& asked,
                 const std::optional<std::string>& result) {
  if (const auto* error = std::get_if<Error>(&stopped)) return to_error(*error, asked);
  if (const auto* refused = std::get_if<broker::Refused>(&stopped)) return to_refusal(*refused);
  if (const auto* needed = std::get_if<broker::ApprovalNeeded>(&stopped)) {
    return to_approval(*needed->approval, asked);
  }
  return to_known(std::get<broker::KnownAction>(stopped).state, result);
}

Answer not_found() {
  return problem(404, "not-found", "there is no such tool here, or it is not yours to know of");
}

Answer outcome_unknown(ActionId action) {
  return about(action, problem(502, "outcome-unknown",
                               "the request was sent and nobody knows what became of it",
                               "do not retry: it may have been done. An operator settles it with: "
                               "writ action resolve " +
                                   action.to_string()));
}

Answer upstream_failed(ActionId action, std::string detail) {
  return about(action, problem(502, "upstream-failed", std::move(detail),
                               "a read changes nothing: safe to send again"));
}

Answer response_withheld(ActionId action, tools::Outcome outcome, int status, std::string detail) {
  auto out = problem(502, "response-withheld", std::move(detail),
                     "the action has ended as `state` says; do not send it again for the answer");
  more(out)["state"] = tools::name(outcome);
  more(out)["upstream_status"] = status;
  return about(action, std::move(out));
}

Answer not_delivered(ActionId action, std::string detail) {
  return retry_after(kInFlight,
                     about(action, problem(503, "not-delivered", std::move(detail),
                                           "nothing was sent; safe to send again as a new action, "
                                           "with a new Idempotency-Key")));
}

Answer stopped_before_sending(ActionId action, std::string detail) {
  return to_refusal({action, {delegation::Operand::run, std::move(detail)}});
}

Task<void> send(net::ServerResponse& response, Answer answer) {
  if (const auto* problem = std::get_if<net::Problem>(&answer.body)) {
    co_await net::send_problem(response, *problem, std::move(answer.fields));
  } else {
    co_await net::send_json(response, answer.status, std::get<JsonObject>(answer.body),
                            std::move(answer.fields));
  }
}

}  // namespace writ::gateway
