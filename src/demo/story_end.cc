// SPDX-License-Identifier: Apache-2.0
// Chapters 8 and 9: the end of a run, and what can be known and proved of it afterwards.
#include <algorithm>

#include "cli/render_actions.h"
#include "cli/render_runs.h"
#include "crypto/ed25519.h"
#include "demo/log_copy.h"
#include "demo/story.h"
#include "protocol/actions.h"
#include "protocol/runs.h"

namespace writ::demo {
namespace {

// What must be found in a changed copy.
Claim finds(const Expected<audit::VerifyReport>& report,
            std::initializer_list<audit::ProblemKind> kinds) {
  std::string expected = "verification to fail and to say where";
  if (!report) return holds(false, std::move(expected));
  const bool found = std::ranges::any_of(report->problems, [&](const audit::Problem& problem) {
    return std::ranges::find(kinds, problem.kind) != kinds.end() && !problem.place.empty();
  });
  return holds(!report->ok && found, std::move(expected));
}

std::string first_problem(const Expected<audit::VerifyReport>& report) {
  if (!report) return report.error().to_string();
  if (report->problems.empty()) return "nothing";
  return report->problems.front().place + ": " + report->problems.front().what;
}

std::size_t calls_in(const protocol::Trace& trace, std::string_view phase) {
  auto count = static_cast<std::size_t>(
      std::ranges::count(trace.actions, phase, &protocol::TracedAction::phase));
  for (const auto& child : trace.children) count += calls_in(child, phase);
  return count;
}

}  // namespace

bool Story::revoke() {
  auto& cast = scene_.cast;
  scene_.narrator.chapter(8, "Ada stops it all");
  auto fresh = cast.billing.client->refresh(*cast.billing.tokens->refresh_token, resources());
  if (!tell("While its run lives, billing's refresh token yields a new access token for that run.",
            seen("POST /oauth/token (refresh, as billing)", fresh), {has_tokens(fresh)})) {
    return false;
  }
  cast.billing.tokens = std::move(*fresh);
  auto waiting = *refund_;
  waiting.idempotency_key = "refund-inv_1001-b";
  waiting.wait = seconds(30);
  auto held = hold(cast.billing, std::move(waiting));
  tell("Billing is held once more, on the approval that is still open.",
       {.request = "POST " + refund_->target, .text = "an answer at once"},
       {holds(held.wait_for(milliseconds(500)) == std::future_status::timeout,
              "no answer before somebody decides")});

  const auto target = "/v1/runs/" + cast.planner.run() + "/revoke";
  const auto answer =
      cast.ada.post(target, protocol::RevokeRequest{.reason = "the story ends here"}.to_json());
  const auto revoked = message_of<protocol::Revoked>(answer);
  if (!tell("Ada revokes the planner's run, and with it all three.", seen("POST " + target, answer),
            {holds(revoked && revoked->revoked.size() == 3, "three runs revoked")})) {
    return false;
  }
  const bool ended = held.wait_for(seconds(5)) == std::future_status::ready;
  const auto let_go = ended ? seen("POST " + refund_->target + " (the held call)", held.get())
                            : Seen{.request = "POST " + refund_->target, .text = "no answer"};
  tell("The held call ends, refused.", let_go,
       {holds(let_go.status == 401 || let_go.status == 403, "a refusal within five seconds")});
  const auto next = see_call(
      cast.billing, {.target = "/tools/" + cast.place.workspace + "/billing/v1/invoices/inv_1001"});
  tell("Billing's next call is refused at once, though its token has minutes to live.", next,
       {holds(next.status == 401 || next.status == 403, "a refusal")});
  const auto dead = cast.billing.client->refresh(*cast.billing.tokens->refresh_token, resources());
  tell("Its refresh token is dead too.", seen("POST /oauth/token (refresh, as billing)", dead),
       {has_error(dead, "invalid_grant")});
  return true;
}

bool Story::look_back() {
  auto& cast = scene_.cast;
  scene_.narrator.chapter(9, "What happened, from Writ's own records");
  const auto trace_target = "/v1/runs/" + cast.planner.run() + "/trace";
  const auto traced = cast.olivia.get(trace_target);
  const auto trace = message_of<protocol::Trace>(traced);
  tell("Olivia traces the run: who handed what to whom, each call, and who decided.",
       seen("GET " + trace_target, traced),
       {holds(trace.has_value(), "the tree"),
        holds(trace && trace->children.size() == 1 && trace->children[0].children.size() == 1,
              "billing's run below support's below the planner's"),
        holds(trace && trace->run.state == "revoked", "the planner's run, revoked"),
        holds(trace && calls_in(*trace, "done") >= 6, "the calls that were made"),
        holds(trace && calls_in(*trace, "refused") >= 3, "the calls that were refused")});
  if (trace) show_trace(*trace);

  const auto explain_target = "/v1/actions/" + left_.refund_action + "/explain";
  const auto explained = cast.olivia.get(explain_target);
  const auto answers = message_of<protocol::Explanation>(explained);
  tell("She asks the seven questions of the refund.", seen("GET " + explain_target, explained),
       {holds(answers && answers->answers.size() == 7, "seven answers")});
  if (answers) show_answers(*answers);
  tamper();
  return true;
}

void Story::tamper() {
  auto copy = LogCopy::fetch(scene_.cast.olivia);
  const Seen fetching{.request = "GET /v1/log, /v1/log/leaves, …",
                      .text = copy ? "an empty log" : copy.error().to_string()};
  if (!tell("She fetches the whole log, to verify it on her own machine.", fetching,
            {holds(copy && !copy->empty(), "leaves and checkpoints")})) {
    return;
  }
  const auto saved = copy->latest_checkpoint();
  const auto whole = copy->verify({saved});
  tell("The log is whole, back to the first entry.", {.text = first_problem(whole)},
       {holds(whole && whole->ok && whole->size > 0, "nothing amiss")});
  auto source = *copy;
  const auto key = copy->key().to_string();
  const auto checked =
      cli::check_log(source, key, {.given_key = key, .saved_checkpoints = {saved}});
  if (checked) show_verified(*checked);

  const auto size = copy->size().value_or(0);
  const auto check = [&](std::string what, auto change,
                         std::initializer_list<audit::ProblemKind> kinds) {
    auto changed = *copy;
    change(changed);
    const auto report = changed.verify({saved});
    tell("In a copy, " + what + ": verification fails. " + first_problem(report),
         {.text = first_problem(report)}, {finds(report, kinds)});
  };
  using enum audit::ProblemKind;
  check("one bit of an entry is changed", [&](LogCopy& log) { log.change_leaf(size / 2); },
        {changed_leaf});
  check("one bit of a stored node is changed", [](LogCopy& log) { log.change_node(); },
        {changed_node});
  check("a checkpoint is changed", [](LogCopy& log) { log.change_checkpoint(); }, {bad_checkpoint});
  // Those that no checkpoint covers yet may be missing without a trace: they were never
  // acknowledged as signed.
  const auto unsigned_leaves = whole ? static_cast<std::size_t>(whole->size - whole->covered) : 0;
  check("the last entries are cut off", [&](LogCopy& log) { log.cut_tail(unsigned_leaves + 3); },
        {cut_tail});

  // A thief of the log's key: stood for by a key of ours, under which the true history is signed
  // first, so that nothing but the saved checkpoint can tell the two apart.
  const auto thief = audit::NoteSigner::create(
      copy->key().name(), crypto::Ed25519PrivateKey::generate(scene_.cast.place.random));
  if (!thief) return;
  copy->sign_anew(*thief);
  const auto seen_before = copy->latest_checkpoint();
  copy->rewrite(size / 2, *thief);
  const auto blind = copy->verify();
  const auto report = copy->verify({seen_before});
  tell(
      "A thief of the log's key, here a key made for it, changes an entry and signs everything "
      "anew: within itself that log is whole, and against a checkpoint saved before it fails. " +
          first_problem(report),
      {.text = first_problem(report)},
      {holds(blind && blind->ok, "a copy that is whole in itself"),
       finds(report, {saved_contradicted})});
}

void Story::show_trace(const protocol::Trace& trace) {
  scene_.narrator.exhibit("trace", "The trace, as `writ trace` shows it:", Json(trace.to_json()),
                          cli::render_trace(trace, {}));
}

void Story::show_answers(const protocol::Explanation& explanation) {
  scene_.narrator.exhibit("explanation", "The seven answers, as `writ explain` gives them:",
                          Json(explanation.to_json()), cli::render_explanation(explanation, {}));
}

void Story::show_verified(const cli::CheckedLog& checked) {
  scene_.narrator.exhibit("verified", "The log, as `writ audit verify` reports on it:",
                          Json(cli::check_to_json(checked)), cli::render_check(checked, {}));
}

}  // namespace writ::demo
