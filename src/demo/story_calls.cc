// SPDX-License-Identifier: Apache-2.0
// Chapters 3, 4 and 7: what is allowed, what is refused and by whom, and what no answer holds.
#include "base/encoding.h"
#include "demo/story.h"

namespace writ::demo {

bool Story::read() {
  auto& cast = scene_.cast;
  scene_.narrator.chapter(3, "Billing reads an invoice");
  const auto invoice = "/tools/" + cast.place.workspace + "/billing/v1/invoices/inv_1001";
  const auto read = see_call(cast.billing, {.target = invoice});
  if (!tell("Billing reads invoice inv_1001. Writ adds the billing key on the way; no agent ever "
            "holds it.",
            read, {has_status(read, 200), has_member(read, "id", "inv_1001")})) {
    return false;
  }
  const auto stolen = seen("GET " + invoice + " (billing's token, support's key)",
                           cast.support.client->call(cast.billing.token(), {.target = invoice}));
  tell("Billing's token in other hands is worth nothing: it is bound to billing's key.", stolen,
       {has_status(stolen, 401)});
  const auto nobody = seen("GET " + invoice + " (no token)",
                           cast.place.http.send(cast.place.server, {.target = invoice}));
  tell("Without a token nothing is told.", nobody, {has_status(nobody, 401)});
  return true;
}

bool Story::preview() {
  auto& cast = scene_.cast;
  scene_.narrator.chapter(4, "Billing previews a refund, and tries what it may not");
  const auto prefix = "/tools/" + cast.place.workspace + "/billing";
  refund_ = prepared_refund("inv_1001", 12'000, "refund-inv_1001-a");
  if (!refund_) return false;
  const auto outside =
      see_call(cast.billing, {.method = "DELETE", .target = prefix + "/v1/customers/cus_Contoso"});
  tell("Billing tries to delete a customer, a tool outside its scope: refused by " +
           outside.member("operand") + ".",
       outside,
       {is_problem(outside, 403, "denied"),
        holds(!outside.member("operand").empty(), "the operand that refused")});
  const auto beyond = see_call(cast.billing, preview_of("inv_1001", 0));
  tell("A preview of nothing does not fit the tool's declaration.", beyond,
       {has_status(beyond, 400)});
  const auto unknown = see_call(cast.billing, {.target = prefix + "/v1/payouts"});
  tell("What the billing API's document does not declare is not there.", unknown,
       {is_problem(unknown, 404, "not-found")});
  const auto elsewhere =
      see_call(cast.billing, {.target = "/tools/globex/billing/v1/invoices/inv_1001"});
  const auto nowhere = see_call(
      cast.billing, {.target = "/tools/" + cast.place.workspace + "/payroll/v1/invoices/inv_1001"});
  tell(
      "Its token is for this one tool server. Anywhere else is refused, in the very same words "
      "whether it exists or not.",
      elsewhere,
      {is_problem(elsewhere, 401, "unauthenticated"),
       holds(elsewhere.status == nowhere.status && elsewhere.body == nowhere.body,
             "the very same answer")});
  const auto control = see_call(cast.billing, {.target = "/v1/workspace"});
  tell("An agent's token opens nothing of the control plane.", control,
       {holds(control.status == 401 || control.status == 403 || control.status == 404,
              "a refusal")});
  const auto large = see_call(cast.billing, refund_of("inv_1004", 600'000, "prv_0", "too-much"));
  tell("A refund of " + in_words(600'000, "EUR") + " is more than its scope allows: refused by " +
           large.member("operand") + ".",
       large,
       {is_problem(large, 403, "denied"),
        holds(!large.member("operand").empty(), "the operand that refused")});
  return true;
}

bool Story::show_no_secret() {
  auto& cast = scene_.cast;
  scene_.narrator.chapter(7, "The key comes back masked");
  const auto echoed = see_call(
      cast.billing, {.target = "/tools/" + cast.place.workspace + "/billing/v1/debug/headers"});
  const auto key = scene_.billing_key.reveal();
  bool hidden = true;
  for (const auto& form :
       {std::string(as_text(key)), base64_encode(key), base64url_encode(key), hex_encode(key)}) {
    hidden = hidden && !echoed.body.contains(form);
  }
  std::string came_back;
  const auto* headers =
      echoed.json.is_object() ? echoed.json.get_object().if_contains("headers") : nullptr;
  if (headers != nullptr && headers->is_object()) {
    const auto* value = headers->get_object().if_contains("authorization");
    if (value != nullptr) came_back = write_json(*value);
  }
  return tell(
      "Billing asks the API to echo the request's headers. The API got the key; what comes "
      "back through Writ has it masked: " +
          came_back + ".",
      echoed,
      {has_status(echoed, 200), holds(came_back.contains("Bearer "), "the header that carried it"),
       holds(hidden, "an answer without the key")});
}

}  // namespace writ::demo
