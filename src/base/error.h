// SPDX-License-Identifier: Apache-2.0
// Error: a failure that can be foreseen, as a value.
//
// One type for all rooms. `message` says what is wrong in words for the person who can mend it,
// `where` names the place (file:line:column, a JSON pointer, a header's name) and `hint` the next
// step; the latter two may be empty. None of them ever carries a secret or more of hostile input
// than a short quoted extract. Each surface maps `code` to its wire form in one function of its
// own.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace writ {

enum class Errc {
  invalid_input,    // the caller's bytes do not fit their grammar or schema
  unauthenticated,  // no proof, or one that does not verify
  denied,           // a proof that verifies, without the authority
  not_found,        // absent, or not this caller's to know of
  conflict,         // the state moved on, or was consumed already
  too_large,        // over a stated limit
  rate_limited,     // over a stated rate; safe to try again later
  unavailable,      // could not be done now and was not done; safe to try again
  unknown_outcome,  // may have been done; not safe to try again
  unsupported,      // well formed, and not something this build does
  internal,         // our own bug or a broken machine; the cause is in the log alone
};

// The stable name of a code, as it appears in logs and JSON ("invalid_input").
std::string_view name(Errc code);

struct Error {
  Errc code = Errc::internal;
  std::string message;
  std::string where;
  std::string hint;

  // "where: message (hint)" with the empty parts left out.
  std::string to_string() const;
  friend bool operator==(const Error&, const Error&) = default;
};

template <typename T>
using Expected = std::expected<T, Error>;

// fail(code, message, where, hint) is the one way to spell a failed result.
inline std::unexpected<Error> fail(Errc code, std::string message, std::string where = {},
                                   std::string hint = {}) {
  return std::unexpected(Error{.code = code,
                               .message = std::move(message),
                               .where = std::move(where),
                               .hint = std::move(hint)});
}

}  // namespace writ

#define WRIT_CONCAT_(a, b) a##b
#define WRIT_CONCAT(a, b) WRIT_CONCAT_(a, b)

// WRIT_TRY(auto x, expression): x is the value, or the function returns the error.
#define WRIT_TRY(declaration, ...) \
  WRIT_TRY_(WRIT_CONCAT(writ_try_, __COUNTER__), return, declaration, __VA_ARGS__)
// WRIT_CO_TRY: the same within a coroutine.
#define WRIT_CO_TRY(declaration, ...) \
  WRIT_TRY_(WRIT_CONCAT(writ_try_, __COUNTER__), co_return, declaration, __VA_ARGS__)
#define WRIT_TRY_(result, leave, declaration, ...)                           \
  auto result = (__VA_ARGS__);                                               \
  if (!result.has_value()) leave std::unexpected(std::move(result).error()); \
  declaration = *std::move(result)

// WRIT_TRY_VOID(expression): for Expected<void>, and where the value is not needed.
#define WRIT_TRY_VOID(...) WRIT_TRY_VOID_(WRIT_CONCAT(writ_try_, __COUNTER__), return, __VA_ARGS__)
#define WRIT_CO_TRY_VOID(...) \
  WRIT_TRY_VOID_(WRIT_CONCAT(writ_try_, __COUNTER__), co_return, __VA_ARGS__)
#define WRIT_TRY_VOID_(result, leave, ...) \
  auto result = (__VA_ARGS__);             \
  if (!result.has_value()) leave std::unexpected(std::move(result).error())
