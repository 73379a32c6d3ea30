// SPDX-License-Identifier: Apache-2.0
#include "demo/billing_api.h"

#include <charconv>

#include "async/event.h"

namespace writ::demo {
namespace {

constexpr std::size_t kMostBody = std::size_t{64} * 1024;

int status_of(const Error& error) {
  switch (error.code) {
    case Errc::not_found:
      return 404;
    case Errc::conflict:
      return 409;
    case Errc::too_large:
      return 413;
    case Errc::invalid_input:
      return 422;
    default:
      return 500;
  }
}

Fields json_fields() {
  Fields fields;
  (void)fields.add("Content-Type", "application/json");
  return fields;
}

Task<void> send_json(net::ServerResponse& response, int status, const JsonObject& body,
                     bool repeated = false) {
  auto fields = json_fields();
  if (repeated) (void)fields.add("Idempotency-Replayed", "true");
  if (status == 401) (void)fields.add("WWW-Authenticate", "Bearer");
  if (status == 204) {
    (void)co_await response.send(status, Fields(), {});
    co_return;
  }
  const auto text = write_json(Json(body));
  (void)co_await response.send(status, std::move(fields), as_bytes(text));
}

JsonObject error_json(std::string_view message) {
  return {{"error", JsonObject{{"message", message}}}};
}

Expected<RefundTerms> read_terms(ObjectReader& r) {
  RefundTerms terms{.invoice = r.string("invoice", {.max = 64}),
                    .amount = r.integer("amount", {.min = 1}),
                    .currency = r.string("currency", {.max = 3})};
  return terms;
}

Expected<InvoiceQuery> read_query(const Target& target) {
  InvoiceQuery query;
  WRIT_TRY(const auto form, parse_form(target.query.value_or("")));
  WRIT_TRY(const auto customer, form.get_unique("customer"));
  WRIT_TRY(const auto status, form.get_unique("status"));
  WRIT_TRY(const auto limit, form.get_unique("limit"));
  if (customer) query.customer = std::string(*customer);
  if (status) query.status = std::string(*status);
  if (limit) {
    const auto [end, error] =
        std::from_chars(limit->data(), limit->data() + limit->size(), query.limit);
    if (error != std::errc() || end != limit->data() + limit->size()) {
      return fail(Errc::invalid_input, "limit is not a number");
    }
  }
  return query;
}

}  // namespace

BillingApi::BillingApi(SecretBytes key, const Clock& clock, Random& random)
    : key_(std::move(key)), book_(clock, random) {}

bool BillingApi::is_authorized(const Fields& fields) const {
  const auto value = fields.get_unique("Authorization");
  if (!value || !*value) return false;
  const auto sent = parse_authorization(**value);
  // An empty key would let an empty token in.
  return sent && equal_ignoring_case(sent->scheme, "Bearer") && !key_.empty() &&
         equal_constant_time(as_bytes(sent->token), key_.reveal());
}

Task<void> BillingApi::handle(net::ServerRequest& request, net::ServerResponse& response) {
  if (!is_authorized(request.fields())) {
    ++unauthorized_;
    co_return co_await send_json(response, 401, error_json("a bearer key is wanted"));
  }
  const auto body = co_await request.read_all(kMostBody);
  if (!body) {
    co_return co_await send_json(response, net::status_of(body.error()),
                                 error_json(body.error().message));
  }
  const auto path = request.target().substr(0, request.target().find('?'));
  ++requests_[request.method() + " " + path];
  const auto fault = faults_.take(request.method(), path);
  auto answered =
      fault && !fault->does_it() ? Expected<Answer>(Answer{}) : answer(request.head(), *body);
  if (!answered) {
    co_return co_await send_json(response, status_of(answered.error()),
                                 error_json(answered.error().message));
  }
  if (fault) co_return co_await go_wrong(*fault, *answered, request, response);
  co_await send_json(response, answered->status, answered->body, answered->repeated);
}

Expected<BillingApi::Answer> BillingApi::answer(const net::RequestHead& head, BytesView body) {
  WRIT_TRY(const auto target, parse_target(head.target));
  if (head.method == "GET") return answer_get(target, head.fields);
  if (head.method == "POST") return answer_post(target.path, head.fields, body);
  const auto& segments = target.segments;
  if (head.method == "DELETE" && segments.size() == 3 && segments[0] == "v1" &&
      segments[1] == "customers") {
    WRIT_TRY_VOID(book_.remove_customer(segments[2]));
    return Answer{.status = 204};
  }
  return fail(Errc::not_found, "no such operation");
}

Expected<BillingApi::Answer> BillingApi::answer_get(const Target& target,
                                                    const Fields& fields) const {
  const auto& segments = target.segments;
  if (target.path == "/v1/invoices") {
    WRIT_TRY(const auto query, read_query(target));
    return Answer{.body = book_.invoices(query)};
  }
  if (segments.size() == 3 && segments[0] == "v1" && segments[1] == "invoices") {
    WRIT_TRY(auto invoice, book_.invoice(segments[2]));
    return Answer{.body = std::move(invoice)};
  }
  if (target.path == "/v1/debug/headers") {
    JsonObject headers;
    for (const auto& field : fields) headers[to_lower(field.name)] = field.value;
    return Answer{.body = {{"headers", std::move(headers)}}};
  }
  return fail(Errc::not_found, "no such operation");
}

Expected<BillingApi::Answer> BillingApi::answer_post(std::string_view path, const Fields& fields,
                                                     BytesView body) {
  if (path == "/v1/refund-previews") {
    WRIT_TRY(const auto json, parse_json_object(as_text(body)));
    ObjectReader r(json);
    WRIT_TRY(const auto terms, read_terms(r));
    (void)r.optional_string("note", {.max = 500});
    WRIT_TRY_VOID(r.finish());
    WRIT_TRY(auto preview, book_.preview(terms));
    return Answer{.body = std::move(preview)};
  }
  if (path == "/v1/refunds") {
    WRIT_TRY(const auto key, fields.get_unique("Idempotency-Key"));
    if (!key || key->empty()) return fail(Errc::invalid_input, "Idempotency-Key is wanted");
    WRIT_TRY(const auto json, parse_json_object(as_text(body)));
    ObjectReader r(json);
    WRIT_TRY(const auto terms, read_terms(r));
    const auto preview = r.string("preview_id", {.max = 64});
    WRIT_TRY_VOID(r.finish());
    WRIT_TRY(auto paid, book_.refund(*key, preview, terms));
    return Answer{.status = paid.repeated ? 200 : 201,
                  .body = std::move(paid.refund),
                  .repeated = paid.repeated};
  }
  return fail(Errc::not_found, "no such operation");
}

Task<void> BillingApi::go_wrong(BillingFault fault, const Answer& answer,
                                net::ServerRequest& request, net::ServerResponse& response) {
  const auto text = write_json(Json(answer.body));
  switch (fault.kind) {
    case BillingFault::Kind::hang:
      (void)co_await sleep_until({.cancel = request.gone()});
      response.cut();
      co_return;
    case BillingFault::Kind::trickle: {
      const auto gone = request.gone();
      if (!co_await response.begin(answer.status, json_fields(), text.size())) co_return;
      for (const auto& byte : text) {
        if (gone.cancelled()) co_return;
        co_await sleep_precisely(fault.pause);
        if (!co_await response.write(as_bytes({&byte, 1})) || !co_await response.flush()) co_return;
      }
      (void)co_await response.finish();
      co_return;
    }
    case BillingFault::Kind::cut:
      if (!co_await response.begin(answer.status, json_fields(), text.size() + 1)) co_return;
      (void)co_await response.write(as_bytes(text).first(text.size() / 2));
      (void)co_await response.flush();
      response.cut();
      co_return;
    case BillingFault::Kind::error:
      co_await send_json(response, fault.status, error_json("as a test asked"));
      co_return;
  }
}

Task<void> BillingApi::handle_control(net::ServerRequest& request, net::ServerResponse& response) {
  const auto body = co_await request.read_all(kMostBody);
  if (body && request.method() == "GET" && request.target() == "/state") {
    JsonObject requests;
    for (const auto& [name, count] : requests_) requests[name] = count;
    co_return co_await send_json(response, 200,
                                 {{"refunds", book_.refunds_paid()},
                                  {"amount", book_.amount_paid()},
                                  {"requests", std::move(requests)},
                                  {"unauthorized", unauthorized_}});
  }
  if (body && request.method() == "DELETE" && request.target() == "/faults") {
    faults_.clear();
    co_return co_await send_json(response, 204, {});
  }
  if (body && request.method() == "POST" && request.target() == "/faults") {
    const auto json = parse_json_object(as_text(*body));
    auto fault = json ? BillingFault::from_json(*json) : std::unexpected(json.error());
    if (!fault) co_return co_await send_json(response, 422, error_json(fault.error().to_string()));
    faults_.add(*std::move(fault));
    co_return co_await send_json(response, 204, {});
  }
  co_await send_json(response, 404, error_json("no such operation"));
}

}  // namespace writ::demo
