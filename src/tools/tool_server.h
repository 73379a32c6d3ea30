// SPDX-License-Identifier: Apache-2.0
// ToolServer: an upstream and all that may be asked of it. What matches no operation is refused.
//
// The document (TOML as examples/acme/tools/billing.toml, or the same as JSON):
//
//   kind            "http"
//   url             origin only: "https://api.example.com", "http://127.0.0.1:8700"
//   environment     optional text that policies may ask for: "production"
//   allow_addresses optional CIDRs to which the egress guard makes an exception (P19)
//   ca              optional PEM: the authorities that may vouch for the upstream, or
//   ca_name         the name of such in the server's writ.toml; without either, the system's
//   credential      optional { name, and one of: header (with prefix), query, basic = "user" }
//   timeouts        optional { connect, first_byte, idle, total }: "500ms", "10s", "2m"
//   limits          optional { request_bytes, response_bytes }
//   $defs           optional schemas for "$ref" = "#/$defs/NAME" in any operation
//   operations      [[operations]]
//     name          "billing.refund.execute": the server's name, then lower-case words with dots
//     title         message for an approver, "{argument}" replaced; required for write and money
//     description   optional
//     method, path  "POST", "/v1/invoices/{invoice}/refunds"; an argument is a whole segment
//     effect        "read" | "write" | "money"
//     body          "none" | "json" | "form" | "opaque"; optional, "none"
//     content_type  optional, for "opaque" alone
//     arguments     NAME = { JSON Schema keywords, and: in = "path" | "query" | "header" | "body",
//                   as = "wire name", optional = true }. Without `in`: path where the template
//                   names it, else the body, else the query
//     requires      ["OPERATION"], or { operation, same = [ARGUMENT…] }; the short form binds all
//                   arguments that both declare
//     compensation  the operation that undoes this, or compensable = false: write and money say one
//     outcomes      { 409 = "done", 5xx = "failed" }
//     credential    false, or another place: { header, prefix } | { query } | { basic }
//     idempotency_header, redact, response_headers
//
// Plain http carries the credential in the clear, so it is taken only with allow_addresses, and
// then the dialer may use those addresses and no other, not even a public one.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/id.h"
#include "tools/operation.h"
#include "wire/json.h"
#include "wire/url.h"

namespace writ::tools {

enum class ServerKind : std::uint8_t { http };
std::string_view name(ServerKind kind);

struct ToolServerLimits {
  std::size_t operations = 500;
  std::size_t arguments = 100;     // of one operation
  std::size_t path_bytes = 1'024;  // of a template
  std::size_t text_bytes = 4'096;  // of a title or description
  std::size_t list_entries = 64;   // of allow_addresses, requires, outcomes, response_headers
  milliseconds longest_timeout = std::chrono::hours(1);
  std::uint64_t largest_body = std::uint64_t{1} << 30;
  SchemaLimits schema;
};

struct Timeouts {
  milliseconds connect = seconds(5);
  milliseconds first_byte = seconds(30);  // from the request's end to the response's head
  milliseconds idle = seconds(30);        // between two reads of a body
  milliseconds total = seconds(300);
};

// A JSON or form body is read whole and decided on by a loop, so that no document can ask for more.
inline constexpr std::uint64_t kLargestDecidedBody = std::uint64_t{4} << 20;

struct BodyLimits {
  std::uint64_t request_bytes = std::uint64_t{1} << 20;
  std::uint64_t response_bytes = std::uint64_t{64} << 20;
};

// Who may vouch for an https upstream.
struct Authorities {
  enum class Source : std::uint8_t {
    system,
    document,  // `certificates`
    named,     // those that writ.toml has under `name`
    file,      // `name` is a path, from a document that version 0.1 accepted: nobody (P48)
  };
  Source source = Source::system;
  std::string name{};
  std::vector<Bytes> certificates{};  // DER
};

// Immutable and thread-safe. An Operation lives as long as the server that it is part of (copying
// or moving the server leaves pointers to the old one's behind).
class ToolServer {
 public:
  const ServerId& id() const { return id_; }
  const std::string& name() const { return name_; }
  ServerKind kind() const { return kind_; }
  const Url& url() const { return url_; }
  const std::string& environment() const { return environment_; }
  const std::optional<std::string>& credential_name() const { return credential_name_; }
  std::span<const std::string> allow_addresses() const { return allow_addresses_; }
  // Whether the dialer is held to allow_addresses: true for plain http.
  bool only_allowed_addresses() const;
  const Authorities& authorities() const { return authorities_; }
  const Timeouts& timeouts() const { return timeouts_; }
  const BodyLimits& limits() const { return limits_; }
  // What the body of a request to this operation may have: `request_bytes`, and for one that is
  // decided on at most kLargestDecidedBody.
  std::uint64_t request_limit(const Operation& operation) const;

  std::span<const Operation> operations() const { return operations_; }  // ordered by name
  const Operation* find_operation(std::string_view operation_name) const;

  // The operations that `method` and a path beginning with this segment may mean, by position in
  // operations(); those with more literal segments first.
  std::span<const std::uint32_t> candidates(std::string_view method,
                                            std::string_view first_segment) const;

  // SHA-256 over the RFC 8785 form of the whole normalized definition.
  const Digest& definition() const { return definition_; }

 private:
  friend class ToolServerParser;
  ToolServer() = default;

  ServerId id_;
  std::string name_;
  ServerKind kind_ = ServerKind::http;
  Url url_;
  std::string environment_;
  std::optional<std::string> credential_name_;
  std::vector<std::string> allow_addresses_;
  Authorities authorities_;
  Timeouts timeouts_;
  BodyLimits limits_;
  std::vector<Operation> operations_;
  std::unordered_map<std::string, std::vector<std::uint32_t>> by_method_and_segment_;
  Digest definition_{};
};

// Reads and checks a whole document: one bad operation refuses the server. What schemas and
// patterns cost to compile is spent from `budget`. Errors: invalid_input, too_large or unsupported,
// `where` the JSON pointer within `document`, which workspace/ maps to a file's line.
Expected<ToolServer> parse_tool_server(const Json& document, const ServerId& id,
                                       std::string_view name, StepBudget& budget,
                                       const ToolServerLimits& limits = {});
// With kCompilationSteps of its own.
Expected<ToolServer> parse_tool_server(const Json& document, const ServerId& id,
                                       std::string_view name, const ToolServerLimits& limits = {});

}  // namespace writ::tools
