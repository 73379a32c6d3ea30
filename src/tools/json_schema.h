// SPDX-License-Identifier: Apache-2.0
// ArgumentSchema: a compiled JSON Schema 2020-12, as far as protocol.md P27 goes.
//
// The subset: type, properties, required, additionalProperties, enum, const, minimum, maximum,
// minLength, maxLength (both in code points), pattern (RE2, found anywhere in the text), items,
// minItems, maxItems, uniqueItems, anyOf, $defs at the root with "$ref": "#/$defs/NAME", and format
// date-time, date, email, uri, uuid, which is asserted. title, description, default, examples and
// deprecated may stand and mean nothing. Any other keyword is an error, because one that is passed
// over would let through what its author meant to keep out.
//
// Stricter than the standard on purpose: additionalProperties is false unless said; a schema has to
// say type, enum, const, $ref or anyOf, so that an empty one never means everything; a keyword that
// cannot apply to the type is an error; a $ref never leads back to itself; and where an object may
// have further members, names that differ only by case are refused, since an upstream may read them
// as one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/error.h"
#include "base/step_budget.h"
#include "wire/json.h"

namespace writ::tools {

struct SchemaLimits {
  std::size_t bytes = 64 * 1024;    // of the schema's canonical form
  std::size_t depth = 32;           // of schemas within schemas, through $ref too
  std::size_t schemas = 1'000;      // after every $ref is followed: the work per validated value
  std::size_t pattern_bytes = 512;  // of one regular expression
  std::int64_t pattern_memory = 1 << 20;  // for one compiled expression
};

// What one value may cost on a loop's thread to check (P48): some tens of milliseconds.
inline constexpr std::uint64_t kValidationSteps = 4'000'000;
// What the schemas of one workspace version may cost to compile. A regular expression costs four
// steps for each instruction that it compiles to.
inline constexpr std::uint64_t kCompilationSteps = 20'000'000;

class ArgumentSchema;

namespace schema_detail {
struct Compiled;
const Compiled& compiled_of(const ArgumentSchema& schema);
}  // namespace schema_detail

// Immutable; copies share what is compiled. Thread-safe.
class ArgumentSchema {
 public:
  // Errors: invalid_input, or too_large where a limit or the budget does not suffice; `where` the
  // JSON pointer within `schema`.
  static Expected<ArgumentSchema> compile(const Json& schema, StepBudget& budget,
                                          const SchemaLimits& limits = {});

  // The first thing wrong with `value`: invalid_input, `where` the pointer within `value` ("" for
  // itself); or too_large where the budget does not suffice. The message never quotes a value.
  Expected<void> validate(const Json& value, StepBudget& budget) const;

  // The schema as it was given.
  const Json& to_json() const;

 private:
  friend const schema_detail::Compiled& schema_detail::compiled_of(const ArgumentSchema& schema);
  explicit ArgumentSchema(std::shared_ptr<const schema_detail::Compiled> compiled);

  std::shared_ptr<const schema_detail::Compiled> compiled_;
};

}  // namespace writ::tools
