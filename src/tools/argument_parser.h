// SPDX-License-Identifier: Apache-2.0
// Reads the arguments that an operation declares: where each stands in the request, and the one
// schema of them all.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "tools/operation.h"
#include "tools/operation_parser.h"
#include "wire/json.h"

namespace writ::tools {

struct ArgumentSource {
  const JsonObject* declared = nullptr;     // the operation's "arguments", or null
  std::string at;                           // its pointer
  const std::set<std::string>& path_names;  // those that the path template names
  std::string path_at;                      // the pointer of the template
  BodyKind body = BodyKind::none;
};

struct ParsedArguments {
  std::vector<Argument> arguments;  // ordered by name
  ArgumentSchema schema;            // of all of them as one object
};

// Errors: invalid_input or too_large, `where` the pointer within the document. What `source` and
// `context` refer to needs to live for the call alone.
Expected<ParsedArguments> parse_arguments(const ArgumentSource& source,
                                          const OperationContext& context);

// Letters, digits, "_" and "-", and begins with a letter or "_"; at most 64.
bool is_argument_name(std::string_view text);
// Where a form or query names its fields, APIs use brackets and dots too ("items[0]", "a.b").
bool is_wire_name(std::string_view text);

}  // namespace writ::tools
