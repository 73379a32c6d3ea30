// SPDX-License-Identifier: Apache-2.0
// The formats that an argument schema may assert (JSON Schema 2020-12 validation, section 7.3).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace writ::tools {

enum class Format : std::uint8_t { date_time, date, email, uri, uuid };

std::optional<Format> format_named(std::string_view name);
// "an RFC 3339 date and time", for messages.
std::string_view in_words(Format format);
// `text` is UTF-8 of any length.
bool has_format(std::string_view text, Format format);

}  // namespace writ::tools
