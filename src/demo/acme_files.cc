// SPDX-License-Identifier: Apache-2.0
#include "demo/acme_files.h"

#include "wire/json.h"

namespace writ::demo {
namespace {

constexpr std::string_view kApprovalLife = "approval_life = \"5m\"";
constexpr std::string_view kPipeline = "\n[users.ci]\nroles = [\"proposer\"]\n";
constexpr std::string_view kExampleUrl = "\"http://127.0.0.1:8710\"";

// A public key as an element of an agent's `keys`; the texts are base64url and need no escapes.
std::string key_table(const jose::Jwk& key) {
  std::string table = "\n[[keys]]\n";
  for (const auto& member : key.required_members()) {
    table += std::string(text_of(member)) + " = " + write_json(member.value()) + "\n";
  }
  return table;
}

}  // namespace

Expected<std::map<std::string, std::string, std::less<>>> acme_documents(
    const AcmeSettings& settings) {
  std::map<std::string, std::string, std::less<>> documents;
  for (const auto& file : acme_files()) documents.emplace(file.path, file.text);
  auto& server = documents["tools/billing.toml"];
  const auto url = server.find(kExampleUrl);
  if (url == std::string::npos) {
    return fail(Errc::internal, "the example's billing server has another URL than expected");
  }
  server.replace(url, kExampleUrl.size(),
                 "\"http://127.0.0.1:" + std::to_string(settings.billing_port) + "\"");
  for (const auto& [agent, key] : settings.agent_keys) {
    const auto document = documents.find("agents/" + agent + ".toml");
    if (document == documents.end()) {
      return fail(Errc::internal, "the example has no such agent", agent);
    }
    document->second += key_table(key);
  }
  auto& workspace = documents["workspace.toml"];
  const auto life = workspace.find(kApprovalLife);
  if (life == std::string::npos)
    return fail(Errc::internal, "the example's approvals last otherwise than expected");
  if (settings.proposed) workspace.replace(life, kApprovalLife.size(), "approval_life = \"6m\"");
  workspace += kPipeline;
  return documents;
}

}  // namespace writ::demo
