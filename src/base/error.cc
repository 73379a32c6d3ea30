// SPDX-License-Identifier: Apache-2.0
#include "base/error.h"

#include "base/check.h"

namespace writ {

std::string_view name(Errc code) {
  switch (code) {
    case Errc::invalid_input:
      return "invalid_input";
    case Errc::unauthenticated:
      return "unauthenticated";
    case Errc::denied:
      return "denied";
    case Errc::not_found:
      return "not_found";
    case Errc::conflict:
      return "conflict";
    case Errc::too_large:
      return "too_large";
    case Errc::rate_limited:
      return "rate_limited";
    case Errc::unavailable:
      return "unavailable";
    case Errc::unknown_outcome:
      return "unknown_outcome";
    case Errc::unsupported:
      return "unsupported";
    case Errc::internal:
      return "internal";
  }
  WRIT_UNREACHABLE();
}

std::string Error::to_string() const {
  std::string out;
  if (!where.empty()) out += where + ": ";
  out += message;
  if (!hint.empty()) out += " (" + hint + ")";
  return out;
}

}  // namespace writ
