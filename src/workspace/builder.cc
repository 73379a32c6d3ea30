// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>

#include "base/metered_budget.h"
#include "cedar/policy_set.h"
#include "crypto/hash.h"
#include "delegation/documents.h"
#include "identity/documents.h"
#include "wire/canonical.h"
#include "wire/toml.h"
#include "workspace/version.h"

namespace writ::workspace {
namespace {

constexpr std::string_view kRoot = "workspace.toml";

// "agents/billing.toml" under "agents/" with ".toml" is "billing"; nothing where it does not fit or
// is no name.
std::optional<std::string> stem(std::string_view path, std::string_view folder,
                                std::string_view ending) {
  if (!path.starts_with(folder) || !path.ends_with(ending) ||
      path.size() <= folder.size() + ending.size())
    return {};
  path.remove_prefix(folder.size());
  path.remove_suffix(ending.size());
  return identity::is_name(path) ? std::optional(std::string(path)) : std::nullopt;
}

Digest digest_of(const Documents& documents) {
  JsonObject all;
  for (const auto& [path, text] : documents) all[path] = std::string_view(text);
  return crypto::sha256(canonical_json(all));
}

Expected<void> check_limits(const Documents& documents, const DocumentLimits& limits) {
  if (documents.size() > limits.files) {
    return fail(Errc::too_large,
                "a workspace has at most " + std::to_string(limits.files) + " files");
  }
  std::size_t total = 0;
  for (const auto& [path, text] : documents) {
    if (text.size() > limits.file_bytes) {
      return fail(
          Errc::too_large,
          "a file of a workspace has at most " + std::to_string(limits.file_bytes) + " bytes",
          path);
    }
    total += text.size();
  }
  if (total > limits.total_bytes) {
    return fail(Errc::too_large,
                "a workspace has at most " + std::to_string(limits.total_bytes) + " bytes");
  }
  return {};
}

}  // namespace

// Builds in the order in which documents refer to one another: users, tool servers, agents,
// workflows, policies. Each problem is noted and the rest still read, so that one apply shows them
// all.
class VersionBuilder {
 public:
  VersionBuilder(const Documents& documents, Names names, const Clock& clock, Random& random,
                 Rules rules, const DocumentLimits& limits)
      : documents_(documents),
        names_(std::move(names)),
        clock_(clock),
        random_(random),
        budget_(limits.compilation_steps) {
    version_->rules_ = rules;
  }

  std::expected<Built, std::vector<Error>> build(WorkspaceId id, std::uint64_t number) {
    version_->id_ = id;
    version_->number_ = number;
    version_->digest_ = digest_of(documents_);
    check_paths();
    root();
    each("tools/", ".toml",
         [this](const auto& name, const auto& document) { return add_server(name, document); });
    declare_agents();
    each("agents/", ".toml",
         [this](const auto& name, const auto& document) { return add_agent(name, document); });
    each("workflows/", ".toml",
         [this](const auto& name, const auto& document) { return add_workflow(name, document); });
    policies();
    if (!problems_.empty()) return std::unexpected(std::move(problems_));
    return Built{std::move(version_), std::move(names_)};
  }

 private:
  void note(Error error) { problems_.push_back(std::move(error)); }

  template <typename Id>
  Id id_of(std::string_view kind, std::string_view name) {
    return names_.id_of<Id>(kind, name, clock_, random_);
  }

  void check_paths() {
    for (const auto& [path, text] : documents_) {
      if (path == kRoot || stem(path, "agents/", ".toml") || stem(path, "tools/", ".toml") ||
          stem(path, "workflows/", ".toml") || stem(path, "policies/", ".cedar")) {
        continue;
      }
      note(fail(Errc::invalid_input, "a file that no workspace has", visible_text(path),
                "there are workspace.toml, agents/NAME.toml, tools/NAME.toml, workflows/NAME.toml "
                "and "
                "policies/NAME.cedar; a name is a lower-case letter, then letters, digits, - and _")
               .error());
    }
  }

  // The document parsed and read by `add`, whose error is one about a pointer in it.
  void read(const std::string& path, const std::string& text, const auto& add) {
    const auto document = parse_toml(text, path);
    const auto added = document ? add(document->value()) : std::unexpected(document.error());
    if (added) return;
    failed_.insert(path);
    note(document ? document->locate(added.error()) : added.error());
  }

  void each(std::string_view folder, std::string_view ending, const auto& add) {
    for (const auto& [path, text] : documents_) {
      const auto name = stem(path, folder, ending);
      if (name) read(path, text, [&](const Json& document) { return add(*name, document); });
    }
  }

  void root() {
    const auto text = documents_.find(kRoot);
    if (text == documents_.end()) {
      return note(fail(Errc::invalid_input, "there is no workspace.toml", std::string(kRoot),
                       "a workspace directory has one at its top")
                      .error());
    }
    read(text->first, text->second, [this](const Json& document) -> Expected<void> {
      WRIT_TRY(auto parsed, identity::parse_workspace(document, [this](std::string_view name) {
                 return id_of<UserId>("user", name);
               }));
      version_->name_ = std::move(parsed.name);
      for (auto& group : parsed.groups) version_->groups_.push_back(std::move(group.name));
      for (auto& user : parsed.users)
        version_->users_.push_back(std::make_shared<const identity::User>(std::move(user)));
      version_->providers_ = std::move(parsed.providers);
      version_->approvals_ = parsed.approvals;
      return {};
    });
  }

