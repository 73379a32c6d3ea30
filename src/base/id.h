// SPDX-License-Identifier: Apache-2.0
// Id: a UUIDv7 (RFC 9562 section 5.7) under a prefix that names its kind: "run_" and 26 characters
// of lower-case Crockford base32. Ids of different kinds are different types, so one cannot stand
// where another belongs.
#pragma once

#include <algorithm>
#include <array>
#include <compare>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/random.h"

namespace writ {

namespace id_detail {
using Raw = std::array<std::uint8_t, 16>;
Raw make(const Clock& clock, Random& random);
std::string format(std::string_view prefix, const Raw& raw);
Expected<Raw> parse(std::string_view prefix, std::string_view text);
}  // namespace id_detail

template <std::size_t N>
struct IdPrefix {
  char text[N];
  consteval IdPrefix(const char (&literal)[N]) { std::copy_n(literal, N, text); }
  constexpr std::string_view view() const { return {text, N - 1}; }
};

// A default-constructed id is nil: no record has it, and parse() refuses it.
template <IdPrefix Prefix>
class Id {
 public:
  static constexpr std::string_view prefix() { return Prefix.view(); }

  Id() = default;
  explicit Id(const id_detail::Raw& raw) : raw_(raw) {}

  static Id make(const Clock& clock, Random& random) { return Id(id_detail::make(clock, random)); }
  // The canonical text only; anything else is invalid_input.
  static Expected<Id> parse(std::string_view text) {
    WRIT_TRY(auto raw, id_detail::parse(prefix(), text));
    return Id(raw);
  }

  std::string to_string() const { return id_detail::format(prefix(), raw_); }
  const id_detail::Raw& raw() const { return raw_; }
  bool is_nil() const { return raw_ == id_detail::Raw{}; }

  friend auto operator<=>(const Id&, const Id&) = default;

 private:
  id_detail::Raw raw_{};
};

using WorkspaceId = Id<"wsp_">;
using UserId = Id<"usr_">;
using AgentId = Id<"agt_">;
using ServerId = Id<"srv_">;
using WorkflowId = Id<"wfl_">;
using RunId = Id<"run_">;
using GrantId = Id<"grt_">;
using ConnectionId = Id<"con_">;
using CredentialId = Id<"crd_">;
using ApprovalId = Id<"apr_">;
using ActionId = Id<"act_">;

}  // namespace writ

template <writ::IdPrefix Prefix>
struct std::hash<writ::Id<Prefix>> {
  std::size_t operator()(const writ::Id<Prefix>& id) const noexcept {
    // The last bytes of a UUIDv7 are random.
    std::size_t value = 0;
    for (std::size_t i = 8; i < 16; ++i) value = value << 8 | id.raw()[i];
    return value;
  }
};
