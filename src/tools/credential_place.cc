// SPDX-License-Identifier: Apache-2.0
// Where a credential goes, as documents say it.
#include <algorithm>

#include "tools/argument_parser.h"
#include "tools/field_rules.h"
#include "tools/operation_parser.h"
#include "wire/http_fields.h"

namespace writ::tools {

std::optional<CredentialPlace> read_credential_place(ObjectReader& reader) {
  const auto header = reader.optional_string("header", {.max = 64});
  const auto prefix = reader.optional_string("prefix", {.min = 0, .max = 64});
  const auto query = reader.optional_string("query", {.max = 128});
  const auto basic = reader.optional_string("basic", {.min = 0, .max = 128});
  if (int{header.has_value()} + int{query.has_value()} + int{basic.has_value()} > 1) {
    reader.refuse(query ? "query" : "basic", "a credential has one place");
    return std::nullopt;
  }
  if (prefix && !header) reader.refuse("prefix", "stands before a credential in a header alone");
  const auto is_visible = [](std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
  };
  if (header) {
    if (!is_token(*header) || !may_carry_credential(*header)) {
      reader.refuse("header", "no credential can stand in this header");
    }
    if (prefix && (!is_visible(*prefix) || prefix->starts_with(' '))) {
      reader.refuse("prefix", "must be visible ASCII");
    }
    return CredentialHeader{.name = *header, .prefix = prefix.value_or("")};
  }
  if (query) {
    if (!is_wire_name(*query)) reader.refuse("query", "must be visible ASCII without blanks");
    return CredentialQuery{.name = *query};
  }
  if (basic) {
    // RFC 7617 section 2: the user ends at the first colon.
    if (!is_visible(*basic) || basic->contains(':')) {
      reader.refuse("basic", "must be a user in visible ASCII without a colon");
    }
    return CredentialBasic{.user = *basic};
  }
  return std::nullopt;
}

}  // namespace writ::tools
