// SPDX-License-Identifier: Apache-2.0
// Chapters 1 and 2: a run for a user, and what is handed down from it.
#include "demo/story.h"
#include "jose/jwk.h"
#include "jose/jwt.h"
#include "protocol/runs.h"
#include "protocol/sessions.h"

namespace writ::demo {
namespace {

// What stands in a token that its verifiers rely on (RFC 9068, P26).
std::vector<Claim> claims_of_token(const Expected<jose::VerifiedJwt>& token,
                                   const std::string& url) {
  if (!token) return {holds(false, "a token that the published keys verify for " + url)};
  const auto has = [&](std::string_view name) { return token->claims().contains(name); };
  return {holds(has("act"), "act, the agents that act"),
          holds(has("authorization_details"), "authorization_details, what it may do"),
          holds(has("run"), "run"),
          holds(!token->confirmation_thumbprint().empty(), "cnf, the key that must prove itself"),
          holds(token->expires_at() - token->issued_at().value_or(TimePoint()) <=
                    std::chrono::minutes(10),
                "a life of ten minutes at most")};
}

Expected<jose::VerifiedJwt> verify_as_anyone(const Place& place, const std::string& jwks,
                                             const SecretBytes& token, const std::string& url) {
  WRIT_TRY(const auto answer, place.http.send(place.server, {.target = jwks}));
  WRIT_TRY(const auto json, parse_json(answer.body));
  WRIT_TRY(const auto keys, jose::JwkSet::from_json(json));
  WRIT_TRY(const auto unverified, jose::UnverifiedJwt::parse(token.reveal_text()));
  const jose::ExpectedJwt expected{.types = {"at+jwt"},
                                   .issuer = place.server.origin(),
                                   .audience = url,
                                   .audience_rule = jose::ExpectedJwt::Audience::member};
  return jose::verify(unverified, keys, expected, place.clock.now());
}

// Where the server publishes its keys, as its metadata says (RFC 8414 section 2).
std::string jwks_path(const JsonObject& metadata) {
  const auto* found = metadata.if_contains("jwks_uri");
  const auto url = parse_url(found != nullptr && found->is_string() ? text_of(found->get_string())
                                                                    : std::string_view());
  return url ? url->target() : "/";
}

// What support hands on: narrower than what it has, at most 2,000.00 at a time.
JsonArray settling_tools() {
  return {"billing.invoice.read", "billing.refund.preview",
          JsonObject{{"tool", "billing.refund.execute"},
                     {"where", JsonObject{{"amount", JsonObject{{"max", 200'000}}}}}},
          "billing.headers.echo"};
}

std::string run_line(const protocol::RunView& run) {
  std::string tools;
  for (const auto& tool : run.allowed_tools) tools += (tools.empty() ? "" : ", ") + tool;
  return run.id.to_string() + "\n  name:     " + run.name + "\n  role:     " + run.role +
         "\n  agent:    " + run.agent + ", step " + run.workflow + "/" + run.step + ", for " +
         run.user.value_or("the workspace") +
         "\n  parent:   " + (run.parent ? run.parent->to_string() : "none") +
         "\n  use:      " + write_json(Json(run.use)) +
         "\n  delegate: " + write_json(Json(run.delegate)) + "\n  tools:    " + tools +
         "\n  approval: " + run.approval_state + "\n";
}

}  // namespace

bool Story::start_run() {
  auto& cast = scene_.cast;
  scene_.narrator.chapter(1, "A run for Alice, by the planner");
  auto given =
      message_of<protocol::UserToken>(cast.alice.post("/v1/user-tokens", {{"agent", "planner"}}));
  const Seen token{.request = "POST /v1/user-tokens",
                   .text = given ? "" : given.error().to_string()};
  if (!tell(
          "Alice gives the planner a token of hers, good for five minutes and for no other agent.",
          token, {holds(given.has_value(), "a token")})) {
    return false;
  }
  const cli::RunDetails plan{.workspace = cast.place.workspace,
                             .workflow = "refund",
                             .step = "plan",
                             .name = "Refund of inv_1001"};
  const auto other =
      cast.support.client->start(given->token, cli::kJwtTokenType, plan, resources());
  tell("Support, who got hold of it, cannot use it: it was made for the planner.",
       seen("POST /oauth/token (token exchange, as support)", other),
       {has_error(other, "invalid_grant")});

  auto tokens = cast.planner.client->start(given->token, cli::kJwtTokenType, plan, resources());
  const auto started = seen("POST /oauth/token (token exchange, as planner)", tokens);
  if (!tell("The planner exchanges it, with its own signed assertion, for an access and a refresh "
            "token of a run: step plan of workflow refund, for Alice.",
            started,
            {has_tokens(tokens), has_member(started, "token_type", "DPoP"),
             holds(tokens && tokens->refresh_token.has_value(), "a refresh token too")})) {
    return false;
  }
  cast.planner.tokens = std::move(*tokens);
  left_.planner_run = cast.planner.run();
  const auto jwks = jwks_path(cast.planner.client->metadata());
  tell(
      "Anyone can verify that token with the server's published keys, and see for whom, by whom, "
      "for what and under which key it is.",
      {.request = "GET " + jwks},
      claims_of_token(verify_as_anyone(cast.place, jwks, cast.planner.token(), tools_url()),
                      tools_url()));

  const auto prefix = "/tools/" + cast.place.workspace + "/billing";
  const auto read = see_call(cast.planner, {.target = prefix + "/v1/invoices/inv_1001"});
  tell("The planner may use invoices: it reads one.", read, {has_status(read, 200)});
  const auto refund = see_call(cast.planner, refund_of("inv_1001", 12'000, "prv_0", "planner-1"));
  return tell("The planner may hand refunds down and cannot make one: refused by " +
                  refund.member("operand") + ".",
              refund,
              {is_problem(refund, 403, "denied"),
               holds(!refund.member("operand").empty(), "the operand that refused")});
}

void Story::refuse_other_uses_of_delegation(const SecretBytes& token) {
  auto& cast = scene_.cast;
  const auto stolen = cast.billing.client->redeem(token, resources());
  tell("Billing cannot redeem it: it names support.",
       seen("POST /oauth/token (token exchange, as billing)", stolen),
       {has_error(stolen, "invalid_grant")});
  const auto wide = cast.planner.client->delegate(
      cast.planner.token(), {.agent = "support",
                             .role = "Triages refunds",
                             .step = "triage",
                             .delegate = JsonArray{"billing.customer.delete"}});
  tell("The planner cannot hand down what it has not got: deleting a customer.",
       seen("POST /oauth/token (token exchange, as planner)", wide),
       {holds(!wide.has_value(), "a refusal")});
}

bool Story::hand_down() {
  auto& cast = scene_.cast;
  scene_.narrator.chapter(2, "The planner hands down to support, support to billing");
  auto delegation = cast.planner.client->delegate(
      cast.planner.token(),
      {.agent = "support", .role = "Triages refunds", .step = "triage", .name = "Triage"});
  if (!tell("The planner makes a delegation token: for support alone, narrower than its own scope, "
            "single use, a minute's life.",
            seen("POST /oauth/token (token exchange, as planner)", delegation),
            {has_tokens(delegation),
             holds(delegation && delegation->expires_in <= seconds(60), "a minute's life")})) {
    return false;
  }
  refuse_other_uses_of_delegation(delegation->access_token);
  auto tokens = cast.support.client->redeem(delegation->access_token, resources());
  if (!tell("Support redeems it with its own assertion and gets a run below the planner's.",
            seen("POST /oauth/token (token exchange, as support)", tokens), {has_tokens(tokens)})) {
    return false;
  }
  cast.support.tokens = std::move(*tokens);
  const auto twice = cast.support.client->redeem(delegation->access_token, resources());
  tell("A second time it is worth nothing.",
       seen("POST /oauth/token (token exchange, as support)", twice),
       {has_error(twice, "invalid_grant")});
  const auto as_token = cast.support.client->call(delegation->access_token, {.target = "/v1/runs"});
  const auto refused = seen("GET /v1/runs (with the delegation token)", as_token);
  tell("And it is no access token: every resource refuses it.", refused,
       {has_status(refused, 401)});

  auto onward = cast.support.client->delegate(cast.support.token(), {.agent = "billing",
                                                                     .role = "Settles refunds",
                                                                     .step = "settle",
                                                                     .name = "Settlement",
                                                                     .use = settling_tools()});
  if (!tell("Support hands on to billing, and narrows it once more: refunds of 2,000.00 at most.",
            seen("POST /oauth/token (token exchange, as support)", onward), {has_tokens(onward)})) {
    return false;
  }
  tokens = cast.billing.client->redeem(onward->access_token, resources());
  if (!tell("Billing redeems that, and has a run below support's.",
            seen("POST /oauth/token (token exchange, as billing)", tokens), {has_tokens(tokens)})) {
    return false;
  }
  cast.billing.tokens = std::move(*tokens);
  left_.billing_run = cast.billing.run();
  show_runs();
  return true;
}

void Story::show_runs() {
  auto& cast = scene_.cast;
  JsonArray runs;
  std::string lines;
  std::string parent;
  for (const Agent* agent : {&cast.planner, &cast.support, &cast.billing}) {
    const auto target = "/v1/runs/" + agent->run();
    const auto answer = cast.olivia.get(target);
    const auto view = message_of<protocol::RunView>(answer);
    tell("Olivia, the auditor, sees the run of " + agent->name + ".", seen("GET " + target, answer),
         {holds(view.has_value(), "the run"),
          holds(view && view->agent == agent->name && view->user == "alice",
                "a run of " + agent->name + " for alice"),
          holds(view && (view->parent ? view->parent->to_string() : "") == parent,
                "the run above it as its parent"),
          holds(view && !view->allowed_tools.empty() && view->approval_state == "none",
                "its tools and no approval yet")});
    if (!view) continue;
    parent = view->id.to_string();
    runs.push_back(view->to_json());
    lines += run_line(*view);
  }
  scene_.narrator.exhibit("runs", "The runs, each within the one above it:", Json(runs), lines);
}

}  // namespace writ::demo