  Expected<void> add_server(const std::string& name, const Json& document) {
    WRIT_TRY(auto server,
             tools::parse_tool_server(document, id_of<ServerId>("server", name), name, budget_));
    if (version_->rules_ != Rules::first &&
        server.authorities().source == tools::Authorities::Source::file)
      return fail(Errc::invalid_input, "a document names no file of the server", "/ca_file",
                  "write the certificates into ca, or name them with ca_name where the server's "
                  "writ.toml has them under [certificates]");
    version_->servers_.push_back(std::make_shared<const tools::ToolServer>(std::move(server)));
    return {};
  }

  // By the files' names: a workflow may name an agent whose own document has a problem.
  void declare_agents() {
    for (const auto& [path, text] : documents_) {
      if (const auto name = stem(path, "agents/", ".toml"))
        agents_[*name] = id_of<AgentId>("agent", *name);
    }
  }

  delegation::Declared declared() const {
    return {.agent = [this](std::string_view name) -> std::optional<AgentId> {
              const auto found = agents_.find(name);
              return found == agents_.end() ? std::nullopt : std::optional(found->second);
            },
            // A tool may be one of a file that failed: that it is not there says nothing then, and
            // the file's own problem refuses the whole.
            .has_tool =
                [this](std::string_view tool) {
                  return version_->server_of(tool) != nullptr ||
                         failed_.contains("tools/" + std::string(tool.substr(0, tool.find('.'))) +
                                          ".toml");
                },
            .runs_for = version_->rules_ == Rules::first ? delegation::RunsFor::either
                                                         : delegation::RunsFor::user};
  }

  Expected<void> add_agent(const std::string& name, const Json& document) {
    const identity::AgentContext context{
        .workspace = version_->name_,
        .name = name,
        .id = agents_.at(name),
        .user = [this](std::string_view user_name) -> std::optional<UserId> {
          // Likewise for users where the file that declares them failed.
          if (failed_.contains(kRoot)) return id_of<UserId>("user", user_name);
          const auto user = version_->user(user_name);
          return user == nullptr ? std::nullopt : std::optional(user->id);
        }};
    WRIT_TRY(auto agent, identity::parse_agent(document, context));
    WRIT_TRY(auto ceiling, delegation::parse_ceiling(document, declared()));
    version_->agents_.push_back(
        {std::make_shared<const identity::Agent>(std::move(agent)), std::move(ceiling)});
    return {};
  }

  Expected<void> add_workflow(const std::string& name, const Json& document) {
    WRIT_TRY(auto workflow, delegation::parse_workflow(
                                document, id_of<WorkflowId>("workflow", name), name, declared()));
    version_->workflows_.push_back(std::move(workflow));
    return {};
  }

  void policies() {
    std::vector<cedar::PolicySet> sets;
    bool whole = true;
    for (const auto& [path, text] : documents_) {
      if (!stem(path, "policies/", ".cedar")) continue;
      auto set = cedar::parse_policies(text, path);
      if (set) {
        version_->policy_files_[path] = crypto::sha256(text);
        sets.push_back(std::move(*set));
      } else {
        note(set.error());
        whole = false;
      }
    }
    // Policies speak of everything else: where some of it failed, they would seem to be wrong.
    if (!whole || !failed_.empty()) return;
    auto all = cedar::PolicySet::combine(sets);
    if (!all) return note(all.error());
    std::vector<std::shared_ptr<const identity::Agent>> agents;
    for (const auto& terms : version_->agents_) agents.push_back(terms.agent);
    auto model = policy::Model::create(std::move(*all), {.workspace = version_->name_,
                                                         .groups = version_->groups_,
                                                         .users = version_->users_,
                                                         .agents = agents,
                                                         .workflows = version_->workflows_,
                                                         .servers = version_->servers_});
    if (!model) return note(model.error());
    version_->decider_ = std::make_unique<policy::Decider>(
        std::make_shared<const policy::Model>(std::move(*model)), version_->number_);
  }

  const Documents& documents_;
  Names names_;
  const Clock& clock_;
  Random& random_;
  MeteredBudget budget_;
  std::shared_ptr<Version> version_{new Version};
  std::map<std::string, AgentId, std::less<>> agents_;
  std::set<std::string, std::less<>> failed_;  // files that have a problem
  std::vector<Error> problems_;
};

std::expected<Built, std::vector<Error>> build_version(WorkspaceId id, std::uint64_t number,
                                                       const Documents& documents, Names names,
                                                       const Clock& clock, Random& random,
                                                       Rules rules, const DocumentLimits& limits) {
  if (auto within = check_limits(documents, limits); !within)
    return std::unexpected(std::vector{within.error()});
  return VersionBuilder(documents, std::move(names), clock, random, rules, limits)
      .build(id, number);
}

Expected<std::string> declared_name(const Documents& documents) {
  const auto root = documents.find(kRoot);
  if (root == documents.end())
    return fail(Errc::invalid_input, "there is no workspace.toml", std::string(kRoot));
  WRIT_TRY(const auto document, parse_toml(root->second, root->first));
  auto name = identity::parse_workspace_name(document.value());
  if (!name) return std::unexpected(document.locate(std::move(name).error()));
  return name;
}

}  // namespace writ::workspace
