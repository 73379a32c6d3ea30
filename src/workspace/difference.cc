// SPDX-License-Identifier: Apache-2.0
#include "workspace/difference.h"

#include <map>

#include "base/encoding.h"
#include "wire/canonical.h"

namespace writ::workspace {
namespace {

// An object of a version as the difference sees it: a text that is equal only where the object is,
// and its authority.
struct Seen {
  std::string text;
  delegation::Scope scope;
};
using Objects = std::map<std::string, Seen>;

std::string join(const std::vector<std::string>& list) {
  std::string out;
  for (const auto& item : list) out += item + ",";
  return out;
}

Objects objects(const Version& version) {
  Objects out;
  for (const auto& user : version.users()) {
    std::string roles;
    for (const auto role : user->roles) roles += std::string(identity::name(role)) + ",";
    out["user " + user->name] = {
        user->issuer + "|" + user->subject + "|" + join(user->groups) + "|" + roles, {}};
  }
  for (const auto& agent : version.agents()) {
    const bool bearer = agent.agent->sender == identity::SenderConstraint::bearer;
    out["agent " + agent.agent->name] = {agent.agent->role + "|" + agent.agent->owner.to_string() +
                                             "|" + (bearer ? "bearer" : "dpop") + "|" +
                                             canonical_json(agent.agent->keys.to_json()) + "|" +
                                             canonical_json(agent.ceiling.to_json()),
                                         agent.ceiling};
  }
  for (const auto& server : version.servers()) {
    out["tool server " + server->name()] = {hex_encode(server->definition()), {}};
  }
  for (const auto& workflow : version.workflows()) {
    for (const auto& step : workflow.steps) {
      out["step " + workflow.name + "/" + step.name] = {
          step.agent.to_string() + "|" + std::to_string(step.life.count()) + "|" +
              join(step.delegates_to) + "|" + (step.starts ? "starts" : "") + "|" +
              std::string(delegation::name(step.runs_for)) + "|" +
              canonical_json(step.scope.to_json()),
          step.scope};
    }
  }
  for (const auto& provider : version.providers()) {
    std::string clients;
    for (const auto& [agent, client] : provider.client_ids) clients += agent + "=" + client + ",";
    out["provider " + provider.name] = {provider.issuer + "|" + provider.jwks_uri + "|" + clients +
                                            "|" + join(provider.algorithms) + "|" +
                                            join(provider.allow_addresses),
                                        {}};
  }
  for (const auto& [file, digest] : version.policy_files()) out[file] = {hex_encode(digest), {}};
  return out;
}

// The tools whose authority grew, in words.
std::string widened(const delegation::Scope& before, const delegation::Scope& after) {
  std::string out;
  const auto compare = [&out](const delegation::ToolSet& old_set,
                              const delegation::ToolSet& new_set, std::string_view verb) {
    for (const auto& [tool, bounds] : new_set.tools()) {
      if (old_set.contains(delegation::ToolSet({{tool, bounds}}))) continue;
      out += (out.empty() ? "" : "; ") + std::string("may ") + std::string(verb) + " " + tool +
             (old_set.names(tool) ? " within wider bounds" : "") + " now";
    }
  };
  compare(before.use, after.use, "use");
  compare(before.delegate, after.delegate, "hand down");
  return out;
}

}  // namespace

std::vector<Change> difference(const Version* before, const Version& after) {
  const Objects old_objects = before == nullptr ? Objects{} : objects(*before);
  const Objects new_objects = objects(after);
  std::vector<Change> out;
  for (const auto& [what, seen] : new_objects) {
    const auto known = old_objects.find(what);
    if (known == old_objects.end()) {
      out.push_back({Change::Kind::added, what, widened({}, seen.scope)});
    } else if (known->second.text != seen.text) {
      out.push_back({Change::Kind::changed, what, widened(known->second.scope, seen.scope)});
    }
  }
  for (const auto& [what, seen] : old_objects) {
    if (!new_objects.contains(what)) out.push_back({Change::Kind::removed, what, {}});
  }
  return out;
}

}  // namespace writ::workspace
