// SPDX-License-Identifier: Apache-2.0
// Problem documents (RFC 9457) as a client reads them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "protocol/apply.h"
#include "protocol/fields.h"

namespace writ::protocol {

inline constexpr std::string_view kProblemTypes = "https://writ.dev/problems/";

struct ProblemView {
  std::int64_t status = 0;
  std::string type;  // the name under kProblemTypes; empty for any other
  std::string title;
  std::string detail;
  std::string where;
  std::string hint;
  std::vector<DocumentError> errors;  // of an apply
  std::vector<Change> changes;        // of one that was not made: what it would change now
  JsonObject members;                 // the whole document

  // What is missing or of another type is left empty: a problem is for showing, and half of one is
  // better than none. invalid_input where `value` is no object.
  static Expected<ProblemView> from_json(const Json& value);
  // The code that the status stands for, with detail, place and hint.
  Error to_error() const;
};

// The code that a status of ours stands for (net/answer.h, the other way).
Errc code_of_status(std::int64_t status);

}  // namespace writ::protocol
