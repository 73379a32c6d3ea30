// SPDX-License-Identifier: Apache-2.0
#include "demo/narrator.h"

namespace writ::demo {

void Narrator::print(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), out_);
  // A reader at the other end of a pipe sees each step as it happens.
  std::fflush(out_);
}

void Narrator::line(const JsonObject& object) { print(write_json(Json(object)) + "\n"); }

void Narrator::chapter(int number, std::string_view title) {
  chapter_ = number;
  if (json_) return;
  print("\n" + (number == 0 ? std::string() : std::to_string(number) + ". ") + std::string(title) +
        "\n");
}

void Narrator::step(const Step& step) {
  ++(step.held ? held_ : failed_);
  if (json_) {
    JsonObject object{{"chapter", chapter_}, {"step", step.sentence}, {"held", step.held}};
    if (!step.request.empty()) object["request"] = step.request;
    if (step.status) object["status"] = *step.status;
    if (!step.held) {
      object["expected"] = step.expected;
      object["came"] = step.came;
    }
    return line(object);
  }
  std::string text = (step.held ? "   ok  " : "   NOT ") + visible_text(step.sentence) + "\n";
  if (!step.request.empty()) {
    text += "         " + visible_text(step.request) +
            (step.status ? " -> " + std::to_string(*step.status) : std::string()) + "\n";
  }
  if (!step.held) {
    text += "         expected: " + visible_text(step.expected) + "\n";
    text += "         came:     " + visible_text(step.came) + "\n";
  }
  print(text);
}

void Narrator::exhibit(std::string_view name, std::string_view title, const Json& value,
                       const std::string& lines) {
  if (json_) return line({{"chapter", chapter_}, {name, value}});
  std::string text = "\n   " + std::string(title) + "\n";
  std::size_t at = 0;
  while (at < lines.size()) {
    const auto end = std::min(lines.find('\n', at), lines.size());
    if (end > at) text += "     " + visible_text(lines.substr(at, end - at));
    text += "\n";
    at = end + 1;
  }
  print(text);
}

void Narrator::invite(std::string_view name, const Json& value, std::string_view text) {
  if (json_) return line({{name, value}});
  print(text);
}

void Narrator::conclude() {
  if (json_) return line({{"held", held_}, {"failed", failed_}});
  print("\n" + std::to_string(held_) + " steps held" +
        (failed_ == 0 ? "" : ", " + std::to_string(failed_) + " did not") + ".\n");
}

}  // namespace writ::demo
