// SPDX-License-Identifier: Apache-2.0
#include "api/asked.h"

#include "broker/shares.h"
#include "wire/canonical.h"

namespace writ::api {

Answer json_answer(const JsonObject& body, int status) {
  return {.status = status, .type = "application/json", .body = to_bytes(canonical_json(body))};
}

net::Problem not_here() {
  return {.status = 404,
          .type = "not-found",
          .detail = "there is nothing here, or nothing that is yours to see"};
}

net::Problem problem_of(const Error& error) {
  // What lies behind names and ids of a path is answered alike, whatever the broker says of it.
  if (error.code == Errc::not_found) return not_here();
  auto out = net::problem_of(error);
  if (auto met = broker::exceeded(error)) {
    out.where.clear();
    out.more["limit"] = met->limit;
    if (met->after > seconds(0)) out.retry_after = met->after.count();
  }
  // What was asked for holds, and the caller is told how firmly.
  if (error.where == broker::kStopInFile || error.where == broker::kStopInMemory) {
    out.type = "stopped-not-recorded";
    out.where.clear();
    out.more["kept"] = error.where == broker::kStopInFile ? "file" : "memory";
  }
  return out;
}

}  // namespace writ::api
