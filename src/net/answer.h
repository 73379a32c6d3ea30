// SPDX-License-Identifier: Apache-2.0
// Answers that every surface gives alike: JSON, problem documents (RFC 9457), and what a request
// carries to prove who sends it. Each surface maps its own errors to a Problem in one place.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "net/http_server.h"
#include "wire/json.h"

namespace writ::net {

// `type` is a name under https://writ.dev/problems/; empty stands for about:blank. Members of
// `more` follow the standard ones and never replace them.
struct Problem {
  int status = 500;
  std::string type;
  std::string title{};   // empty: the status's reason phrase
  std::string detail{};  // for the caller: what happened
  std::string where{};   // the place in the request; empty where there is none
  std::string hint{};    // the next step; empty where there is none
  JsonObject more{};
  std::optional<std::int64_t> retry_after{};  // seconds: the field Retry-After
};

// Of a foreseeable error, with the status that its code stands for in general: 400 invalid_input,
// 401, 403, 404, 409, 413, 429, 502 unknown_outcome, 503, and 500 without a detail for internal.
Problem problem_of(const Error& error);

std::string problem_document(const Problem& problem);

// All of these set Cache-Control: no-store where the caller has not set it, and X-Content-Type-
// Options. A failure to send means that the client is gone; there is nothing left to do.
Task<void> send_json(ServerResponse& response, int status, const JsonObject& body,
                     Fields fields = {});
Task<void> send_problem(ServerResponse& response, const Problem& problem, Fields fields = {});
Task<void> send_bytes(ServerResponse& response, int status, std::string_view content_type,
                      BytesView body, Fields fields = {});

// The rest of the body, strictly parsed as one JSON object; invalid_input where the content type is
// not application/json or the text is not an object, too_large beyond `limit`.
Task<Expected<Json>> read_json(ServerRequest& request, std::size_t limit);
// The same in two steps, so that a large body can be parsed off the loop.
Task<Expected<Bytes>> read_json_text(ServerRequest& request, std::size_t limit);
Expected<Json> parse_json_body(BytesView text, std::size_t limit);

// The credentials of a request. invalid_input where Authorization or DPoP stands more than once, or
// holds a list (failures.md 17); unauthenticated where there is no Authorization at all.
struct Credentials {
  std::string scheme;
  std::string token;
  std::optional<std::string> proof;
};
Expected<Credentials> credentials_of(const Fields& fields);

// The path of an origin-form target, without its query.
std::string_view path_of(std::string_view target);
std::string_view query_of(std::string_view target);  // without '?'; empty where there is none

}  // namespace writ::net
