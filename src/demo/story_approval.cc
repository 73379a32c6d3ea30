// SPDX-License-Identifier: Apache-2.0
// Chapters 5 and 6: an action that waits for people.
#include <algorithm>
#include <thread>

#include "approval/decision.h"
#include "demo/story.h"
#include "protocol/approvals.h"
#include "protocol/runs.h"

namespace writ::demo {
namespace {

constexpr seconds kHeld{30};

// The answer of a held call, once it has been let go.
Seen seen_at_last(std::string request, std::future<Expected<cli::HttpAnswer>>& held) {
  if (!held.valid() || held.wait_for(kHeld + seconds(10)) != std::future_status::ready) {
    return {.request = std::move(request), .text = "no answer"};
  }
  return seen(std::move(request), held.get());
}

bool is_still_held(const std::future<Expected<cli::HttpAnswer>>& held) {
  return held.valid() && held.wait_for(milliseconds(300)) == std::future_status::timeout;
}

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const auto& line : lines) text += line + "\n";
  return text;
}

}  // namespace

bool Story::ask_for_refund() {
  auto& cast = scene_.cast;
  scene_.narrator.chapter(5, "Billing executes the refund: a person is asked first");
  const auto unseen = see_call(cast.billing, refund_of("inv_1001", 12'001, "prv_0", "unseen"));
  tell("A refund that nobody has previewed is refused: the tool declares that it requires one.",
       unseen, {has_status(unseen, 403)});

  const auto asked = see_call(cast.billing, *refund_);
  approval_ = asked.member("approval");
  if (!tell(
          "Billing executes the previewed refund of " + in_words(12'000, "EUR") +
              ". Policy asks for finance: the answer names the approval, where people decide, and "
              "how to go on.",
          asked,
          {is_problem(asked, 403, "approval-required"),
           holds(!approval_.empty(), "the approval's id"),
           holds(!asked.member("approval_url").empty(), "where a human decides"),
           holds(!asked.member("hint").empty(), "how to continue"),
           holds(refunded("inv_1001") == 0, "nothing paid")})) {
    return false;
  }
  const auto answer = cast.olivia.get("/v1/runs/" + cast.billing.run());
  const auto run = message_of<protocol::RunView>(answer);
  tell("Billing's run shows that it waits.", seen("GET /v1/runs/" + cast.billing.run(), answer),
       {holds(run && run->approval_state == "pending", "approval_state is pending")});
  auto waiting = *refund_;
  waiting.wait = kHeld;
  held_ = hold(cast.billing, std::move(waiting));
  return tell("It sends the same once more with `Prefer: wait=30`, and is held.",
              {.request = "POST " + refund_->target, .text = "an answer at once"},
              {holds(is_still_held(held_), "no answer before somebody decides")});
}

bool Story::decide() {
  scene_.narrator.chapter(6, "People decide");
  if (!approve_refund()) return false;
  repeat_refund();
  ask_for_others();
  refund_above_limit();
  return true;
}

bool Story::approve_refund() {
  auto& cast = scene_.cast;
  const auto target = "/v1/approvals/" + approval_;
  auto view = approval(cast.bob, approval_);
  if (!tell("Bob, who approves for finance, sees the question.",
            {.request = "GET " + target, .text = "no approval"},
            {holds(view.has_value(), "the approval"),
             holds(view && view->groups == std::vector<std::string>{"finance"},
                   "finance alone is asked")})) {
    return false;
  }
  const auto shown = approval::show_statement(view->statement);
  if (shown) {
    scene_.narrator.exhibit("shown", "What Bob sees, and signs, is the action itself:",
                            Json(view->to_json()), joined(shown->lines));
  }
  const auto hers = seen("POST " + target + "/decisions (as alice)",
                         cast.alice.decide(*view, approval::Verdict::approve, {"finance"}));
  tell("Alice is of finance too, but the run is for her: she may not approve it.", hers,
       {holds(hers.status == 403 && hers.member("detail").contains("who the run is for"),
              "a refusal because the run is for her"),
        holds(is_still_held(held_), "the call still held")});
  const auto his = seen("POST " + target + "/decisions (as bob)",
                        cast.bob.decide(*view, approval::Verdict::approve, {"finance"}));
  if (!tell("Bob approves, with a signature over exactly what he saw.", his,
            {holds(his.status == 200 || his.status == 201, "his decision taken")})) {
    return false;
  }
  const auto paid = seen_at_last("POST " + refund_->target + " (the held call)", held_);
  return tell("The held call goes on by itself, and the refund is paid.", paid,
              {has_status(paid, 201), has_member(paid, "status", "paid"),
               holds(refunded("inv_1001") == 12'000, "120.00 refunded")});
}

void Story::repeat_refund() {
  auto& cast = scene_.cast;
  const auto again = see_call(cast.billing, *refund_);
  left_.refund_action = again.member("action");
  tell("The same call with the same key: the first action's state, and no second refund.", again,
       {has_status(again, 200), has_member(again, "state", "done"),
        holds(!left_.refund_action.empty(), "the first action's id"),
        holds(refunded("inv_1001") == 12'000, "120.00 refunded, once")});
  auto more = *refund_;
  more.body = refund_of("inv_1001", 12'001, "prv_0", "").body;
  const auto reused = see_call(cast.billing, more);
  tell("The same key for one cent more is refused.", reused,
       {is_problem(reused, 422, "idempotency-key-reused")});
}

void Story::ask_for_others() {
  auto& cast = scene_.cast;
  auto anew = *refund_;
  anew.idempotency_key = "refund-inv_1001-b";
  const auto other = see_call(cast.billing, anew);
  left_.open_approval = other.member("approval");
  tell("The same refund under a new key is another action: a new approval.", other,
       {is_problem(other, 403, "approval-required"),
        holds(!left_.open_approval.empty() && left_.open_approval != approval_,
              "another approval than the one that was used")});
  const auto cent = prepared_refund("inv_1001", 12'001, "refund-inv_1001-c");
  if (!cent) return;
  const auto more = see_call(cast.billing, *cent);
  const auto id = more.member("approval");
  tell("One cent more: a new approval again.", more,
       {is_problem(more, 403, "approval-required"),
        holds(!id.empty() && id != approval_ && id != left_.open_approval, "one of its own")});

  const auto view = approval(cast.bob, id);
  if (!view) return;
  const auto denied = seen("POST /v1/approvals/" + id + "/decisions (as bob)",
                           cast.bob.decide(*view, approval::Verdict::deny, {"finance"}));
  tell("Bob denies that one.", denied,
       {holds(denied.status == 200 || denied.status == 201, "his decision taken")});
  const auto asked = see_call(cast.billing, *cent);
  tell("Billing may not ask for the same again at once.", asked,
       {is_problem(asked, 403, "denied")});
  auto renamed = *cent;
  renamed.idempotency_key = "refund-inv_1001-d";
  const auto renewed = see_call(cast.billing, renamed);
  tell("A new key is no way around Bob's no.", renewed, {is_problem(renewed, 403, "denied")});
}

void Story::refund_above_limit() {
  auto& cast = scene_.cast;
  const auto large = prepared_refund("inv_1002", 150'000, "refund-inv_1002-a");
  if (!large) return;
  const auto asked = see_call(cast.billing, *large);
  const auto id = asked.member("approval");
  auto view = approval(cast.bob, id);
  if (!tell("Above 1,000.00 policy asks for finance and for the controllers.", asked,
            {is_problem(asked, 403, "approval-required"),
             holds(view && view->groups == std::vector<std::string>{"controllers", "finance"},
                   "both groups")})) {
    return;
  }
  auto waiting = *large;
  waiting.wait = kHeld;
  auto held = hold(cast.billing, std::move(waiting));
  const auto target = "POST /v1/approvals/" + id + "/decisions";
  const auto first =
      seen(target + " (as bob)", cast.bob.decide(*view, approval::Verdict::approve, {"finance"}));
  view = approval(cast.carol, id);
  tell("Bob approves for finance; that alone is not enough.", first,
       {holds(first.status == 200 || first.status == 201, "his decision taken"),
        holds(view && view->missing == std::vector<std::string>{"controllers"},
              "the controllers still missing"),
        holds(is_still_held(held), "the call still held")});
  if (!view) return;
  const auto second = seen(target + " (as carol)",
                           cast.carol.decide(*view, approval::Verdict::approve, {"controllers"}));
  const auto paid = seen_at_last("POST " + large->target + " (the held call)", held);
  tell("Carol approves for the controllers.", second,
       {holds(second.status == 200 || second.status == 201, "her decision taken")});
  tell("Now the large refund is paid.", paid,
       {has_status(paid, 201), holds(refunded("inv_1002") == 150'000, "1500.00 refunded")});
}

}  // namespace writ::demo
