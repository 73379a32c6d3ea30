// SPDX-License-Identifier: Apache-2.0
#include "action/digest.h"

#include "base/check.h"
#include "base/encoding.h"
#include "crypto/hash.h"
#include "wire/canonical.h"

namespace writ::action {
namespace {

// Members are written in RFC 8785's order, which for these ASCII names is that of their bytes.
class Writer {
 public:
  Writer() { out_.reserve(768); }

  Writer& member(std::string_view name) {
    out_ += out_.empty() ? '{' : ',';
    out_ += '"';
    out_ += name;
    out_ += "\":";
    return *this;
  }
  void text(std::string_view value) { write_json_string(value, out_); }
  void null() { out_ += "null"; }
  void number(std::uint64_t value) { out_ += std::to_string(value); }
  void object(const JsonObject& value) { canonical_json(value, out_); }
  template <typename T>
  void id_or_null(const std::optional<T>& id) {
    if (id) {
      text(id->to_string());
    } else {
      null();
    }
  }
  std::string finish() && {
    out_ += '}';
    return std::move(out_);
  }

 private:
  std::string out_;
};

}  // namespace

std::string canonical_statement(const Statement& statement) {
  WRIT_CHECK(statement.arguments != nullptr);
  Writer writer;
  writer.member("agent").text(statement.agent.to_string());
  writer.member("arguments").object(*statement.arguments);
  writer.member("credential").id_or_null(statement.credential);
  writer.member("definition").text(hex_encode(statement.definition));
  writer.member("generation").number(statement.generation);
  writer.member("idempotency_key");
  if (statement.idempotency_key) {
    writer.text(*statement.idempotency_key);
  } else {
    writer.null();
  }
  writer.member("method").text(statement.method);
  writer.member("run").text(statement.run.to_string());
  writer.member("server").text(statement.server.to_string());
  writer.member("tag").text(kActionTag);
  writer.member("target").text(statement.target);
  writer.member("tool").text(statement.tool);
  writer.member("user").id_or_null(statement.user);
  writer.member("workspace").text(statement.workspace.to_string());
  return std::move(writer).finish();
}

Expected<JsonObject> parse_statement(std::string_view canonical_statement) {
  constexpr std::size_t kBytes = std::size_t{128} << 20;
  return parse_json_object(
      canonical_statement,
      {.bytes = kBytes, .depth = JsonLimits().depth + 1, .values = kBytes, .string_bytes = kBytes});
}

Digest action_digest(std::string_view canonical_statement) {
  return crypto::sha256(canonical_statement);
}

Digest likeness(const Statement& statement) {
  WRIT_CHECK(statement.arguments != nullptr);
  Writer writer;
  writer.member("arguments").object(*statement.arguments);
  writer.member("method").text(statement.method);
  writer.member("server").text(statement.server.to_string());
  writer.member("tag").text("writ-likeness-v1");
  writer.member("target").text(statement.target);
  writer.member("tool").text(statement.tool);
  writer.member("workspace").text(statement.workspace.to_string());
  return crypto::sha256(std::move(writer).finish());
}

}  // namespace writ::action
