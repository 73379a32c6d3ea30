// SPDX-License-Identifier: Apache-2.0
// Operation: one thing that an upstream can do, as its workspace declares it ("a tool"). A plain
// value; parse_tool_server (tool_server.h) is what makes valid ones.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "tools/json_schema.h"
#include "wire/json.h"

namespace writ::tools {

// What an operation does in the world. Declared, never inferred from the method (P13).
enum class Effect : std::uint8_t { read, write, money };
// "read", "write", "money".
std::string_view name(Effect effect);

// How an action ended (P16).
enum class Outcome : std::uint8_t { done, failed, unknown };
// "done", "failed", "unknown".
std::string_view name(Outcome outcome);

// How a request's body is read, decided on and sent (P11).
enum class BodyKind : std::uint8_t {
  none,    // no body; one that comes is refused
  json,    // an object of the body arguments, sent in its RFC 8785 form
  form,    // application/x-www-form-urlencoded, sent in one canonical encoding
  opaque,  // streamed as it comes and invisible to policy; never for money
};
std::string_view name(BodyKind kind);

// Where an argument stands in the HTTP request.
enum class Place : std::uint8_t { path, query, header, body };
std::string_view name(Place place);

// How an argument's value is written where only text can stand (path, query, header, form).
enum class TextType : std::uint8_t { string, integer, number, boolean };

struct Argument {
  std::string name;  // as policies, approvers and MCP know it
  Place place = Place::body;
  std::string wire_name;  // as the upstream knows it; a header's in the declared case
  bool required = true;
  TextType text_type = TextType::string;  // of each value; without meaning in a JSON body
  bool repeated = false;                  // an array, one wire value for each item; query and form
};

// Where the credential goes. The agent never writes there (P11).
struct CredentialHeader {
  std::string name;    // "Authorization"
  std::string prefix;  // "Bearer "
};
struct CredentialQuery {
  std::string name;  // appended to the query at injection; never part of what is decided or logged
};
struct CredentialBasic {
  std::string user;  // RFC 7617; the secret is the password
};
using CredentialPlace = std::variant<CredentialHeader, CredentialQuery, CredentialBasic>;

// P2: an outcome `done` of `operation` in this run or an ancestor, where each argument in `same`
// (never empty) has the value that it has in this call.
struct Requirement {
  std::string operation;
  std::vector<std::string> same;
};

struct Operation {
  std::string name;         // "billing.refund.execute"
  std::string title;        // for an approver: "Refund {amount} {currency} on invoice {invoice}"
  std::string description;  // for a model and a reader; may be empty

  std::string method;  // upper case
  std::string path;    // "/v1/invoices/{invoice}"
  // The template's segments; one that is an argument has its position in `arguments`.
  struct Segment {
    std::string literal;
    std::optional<std::size_t> argument;
  };
  std::vector<Segment> segments;

  std::vector<Argument> arguments;  // ordered by name
  ArgumentSchema schema;            // of all arguments as one object
  BodyKind body = BodyKind::none;
  std::string content_type;  // of the body sent; empty for none

  Effect effect = Effect::money;
  std::optional<std::string> compensation;  // the operation that undoes this one, if any can
  std::vector<Requirement> requires_done;
  // Over what P16 says: by status, or by its first digit for a whole class.
  std::map<int, Outcome> outcomes;

  std::optional<CredentialPlace> credential;      // none: this operation gets no credential
  std::optional<std::string> idempotency_header;  // in which Writ sends the action's id
  bool redact = true;
  std::vector<std::string> response_headers;  // lower case; returned beside what P18 always returns

  // SHA-256 over the RFC 8785 form of everything above together with the server's name, kind, URL,
  // addresses, CA file and credential name: what P12 calls the definition digest.
  Digest definition{};

  const Argument* find_argument(std::string_view argument_name) const;
};

// The title with the arguments' values in it. Characters that an eye cannot tell are escaped as
// visible_text() does, a value that is more than one plain word stands in quotes, so that it cannot
// pass for words of the title, and nothing is shortened (failures.md 24). An argument that was not
// given shows as "(none)".
std::string describe(const Operation& operation, const JsonObject& arguments);

}  // namespace writ::tools
