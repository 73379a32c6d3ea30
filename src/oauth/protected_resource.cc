// SPDX-License-Identifier: Apache-2.0
#include "oauth/protected_resource.h"

#include "broker/asked.h"
#include "identity/principal.h"

namespace writ::oauth {
namespace {

// "/tools/acme/billing", of names that there could be.
bool is_server_path(std::string_view path) {
  constexpr std::string_view kTools = "/tools/";
  if (!path.starts_with(kTools)) return false;
  path.remove_prefix(kTools.size());
  const auto slash = path.find('/');
  return slash != path.npos && identity::is_name(path.substr(0, slash)) &&
         identity::is_name(path.substr(slash + 1));
}

}  // namespace

std::optional<JsonObject> resource_metadata(const std::string& public_url, std::string_view path) {
  if (!path.starts_with(kResourceMetadataPath)) return std::nullopt;
  path.remove_prefix(kResourceMetadataPath.size());
  if (path.empty()) path = "/v1";
  if (path != "/v1" && !is_server_path(path)) return std::nullopt;
  JsonObject out;
  out["resource"] = public_url + std::string(path);
  out["authorization_servers"] = JsonArray{public_url};
  out["bearer_methods_supported"] = JsonArray{"header"};
  out["dpop_signing_alg_values_supported"] = JsonArray{"ES256", "EdDSA"};
  // Bearer tokens are taken from agents that are opted in (P8), so this is not required of all.
  out["dpop_bound_access_tokens_required"] = false;
  out["authorization_details_types_supported"] = JsonArray{broker::kRunDetails};
  return out;
}

}  // namespace writ::oauth
