// SPDX-License-Identifier: Apache-2.0
// Version: one validated state of a workspace, made from its whole directory (protocol.md P5).
// Everything that a decision reads hangs off one Version, so a decision sees one consistent state.
// Immutable; shared between threads.
//
//   workspace.toml   agents/NAME.toml   tools/NAME.toml   workflows/NAME.toml   policies/*.cedar
//
// The documents are the durable form: what is stored is their text and the ids that names were
// given, and a stored version is parsed again at start by the same code that accepted it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "delegation/authority.h"
#include "delegation/workflow.h"
#include "identity/documents.h"
#include "identity/principal.h"
#include "policy/decider.h"
#include "tools/tool_server.h"
#include "wire/json.h"

namespace writ::workspace {

// Text by path relative to the workspace directory, with forward slashes.
using Documents = std::map<std::string, std::string, std::less<>>;

// By which rules a version's documents were applied. A stored version is read by its own rules, so
// that a newer server changes nothing before somebody applies.
enum class Rules : std::uint8_t {
  first = 1,     // a step that does not say for whom it is, is for either; `ca_file` of a tool
                 // server is let stand, and no such file is read
  runs_for = 2,  // it is for a user (protocol.md P39); `ca_file` is refused (P48)
};
inline constexpr Rules kCurrentRules = Rules::runs_for;

struct DocumentLimits {
  std::size_t files = 1000;
  std::size_t file_bytes = std::size_t{1} << 20;
  std::size_t total_bytes = std::size_t{8} << 20;
  // For all schemas and patterns together (P48).
  std::uint64_t compilation_steps = tools::kCompilationSteps;
};

// Ids given to names, by kind and name ("agent/billing" → "agt_…"). A name keeps its id for ever,
// so an object that comes back after it was absent is the same object.
class Names {
 public:
  Names() = default;
  explicit Names(std::map<std::string, std::string, std::less<>> ids) : ids_(std::move(ids)) {}

  // The id of the name, new if it has none yet.
  template <typename Id>
  Id id_of(std::string_view kind, std::string_view name, const Clock& clock, Random& random) {
    auto& text = ids_[std::string(kind) + "/" + std::string(name)];
    if (const auto known = Id::parse(text)) return *known;
    const auto id = Id::make(clock, random);
    text = id.to_string();
    return id;
  }

  const std::map<std::string, std::string, std::less<>>& ids() const { return ids_; }

 private:
  std::map<std::string, std::string, std::less<>> ids_;
};

struct AgentTerms {
  std::shared_ptr<const identity::Agent> agent;
  delegation::Scope ceiling;
};

class Version {
 public:
  std::uint64_t number() const {
    return number_;
  }  // 1 for the first; each apply that changes something adds one
  const Digest& digest() const { return digest_; }  // over all documents, canonical
  Rules rules() const { return rules_; }
  WorkspaceId id() const { return id_; }
  const std::string& name() const { return name_; }

  // By name, by id; nullptr where there is none: then it is disabled.
  const AgentTerms* agent(std::string_view name) const;
  const AgentTerms* agent(AgentId id) const;
  const AgentTerms* agent_by_client_id(std::string_view client_id) const;
  std::shared_ptr<const identity::User> user(std::string_view name) const;
  std::shared_ptr<const identity::User> user(UserId id) const;
  // Of an identity provider: (issuer, subject), compared exactly.
  std::shared_ptr<const identity::User> user(std::string_view issuer,
                                             std::string_view subject) const;
  const identity::Provider* provider(std::string_view issuer) const;
  std::shared_ptr<const tools::ToolServer> server(std::string_view name) const;
  const delegation::Workflow* workflow(std::string_view name) const;
  const delegation::Workflow* workflow(WorkflowId id) const;
  // The server that declares this operation, by its full name.
  std::shared_ptr<const tools::ToolServer> server_of(std::string_view tool) const;

  const std::vector<AgentTerms>& agents() const { return agents_; }
  const std::vector<std::shared_ptr<const identity::User>>& users() const { return users_; }
  const std::vector<std::shared_ptr<const tools::ToolServer>>& servers() const { return servers_; }
  const std::vector<delegation::Workflow>& workflows() const { return workflows_; }
  const std::vector<identity::Provider>& providers() const { return providers_; }
  const std::vector<std::string>& groups() const { return groups_; }
  // The digest of each policy file, by its path.
  const std::map<std::string, Digest, std::less<>>& policy_files() const { return policy_files_; }
  const identity::ApprovalSettings& approvals() const { return approvals_; }

  const policy::Decider& decider() const { return *decider_; }
  // What is current for a run, for delegation::authorize(). The pointers live as long as this
  // version.
  delegation::CurrentTerms terms_of(const delegation::Run& run) const;
  // The same as the function that authorize() takes; valid as long as this version.
  delegation::TermsOf terms() const;

 private:
  friend class VersionBuilder;
  Version() = default;

  std::uint64_t number_ = 0;
  Digest digest_{};
  Rules rules_ = kCurrentRules;
  WorkspaceId id_;
  std::string name_;
  std::vector<std::string> groups_;
  std::vector<identity::Provider> providers_;
  std::vector<std::shared_ptr<const identity::User>> users_;
  std::vector<AgentTerms> agents_;
  std::vector<std::shared_ptr<const tools::ToolServer>> servers_;
  std::vector<delegation::Workflow> workflows_;
  std::map<std::string, Digest, std::less<>> policy_files_;
  identity::ApprovalSettings approvals_;
  std::unique_ptr<policy::Decider> decider_;
};

// A version and the names it was built with (the ones given, and new ones).
struct Built {
  std::shared_ptr<const Version> version;
  Names names;
};

// Parses and cross-checks the whole directory. On failure every problem that was found, each with
// file, line and next step; nothing is half accepted. A missing workspace.toml, an unknown file or
// an unknown key is a problem.
std::expected<Built, std::vector<Error>> build_version(WorkspaceId id, std::uint64_t number,
                                                       const Documents& documents, Names names,
                                                       const Clock& clock, Random& random,
                                                       Rules rules = kCurrentRules,
                                                       const DocumentLimits& limits = {});

// The name that workspace.toml declares, without checking anything else: to find which workspace an
// apply is for.
Expected<std::string> declared_name(const Documents& documents);

}  // namespace writ::workspace
