// SPDX-License-Identifier: Apache-2.0
#include "oauth/resource_indicators.h"

#include <algorithm>

#include "broker/grants.h"

namespace writ::oauth {

Expected<std::vector<std::string>> optional_resources_of(const Parameters& parameters) {
  auto resources = parameters.all(broker::kResourcePlace);
  std::ranges::sort(resources);
  const auto repeated = std::ranges::unique(resources);
  resources.erase(repeated.begin(), repeated.end());
  for (const auto& resource : resources) {
    // Section 2: an absolute URI without a fragment. Its canonical text alone, so that equal ones
    // are equal bytes at the resource.
    const auto url = parse_url(resource);
    if (!url || url->to_string() != resource) {
      return fail(Errc::invalid_input, quoted_extract(resource) + " is no canonical URL",
                  std::string(broker::kResourcePlace));
    }
  }
  return resources;
}

Expected<std::vector<std::string>> resources_of(const Parameters& parameters) {
  WRIT_TRY(auto resources, optional_resources_of(parameters));
  if (resources.empty()) {
    return fail(Errc::invalid_input, "resource is missing", std::string(broker::kResourcePlace),
                "name the URL of each tool server that the token is for");
  }
  return resources;
}

}  // namespace writ::oauth
