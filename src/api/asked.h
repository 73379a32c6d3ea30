// SPDX-License-Identifier: Apache-2.0
// Asked: a request of which it is known who sends it, what it is about, and that it is allowed; and
// Answer, what is sent back. An Asked is made by Api alone (api.cc), after all of that, and a
// handler sees it after the request's last byte and the decision that follows that (P35).
#pragma once

#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/secret_bytes.h"
#include "broker/authority.h"
#include "broker/history.h"
#include "broker/proposals.h"
#include "broker/sessions.h"
#include "net/answer.h"
#include "wire/url.h"

namespace writ::api {

// Lives as long as the request's handler runs.
struct Asked {
  net::ServerRequest& request;
  broker::Caller caller;
  std::shared_ptr<broker::LiveWorkspace> workspace;
  std::optional<broker::Session> session;  // of a person
  // Of a person, by the second decision: what a use case that commits wants.
  std::optional<broker::Authority> authority;
  // Cancelled when the session or run ends, or its person may do less: whatever waits then stops.
  CancelToken ended;
  std::vector<std::string> names;  // what stood in the braces of the path, in order
  Form query;

  // What the request is about, as far as its route says that it is about one.
  std::optional<broker::KnownRun> run;
  std::optional<broker::PastAction> action;
  broker::Approvals::Shared approval;
  broker::Proposals::Shared proposal;

  // The body, as its route says (routes.h): a JSON object, a secret's octets, or the text of
  // documents that nobody has parsed yet.
  Json body;
  std::optional<SecretBytes> secret;
  Bytes documents;
  // The request's share of what its sender may have under way (P37): of whatever outlives the
  // request with a part of it.
  std::shared_ptr<const void> share;
};

struct Answer {
  int status = 200;
  std::string type = "application/json";
  Bytes body;
  CancelToken until{};  // sending stops when it is cancelled
  // It tells of the workspace and did nothing, so it is decided once more before it is sent (P35).
  bool is_read = false;
  // Of the request: what is not read counts among its sender's until it is (P37).
  std::shared_ptr<const void> share{};
};

using Handled = std::expected<Answer, net::Problem>;

Answer json_answer(const JsonObject& body, int status = 200);

// The one mapping of errors to problems.
net::Problem problem_of(const Error& error);
inline std::unexpected<net::Problem> problem(const Error& error) {
  return std::unexpected(problem_of(error));
}
// The very bytes for all that is not there and all that is not the caller's to know of.
net::Problem not_here();

}  // namespace writ::api

// WRIT_API_TRY(auto x, expression): x is the value, or the handler answers the error's problem.
#define WRIT_API_TRY(declaration, ...) \
  WRIT_API_TRY_(WRIT_CONCAT(writ_api_try_, __COUNTER__), declaration, __VA_ARGS__)
#define WRIT_API_TRY_(result, declaration, ...)                                       \
  auto result = (__VA_ARGS__);                                                        \
  if (!result.has_value()) co_return ::writ::api::problem(std::move(result).error()); \
  declaration = *std::move(result)
// The same for Expected<void>, and where the value is not needed.
#define WRIT_API_TRY_VOID(...) \
  WRIT_API_TRY_VOID_(WRIT_CONCAT(writ_api_try_, __COUNTER__), __VA_ARGS__)
#define WRIT_API_TRY_VOID_(result, ...) \
  auto result = (__VA_ARGS__);          \
  if (!result.has_value()) co_return ::writ::api::problem(std::move(result).error())
