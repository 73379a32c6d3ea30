// SPDX-License-Identifier: Apache-2.0
// What the messages of /v1 have in common. Each message is a plain struct with
//
//   JsonObject to_json() const;
//   static Expected<T> from_json(const Json& value, std::string pointer = {});
//
// and from_json(to_json()) is the same message. Requests are read strictly: an unknown member is
// invalid_input with its JSON pointer. Answers are read tolerantly, so that an older command line
// understands a newer server. What is absent is left out, never null. Times are RFC 3339 in UTC
// with milliseconds, ids and digests have one spelling. Pure functions, thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/secret_bytes.h"
#include "wire/json.h"

namespace writ::protocol {

// Elements of a list in one message.
inline constexpr std::size_t kMaxList = 10'000;
// A session, a code or a token as text.
inline constexpr std::size_t kMaxSecretText = 16 * 1024;

// Each records the reader's error where the member is missing or is something else.
TimePoint read_time(ObjectReader& reader, std::string_view name);
std::optional<TimePoint> read_optional_time(ObjectReader& reader, std::string_view name);
Digest read_digest(ObjectReader& reader, std::string_view name);  // lower-case hexadecimal
Bytes read_base64url(ObjectReader& reader, std::string_view name, std::size_t max);
std::uint64_t read_count(ObjectReader& reader, std::string_view name);
// Text that may be empty.
std::string read_text(ObjectReader& reader, std::string_view name, std::size_t max = 65536);
std::vector<std::string> read_strings(ObjectReader& reader, std::string_view name);
SecretBytes read_secret(ObjectReader& reader, std::string_view name);

// A list that is cut says so: "more", and a "cursor" with which the next page is asked for.
void write_cursor(JsonObject& out, const std::optional<std::string>& cursor);
std::optional<std::string> read_cursor(ObjectReader& reader);

// Text for a list: what is wider than kListColumns is cut and ends in "…". Characters outside ASCII
// count double, as the widest of them are.
inline constexpr std::size_t kListColumns = 200;
std::string cut_for_list(std::string_view text);

// The one way by which a secret becomes a message's member.
Json write_secret(const SecretBytes& secret);
JsonArray write_strings(const std::vector<std::string>& texts);
// `count` is at most kMaxJsonInteger.
Json write_count(std::uint64_t count);

template <typename T>
T read_id(ObjectReader& reader, std::string_view name) {
  auto id = T::parse(reader.string(name, {.max = 64}));
  if (id) return *id;
  reader.refuse(name, id.error().message);
  return T();
}

template <typename T>
std::optional<T> read_optional_id(ObjectReader& reader, std::string_view name) {
  if (!reader.has(name)) {
    reader.ignore(name);
    return std::nullopt;
  }
  return read_id<T>(reader, name);
}

template <typename T>
std::vector<T> read_ids(ObjectReader& reader, std::string_view name) {
  std::vector<T> out;
  for (const auto& text : reader.strings(name, {.max = kMaxList}, {.max = 64})) {
    auto id = T::parse(text);
    if (!id) {
      reader.refuse(name, id.error().message);
      return {};
    }
    out.push_back(*id);
  }
  return out;
}

template <typename T>
JsonArray write_ids(const std::vector<T>& ids) {
  JsonArray out;
  for (const auto& id : ids) out.emplace_back(id.to_string());
  return out;
}

// A message within a message; its errors name the member that is wrong.
template <typename T>
Expected<std::vector<T>> read_messages(const JsonArray& array, const std::string& pointer) {
  std::vector<T> out;
  out.reserve(array.size());
  for (std::size_t i = 0; i < array.size(); ++i) {
    WRIT_TRY(auto message, T::from_json(array[i], json_pointer(pointer, i)));
    out.push_back(std::move(message));
  }
  return out;
}

template <typename T>
JsonArray write_messages(const std::vector<T>& messages) {
  JsonArray out;
  for (const auto& message : messages) out.emplace_back(message.to_json());
  return out;
}

}  // namespace writ::protocol
