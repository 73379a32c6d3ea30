// SPDX-License-Identifier: Apache-2.0
// Before the story: a workspace where there was none.
#include "demo/acme_files.h"
#include "demo/story.h"
#include "protocol/apply.h"
#include "protocol/proposals.h"
#include "protocol/sessions.h"

namespace writ::demo {
namespace {

// What came of POST /v1/sessions; its answer is a secret.
Seen signing_in(const Expected<void>& signed_in) {
  if (!signed_in) return seen("POST /v1/sessions", signed_in.error());
  return {.request = "POST /v1/sessions", .status = 201};
}

}  // namespace

bool Story::found_workspace() {
  auto& cast = scene_.cast;
  scene_.narrator.chapter(0, "The stage: a fresh server, a billing API, and workspace acme");
  const auto ready =
      seen("GET /readyz", cast.place.http.send(cast.place.server, {.target = "/readyz"}));
  if (!tell("A Writ server with an empty store is ready.", ready, {has_status(ready, 200)})) {
    return false;
  }
  Url upstream;
  upstream.scheme = "http";
  upstream.host = "127.0.0.1";
  upstream.port = scene_.billing_port;
  upstream.path = "/";
  const auto bare = seen("GET http://" + upstream.authority() + "/v1/invoices/inv_1001",
                         cast.place.http.send(upstream, {.target = "/v1/invoices/inv_1001"}));
  tell("The billing API, a process of its own, answers nobody who has no key.", bare,
       {has_status(bare, 401)});

  const auto founded = signing_in(cast.ada.enrol(scene_.founding_code));
  if (!tell(
          "Ada becomes acme's first admin by the one-time code that the server was made with, and "
          "enrols a key of her own.",
          founded, {has_status(founded, 201)})) {
    return false;
  }
  auto mallory = Person::create(cast.place, "mallory", SecretBytes::copy_of("mallory's own"));
  if (!mallory) return false;
  const auto again = mallory->enrol(scene_.founding_code);
  tell("The code is spent: it makes nobody else an admin.", signing_in(again),
       {holds(!again && again.error().code != Errc::unavailable, "a refusal")});

  const auto documents =
      acme_documents({.billing_port = scene_.billing_port, .agent_keys = cast.agent_keys()});
  if (!documents) return false;
  const protocol::ApplyRequest wanted{
      .documents = *documents, .dry_run = false, .base = {}, .signed_by_admin = {}};
  const auto applied = seen("POST /v1/apply", cast.ada.apply(wanted));
  if (!tell(
          "Ada looks at what the workspace's files would change, signs that with her own key, and "
          "applies them as one version: people, agents with their ceilings, the billing tools, "
          "the refund workflow, the policies.",
          applied, {has_status(applied, 200)})) {
    return false;
  }
  const auto stored = seen(
      "POST /v1/credentials/billing-api-key",
      cast.ada.post_secret("/v1/credentials/billing-api-key?server=billing", scene_.billing_key));
  if (!tell(
          "Ada puts the billing key into the vault. It is bound to the billing API's address, and "
          "nobody can read it back.",
          stored,
          {has_status(stored, 201),
           holds(!stored.body.contains(scene_.billing_key.reveal_text()), "no key")})) {
    return false;
  }
  return enrol_people();
}

bool Story::enrol_people() {
  auto& cast = scene_.cast;
  for (Person* person : {&cast.alice, &cast.bob, &cast.carol, &cast.olivia, &cast.ci}) {
    const auto invitation = message_of<protocol::Invitation>(
        cast.ada.post_signed("/v1/users/" + person->name() + "/invitations", {}));
    const auto enrolled = invitation
                              ? signing_in(person->enrol(invitation->code))
                              : Seen{.request = "POST /v1/users/" + person->name() + "/invitations",
                                     .text = invitation.error().to_string()};
    if (!tell(person->name() + " enrols a key with a one-time code from Ada, and signs in.",
              enrolled, {has_status(enrolled, 201)})) {
      return false;
    }
  }
  if (!propose_by_pipeline()) return false;
  const auto found = cast.discover();
  const Seen metadata{.request = "GET /.well-known/oauth-authorization-server",
                      .text = found ? "" : found.error().to_string()};
  return tell("The agents find the authorization server's endpoints in its metadata.", metadata,
              {holds(found.has_value(), "metadata of this very server")});
}

// CI's way: it cannot sign, so it proposes, and the admin reads and signs.
bool Story::propose_by_pipeline() {
  auto& cast = scene_.cast;
  const auto documents = acme_documents(
      {.billing_port = scene_.billing_port, .agent_keys = cast.agent_keys(), .proposed = true});
  if (!documents) return false;
  const protocol::ApplyRequest wanted{
      .documents = *documents, .dry_run = false, .base = {}, .signed_by_admin = {}};
  const auto applied = seen("POST /v1/apply", cast.ci.post("/v1/apply", wanted.to_json()));
  tell("A pipeline, ci, has the role proposer. It may not apply.", applied,
       {has_status(applied, 403)});
  auto answer = cast.ci.post("/v1/proposals", wanted.to_json());
  const auto proposed = message_of<protocol::ProposeAnswer>(answer);
  const auto asked = seen("POST /v1/proposals", answer);
  if (!tell(
          "It proposes what the main branch says now: a minute more to act on an approval. Of the "
          "documents in force it is shown nothing.",
          asked,
          {has_status(asked, 201), holds(proposed && proposed->proposal, "a proposal"),
           holds(!asked.body.contains("\"changes\""), "no difference")}) ||
      !proposed || !proposed->proposal) {
    return false;
  }
  const auto path = "/v1/proposals/" + proposed->proposal->id.to_string();
  const auto view = message_of<protocol::ProposalView>(cast.ada.get(path));
  if (!view) return false;
  const auto decided = seen("POST " + path + "/decisions", cast.ada.approve(*view));
  return tell(
      "Ada reads the difference and signs it with her own key; exactly that is published. Her "
      "session alone could not.",
      decided, {has_status(decided, 200), holds(decided.member("state") == "applied", "applied")});
}

}  // namespace writ::demo
