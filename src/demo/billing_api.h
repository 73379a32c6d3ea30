// SPDX-License-Identifier: Apache-2.0
// BillingApi: the upstream of the demo, as examples/acme/tools/billing.toml describes it: a small
// HTTP API that wants a bearer key on every request and knows nothing of Writ.
//
//   GET    /v1/invoices/{invoice}      GET  /v1/invoices?customer=&status=&limit=
//   POST   /v1/refund-previews         POST /v1/refunds            with Idempotency-Key
//   DELETE /v1/customers/{customer}    GET  /v1/debug/headers      shows the request's own headers
//
// A second handler, for tests and on a listener of its own, makes it fail and counts what it did:
//
//   POST /faults {…billing_fault.h}    DELETE /faults
//   GET  /state  → {"refunds", "amount", "requests": {"POST /v1/refunds": n, …}, "unauthorized"}
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "async/task.h"
#include "base/clock.h"
#include "base/random.h"
#include "base/secret_bytes.h"
#include "demo/billing_book.h"
#include "demo/billing_fault.h"
#include "net/http_server.h"
#include "wire/url.h"

namespace writ::demo {

// Of one loop. The clock and the random source outlive it.
class BillingApi {
 public:
  BillingApi(SecretBytes key, const Clock& clock, Random& random);

  Task<void> handle(net::ServerRequest& request, net::ServerResponse& response);
  Task<void> handle_control(net::ServerRequest& request, net::ServerResponse& response);

 private:
  struct Answer {
    int status = 200;
    JsonObject body{};
    bool repeated = false;
  };
  bool is_authorized(const Fields& fields) const;
  Expected<Answer> answer(const net::RequestHead& head, BytesView body);
  Expected<Answer> answer_get(const Target& target, const Fields& fields) const;
  Expected<Answer> answer_post(std::string_view path, const Fields& fields, BytesView body);
  Task<void> go_wrong(BillingFault fault, const Answer& answer, net::ServerRequest& request,
                      net::ServerResponse& response);

  SecretBytes key_;
  BillingBook book_;
  BillingFaults faults_;
  std::map<std::string, std::int64_t> requests_;  // authorized ones, by method and path
  std::int64_t unauthorized_ = 0;
};

}  // namespace writ::demo
