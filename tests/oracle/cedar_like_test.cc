// SPDX-License-Identifier: Apache-2.0
// room: cedar
// Strings and patterns, held against the reference implementation: the same texts, with all their
// escapes, give the same verdicts. Skipped where the reference cannot be installed.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cedar/authorizer.h"
#include "cedar/evaluator.h"
#include "cedar/parser.h"
#include "wire/json.h"

namespace writ::cedar {
namespace {

class Literals {
 public:
  explicit Literals(std::uint64_t seed) : random_(seed) {}

  // Few different letters, so that what is compared is often nearly the same.
  std::string text() { return quoted(kTextPieces); }
  std::string pattern() { return quoted(kPatternPieces); }
  // With pieces that a literal must refuse.
  std::string perhaps_wrong() { return quoted(kWrongPieces); }

 private:
  static constexpr std::string_view kTextPieces[] = {"a",          "a",         "b",
                                                     "*",          R"(\x2a)",   R"(\u{2a})",
                                                     R"(\x61)",    R"(\u{61})", R"(\n)",
                                                     R"(\\)",      R"(\")",     R"(\')",
                                                     R"(\0)",      R"(\t)",     "\u00e9",
                                                     R"(\u{e9})",  "e\u0301",   R"(\u{1F600})",
                                                     "\U0001F600", "\n",        R"(\u{1_F6_00})"};
  static constexpr std::string_view kPatternPieces[] = {
      "a",       "a",       "b",         "*",         "*",
      R"(\*)",   R"(\x2a)", R"(\x2A)",   R"(\u{2a})", R"(\u{00002A})",
      R"(\x61)", R"(\n)",   R"(\\)",     R"(\\*)",    R"(\")",
      R"(\0)",   "\u00e9",  R"(\u{e9})", "\u0301",    R"(\u{1F600})"};
  static constexpr std::string_view kWrongPieces[] = {
      "a",       "*",     R"(\*)",  R"(\x80)",  R"(\u{110000})", R"(\u{D800})",
      R"(\u{})", R"(\q)", R"(\x2)", R"(\u{2a)", R"(\u2a)"};

  template <std::size_t N>
  std::string quoted(const std::string_view (&pieces)[N]) {
    std::string out = "\"";
    for (std::size_t left = random_() % 7; left > 0; --left) out += pieces[random_() % N];
    return out + '"';
  }

  std::mt19937_64 random_;
};

std::string verdict(const std::string& text) {
  const auto expr = parse_expression(text, "e");
  if (!expr) return "error";
  static const Request request{.principal = {"User", "a"},
                               .action = {"Action", "a"},
                               .resource = {"Photo", "a"},
                               .context = {}};
  static const Entities entities;
  StepBudget budget(kDecisionSteps);
  const auto value = Evaluator(request, entities, budget).evaluate(*expr);
  if (!value || value->boolean() == nullptr) return "error";
  return *value->boolean() ? "true" : "false";
}

TEST(CedarLike, StringsAndPatternsAreTheReferences) {
  const std::uint64_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Literals literals(seed);
  JsonArray expressions;
  expressions.emplace_back(R"("ab" like "a\u{2a}")");
  for (int i = 0; i < 20'000; ++i) {
    expressions.emplace_back(literals.text() + " like " + literals.pattern());
  }
  for (int i = 0; i < 2'000; ++i) {
    expressions.emplace_back(literals.text() + " == " + literals.text());
  }
  for (int i = 0; i < 300; ++i) {
    expressions.emplace_back("\"a\" like " + literals.perhaps_wrong());
    expressions.emplace_back("\"a\" == " + literals.perhaps_wrong());
  }

  const auto work = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "oracle";
  std::filesystem::create_directories(work);
  const auto file = work / ("expressions-" + std::to_string(::getpid()) + ".json");
  std::ofstream(file) << write_json(Json(expressions));
  const auto command = std::string("\"" WRIT_SOURCE_DIR "/tests/oracle/run\" \"") + work.string() +
                       "\" \"" + file.string() + '"';
  std::FILE* pipe = ::popen(command.c_str(), "r");
  ASSERT_NE(pipe, nullptr);
  std::string output;
  char buffer[4096];
  while (const auto n = std::fread(buffer, 1, sizeof buffer, pipe)) output.append(buffer, n);
  const int status = ::pclose(pipe);
  std::filesystem::remove(file);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 77) GTEST_SKIP() << "the reference is not here";
  ASSERT_EQ(status, 0);

  const auto verdicts = parse_json(output);
  ASSERT_TRUE(verdicts.has_value()) << verdicts.error().to_string();
  ASSERT_EQ(verdicts->get_array().size(), expressions.size());
  std::size_t hold = 0;
  for (std::size_t i = 0; i < expressions.size(); ++i) {
    const std::string text(text_of(expressions[i].get_string()));
    const auto ours = verdict(text);
    ASSERT_EQ(ours, text_of(verdicts->get_array()[i].get_string())) << text;
    hold += ours == "true" ? 1 : 0;
  }
  // Neither side may owe its agreement to refusing everything.
  EXPECT_GT(hold, expressions.size() / 50);
}

}  // namespace
}  // namespace writ::cedar
