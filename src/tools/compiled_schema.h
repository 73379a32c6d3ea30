// SPDX-License-Identifier: Apache-2.0
// The compiled form of an argument schema; for json_schema*.cc and the reader of operations.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <re2/re2.h>

#include "tools/formats.h"
#include "tools/json_schema.h"

namespace writ::tools::schema_detail {

// A set of JSON types. `integer` is within `number`.
using Types = std::uint8_t;
inline constexpr Types kNull = 1;
inline constexpr Types kBoolean = 2;
inline constexpr Types kInteger = 4;
inline constexpr Types kFraction = 8;  // a number that is no integer
inline constexpr Types kNumber = kInteger | kFraction;
inline constexpr Types kString = 16;
inline constexpr Types kArray = 32;
inline constexpr Types kObject = 64;
inline constexpr Types kAnyType = 127;

// The one type of a value. A double without a fraction is an integer, as the standard has it.
Types type_of(const Json& value);
// "a string, or null": for messages.
std::string in_words(Types types);

// Names that some readers of JSON take for one: equal but for case.
std::string folded_name(std::string_view name);

enum class Additional : std::uint8_t { unsaid, refused, anything, matching };

struct Schema {
  struct Property {
    std::string name;
    const Schema* schema;
  };

  // What a value may be: this schema's own type, and what $ref, anyOf, enum and const leave of it.
  Types types = kAnyType;
  const Schema* ref = nullptr;
  std::vector<const Schema*> any_of;
  // enum and const in their RFC 8785 forms, ordered; empty: no such constraint. Equal forms are
  // equal values, however numbers are held and in whatever order members stand.
  std::vector<std::string> values;
  std::optional<std::string> constant;

  std::vector<Property> properties;       // ordered by name
  std::vector<std::string> folded_names;  // of them, ordered
  std::vector<std::string> required;
  Additional additional = Additional::unsaid;  // unsaid where the schema does not speak of objects
  const Schema* additional_schema = nullptr;

  std::optional<double> minimum;
  std::optional<double> maximum;

  std::optional<std::size_t> min_length;
  std::optional<std::size_t> max_length;
  std::unique_ptr<const re2::RE2> pattern;
  std::optional<Format> format;

  const Schema* items = nullptr;
  std::optional<std::size_t> min_items;
  std::optional<std::size_t> max_items;
  bool unique_items = false;

  // With all that it leads to, each $ref counted as often as it is followed.
  std::size_t height = 1;
  std::size_t cost = 1;
};

struct Compiled {
  Json document;
  std::deque<Schema> schemas;  // a deque, for others point into it
  const Schema* root = nullptr;
};

// What is said where a budget does not suffice for the arguments.
Error exhausted(const StepBudget& budget);

// As ArgumentSchema::validate, with a part of it.
Expected<void> validate_with(const Schema& schema, const Json& value, StepBudget& budget);

// The schema of one property of the root, or null.
const Schema* property_of(const ArgumentSchema& schema, std::string_view name);

}  // namespace writ::tools::schema_detail
