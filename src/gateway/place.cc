// SPDX-License-Identifier: Apache-2.0
#include "gateway/place.h"

#include "identity/principal.h"
#include "net/answer.h"

namespace writ::gateway {

std::optional<Place> Place::parse(std::string_view target) {
  if (!target.starts_with(kToolsPrefix)) return std::nullopt;
  const auto path = net::path_of(target);
  const auto rest = path.substr(kToolsPrefix.size());
  const auto slash = rest.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto workspace = rest.substr(0, slash);
  const auto server = rest.substr(slash + 1, rest.find('/', slash + 1) - slash - 1);
  if (!identity::is_name(workspace) || !identity::is_name(server)) return std::nullopt;

  const auto size = kToolsPrefix.size() + slash + 1 + server.size();
  Place out{.workspace = std::string(workspace),
            .server = std::string(server),
            .resource = std::string(target.substr(0, size)),
            .path = std::string(path),
            .target = std::string(target.substr(size))};
  if (!out.target.starts_with('/')) out.target.insert(0, "/");
  return out;
}

}  // namespace writ::gateway
