// SPDX-License-Identifier: Apache-2.0
#include "wire/http_fields.h"

#include <algorithm>
#include <limits>

#include "wire/ascii.h"

namespace writ {
namespace {

bool is_space(char c) { return c == ' ' || c == '\t'; }

bool may_stand_in_value(char c, bool obs_text) {
  if (static_cast<unsigned char>(c) >= 0x80) return obs_text;
  return c == '\t' || !ascii::is_control(c);
}

Expected<void> check_field(std::string_view name, std::string_view value,
                           const FieldLimits& limits) {
  if (!is_token(name)) return fail(Errc::invalid_input, "a field's name is not a token");
  if (!value.empty() && (is_space(value.front()) || is_space(value.back()))) {
    return fail(Errc::invalid_input, "a field's value begins or ends with white space",
                std::string(name));
  }
  if (!std::ranges::all_of(value, [&](char c) { return may_stand_in_value(c, limits.obs_text); })) {
    return fail(Errc::invalid_input,
                "a field's value has a control character or a character outside ASCII",
                std::string(name));
  }
  return {};
}

}  // namespace

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, ascii::lower, ascii::lower);
}

std::string to_lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), ascii::lower);
  return out;
}

bool is_token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return ascii::is_token(c); });
}

Expected<void> Fields::check_room(std::size_t size, std::size_t used, std::size_t count) const {
  if (count >= limits_.count) {
    return fail(Errc::too_large, "more than " + std::to_string(limits_.count) + " fields");
  }
  const std::size_t most =
      std::min<std::size_t>(limits_.bytes, std::numeric_limits<std::uint32_t>::max());
  if (used > most || size > most - used) {
    return fail(Errc::too_large, "the fields are longer than " + std::to_string(most) + " bytes");
  }
  return {};
}

void Fields::append(std::string_view name, std::string_view value) {
  entries_.push_back({.at = static_cast<std::uint32_t>(bytes_.size()),
                      .name_size = static_cast<std::uint32_t>(name.size()),
                      .value_size = static_cast<std::uint32_t>(value.size())});
  bytes_.append(name).append(value);
}

Expected<void> Fields::add(std::string_view name, std::string_view value) {
  WRIT_TRY_VOID(check_field(name, value, limits_));
  WRIT_TRY_VOID(check_room(name.size() + value.size(), bytes_.size(), entries_.size()));
  append(name, value);
  return {};
}

Expected<void> Fields::set(std::string_view name, std::string_view value) {
  WRIT_TRY_VOID(check_field(name, value, limits_));
  std::size_t freed = 0;
  std::size_t count = size();
  for (auto i = find(name); i; i = find(name, *i + 1), --count) {
    freed += entries_[*i].name_size + entries_[*i].value_size;
  }
  WRIT_TRY_VOID(check_room(name.size() + value.size(), bytes_.size() - freed, count));
  erase(name);
  append(name, value);
  return {};
}

std::size_t Fields::erase(std::string_view name) {
  std::size_t erased = 0;
  std::uint32_t gap = 0;
  std::erase_if(entries_, [&](Entry& entry) {
    entry.at -= gap;
    if (!equal_ignoring_case(std::string_view(bytes_).substr(entry.at, entry.name_size), name)) {
      return false;
    }
    const std::uint32_t size = entry.name_size + entry.value_size;
    bytes_.erase(entry.at, size);
    gap += size;
    ++erased;
    return true;
  });
  return erased;
}

void Fields::clear() {
  bytes_.clear();
  entries_.clear();
}

Field Fields::operator[](std::size_t index) const {
  const Entry& entry = entries_[index];
  const std::string_view bytes = bytes_;
  return {.name = bytes.substr(entry.at, entry.name_size),
          .value = bytes.substr(entry.at + entry.name_size, entry.value_size)};
}

std::optional<std::size_t> Fields::find(std::string_view name, std::size_t from) const {
  for (std::size_t i = from; i < size(); ++i) {
    if (entries_[i].name_size == name.size() && equal_ignoring_case((*this)[i].name, name)) {
      return i;
    }
  }
  return std::nullopt;
}

bool Fields::contains(std::string_view name) const { return find(name).has_value(); }

std::size_t Fields::count(std::string_view name) const { return all(name).size(); }

Expected<std::optional<std::string_view>> Fields::get_unique(std::string_view name) const {
  const auto first = find(name);
  if (!first) return std::nullopt;
  if (find(name, *first + 1)) {
    return fail(Errc::invalid_input, "the field is given more than once", std::string(name));
  }
  return (*this)[*first].value;
}

std::vector<std::string_view> Fields::all(std::string_view name) const {
  std::vector<std::string_view> out;
  for (auto i = find(name); i; i = find(name, *i + 1)) out.push_back((*this)[*i].value);
  return out;
}

Expected<std::vector<std::string_view>> Fields::list(std::string_view name) const {
  std::vector<std::string_view> out;
  for (auto i = find(name); i; i = find(name, *i + 1)) {
    auto members = split_list((*this)[*i].value);
    if (!members) {
      members.error().where = name;
      return std::unexpected(std::move(members).error());
    }
    out.insert(out.end(), members->begin(), members->end());
  }
  return out;
}

bool Fields::lists_token(std::string_view name, std::string_view token) const {
  const auto members = list(name);
  return members && std::ranges::any_of(*members, [&](std::string_view member) {
           return equal_ignoring_case(member, token);
         });
}

bool operator==(const Fields& a, const Fields& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Field& x, const Field& y) {
    return equal_ignoring_case(x.name, y.name) && x.value == y.value;
  });
}

}  // namespace writ
