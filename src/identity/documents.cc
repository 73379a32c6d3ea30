// SPDX-License-Identifier: Apache-2.0
#include "identity/documents.h"

#include <algorithm>
#include <map>
#include <set>

#include "wire/network.h"
#include "wire/url.h"

namespace writ::identity {
namespace {

constexpr std::string_view kNameRule =
    "a name is a lower-case letter, then such letters, digits, - and _, at most 63";

std::unexpected<Error> bad_name(std::string_view name, std::string where) {
  return fail(Errc::invalid_input, quoted_extract(name) + " is not a name", std::move(where),
              std::string(kNameRule));
}

// The members of an object of named objects, ordered by name.
Expected<std::map<std::string, const Json*>> named(const JsonObject* object,
                                                   const std::string& where, std::size_t most) {
  std::map<std::string, const Json*> members;
  if (object == nullptr) return members;
  if (object->size() > most) {
    return fail(Errc::too_large, "at most " + std::to_string(most) + " stand here", where);
  }
  for (const auto& member : *object) {
    const auto name = text_of(member);
    if (!is_name(name)) return bad_name(name, json_pointer(where, name));
    members.emplace(name, &member.value());
  }
  return members;
}

Expected<std::vector<Group>> parse_groups(const JsonObject* object, const PrincipalLimits& limits) {
  WRIT_TRY(const auto members, named(object, "/groups", limits.groups));
  std::vector<Group> groups;
  for (const auto& [name, value] : members) {
    const auto* text = value->if_string();
    if (text == nullptr || text->size() > 1024) {
      return fail(Errc::invalid_input, "a group is NAME = \"what its members answer for\"",
                  json_pointer("/groups", name));
    }
    groups.push_back({.name = name, .description = std::string(text_of(*text))});
  }
  return groups;
}

// https, or plain http to named addresses alone: whoever can change what an issuer publishes can be
// any user of it.
Expected<void> check_issuer_url(const std::string& text, const std::vector<Network>& networks,
                                std::string where) {
  const auto url = parse_url(text);
  if (!url) return fail(Errc::invalid_input, url.error().message, std::move(where));
  if (url->is_https()) return {};
  const std::string hint = "plain http is taken towards allow_addresses alone";
  if (networks.empty())
    return fail(Errc::invalid_input, "a provider is reached over https", std::move(where), hint);
  // What a name stands for is found out when it is dialled.
  const auto address = Network::of_host(url->host);
  if (!address || std::ranges::any_of(
                      networks, [&](const Network& network) { return network.contains(*address); }))
    return {};
  return fail(Errc::invalid_input, "this address is not in allow_addresses", std::move(where),
              hint);
}

Expected<Provider> parse_provider(const std::string& name, const Json& value,
                                  const std::string& where, const PrincipalLimits& limits) {
  ObjectReader reader(value, where);
  Provider provider;
  provider.name = name;
  provider.issuer = reader.string("issuer", {.max = 512});
  provider.jwks_uri = reader.optional_string("jwks_uri", {.max = 1024}).value_or("");
  provider.algorithms = reader.strings("algorithms", {.min = 1, .max = 4}, {.max = 16});
  const JsonObject& clients = reader.object("client_ids");
  provider.allow_addresses =
      reader.optional_strings("allow_addresses", {.max = limits.addresses}, {.max = 64})
          .value_or(std::vector<std::string>());
  WRIT_TRY_VOID(reader.finish());

  std::vector<Network> networks;
  for (std::size_t i = 0; i < provider.allow_addresses.size(); ++i) {
    const auto network = Network::parse(provider.allow_addresses[i]);
    if (!network) {
      return fail(Errc::invalid_input, "is no network",
                  json_pointer(reader.pointer("allow_addresses"), i),
                  "write it as 10.1.0.0/16 or 127.0.0.1/32, with no bits set beyond its prefix");
    }
    networks.push_back(*network);
  }
  WRIT_TRY_VOID(check_issuer_url(provider.issuer, networks, reader.pointer("issuer")));
  if (!provider.jwks_uri.empty()) {
    WRIT_TRY_VOID(check_issuer_url(provider.jwks_uri, networks, reader.pointer("jwks_uri")));
  }
  std::set<std::string> algorithms;
  for (std::size_t i = 0; i < provider.algorithms.size(); ++i) {
    const auto& algorithm = provider.algorithms[i];
    const std::string at = json_pointer(reader.pointer("algorithms"), i);
    if (auto known = jose::algorithm_named(algorithm); !known) {
      return fail(Errc::invalid_input, known.error().message, at,
                  "write ES256, EdDSA, RS256 or PS256");
    }
    if (!algorithms.insert(algorithm).second) {
      return fail(Errc::invalid_input, "the same algorithm stands there twice", at);
    }
  }
  const std::string at_clients = reader.pointer("client_ids");
  WRIT_TRY(const auto members, named(&clients, at_clients, 1000));
  std::set<std::string> taken;
  for (const auto& [agent, id] : members) {
    const auto* text = id->if_string();
    if (text == nullptr || text->empty() || text->size() > 256) {
      return fail(Errc::invalid_input, "a client id is a text of 1 to 256 bytes",
                  json_pointer(at_clients, agent));
    }
    // Two agents under one client id could each present what was meant for the other (P6).
    if (!taken.emplace(text_of(*text)).second) {
      return fail(Errc::invalid_input, "another agent has this client id already",
                  json_pointer(at_clients, agent), "register a client of its own for each agent");
    }
    provider.client_ids.emplace_back(agent, text_of(*text));
  }
  return provider;
}

Expected<std::vector<Provider>> parse_providers(const JsonObject* object,
                                                const PrincipalLimits& limits) {
  WRIT_TRY(const auto members, named(object, "/providers", limits.providers));
  std::vector<Provider> providers;
  for (const auto& [name, value] : members) {
    const std::string where = json_pointer("/providers", name);
    WRIT_TRY(auto provider, parse_provider(name, *value, where, limits));
    if (std::ranges::find(providers, provider.issuer, &Provider::issuer) != providers.end()) {
      return fail(Errc::invalid_input, "another provider has this issuer already",
                  json_pointer(where, "issuer"));
    }
    providers.push_back(std::move(provider));
  }
  return providers;
}

Expected<User> parse_user(const std::string& name, const Json& value, const std::string& where,
                          const WorkspaceDocument& workspace, const PrincipalLimits& limits) {
  ObjectReader reader(value, where);
  User user;
  user.name = name;
  user.display_name = reader.optional_string("display", {.max = 128}).value_or(name);
  user.groups = reader.optional_strings("groups", {.max = limits.groups_of_user}, {.max = 63})
                    .value_or(std::vector<std::string>());
  const auto roles = reader.optional_strings("roles", {.max = 3}, {.max = 16})
                         .value_or(std::vector<std::string>());
  const auto provider = reader.optional_string("provider", {.max = 63});
  const auto subject = reader.optional_string("subject", {.max = 255});
  WRIT_TRY_VOID(reader.finish());

  for (std::size_t i = 0; i < user.groups.size(); ++i) {
    const std::string at = json_pointer(reader.pointer("groups"), i);
    if (std::ranges::find(workspace.groups, user.groups[i], &Group::name) ==
        workspace.groups.end()) {
      return fail(Errc::invalid_input, "no group is named " + quoted_extract(user.groups[i]), at,
                  "declare it under [groups]");
    }
  }
  std::ranges::sort(user.groups);
  if (std::ranges::adjacent_find(user.groups) != user.groups.end()) {
    return fail(Errc::invalid_input, "the same group stands there twice", reader.pointer("groups"));
  }
  for (std::size_t i = 0; i < roles.size(); ++i) {
    const std::string at = json_pointer(reader.pointer("roles"), i);
    auto role = parse_role(roles[i]);
    if (!role) return fail(Errc::invalid_input, role.error().message, at, role.error().hint);
    if (user.has_role(*role)) {
      return fail(Errc::invalid_input, "the same role stands there twice", at);
    }
    user.roles.push_back(*role);
  }
  if (provider.has_value() != subject.has_value()) {
    return fail(Errc::invalid_input, "provider and subject belong together", where,
                "give both, or neither for a local user");
  }
  if (!provider) {
    user.subject = name;
    return user;
  }
  const auto at = std::ranges::find(workspace.providers, *provider, &Provider::name);
  if (at == workspace.providers.end()) {
    return fail(Errc::invalid_input, "no provider is named " + quoted_extract(*provider),
                reader.pointer("provider"), "declare it under [providers]");
  }
  user.issuer = at->issuer;
  user.subject = *subject;
  return user;
}

Expected<ApprovalSettings> parse_approvals(const JsonObject* object,
                                           const std::vector<Group>& groups) {
  ApprovalSettings settings;
  if (object == nullptr) return settings;
  ObjectReader reader(*object, "/approvals");
  const auto read = [&](std::string_view member, seconds& target, DurationRule rule) {
    if (const auto span = reader.optional_duration(member, rule)) {
      target = std::chrono::duration_cast<seconds>(*span);
    }
  };
  using std::chrono::hours;
  read("request_life", settings.request_life, {.min = seconds(10), .max = hours(24 * 7)});
  read("approval_life", settings.approval_life, {.min = seconds(10), .max = hours(24)});
  read("back_off", settings.back_off, {.min = seconds(1), .max = hours(24)});
  read("proposal_life", settings.proposal_life, {.min = seconds(60), .max = hours(24 * 7)});
  settings.apply = reader.optional_string("apply", {.max = 63});
  if (settings.apply && std::ranges::find(groups, *settings.apply, &Group::name) == groups.end()) {
    reader.refuse("apply", "no group is named " + quoted_extract(*settings.apply),
                  "declare it under [groups]");
  }
  WRIT_TRY_VOID(reader.finish());
  return settings;
}

std::string read_name(ObjectReader& reader) {
  auto name = reader.string("name", {.max = 63});
  if (reader.ok() && !is_name(name)) {
    reader.refuse("name", quoted_extract(name) + " is not a name", std::string(kNameRule));
  }
  return name;
}

}  // namespace

Expected<WorkspaceDocument> parse_workspace(const Json& document,
                                            const std::function<UserId(std::string_view)>& id_of,
                                            const PrincipalLimits& limits) {
  ObjectReader reader(document);
  WorkspaceDocument workspace;
  workspace.name = read_name(reader);
  const auto* groups = reader.optional_object("groups");
  const auto* users = reader.optional_object("users");
  const auto* providers = reader.optional_object("providers");
  const auto* approvals = reader.optional_object("approvals");
  WRIT_TRY_VOID(reader.finish());

  WRIT_TRY(workspace.groups, parse_groups(groups, limits));
  WRIT_TRY(workspace.providers, parse_providers(providers, limits));
  WRIT_TRY(workspace.approvals, parse_approvals(approvals, workspace.groups));
  WRIT_TRY(const auto members, named(users, "/users", limits.users));
  std::set<std::pair<std::string, std::string>> subjects;
  for (const auto& [name, value] : members) {
    const std::string where = json_pointer("/users", name);
    WRIT_TRY(auto user, parse_user(name, *value, where, workspace, limits));
    if (!subjects.emplace(user.issuer, user.subject).second) {
      return fail(Errc::invalid_input, "another user has this subject already",
                  json_pointer(where, "subject"));
    }
    user.id = id_of(name);
    workspace.users.push_back(std::move(user));
  }
  return workspace;
}

Expected<std::string> parse_workspace_name(const Json& document) {
  ObjectReader reader(document);
  auto name = read_name(reader);
  reader.allow_unknown();
  WRIT_TRY_VOID(reader.finish());
  return name;
}

Expected<Agent> parse_agent(const Json& document, const AgentContext& context,
                            const PrincipalLimits& limits) {
  ObjectReader reader(document);
  Agent agent;
  agent.id = context.id;
  agent.name = context.name;
  agent.client_id = std::string(context.workspace) + "/" + agent.name;
  agent.role = reader.string("role", {.max = 256});
  const auto owner = reader.string("owner", {.max = 63});
  const auto sender = reader.optional_choice("sender", {"dpop", "bearer"});
  const auto* keys = reader.optional_array("keys", {.min = 1, .max = limits.keys});
  reader.ignore("ceiling");
  if (!is_name(context.name)) return bad_name(context.name, "");
  WRIT_TRY_VOID(reader.finish());

  if (sender == "bearer") agent.sender = SenderConstraint::bearer;
  const auto user = context.user(owner);
  if (!user) {
    return fail(Errc::invalid_input, "no user is named " + quoted_extract(owner),
                reader.pointer("owner"), "declare it in workspace.toml under [users]");
  }
  agent.owner = *user;
  if (keys == nullptr) return agent;
  std::vector<jose::Jwk> parsed;
  for (std::size_t i = 0; i < keys->size(); ++i) {
    const std::string at = json_pointer(reader.pointer("keys"), i);
    auto key = jose::Jwk::from_json((*keys)[i]);
    if (!key) return fail(Errc::invalid_input, key.error().message, at, key.error().hint);
    if (std::ranges::find(parsed, *key) != parsed.end()) {
      return fail(Errc::invalid_input, "the same key stands there twice", at);
    }
    parsed.push_back(key->kid().empty() ? key->with_kid(key->thumbprint()) : *key);
  }
  auto set = jose::JwkSet::of(std::move(parsed));
  if (!set) return fail(Errc::invalid_input, set.error().message, reader.pointer("keys"));
  agent.keys = std::move(*set);
  return agent;
}

}  // namespace writ::identity
