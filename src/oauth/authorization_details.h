// SPDX-License-Identifier: Apache-2.0
// Rich authorization requests (RFC 9396): the `authorization_details` of a token request. Exactly
// one object, of one of our types; what is in it that we do not know is refused, never passed over
// (section 5).
#pragma once

#include <string_view>
#include <variant>

#include "broker/asked.h"
#include "oauth/parameters.h"

namespace writ::oauth {

// Nothing where the request has none.
using Details = std::variant<std::monostate, broker::AskedRun, broker::AskedDelegation>;

struct DetailsLimits {
  std::size_t bytes = std::size_t{32} * 1024;
  std::size_t depth = 12;
  std::size_t values = 8192;
};

// Errors at broker::kDetailsPlace, with the JSON pointer behind it.
Expected<Details> parse_details(const Parameters& parameters, const DetailsLimits& limits = {});

}  // namespace writ::oauth
