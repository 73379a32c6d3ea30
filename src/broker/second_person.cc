// SPDX-License-Identifier: Apache-2.0
#include "broker/second_person.h"

#include <algorithm>

#include "wire/toml.h"

namespace writ::broker {
namespace {

bool is_able(const LiveWorkspace& workspace, const identity::User& user) {
  const auto standing = workspace.standing(user.id);
  return standing.key && !standing.disabled;
}

bool has_decider(const LiveWorkspace& workspace, const workspace::Version& next,
                 const std::string& group) {
  return std::ranges::any_of(next.users(), [&](const auto& member) {
    return member->in_group(group) && is_able(workspace, *member) &&
           std::ranges::any_of(next.users(), [&](const auto& admin) {
             return admin->id != member->id && admin->has_role(identity::Role::admin) &&
                    is_able(workspace, *admin);
           });
  });
}

}  // namespace

std::vector<Error> check_second_person(const LiveWorkspace& workspace,
                                       const workspace::Version& next,
                                       const workspace::Documents& documents) {
  std::vector<Error> out;
  const auto& group = next.approvals().apply;
  if (!group) return out;
  constexpr std::string_view kRoot = "workspace.toml";
  const auto document = parse_toml(documents.at(std::string(kRoot)), std::string(kRoot));
  const auto note = [&](const std::string& pointer, std::string message, std::string hint) {
    out.push_back(fail(Errc::invalid_input, std::move(message),
                       document ? document->place(pointer) : std::string(kRoot), std::move(hint))
                      .error());
  };
  for (const auto& user : next.users()) {
    if (!user->in_group(*group) || workspace.standing(user->id).key) continue;
    note(json_pointer("/users", user->name),
         user->name + " has enrolled no key, and the group " + *group +
             " decides applies: whoever invites " + user->name + " could decide in their place",
         "have " + user->name + " enrol first (writ user invite " + user->name +
             "), then put them into the group");
  }
  if (out.empty() && !has_decider(workspace, next, *group)) {
    note("/approvals/apply",
         "nobody of the group " + *group + " could decide what an admin applies",
         "put somebody into the group who is active, has enrolled a key, and is not the only "
         "admin");
  }
  return out;
}

bool is_second_person(const std::string& group, UserId proposer, const identity::User& by) {
  return by.id != proposer && by.in_group(group);
}

Expected<void> check_new_key(const workspace::Version& version, const identity::User& user,
                             const Standing& standing) {
  const auto& group = version.approvals().apply;
  if (!group || !standing.key) return {};
  return fail(Errc::denied,
              user.name +
                  " has a key already, and one person alone replaces nobody's key while "
                  "the group " +
                  *group + " decides applies",
              {},
              "remove " + user.name + " by an apply and add them again by another, which " +
                  *group + " decides; then invite them");
}

}  // namespace writ::broker
