// SPDX-License-Identifier: Apache-2.0
#include "cli/agent_client.h"

#include "jose/client_assertion.h"
#include "jose/dpop.h"
#include "protocol/problem.h"
#include "wire/canonical.h"

namespace writ::cli {
namespace {

constexpr std::string_view kTokenExchange = "urn:ietf:params:oauth:grant-type:token-exchange";
constexpr std::string_view kMetadata = "/.well-known/oauth-authorization-server";
constexpr std::size_t kMaxToken = std::size_t{16} * 1024;
constexpr std::size_t kMaxToolAnswer = std::size_t{64} << 20;

// The answer is strict JSON from our own server; numbers of others (metadata) may be anything.
Expected<JsonObject> json_of(const HttpAnswer& answer) {
  auto object = parse_json_object(answer.body);
  if (!object) {
    return fail(Errc::internal, "the server's answer is not JSON: " + object.error().message, {},
                "is this a Writ server?");
  }
  return object;
}

void set_scope(JsonObject& details, const std::optional<JsonArray>& use,
               const std::optional<JsonArray>& delegate) {
  if (use) details["use"] = *use;
  if (delegate) details["delegate"] = *delegate;
}

void set_text(JsonObject& details, std::string_view name, const std::string& text) {
  if (!text.empty()) details[name] = text;
}

std::string run_details(const RunDetails& run) {
  JsonObject details{{"type", "writ_run"}};
  set_text(details, "workspace", run.workspace);
  set_text(details, "workflow", run.workflow);
  set_text(details, "step", run.step);
  set_text(details, "name", run.name);
  set_scope(details, run.use, run.delegate);
  return canonical_json(Json(JsonArray{std::move(details)}));
}

void add_resources(Form& form, const Resources& resources) {
  for (const auto& resource : resources) form.add("resource", resource);
}

Expected<Tokens> tokens_of(JsonObject object) {
  ObjectReader r(object);
  r.allow_unknown();
  Tokens out;
  const TextRule text{.min = 1, .max = kMaxToken};
  out.access_token = SecretBytes::copy_of(r.string("access_token", text));
  if (const auto refresh = r.optional_string("refresh_token", text))
    out.refresh_token = SecretBytes::copy_of(*refresh);
  out.token_type = r.string("token_type");
  out.issued_token_type = r.optional_string("issued_token_type").value_or("");
  out.expires_in = seconds(r.optional_integer("expires_in", {.min = 0}).value_or(0));
  WRIT_TRY_VOID(r.finish());
  for (const auto* name : {"access_token", "refresh_token"}) object.erase(name);
  out.members = std::move(object);
  return out;
}

}  // namespace

Error error_of_answer(const HttpAnswer& answer) {
  const auto code = protocol::code_of_status(answer.status);
  const auto object = parse_json_object(answer.body);
  if (!object) {
    return {.code = code,
            .message = "the server answered with status " + std::to_string(answer.status),
            .where = {},
            .hint = {}};
  }
  const auto text = [&](std::string_view name) {
    const Json* found = object->if_contains(name);
    return found != nullptr && found->is_string() ? visible_text(text_of(found->get_string()))
                                                  : std::string();
  };
  if (const auto error = text("error"); !error.empty()) {
    const auto description = text("error_description");
    return {.code = code,
            .message = description.empty() ? error : error + ": " + description,
            .where = {},
            .hint = {}};
  }
  auto problem = protocol::ProblemView::from_json(Json(*object)).value();
  problem.status = answer.status;
  auto error = problem.to_error();
  error.message = visible_text(error.message);
  error.where = visible_text(error.where);
  error.hint = visible_text(error.hint);
  if (error.message.empty())
    error.message = "the server answered with status " + std::to_string(answer.status);
  return error;
}

Expected<AgentClient> AgentClient::discover(Http& http, const Url& server, std::string client_id,
                                            std::shared_ptr<const jose::Signer> key,
                                            const Clock& clock, Random& random, Sender sender) {
  AgentClient client(http, server, std::move(client_id), std::move(key), clock, random, sender);
  WRIT_TRY(const auto answer, http.send(server, {.target = std::string(kMetadata)}));
  if (!answer.ok()) return std::unexpected(error_of_answer(answer));
  WRIT_TRY(client.metadata_, json_of(answer));
  ObjectReader r(client.metadata_);
  r.allow_unknown();
  const auto issuer = r.string("issuer");
  WRIT_TRY_VOID(r.finish());
  // RFC 8414 section 3.3: else another server could stand in for this one.
  if (issuer != server.origin()) {
    return fail(Errc::denied,
                "the server at " + server.origin() + " calls itself " + quoted_extract(issuer), {},
                "name it as it names itself (its public_url)");
  }
  return client;
}

Expected<std::string> AgentClient::endpoint(std::string_view name) const {
  ObjectReader r(metadata_);
  r.allow_unknown();
  const auto text = r.string(name);
  WRIT_TRY_VOID(r.finish());
  WRIT_TRY(const auto url, parse_url(text));
  // The assertion and the tokens are for this server alone.
  if (url.origin() != server_.origin()) {
    return fail(Errc::denied, "the metadata names an endpoint at another origin",
                json_pointer("", name));
  }
  return url.target();
}

void AgentClient::authenticate(Form& form) const {
  form.add("client_assertion_type", jose::kClientAssertionType);
  form.add("client_assertion",
           jose::make_client_assertion(*key_, client_id_, server_.origin(), *clock_, *random_));
}

std::string AgentClient::proof(std::string_view method, std::string_view url,
                               std::optional<std::string_view> access_token) const {
  return jose::make_dpop_proof(*key_, method, url, access_token, *clock_, *random_);
}

Expected<HttpAnswer> AgentClient::post_form(const std::string& target, Form form, bool with_proof) {
  authenticate(form);
  HttpRequest request{.method = "POST",
                      .target = target,
                      .body = SecretBytes::copy_of(form.encode()),
                      .content_type = "application/x-www-form-urlencoded"};
  if (with_proof && sender_ == Sender::dpop) {
    WRIT_TRY_VOID(request.fields.add(
        "DPoP", proof("POST", server_.origin() + target.substr(0, target.find('?')), {})));
  }
  return http_->send(server_, std::move(request));
}

Expected<Tokens> AgentClient::token_request(Form form) {
  WRIT_TRY(const auto target, endpoint("token_endpoint"));
  WRIT_TRY(const auto answer, post_form(target, std::move(form), true));
  if (!answer.ok()) return std::unexpected(error_of_answer(answer));
  WRIT_TRY(auto object, json_of(answer));
  return tokens_of(std::move(object));
}

Expected<Tokens> AgentClient::start(const SecretBytes& subject_token,
                                    std::string_view subject_token_type, const RunDetails& run,
                                    const Resources& resources) {
  Form form;
  form.add("grant_type", kTokenExchange);
  form.add("subject_token", subject_token.reveal_text());
  form.add("subject_token_type", subject_token_type);
  form.add("authorization_details", run_details(run));
  add_resources(form, resources);
  return token_request(std::move(form));
}

Expected<Tokens> AgentClient::start_for_workspace(const RunDetails& run,
                                                  const Resources& resources) {
  Form form;
  form.add("grant_type", "client_credentials");
  form.add("authorization_details", run_details(run));
  add_resources(form, resources);
  return token_request(std::move(form));
}

Expected<Tokens> AgentClient::delegate(const SecretBytes& access_token,
                                       const DelegationDetails& details) {
  JsonObject object{{"type", "writ_delegation"}};
  set_text(object, "agent", details.agent);
  set_text(object, "role", details.role);
  set_text(object, "step", details.step);
  set_text(object, "name", details.name);
  set_scope(object, details.use, details.delegate);
  Form form;
  form.add("grant_type", kTokenExchange);
  form.add("subject_token", access_token.reveal_text());
  form.add("subject_token_type", kAccessTokenType);
  form.add("requested_token_type", kJwtTokenType);
  form.add("authorization_details", canonical_json(Json(JsonArray{std::move(object)})));
  return token_request(std::move(form));
}

Expected<Tokens> AgentClient::redeem(const SecretBytes& delegation_token,
                                     const Resources& resources) {
  Form form;
  form.add("grant_type", kTokenExchange);
  form.add("subject_token", delegation_token.reveal_text());
  form.add("subject_token_type", kJwtTokenType);
  add_resources(form, resources);
  return token_request(std::move(form));
}

Expected<Tokens> AgentClient::refresh(const SecretBytes& refresh_token,
                                      const Resources& resources) {
  Form form;
  form.add("grant_type", "refresh_token");
  form.add("refresh_token", refresh_token.reveal_text());
  add_resources(form, resources);
  return token_request(std::move(form));
}

Expected<JsonObject> AgentClient::introspect(const SecretBytes& token) {
  WRIT_TRY(const auto target, endpoint("introspection_endpoint"));
  Form form;
  form.add("token", token.reveal_text());
  WRIT_TRY(const auto answer, post_form(target, std::move(form), false));
  if (!answer.ok()) return std::unexpected(error_of_answer(answer));
  return json_of(answer);
}

Expected<void> AgentClient::revoke(const SecretBytes& token) {
  WRIT_TRY(const auto target, endpoint("revocation_endpoint"));
  Form form;
  form.add("token", token.reveal_text());
  WRIT_TRY(const auto answer, post_form(target, std::move(form), false));
  if (!answer.ok()) return std::unexpected(error_of_answer(answer));
  return {};
}

Expected<HttpAnswer> AgentClient::call(const SecretBytes& access_token, ToolCall call) {
  const auto path = call.target.substr(0, call.target.find('?'));
  if (!path.starts_with('/')) {
    return fail(Errc::invalid_input, "a call's path begins with a slash", {},
                "/tools/WORKSPACE/SERVER/…");
  }
  HttpRequest request{.method = call.method,
                      .target = call.target,
                      .fields = std::move(call.fields),
                      .body = SecretBytes::copy_of(call.body),
                      .max_body = kMaxToolAnswer};
  if (!call.body.empty()) request.content_type = call.content_type;
  if (call.idempotency_key) {
    WRIT_TRY_VOID(request.fields.set("Idempotency-Key", *call.idempotency_key));
  }
  if (call.wait) {
    WRIT_TRY_VOID(request.fields.set("Prefer", "wait=" + std::to_string(call.wait->count())));
    request.answer_within += *call.wait;
  }
  if (sender_ == Sender::dpop) {
    WRIT_TRY_VOID(request.fields.set(
        "DPoP", proof(call.method, server_.origin() + path, access_token.reveal_text())));
  }
  const std::string scheme = sender_ == Sender::dpop ? "DPoP " : "Bearer ";
  request.secret_fields.push_back(
      {"Authorization", SecretBytes::copy_of(scheme + std::string(access_token.reveal_text()))});
  return http_->send(server_, std::move(request));
}

}  // namespace writ::cli
