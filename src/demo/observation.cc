// SPDX-License-Identifier: Apache-2.0
#include "demo/observation.h"

#include <algorithm>

#include "net/answer.h"
#include "protocol/problem.h"

namespace writ::demo {
namespace {

constexpr std::size_t kMostShown = 600;

std::string shortened(std::string_view text) {
  if (text.size() <= kMostShown) return std::string(text);
  return std::string(text.substr(0, kMostShown)) + "…";
}

}  // namespace

std::string Seen::member(std::string_view name) const {
  if (!json.is_object()) return {};
  const auto* found = json.get_object().if_contains(name);
  if (found == nullptr || !found->is_string()) return {};
  return std::string(text_of(found->get_string()));
}

Seen seen(std::string request, const Error& error) {
  Seen out{.request = std::move(request), .text = error.to_string()};
  // Those three may mean that there was no answer at all.
  if (error.code != Errc::unavailable && error.code != Errc::unknown_outcome &&
      error.code != Errc::internal) {
    out.status = net::problem_of(error).status;
  }
  return out;
}

Seen seen(std::string request, const Expected<cli::HttpAnswer>& answer) {
  if (!answer) return seen(std::move(request), answer.error());
  Seen out{.request = std::move(request)};
  out.status = answer->status;
  out.text = std::to_string(answer->status) + " " + shortened(answer->body);
  out.body = answer->body;
  if (auto json = parse_json(answer->body)) out.json = *std::move(json);
  return out;
}

Seen seen(std::string request, const Expected<cli::Tokens>& tokens) {
  if (!tokens) return seen(std::move(request), tokens.error());
  Seen out{.request = std::move(request)};
  out.status = 200;
  out.json = tokens->members;
  out.text = "200 " + shortened(write_json(out.json));
  return out;
}

Claim has_status(const Seen& seen, int status) {
  return {.holds = seen.status == status, .expected = std::to_string(status)};
}

Claim is_problem(const Seen& seen, int status, std::string_view type) {
  const auto wanted = std::string(protocol::kProblemTypes) + std::string(type);
  return {.holds = seen.status == status && seen.member("type") == wanted,
          .expected = std::to_string(status) + ", a problem document of type " + wanted};
}

Claim has_member(const Seen& seen, std::string_view name, std::string_view value) {
  return {.holds = seen.member(name) == value,
          .expected = std::string(name) + " is " + quoted_extract(value)};
}

Claim has_tokens(const Expected<cli::Tokens>& tokens) {
  return {.holds = tokens.has_value() && !tokens->access_token.empty(), .expected = "a token"};
}

Claim has_error(const Expected<cli::Tokens>& tokens, std::string_view error) {
  const auto wanted = std::string(error);
  return {.holds = !tokens.has_value() && (tokens.error().message == wanted ||
                                           tokens.error().message.starts_with(wanted + ":")),
          .expected = "the OAuth error " + wanted};
}

Claim holds(bool held, std::string expected) {
  return {.holds = held, .expected = std::move(expected)};
}

Step step_of(std::string sentence, const Seen& seen, const std::vector<Claim>& claims) {
  Step step{.sentence = std::move(sentence), .request = seen.request, .status = seen.status};
  // What claims nothing shows nothing.
  step.held = !claims.empty() && std::ranges::all_of(claims, &Claim::holds);
  if (step.held) return step;
  const auto first = std::ranges::find_if_not(claims, &Claim::holds);
  step.expected = first == claims.end() ? "something" : first->expected;
  step.came = seen.text;
  return step;
}

std::string in_words(std::int64_t amount, std::string_view currency) {
  const auto cents = amount % 100;
  return std::to_string(amount / 100) + (cents < 10 ? ".0" : ".") + std::to_string(cents) + " " +
         std::string(currency);
}

}  // namespace writ::demo
