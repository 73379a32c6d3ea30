// SPDX-License-Identifier: Apache-2.0
// Reads one operation of a server's document and checks what can be seen in it alone;
// tool_server.cc checks how operations stand to one another.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "tools/operation.h"
#include "tools/tool_server.h"
#include "wire/json.h"

namespace writ::tools {

struct OperationContext {
  std::string_view server;
  bool has_credential = false;
  const JsonObject* definitions = nullptr;    // the document's $defs, or null
  std::optional<CredentialPlace> credential;  // where it goes unless the operation says otherwise
  ToolServerLimits limits;
  StepBudget& budget;  // of all that is compiled
};

// A requirement in its short form ("OPERATION") comes back with an empty `same`, which
// tool_server.cc fills; `definition` is left for it too. `at` is the operation's pointer.
Expected<Operation> parse_operation(const Json& json, const std::string& at,
                                    const OperationContext& context);

// { header, prefix } | { query } | { basic }, from a reader that may hold more. Nothing if none of
// the three is there.
std::optional<CredentialPlace> read_credential_place(ObjectReader& reader);

// Lower-case words of letters, digits, "-" and "_", each beginning with a letter.
bool is_name_word(std::string_view text);

// The normalized definition, with every default filled in.
Json to_json(const Operation& operation);

}  // namespace writ::tools
