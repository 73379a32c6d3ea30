// SPDX-License-Identifier: Apache-2.0
#include "cedar/entity_uid.h"

#include <algorithm>
#include <array>
#include <functional>

#include "cedar/text.h"

namespace writ::cedar {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

std::string EntityUid::to_string() const { return type + "::" + quote(id); }

std::size_t EntityUidHash::operator()(const EntityUid& uid) const noexcept {
  const std::hash<std::string_view> hash;
  // The id has most of the entropy; the odd factor keeps (a, b) and (b, a) apart.
  return hash(uid.type) * 0x9E3779B97F4A7C15U ^ hash(uid.id);
}

bool is_reserved(std::string_view word) {
  constexpr std::array<std::string_view, 10> kReserved = {
      "true", "false", "if", "then", "else", "in", "is", "like", "has", "__cedar"};
  return std::ranges::find(kReserved, word) != kReserved.end();
}

bool is_any_identifier(std::string_view text) {
  return !text.empty() && is_letter(text.front()) &&
         std::ranges::all_of(text, [](char c) { return is_letter(c) || is_digit(c); });
}

bool is_identifier(std::string_view text) { return is_any_identifier(text) && !is_reserved(text); }

bool is_type_name(std::string_view text) {
  for (;;) {
    const auto end = text.find("::");
    if (!is_identifier(text.substr(0, end))) return false;
    if (end == std::string_view::npos) return true;
    text.remove_prefix(end + 2);
  }
}

}  // namespace writ::cedar
