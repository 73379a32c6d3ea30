// SPDX-License-Identifier: Apache-2.0
// EntityUid: the name of an entity, a type and an id (Writ::User::"alice").
#pragma once

#include <compare>
#include <cstddef>
#include <string>
#include <string_view>

namespace writ::cedar {

// `type` is a normalized path of identifiers ("A::B"), `id` any text in UTF-8. Neither is checked
// here: parsers check them, and the rest only compares.
struct EntityUid {
  std::string type;
  std::string id;

  // As policies spell it: type::"id", the id escaped.
  std::string to_string() const;

  friend auto operator<=>(const EntityUid&, const EntityUid&) = default;
};

struct EntityUidHash {
  std::size_t operator()(const EntityUid& uid) const noexcept;
};

// Whether `word` is one of the words that the grammar keeps for itself (RESERVED).
bool is_reserved(std::string_view word);
// ANYIDENT: an ASCII letter or underscore, then those and digits.
bool is_any_identifier(std::string_view text);
// IDENT: ANYIDENT without the reserved words.
bool is_identifier(std::string_view text);
// A path of identifiers joined by "::", without spaces: what an entity type must be.
bool is_type_name(std::string_view text);

}  // namespace writ::cedar
