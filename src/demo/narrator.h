// SPDX-License-Identifier: Apache-2.0
// Narrator: how the story is told, as text for people or as JSON lines for programs, and the count
// of what held. Whatever is told came from outside in part, so it is shown escaped.
#pragma once

#include <cstddef>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>

#include "wire/json.h"

namespace writ::demo {

// One thing that happened and whether it was as it should be.
struct Step {
  std::string sentence;         // what was done and what came of it
  std::string request{};        // "GET /tools/acme/billing/v1/invoices/inv_1001"; empty for none
  std::optional<int> status{};  // of the answer
  bool held = false;
  std::string expected{};  // where it did not hold
  std::string came{};
};

// Of one thread. The stream outlives it.
class Narrator {
 public:
  Narrator(std::FILE* out, bool json) : out_(out), json_(json) {}

  // A part of the story: its number in the issue, 0 for what comes before it.
  void chapter(int number, std::string_view title);
  void step(const Step& step);
  // Something to look at: as JSON the value under `name`, else the lines under `title`.
  void exhibit(std::string_view name, std::string_view title, const Json& value,
               const std::string& lines);
  // What one may do now: as JSON the value under `name`, else the text, which is ours.
  void invite(std::string_view name, const Json& value, std::string_view text);
  // The last word, and with it the counts.
  void conclude();

  std::size_t held() const { return held_; }
  std::size_t failed() const { return failed_; }

 private:
  void line(const JsonObject& object);
  void print(std::string_view text);

  std::FILE* out_;
  bool json_;
  int chapter_ = 0;
  std::size_t held_ = 0;
  std::size_t failed_ = 0;
};

}  // namespace writ::demo
