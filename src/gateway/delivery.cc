// SPDX-License-Identifier: Apache-2.0
#include "gateway/delivery.h"

#include <utility>

#include "async/cancel.h"
#include "base/check.h"
#include "base/encoding.h"
#include "gateway/injection.h"
#include "gateway/response_filter.h"
#include "tools/outcome.h"
#include "wire/utf8.h"

namespace writ::gateway {
namespace {

constexpr std::string_view kRunOver = "the run was revoked, or its time was over";

}  // namespace

Delivery::Delivery(const DeliveryParts& parts, broker::LiveWorkspace& workspace,
                   broker::Sendable sendable, DeliveryRequest about, net::ServerRequest& request,
                   net::ServerResponse& response)
    : parts_(parts),
      workspace_(workspace),
      sendable_(std::move(sendable)),
      exchange_(static_cast<DialledUpstream&>(*sendable_.upstream).exchange),
      about_(std::move(about)),
      request_(request),
      response_(response),
      run_ended_(workspace.runs().token(proposed().call().run().id)) {
  (void)about_.answer_fields.set(kActionField, action().id().to_string());
}

Task<tools::Outcome> Delivery::run() {
  if (auto sent = co_await send(); !sent) {
    if (exchange_.sent()) co_return co_await lost(sent.error());
    co_return co_await not_sent(sent.error());
  }
  // A read whose agent has gone is of no use to anybody; anything else goes on.
  const CancelRegistration agent_gone(is_read() ? request_.gone() : CancelToken(), request_.loop(),
                                      [this] { exchange_.abort(); });
  auto head = co_await exchange_.receive_head();
  if (!head) co_return co_await lost(head.error());
  status_ = head->status;
  screen_.emplace(*head, redactor_);
  if (const auto why = screen_->head(); why != Withheld::no) {
    co_return co_await withheld(*head, why);
  }
  fields_ = filter_response(*head, proposed().server(), operation(), about_.base, redactor_);
  for (const auto field : about_.answer_fields) (void)fields_.set(field.name, field.value);
  if (const auto type = head->fields.get_unique("Content-Type"); type && *type) {
    content_type_ = redactor_.masked(**type);
  }
  const auto passed = co_await pass_on();
  if (!passed) co_return co_await lost(passed.error());
  if (*passed != Withheld::no) co_return co_await withheld(*head, *passed);
  co_return co_await ended(*head);
}

Expected<void> Delivery::check_alive() const {
  if (run_over()) return fail(Errc::denied, std::string(kRunOver));
  if (auto alive = parts_.authenticator.still_alive(workspace_, proposed().call()); !alive) {
    return fail(Errc::denied, alive.error().message);
  }
  return {};
}

Expected<net::OutgoingRequest> Delivery::make_request() {
  const auto& decided = proposed().request();
  net::OutgoingRequest out{.method = decided.method,
                           .target = decided.target,
                           .secret_target = {},
                           .host = proposed().server().url().authority(),
                           .fields = decided.fields,
                           .secret_fields = {}};
  WRIT_TRY_VOID(out.fields.set("Accept", "*/*"));
  WRIT_TRY_VOID(out.fields.set("Accept-Encoding", "identity"));
  WRIT_TRY_VOID(out.fields.set("User-Agent", "Writ"));
  WRIT_TRY_VOID(out.fields.set("traceparent", about_.traceparent));
  if (operation().idempotency_header) {
    WRIT_TRY_VOID(out.fields.set(*operation().idempotency_header, action().id().to_string()));
  }
  if (proposed().account()) {
    WRIT_TRY(auto opened, parts_.calls.open_credential(workspace_, action()));
    credential_version_ = opened.version;
    inject(operation(), std::move(opened.value), out, redactor_);
  }
  return out;
}

Task<Expected<void>> Delivery::send() {
  auto request = make_request();
  if (!request) {
    // Why a credential does not open is an operator's affair.
    parts_.log.error("gateway.not_injected",
                     {{"action", action().id().to_string()}, {"why", request.error().to_string()}});
    co_return fail(Errc::unavailable, "the credential of this tool server cannot be used now");
  }
  // Between this and the first byte nothing waits, and what cancels does so on this loop.
  WRIT_CO_TRY_VOID(check_alive());
  broker::before_step(parts_.steps, "first-byte");
  if (operation().body == tools::BodyKind::opaque) {
    co_return co_await send_opaque(std::move(*request));
  }
  co_return co_await exchange_.send(std::move(*request), as_bytes(proposed().request().body));
}

Task<Expected<void>> Delivery::send_opaque(net::OutgoingRequest request) {
  const auto limit = proposed().server().limits().request_bytes;
  WRIT_CO_TRY_VOID(co_await exchange_.send_head(std::move(request), request_.declared_length()));
  request_hash_.emplace();
  std::uint64_t sent = 0;
  for (;;) {
    auto piece = co_await request_.read();
    if (!piece || (*piece && (sent += (*piece)->size()) > limit)) {
      // The upstream must not take what it has for the whole.
      exchange_.abort();
      co_return piece ? fail(Errc::too_large, "the request's body is too large", "body")
                      : std::unexpected(piece.error());
    }
    if (!*piece) break;
    request_hash_->update(**piece);
    WRIT_CO_TRY_VOID(co_await exchange_.send_body(**piece));
  }
  co_return co_await exchange_.finish_body();
}

Task<Expected<Withheld>> Delivery::pass_on() {
  const auto limit = proposed().server().limits().response_bytes;
  for (;;) {
    WRIT_CO_TRY(const auto piece, co_await exchange_.receive());
    if (!piece) break;
    received_ += piece->size();
    if (received_ > limit) {
      exchange_.abort();
      co_return fail(Errc::too_large,
                     "the response is larger than " + std::to_string(limit) + " bytes");
    }
    Bytes masked;
    if (const auto why = screen_->push(*piece, masked); why != Withheld::no) co_return why;
    if (masked.empty()) continue;
    keep(masked);
    // The last piece of a write stays until the outcome is durable; one that is known to be the
    // last of a read leaves together with the response's end.
    if (!is_read()) co_await emit(std::exchange(ready_, {}));
    ready_.insert(ready_.end(), masked.begin(), masked.end());
    if (is_read() && !exchange_.complete()) co_await emit(std::exchange(ready_, {}));
    if (is_read() && gone_) {
      exchange_.abort();
      co_return fail(Errc::unavailable, "the agent went away");
    }
  }
  Bytes rest;
  if (const auto why = screen_->finish(rest); why != Withheld::no) co_return why;
  keep(rest);
  ready_.insert(ready_.end(), rest.begin(), rest.end());
  co_return Withheld::no;
}

Task<Expected<void>> Delivery::drain() {
  const auto limit = proposed().server().limits().response_bytes;
  for (;;) {
    WRIT_CO_TRY(const auto piece, co_await exchange_.receive());
    if (!piece) co_return Expected<void>();
    received_ += piece->size();
    if (received_ > limit) {
      exchange_.abort();
      co_return fail(Errc::too_large, "the response is too large");
    }
  }
}

bool Delivery::leaves_unknown() const {
  return !is_read() && status_ &&
         tools::classify(operation(), {.status = status_, .complete = true}) ==
             tools::Outcome::unknown;
}

Task<void> Delivery::emit(BytesView piece) {
  // An upstream's 503 would read as ours, which is safe to send again (P16).
  if (gone_ || piece.empty() || leaves_unknown()) co_return;
  if (!response_.begun()) {
    if (!co_await response_.begin(*status_, fields_)) gone_ = true;
  }
  if (!gone_ && !co_await response_.write(piece)) gone_ = true;
}

Task<void> Delivery::finish_response(BytesView last) {
  if (gone_) co_return;
  if (!response_.begun() && request_.method() == "HEAD") {
    // How long a body would have been, this does not know.
    if (co_await response_.begin(*status_, fields_)) (void)co_await response_.finish();
    co_return;
  }
  if (!response_.begun()) {
    // All of it is here, so its length is known.
    (void)co_await response_.send(*status_, fields_, last);
    co_return;
  }
  co_await emit(last);
  if (!gone_) (void)co_await response_.finish();
}

Task<tools::Outcome> Delivery::ended(const net::ResponseHead& head) {
  broker::before_step(parts_.steps, "last-byte");
  const auto outcome =
      tools::classify(operation(), {.status = head.status, .complete = exchange_.complete()});
  if (!co_await record(outcome, {}) && !is_read()) {
    // Done, perhaps, and nobody will be able to show it.
    if (response_.begun()) {
      response_.cut();
    } else {
      co_await answer(outcome_unknown(action().id()));
    }
    co_return tools::Outcome::unknown;
  }
  broker::before_step(parts_.steps, "reply");
  if (leaves_unknown()) {
    co_await answer(outcome_unknown(action().id()));
  } else {
    co_await finish_response(ready_);
  }
  co_return outcome;
}

Task<tools::Outcome> Delivery::withheld(const net::ResponseHead& head, Withheld withheld) {
  const std::string why(reason(withheld));
  kept_.clear();
  if (response_.begun() && is_read()) {
    exchange_.abort();
    co_return co_await lost({Errc::denied, why, {}, {}});
  }
  if (auto drained = co_await drain(); !drained) co_return co_await lost(drained.error());
  broker::before_step(parts_.steps, "last-byte");
  const auto outcome =
      tools::classify(operation(), {.status = head.status, .complete = exchange_.complete()});
  const bool recorded = co_await record(outcome, why);
  broker::before_step(parts_.steps, "reply");
  if (response_.begun()) {
    // The agent must see that something is missing.
    response_.cut();
    co_return recorded ? outcome : tools::Outcome::unknown;
  }
  if (!recorded && !is_read()) {
    co_await answer(outcome_unknown(action().id()));
    co_return tools::Outcome::unknown;
  }
  co_await answer(response_withheld(action().id(), outcome, head.status, why));
  co_return outcome;
}

Task<tools::Outcome> Delivery::not_sent(const Error& error) {
  // Nothing happened, so there is nothing unknown about it.
  (void)co_await record(tools::Outcome::failed, "not sent: " + error.message);
  broker::before_step(parts_.steps, "reply");
  if (error.code == Errc::denied || run_over()) {
    co_await answer(stopped_before_sending(
        action().id(), error.code == Errc::denied ? error.message : std::string(kRunOver)));
  } else {
    co_await answer(not_delivered(action().id(), "the tool server did not take the request"));
  }
  co_return tools::Outcome::failed;
}

Task<tools::Outcome> Delivery::lost(const Error& error) {
  const auto outcome = tools::classify(operation(), {.status = status_, .complete = false});
  const auto why = run_over() ? "cut: " + std::string(kRunOver) : error.message;
  (void)co_await record(outcome, why);
  broker::before_step(parts_.steps, "reply");
  if (response_.begun()) {
    // Truncated is not complete: the agent must see that something is missing.
    response_.cut();
  } else if (is_read()) {
    auto detail =
        run_over() ? std::string(kRunOver) : std::string("the tool server gave no whole answer");
    co_await answer(run_over() ? stopped_before_sending(action().id(), std::move(detail))
                               : upstream_failed(action().id(), std::move(detail)));
  } else {
    co_await answer(outcome_unknown(action().id()));
  }
  co_return outcome;
}

Task<bool> Delivery::record(tools::Outcome outcome, std::string detail) {
  parts_.outcomes[static_cast<std::size_t>(outcome)]->add();
  broker::EntryWriter::Ending ending{.outcome = outcome,
                                     .status = status_,
                                     .response_bytes = received_,
                                     .credential_version = credential_version_,
                                     .request_digest = std::nullopt,
                                     .detail = std::move(detail),
                                     .result = std::nullopt};
  if (request_hash_) ending.request_digest = request_hash_->finish();
  if (!is_read() && status_) ending.result = kept_result();
  const auto finished = co_await parts_.calls.finish(workspace_, action(), std::move(ending));
  if (!finished) {
    parts_.log.error("gateway.outcome_not_recorded", {{"action", action().id().to_string()},
                                                      {"why", finished.error().to_string()}});
  }
  co_return finished.has_value();
}

Task<void> Delivery::answer(Answer answer) {
  if (gone_) co_return;
  for (const auto field : about_.answer_fields) (void)answer.fields.set(field.name, field.value);
  co_await gateway::send(response_, std::move(answer));
}

void Delivery::keep(BytesView piece) {
  if (is_read() || cut_kept_) return;
  const auto room = parts_.kept_result - kept_.size();
  cut_kept_ = piece.size() > room;
  const auto taken = piece.first(std::min(room, piece.size()));
  kept_.insert(kept_.end(), taken.begin(), taken.end());
}

std::string Delivery::kept_result() const {
  JsonObject out{{"status", *status_}};
  if (!content_type_.empty() && is_utf8(content_type_)) out["content_type"] = content_type_;
  if (cut_kept_) out["truncated"] = true;
  const auto text = as_text(kept_);
  if (is_utf8(text)) {
    out["body"] = text;
  } else {
    out["body_base64"] = base64_encode(kept_);
  }
  return write_json(out);
}

}  // namespace writ::gateway
