// SPDX-License-Identifier: Apache-2.0
#include "gateway/proxy.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "async/turn.h"
#include "base/check.h"
#include "observe/trace_context.h"
#include "tools/request.h"

namespace writ::gateway {
namespace {

Expected<std::optional<std::string>> idempotency_key(const Fields& fields) {
  WRIT_TRY(const auto value, fields.get_unique("Idempotency-Key"));
  if (!value) return std::nullopt;
  const bool visible = std::ranges::all_of(*value, [](char c) { return c > ' ' && c < 0x7f; });
  if (value->empty() || value->size() > 256 || !visible) {
    return fail(Errc::invalid_input, "is not 1 to 256 visible ASCII characters",
                "header Idempotency-Key");
  }
  return std::string(*value);
}

// The caller's trace where it sent one, else the run's, with a span of our own.
std::string traceparent(const Fields& fields, const delegation::Run& run, Random& random) {
  if (const auto given = fields.get_unique("traceparent"); given && *given) {
    if (const auto parsed = observe::TraceContext::parse(**given)) {
      return parsed->child(random).to_string();
    }
  }
  const auto fresh = observe::TraceContext::root(random);
  const auto of_run =
      observe::TraceContext::parse("00-" + run.trace_id + "-" + fresh.span_id() + "-01");
  return of_run ? of_run->to_string() : fresh.to_string();
}

// What a call takes of its agent's share of bytes: what it declares, else what its operation
// allows. A body that is passed on piece by piece is never here as a whole.
std::uint64_t bytes_of(const net::ServerRequest& request, tools::BodyKind kind,
                       std::uint64_t limit) {
  constexpr std::uint64_t kPiece = std::uint64_t{64} << 10;
  const auto most = kind == tools::BodyKind::none     ? 0
                    : kind == tools::BodyKind::opaque ? std::min(limit, kPiece)
                                                      : limit;
  return std::min(request.declared_length().value_or(most), most);
}

// About what arguments take while the call is under way.
std::uint64_t memory_of(const JsonObject& arguments) {
  std::uint64_t bytes = 0;
  std::vector<const Json*> next;
  const auto add = [&](const Json& value) {
    bytes += sizeof(Json) + (value.is_string() ? value.get_string().size() : 0);
    if (value.is_array() || value.is_object()) next.push_back(&value);
  };
  const auto add_members = [&](const JsonObject& object) {
    for (const auto& member : object) {
      bytes += member.key().size() + sizeof(JsonObject::value_type) - sizeof(Json);
      add(member.value());
    }
  };
  add_members(arguments);
  while (!next.empty()) {
    const auto& value = *next.back();
    next.pop_back();
    if (value.is_object()) {
      add_members(value.get_object());
    } else {
      for (const auto& each : value.get_array()) add(each);
    }
  }
  return bytes;
}

observe::Counter& outcome_counter(observe::Metrics& metrics, tools::Outcome outcome) {
  return metrics.counter("writ_tool_calls_total", "Tool calls with an intent, by how they ended",
                         {{"outcome", std::string(tools::name(outcome))}});
}

void merge(Answer& answer, const Fields& fields) {
  for (const auto field : fields) (void)answer.fields.set(field.name, field.value);
}

}  // namespace

Proxy::Proxy(const ProxyParts& parts, ProxyOptions options)
    : parts_(parts),
      options_(std::move(options)),
      delivery_{.calls = parts.calls,
                .authenticator = parts.authenticator,
                .clock = parts.clock,
                .log = parts.log,
                .outcomes = {&outcome_counter(parts.metrics, tools::Outcome::done),
                             &outcome_counter(parts.metrics, tools::Outcome::failed),
                             &outcome_counter(parts.metrics, tools::Outcome::unknown)},
                .steps = parts.steps,
                .kept_result = options_.kept_result},
      routes_(parts.client, parts.authorities),
      refusals_("tools", parts.log, parts.metrics, parts.clock),
      stopped_(parts.metrics.counter("writ_tool_calls_stopped_total",
                                     "Tool calls that were refused or wait for an approval")) {}

Task<void> Proxy::handle(net::ServerRequest& request, net::ServerResponse& response) {
  auto answer = co_await serve(request, response);
  if (answer) co_await send(response, std::move(*answer));
}

Task<Proxy::Answered> Proxy::serve(net::ServerRequest& request, net::ServerResponse& response) {
  const auto place = Place::parse(request.target());
  if (!place) co_return not_found();
  Asked asked{.public_url = options_.public_url,
              .resource = place->resource,
              .presented = request.fields().contains("Authorization")};

  const auto credentials = net::credentials_of(request.fields());
  if (!credentials) {
    refusals_.refused(credentials.error());
    co_return answer_to(credentials.error(), asked);
  }
  const auto workspace = parts_.live.find(place->workspace);
  auto server = workspace == nullptr ? nullptr : workspace->version()->server(place->server);
  auto call = authenticate(server == nullptr ? nullptr : workspace.get(), *place, *credentials,
                           request.method());
  if (!call) {
    auto answer = answer_to(call.error(), asked);
    if (call.error().code == Errc::unauthenticated) refusals_.refused(call.error());
    if (call.error().code == Errc::denied) {
      std::get<net::Problem>(answer.body).more["operand"] = name(delegation::Operand::run);
    }
    co_return answer;
  }
  request.known();
  auto matched = co_await match(request, *place, std::move(*call), std::move(server), asked);
  if (!matched) co_return std::move(matched).error();
  co_return co_await perform(request, response, *workspace, *place, std::move(*matched), asked);
}

Expected<action::AuthenticatedCall> Proxy::authenticate(const broker::LiveWorkspace* workspace,
                                                        const Place& place,
                                                        const net::Credentials& credentials,
                                                        std::string_view method) const {
  const auto url = options_.public_url + place.path;
  const auto audience = options_.public_url + place.resource;
  const broker::Presented presented{
      .scheme = credentials.scheme,
      .token = credentials.token,
      .proof =
          credentials.proof ? std::optional<std::string_view>(*credentials.proof) : std::nullopt,
      .method = method,
      .url = url,
      .audience = audience,
      .arrived = parts_.clock.now()};
  if (workspace != nullptr) return parts_.authenticator.authenticate(*workspace, presented);
  // A stranger learns nothing from whether it is there.
  WRIT_TRY_VOID(parts_.authenticator.genuine(presented));
  return fail(Errc::not_found, "no such tool server");
}

Task<std::expected<broker::Matched, Answer>> Proxy::match(
    net::ServerRequest& request, const Place& place, action::AuthenticatedCall call,
    std::shared_ptr<const tools::ToolServer> server, const Asked& asked) const {
  const auto refuse = [&](const Error& error) { return std::unexpected(answer_to(error, asked)); };
  const auto operation = tools::find_operation(*server, request.method(), place.target);
  if (!operation) co_return refuse(operation.error());
  auto key = idempotency_key(request.fields());
  if (!key) co_return refuse(key.error());

  Bytes body;
  const auto limit = server->request_limit(**operation);
  // P37: before a byte of the body is read.
  auto slot = parts_.calls.admit(call, bytes_of(request, (*operation)->body, limit));
  if (!slot) co_return refuse(slot.error());
  switch ((*operation)->body) {
    case tools::BodyKind::none:
      if (request.has_body()) {
        co_return refuse({Errc::invalid_input, "this operation takes no body", "body", {}});
      }
      break;
    case tools::BodyKind::json:
    case tools::BodyKind::form: {
      auto read = co_await request.read_all(limit);
      if (!read) {
        read.error().where = "body";
        co_return refuse(read.error());
      }
      body = std::move(*read);
      break;
    }
    case tools::BodyKind::opaque:
      // Streamed once the intent is recorded; what is known to be too much does not get so far.
      if (request.declared_length().value_or(0) > limit) {
        co_return refuse(
            {Errc::too_large, "is larger than " + std::to_string(limit) + " bytes", "body", {}});
      }
      break;
  }
  // P48: finding the operation may have spent a budget, and matching may spend another.
  if (turn_is_heavy()) co_await end_turn();
  auto matched =
      tools::match_request(*server, request.method(), place.target, request.fields(), body);
  if (!matched) co_return refuse(matched.error());
  // Small values take more room than their text.
  if (auto fits = slot->bytes.resize(std::max<std::uint64_t>(
          slot->bytes.amount(), matched->body.size() + memory_of(matched->arguments)));
      !fits) {
    co_return refuse(fits.error());
  }
  co_return broker::Matched{.call = std::move(call),
                            .server = std::move(server),
                            .request = std::move(*matched),
                            .idempotency_key = std::move(*key),
                            .slot = std::move(*slot)};
}

Task<Proxy::Answered> Proxy::perform(net::ServerRequest& request, net::ServerResponse& response,
                                     broker::LiveWorkspace& workspace, const Place& place,
                                     broker::Matched matched, const Asked& asked) {
  const auto& run = matched.call.run();
  DeliveryRequest about{.base = options_.public_url + place.resource,
                        .traceparent = traceparent(request.fields(), run, parts_.random),
                        .answer_fields = {}};
  broker::Hold hold{.deadline = {}, .client_gone = request.gone()};
  if (const auto wait = parse_prefer(request.fields()).wait; wait && *wait > seconds(0)) {
    const auto applied = std::min(*wait, options_.longest_wait);
    hold.deadline = parts_.clock.steady_now() + applied;
    (void)about.answer_fields.set("Preference-Applied", "wait=" + std::to_string(applied.count()));
  }
  const auto started = parts_.clock.steady_now();
  CallDialer dialer(routes_, workspace.runs().token(run.id), parts_.log);
  auto sendable =
      co_await parts_.calls.prepare(workspace, std::move(matched), dialer, std::move(hold));
  if (!sendable) {
    stopped_.add();
    auto answer = co_await stopped(workspace, sendable.error(), asked);
    // What could not be held was not (RFC 7240 section 3).
    if (answer && answer->status != 429) merge(*answer, about.answer_fields);
    co_return answer;
  }

  const auto action = sendable->action.id().to_string();
  const auto tool = sendable->action.proposed().operation().name;
  Delivery delivery(delivery_, workspace, std::move(*sendable), std::move(about), request,
                    response);
  const auto outcome = co_await delivery.run();
  const auto took =
      std::chrono::duration_cast<milliseconds>(parts_.clock.steady_now() - started).count();
  parts_.log.info("call.ended", {{"action", action},
                                 {"tool", tool},
                                 {"outcome", tools::name(outcome)},
                                 {"status", response.status()},
                                 {"ms", took}});
  co_return std::nullopt;
}

Task<Proxy::Answered> Proxy::stopped(broker::LiveWorkspace& workspace,
                                     const broker::Stopped& stopped, const Asked& asked) const {
  std::optional<std::string> result;
  if (const auto* known = std::get_if<broker::KnownAction>(&stopped)) {
    if (known->state.phase != broker::ActionPhase::intent) {
      auto kept = co_await parts_.calls.result(workspace, known->state);
      // The state is what counts; what was kept of the answer may have been erased.
      if (kept) result = std::move(*kept);
    }
  }
  if (const auto* error = std::get_if<Error>(&stopped)) {
    if (error->code == Errc::internal) {
      parts_.log.error("call.failed", {{"why", error->to_string()}});
    }
  }
  co_return answer_to(stopped, asked, result);
}

}  // namespace writ::gateway
