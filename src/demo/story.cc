// SPDX-License-Identifier: Apache-2.0
#include "demo/story.h"

#include "protocol/approvals.h"

namespace writ::demo {

void Story::play() {
  bool (Story::* const chapters[])() = {
      &Story::found_workspace, &Story::start_run,      &Story::hand_down, &Story::read,
      &Story::preview,         &Story::ask_for_refund, &Story::decide,    &Story::show_no_secret,
      &Story::revoke,          &Story::look_back};
  for (const auto chapter : chapters) {
    if (scene_.interrupted()) return;
    if ((this->*chapter)()) continue;
    if (!scene_.interrupted()) {
      scene_.narrator.step({.sentence = "The story cannot go on from here.",
                            .expected = "every chapter to end as it should",
                            .came = "the step above"});
    }
    return;
  }
}

bool Story::tell(std::string sentence, const Seen& seen, const std::vector<Claim>& claims) {
  if (scene_.interrupted()) return false;
  const auto step = step_of(std::move(sentence), seen, claims);
  scene_.narrator.step(step);
  return step.held;
}

std::string Story::tools_url() const {
  const auto& place = scene_.cast.place;
  return place.server.origin() + "/tools/" + place.workspace + "/billing";
}

cli::Resources Story::resources() const {
  return {tools_url(), scene_.cast.place.server.origin() + "/v1"};
}

Expected<cli::HttpAnswer> Story::call(Agent& agent, cli::ToolCall what) {
  if (!agent.client || !agent.tokens) return fail(Errc::internal, agent.name + " has no token");
  return agent.client->call(agent.token(), std::move(what));
}

Seen Story::see_call(Agent& agent, cli::ToolCall what) {
  auto request = what.method + " " + what.target;
  if (what.wait) request += " (Prefer: wait=" + std::to_string(what.wait->count()) + ")";
  auto answer = call(agent, what);
  // For a second after its start a server answers so, and what is sent anew is served.
  for (int again = 0; again < 3 && answer && answer->status == 503; ++again) {
    std::this_thread::sleep_for(seconds(1));
    answer = call(agent, what);
  }
  return seen(std::move(request), answer);
}

std::future<Expected<cli::HttpAnswer>> Story::hold(Agent& agent, cli::ToolCall what) {
  return std::async(std::launch::async, [&agent, what = std::move(what)]() mutable {
    return call(agent, std::move(what));
  });
}

cli::ToolCall Story::preview_of(std::string_view invoice, std::int64_t amount) const {
  return {.method = "POST",
          .target = "/tools/" + scene_.cast.place.workspace + "/billing/v1/refund-previews",
          .body = write_json(
              JsonObject{{"invoice", invoice}, {"amount", amount}, {"currency", "EUR"}})};
}

cli::ToolCall Story::refund_of(std::string_view invoice, std::int64_t amount, std::string preview,
                               std::string key) const {
  return {
      .method = "POST",
      .target = "/tools/" + scene_.cast.place.workspace + "/billing/v1/refunds",
      .body = write_json(JsonObject{
          {"invoice", invoice}, {"amount", amount}, {"currency", "EUR"}, {"preview_id", preview}}),
      .idempotency_key = std::move(key)};
}

std::optional<cli::ToolCall> Story::prepared_refund(std::string_view invoice, std::int64_t amount,
                                                    std::string key) {
  const auto previewed = see_call(scene_.cast.billing, preview_of(invoice, amount));
  const auto id = previewed.member("preview_id");
  if (!tell("Billing previews a refund of " + in_words(amount, "EUR") + " on " +
                std::string(invoice) + ". It moves no money, so nobody is asked.",
            previewed, {has_status(previewed, 200), holds(!id.empty(), "a preview_id")})) {
    return std::nullopt;
  }
  return refund_of(invoice, amount, id, std::move(key));
}

std::optional<protocol::ApprovalView> Story::approval(Person& person, std::string_view id) {
  auto view = message_of<protocol::ApprovalView>(person.get("/v1/approvals/" + std::string(id)));
  if (!view) return std::nullopt;
  return *std::move(view);
}

std::int64_t Story::refunded(std::string_view invoice) const {
  const auto read =
      see_call(scene_.cast.billing, {.target = "/tools/" + scene_.cast.place.workspace +
                                               "/billing/v1/invoices/" + std::string(invoice)});
  if (!read.json.is_object()) return -1;
  const auto* found = read.json.get_object().if_contains("refunded");
  return found != nullptr && found->is_int64() ? found->get_int64() : -1;
}

}  // namespace writ::demo
