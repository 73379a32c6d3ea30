// SPDX-License-Identifier: Apache-2.0
#include "identity/principal.h"

#include <algorithm>

namespace writ::identity {

std::string_view name(Role role) {
  switch (role) {
    case Role::admin:
      return "admin";
    case Role::operator_:
      return "operator";
    case Role::auditor:
      return "auditor";
    case Role::proposer:
      return "proposer";
  }
  return "";
}

Expected<Role> parse_role(std::string_view text) {
  for (const Role role : {Role::admin, Role::operator_, Role::auditor, Role::proposer}) {
    if (text == name(role)) return role;
  }
  return fail(Errc::invalid_input, quoted_extract(text) + " is no role", {},
              "a role is admin, operator, auditor or proposer; approving goes by group");
}

bool User::in_group(std::string_view group) const {
  return std::ranges::find(groups, group) != groups.end();
}

bool User::has_role(Role role) const { return std::ranges::find(roles, role) != roles.end(); }

const std::string* Provider::client_id_of(std::string_view agent) const {
  const auto at =
      std::ranges::find_if(client_ids, [&](const auto& entry) { return entry.first == agent; });
  return at == client_ids.end() ? nullptr : &at->second;
}

bool is_name(std::string_view text) {
  const auto is_letter = [](char c) { return c >= 'a' && c <= 'z'; };
  return !text.empty() && text.size() <= 63 && is_letter(text.front()) &&
         std::ranges::all_of(text, [&](char c) {
           return is_letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '_';
         });
}

}  // namespace writ::identity
