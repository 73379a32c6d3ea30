// SPDX-License-Identifier: Apache-2.0
#include "cli/api_client.h"

#include "approval/statements.h"
#include "cli/agent_client.h"
#include "jose/dpop.h"
#include "jose/private_jwk.h"
#include "protocol/problem.h"
#include "wire/canonical.h"

namespace writ::cli {
namespace {

// The largest answers are traces, and batches of leaves.
constexpr JsonLimits kAnswerLimits{.bytes = std::size_t{64} << 20,
                                   .depth = 64,
                                   .values = 2'000'000,
                                   .members = 100'000,
                                   .string_bytes = std::size_t{4} << 20};

}  // namespace

ApiFailure failure_of(const HttpAnswer& answer) {
  ApiFailure out{.error = error_of_answer(answer), .status = answer.status};
  if (const auto json = parse_json(answer.body)) {
    if (auto problem = protocol::ProblemView::from_json(*json)) {
      for (auto& error : problem->errors) {
        error.where = visible_text(error.where);
        error.message = visible_text(error.message);
        error.hint = visible_text(error.hint);
      }
      out.errors = std::move(problem->errors);
      out.changes = std::move(problem->changes);
    }
  }
  return out;
}

Expected<ApiClient> ApiClient::create(Http& http, const Session& session, const Clock& clock,
                                      Random& random) {
  WRIT_TRY(auto server, parse_server_url(session.identity.server));
  WRIT_TRY(auto key, jose::read_private_jwk(session.key));
  return ApiClient(http, session.identity, std::move(server), session.session.clone(),
                   std::make_shared<jose::Es256Signer>(std::move(key)), clock, random);
}

Expected<Json> ApiClient::parse_answer(const std::string& body) {
  auto json = parse_json(body, kAnswerLimits);
  if (!json) return std::unexpected(not_understood(json.error()));
  return json;
}

Error ApiClient::not_understood(const Error& error) {
  return {.code = Errc::internal,
          .message = "the server's answer was not understood: " + error.message,
          .where = error.where,
          .hint = "is the server of the same release as this command line?"};
}

std::expected<std::string, ApiFailure> ApiClient::exchange(
    const std::string& method, const std::string& target, SecretBytes body,
    std::string content_type, seconds wait, std::size_t most_bytes, const std::string& signature) {
  const auto make = [&]() -> Expected<HttpRequest> {
    HttpRequest request{.method = method,
                        .target = target,
                        .body = body.clone(),
                        .content_type = content_type,
                        .max_body = most_bytes};
    const auto proof =
        jose::make_dpop_proof(*key_, method, server_.origin() + target.substr(0, target.find('?')),
                              session_->reveal_text(), *clock_, *random_);
    WRIT_TRY_VOID(request.fields.add("DPoP", proof));
    if (!signature.empty()) {
      WRIT_TRY_VOID(request.fields.add(std::string(approval::kSignatureField), signature));
    }
    if (wait > seconds(0)) {
      WRIT_TRY_VOID(request.fields.add("Prefer", "wait=" + std::to_string(wait.count())));
    }
    SecretBytes value(5 + session_->size());
    const std::string_view scheme = "DPoP ";
    std::ranges::copy(scheme, value.writable().begin());
    std::ranges::copy(session_->reveal(), value.writable().begin() + scheme.size());
    request.secret_fields.push_back({"Authorization", std::move(value)});
    return request;
  };
  auto answer = http_->send_until_served(server_, make);
  if (!answer) return std::unexpected(ApiFailure{.error = std::move(answer).error()});
  if (answer->ok()) return std::move(answer->body);
  auto failure = failure_of(*answer);
  if (answer->status == 401) {
    failure.error.hint = "sign in again: writ login --server " + identity_.server +
                         " --workspace " + identity_.workspace + " --user " + identity_.user;
  }
  return std::unexpected(std::move(failure));
}

std::expected<std::string, ApiFailure> ApiClient::send_whole(const std::string& method,
                                                             const std::string& target,
                                                             const JsonObject& body) {
  return exchange(method, target, SecretBytes::copy_of(canonical_json(body)), "application/json",
                  seconds(0), kMostBytes<protocol::ApplyAnswer>);
}

Expected<std::string> ApiClient::send(const std::string& method, const std::string& target,
                                      seconds wait, std::size_t most_bytes) {
  auto body = exchange(method, target, {}, {}, wait, most_bytes);
  if (!body) return std::unexpected(std::move(body).error().error);
  return std::move(*body);
}

Expected<std::string> ApiClient::send_json(const std::string& method, const std::string& target,
                                           const JsonObject& body) {
  auto answer = send_whole(method, target, body);
  if (!answer) return std::unexpected(std::move(answer).error().error);
  return std::move(*answer);
}

Expected<std::string> ApiClient::send_secret(const std::string& method, const std::string& target,
                                             const SecretBytes& body,
                                             const std::string& signature) {
  auto answer = exchange(method, target, body.clone(), "application/octet-stream", seconds(0),
                         kMostBytes<void>, signature);
  if (!answer) return std::unexpected(std::move(answer).error().error);
  return std::move(*answer);
}

Expected<std::string> ApiClient::send_signed(const std::string& method, const std::string& target,
                                             const JsonObject& body, const std::string& signature) {
  auto answer = exchange(method, target, SecretBytes::copy_of(canonical_json(body)),
                         "application/json", seconds(0), kMostBytes<void>, signature);
  if (!answer) return std::unexpected(std::move(answer).error().error);
  return std::move(*answer);
}

}  // namespace writ::cli
