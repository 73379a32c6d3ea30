// SPDX-License-Identifier: Apache-2.0
// JSON (RFC 8259), read strictly and within bounds.
//
// What parse_json() accepts means the same to every reader that follows the RFC: UTF-8 without a
// byte order mark, no lone surrogates, no duplicate names at any depth (compared after unescaping),
// nothing after the value, and only numbers that a double holds exactly as far as integers go
// (RFC 7493, I-JSON). All functions are thread-safe; none throws.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "base/error.h"

namespace writ {

using Json = boost::json::value;
using JsonObject = boost::json::object;
using JsonArray = boost::json::array;

inline constexpr std::int64_t kMaxJsonInteger = (std::int64_t{1} << 53) - 1;

enum class JsonNumbers {
  exact,    // a number beyond ±(2^53-1) is refused
  ieee754,  // any finite double, rounded as ECMAScript does; for documents of others, read only
};

struct JsonLimits {
  std::size_t bytes = std::size_t{1} << 20;
  std::size_t depth = 32;                           // of arrays and objects; at most 256
  std::size_t values = 100'000;                     // in the whole document
  std::size_t members = 4096;                       // in one object
  std::size_t string_bytes = std::size_t{1} << 20;  // of one string or name, unescaped
  JsonNumbers numbers = JsonNumbers::exact;
};

// The value, or invalid_input or too_large with where = "line:column" (both from 1, columns in code
// points).
//
// A number is an int64 if it is a whole number within ±(2^53-1) however it is spelled (1, 1.0 and
// 1e0 are one value; -0 and -0.0 are 0), else a double. So equal canonical forms mean equal values,
// and parse_json(write_json(v)) == v for all v that parse.
Expected<Json> parse_json(std::string_view text, const JsonLimits& limits = {});

// The same, and the value is an object.
Expected<JsonObject> parse_json_object(std::string_view text, const JsonLimits& limits = {});

// Without spaces, members in their order, numbers and strings as RFC 8785 writes them. Every double
// in `value` is finite.
std::string write_json(const Json& value);
void write_json(const Json& value, std::string& out);  // appends

// Two spaces a level. What is not plainly visible is escaped (wire/visible.h), so that what a
// person sees is what is there; the result parses to the same value.
std::string write_json_for_people(const Json& value);

// Text from outside as a person may safely see it on a terminal or page (wire/visible.h): what is
// not plainly visible and in order as \u escapes, invalid UTF-8 as \x escapes. Nothing is left out.
std::string visible_text(std::string_view text);

// As quoted_text() of wire/visible.h, cut to about 60 characters: for messages.
std::string quoted_extract(std::string_view text);

// The text of a JSON string value or of a member's name.
inline std::string_view text_of(const boost::json::string& text) {
  return {text.data(), text.size()};
}
inline std::string_view text_of(const boost::json::key_value_pair& member) {
  return {member.key().data(), member.key().size()};
}

// JSON pointers (RFC 6901): `pointer` one step further.
std::string json_pointer(std::string_view pointer, std::string_view name);
std::string json_pointer(std::string_view pointer, std::size_t index);

// "an object", "a string", … for messages.
std::string_view kind_in_words(const Json& value);

struct TextRule {
  std::size_t min = 1;  // in bytes
  std::size_t max = 4096;
};
struct IntegerRule {
  std::int64_t min = -kMaxJsonInteger;
  std::int64_t max = kMaxJsonInteger;
};
struct DurationRule {
  std::chrono::milliseconds min = std::chrono::seconds(1);
  std::chrono::milliseconds max = std::chrono::hours(24 * 3650);
};
struct ListRule {
  std::size_t min = 0;
  std::size_t max = 1024;
};

// ObjectReader: takes an object apart, member by member, so that the code reads like the schema.
//
//   ObjectReader r(object, "/steps/0");
//   Step step{.name = r.string("name", {.max = 64}), .ttl = r.optional_integer("ttl")};
//   WRIT_TRY_VOID(r.finish());
//
// The first error is kept and finish() returns it, with the JSON pointer of the member in `where`;
// until finish() has succeeded the values read mean nothing (after an error they are empty).
// finish() also refuses every member that was never asked for. A null is a wrong type, never an
// absence. The object outlives the reader and what the reader returned by reference. Not
// thread-safe.
class ObjectReader {
 public:
  explicit ObjectReader(const JsonObject& object, std::string pointer = {});
  // Of a value that must be an object; if it is not, finish() says so.
  explicit ObjectReader(const Json& value, std::string pointer = {});
  explicit ObjectReader(JsonObject&&, std::string = {}) = delete;  // it would not outlive this
  explicit ObjectReader(Json&&, std::string = {}) = delete;
  ObjectReader(const ObjectReader&) = delete;
  ObjectReader& operator=(const ObjectReader&) = delete;

  bool has(std::string_view name) const;

  std::string string(std::string_view name, TextRule rule = {});
  std::int64_t integer(std::string_view name, IntegerRule rule = {});
  bool boolean(std::string_view name);
  double number(std::string_view name);  // an integer too
  // Text such as "10m" (time_text.h).
  std::chrono::milliseconds duration(std::string_view name, DurationRule rule = {});
  // One of `choices`.
  std::string choice(std::string_view name, std::initializer_list<std::string_view> choices);
  std::vector<std::string> strings(std::string_view name, ListRule rule = {}, TextRule each = {});
  const JsonObject& object(std::string_view name);
  const JsonArray& array(std::string_view name, ListRule rule = {});
  const Json& value(std::string_view name);

  std::optional<std::string> optional_string(std::string_view name, TextRule rule = {});
  std::optional<std::int64_t> optional_integer(std::string_view name, IntegerRule rule = {});
  std::optional<bool> optional_boolean(std::string_view name);
  std::optional<double> optional_number(std::string_view name);
  std::optional<std::chrono::milliseconds> optional_duration(std::string_view name,
                                                             DurationRule rule = {});
  std::optional<std::string> optional_choice(std::string_view name,
                                             std::initializer_list<std::string_view> choices);
  std::optional<std::vector<std::string>> optional_strings(std::string_view name,
                                                           ListRule rule = {}, TextRule each = {});
  // Null if absent.
  const JsonObject* optional_object(std::string_view name);
  const JsonArray* optional_array(std::string_view name, ListRule rule = {});
  const Json* optional_value(std::string_view name);

  // Members that others read: known, and not looked at here.
  void ignore(std::string_view name);
  // For documents that may carry more than we read (OAuth metadata, JWT claims): finish() then
  // accepts unknown members.
  void allow_unknown() { allow_unknown_ = true; }

  // The pointer of a member.
  std::string pointer(std::string_view name) const { return json_pointer(pointer_, name); }
  const std::string& pointer() const { return pointer_; }
  // Records an error of the caller's own about a member, if it is the first.
  void refuse(std::string_view name, std::string message, std::string hint = {});

  bool ok() const { return !error_; }
  Expected<void> finish();

 private:
  const Json* find(std::string_view name);
  const Json* require(std::string_view name);
  void wrong_type(std::string_view name, std::string_view wanted, const Json& found);

  const JsonObject empty_object_;
  const JsonArray empty_array_;
  const Json null_;
  const JsonObject& object_;
  std::string pointer_;
  std::set<std::string, std::less<>> known_;
  std::optional<Error> error_;
  bool allow_unknown_ = false;
};

}  // namespace writ
