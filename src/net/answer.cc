// SPDX-License-Identifier: Apache-2.0
#include "net/answer.h"

#include "wire/canonical.h"

namespace writ::net {
namespace {

constexpr std::string_view kTypes = "https://writ.dev/problems/";

int status_of(Errc code) {
  switch (code) {
    case Errc::invalid_input:
      return 400;
    case Errc::unauthenticated:
      return 401;
    case Errc::denied:
      return 403;
    case Errc::not_found:
      return 404;
    case Errc::conflict:
      return 409;
    case Errc::too_large:
      return 413;
    case Errc::rate_limited:
      return 429;
    case Errc::unsupported:
      return 501;
    case Errc::unknown_outcome:
      return 502;
    case Errc::unavailable:
      return 503;
    case Errc::internal:
      break;
  }
  return 500;
}

// Fields that the caller has set stay as they are.
void set_if_absent(Fields& fields, std::string_view name, std::string_view value) {
  // The names and values here are valid; only the bound on fields can refuse, and then the answer
  // goes without.
  if (!fields.contains(name)) (void)fields.add(name, value);
}

}  // namespace

Problem problem_of(const Error& error) {
  Problem out;
  out.status = status_of(error.code);
  if (error.code == Errc::internal) return out;  // the cause is for the log alone
  // One name for it on every surface: the tools' answers, which came first, call it so.
  std::string type(error.code == Errc::unknown_outcome ? "outcome-unknown" : name(error.code));
  std::ranges::replace(type, '_', '-');
  out.type = std::move(type);
  out.detail = error.message;
  out.where = error.where;
  out.hint = error.hint;
  return out;
}

std::string problem_document(const Problem& problem) {
  JsonObject out = problem.more;
  out["type"] = problem.type.empty() ? "about:blank" : std::string(kTypes) + problem.type;
  out["status"] = problem.status;
  out["title"] = problem.title.empty() ? std::string(reason_phrase(problem.status)) : problem.title;
  if (!problem.detail.empty()) out["detail"] = visible_text(problem.detail);
  if (!problem.where.empty()) out["where"] = visible_text(problem.where);
  if (!problem.hint.empty()) out["hint"] = visible_text(problem.hint);
  return canonical_json(out);
}

Task<void> send_bytes(ServerResponse& response, int status, std::string_view content_type,
                      BytesView body, Fields fields) {
  set_if_absent(fields, "Content-Type", content_type);
  set_if_absent(fields, "Cache-Control", "no-store");
  set_if_absent(fields, "X-Content-Type-Options", "nosniff");
  (void)co_await response.send(status, std::move(fields), body);
}

Task<void> send_json(ServerResponse& response, int status, const JsonObject& body, Fields fields) {
  const auto text = canonical_json(body);
  co_await send_bytes(response, status, "application/json", as_bytes(text), std::move(fields));
}

Task<void> send_problem(ServerResponse& response, const Problem& problem, Fields fields) {
  const auto text = problem_document(problem);
  if (problem.retry_after)
    set_if_absent(fields, "Retry-After", std::to_string(*problem.retry_after));
  co_await send_bytes(response, problem.status, "application/problem+json", as_bytes(text),
                      std::move(fields));
}

Task<Expected<Bytes>> read_json_text(ServerRequest& request, std::size_t limit) {
  WRIT_CO_TRY(const auto type, request.fields().get_unique("Content-Type"));
  const auto media = type ? parse_media_type(*type) : fail(Errc::invalid_input, "no content type");
  if (!media || media->essence != "application/json") {
    co_return fail(Errc::invalid_input, "the body must be JSON", "Content-Type",
                   "send Content-Type: application/json");
  }
  co_return co_await request.read_all(limit);
}

Expected<Json> parse_json_body(BytesView text, std::size_t limit) {
  auto object = parse_json_object(as_text(text), {.bytes = limit});
  if (!object) {
    auto error = std::move(object).error();
    error.where = "body:" + error.where;
    return std::unexpected(std::move(error));
  }
  return Json(std::move(*object));
}

Task<Expected<Json>> read_json(ServerRequest& request, std::size_t limit) {
  WRIT_CO_TRY(const auto text, co_await read_json_text(request, limit));
  co_return parse_json_body(text, limit);
}

Expected<Credentials> credentials_of(const Fields& fields) {
  WRIT_TRY(const auto authorization, fields.get_unique("Authorization"));
  WRIT_TRY(const auto proof, fields.get_unique("DPoP"));
  if (!authorization) {
    return fail(Errc::unauthenticated, "the request says not who sends it", "Authorization",
                "send a token with the scheme DPoP, and a proof in the field DPoP");
  }
  WRIT_TRY(const auto value, parse_authorization(*authorization));
  Credentials out{.scheme = std::string(value.scheme),
                  .token = std::string(value.token),
                  .proof = std::nullopt};
  if (proof) {
    if (proof->find(',') != std::string_view::npos)
      return fail(Errc::invalid_input, "more than one DPoP proof", "DPoP", "send exactly one");
    out.proof = std::string(*proof);
  }
  return out;
}

std::string_view path_of(std::string_view target) { return target.substr(0, target.find('?')); }

std::string_view query_of(std::string_view target) {
  const auto mark = target.find('?');
  return mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1);
}

}  // namespace writ::net
