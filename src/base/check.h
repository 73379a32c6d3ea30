// SPDX-License-Identifier: Apache-2.0
// Assertions against bugs of our own; never for input, which gets an Error.
#pragma once

namespace writ {
// Prints "file:line: what" to stderr and aborts.
[[noreturn]] void check_failed(const char* file, int line, const char* what) noexcept;
}  // namespace writ

#define WRIT_CHECK(condition) \
  (static_cast<bool>(condition) ? void(0) : ::writ::check_failed(__FILE__, __LINE__, #condition))
#define WRIT_UNREACHABLE() ::writ::check_failed(__FILE__, __LINE__, "unreachable")
