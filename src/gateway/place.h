// SPDX-License-Identifier: Apache-2.0
// Place: which tool server a request at the tool proxy names, and what of it is the upstream's.
// Pure; the bytes stay as they came, since what is decided is what is sent.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace writ::gateway {

inline constexpr std::string_view kToolsPrefix = "/tools/";

// "/tools/acme/billing/v1/invoices?limit=2"
struct Place {
  std::string workspace;  // "acme"
  std::string server;     // "billing"
  std::string resource;   // "/tools/acme/billing": below public_url, the token's audience (P10)
  std::string path;       // the whole path without its query: below public_url, a proof's `htu`
  std::string target;     // "/v1/invoices?limit=2"

  // Nothing where the target is not below kToolsPrefix, or its first two segments are not names of
  // objects (identity::is_name): such a workspace or server does not exist.
  static std::optional<Place> parse(std::string_view target);
};

}  // namespace writ::gateway
