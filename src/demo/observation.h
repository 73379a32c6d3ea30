// SPDX-License-Identifier: Apache-2.0
// Seen and Claim: what came of a request, and what should hold of it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/agent_client.h"
#include "cli/http.h"
#include "demo/narrator.h"
#include "wire/json.h"

namespace writ::demo {

// What came of a request. `text` is for showing where something else was expected.
struct Seen {
  std::string request{};
  std::optional<int> status{};
  std::string text{};
  Json json{};  // of the answer; null where it is none
  std::string body{};

  // A JSON member that is a text; empty where there is none.
  std::string member(std::string_view name) const;
};

Seen seen(std::string request, const Expected<cli::HttpAnswer>& answer);
// Of a failure that stands for an answer, with the status that its code stands for.
Seen seen(std::string request, const Error& error);
// Of the token endpoint: all but the tokens.
Seen seen(std::string request, const Expected<cli::Tokens>& tokens);

struct Claim {
  bool holds = false;
  std::string expected;
};

Claim has_status(const Seen& seen, int status);
// A problem document of this type (a name under https://writ.dev/problems/).
Claim is_problem(const Seen& seen, int status, std::string_view type);
Claim has_member(const Seen& seen, std::string_view name, std::string_view value);
// The token endpoint answered with tokens; with this OAuth error and nothing else.
Claim has_tokens(const Expected<cli::Tokens>& tokens);
Claim has_error(const Expected<cli::Tokens>& tokens, std::string_view error);
Claim holds(bool held, std::string expected);

// The step that these make; it held if every claim does.
Step step_of(std::string sentence, const Seen& seen, const std::vector<Claim>& claims);

// 12000, "EUR" → "120.00 EUR".
std::string in_words(std::int64_t amount, std::string_view currency);

}  // namespace writ::demo
