// SPDX-License-Identifier: Apache-2.0
#include "broker/live_records.h"

#include <utility>

#include "base/encoding.h"
#include "wire/canonical.h"

namespace writ::broker {
namespace {

// What DocumentLimits lets in, escaped at its worst, and the ids of every name that ever was.
constexpr JsonLimits kWorkspaceLimits{
    .bytes = std::size_t{128} << 20, .depth = 4, .values = 1'000'000, .members = 500'000};
// Nobody enrols a key that is larger.
constexpr JsonLimits kSmallLimits{.bytes = std::size_t{16} << 10, .depth = 4, .values = 64};

}  // namespace

std::string to_record(const WorkspaceRecord& workspace) {
  JsonObject documents;
  for (const auto& [path, text] : workspace.documents) documents[path] = text;
  JsonObject names;
  for (const auto& [name, id] : workspace.names.ids()) names[name] = id;
  JsonObject out{{"v", 1}, {"documents", std::move(documents)}, {"names", std::move(names)}};
  if (workspace.rules != workspace::Rules::first)
    out["rules"] = std::to_underlying(workspace.rules);
  return canonical_json(out);
}

Expected<WorkspaceRecord> parse_workspace_record(std::string_view text) {
  WRIT_TRY(const auto json, parse_json(text, kWorkspaceLimits));
  ObjectReader r(json);
  r.integer("v", {.min = 1, .max = 1});
  const auto& documents = r.object("documents");
  const auto& names = r.object("names");
  const auto rules =
      r.optional_integer("rules", {.min = 1, .max = std::to_underlying(workspace::kCurrentRules)});
  WRIT_TRY_VOID(r.finish());
  WorkspaceRecord out;
  out.rules = rules ? static_cast<workspace::Rules>(*rules) : workspace::Rules::first;
  std::map<std::string, std::string, std::less<>> ids;
  for (const auto& [members, into, what] :
       {std::tuple{&documents, &out.documents, "/documents"}, std::tuple{&names, &ids, "/names"}}) {
    for (const auto& member : *members) {
      if (!member.value().is_string())
        return fail(Errc::invalid_input, "must be text", json_pointer(what, text_of(member)));
      into->emplace(text_of(member), text_of(member.value().get_string()));
    }
  }
  out.names = workspace::Names(std::move(ids));
  return out;
}

std::string to_record(const Standing& standing) {
  JsonObject out{{"v", 1}, {"disabled", standing.disabled}};
  if (standing.key) out["key"] = standing.key->to_json();
  if (standing.key && standing.enrolled) out["enrolled"] = to_unix_millis(*standing.enrolled);
  return canonical_json(out);
}

Expected<Standing> parse_standing_record(const Record& record) {
  WRIT_TRY(const auto json, parse_json(record.value, kSmallLimits));
  ObjectReader r(json);
  r.integer("v", {.min = 1, .max = 1});
  Standing out{.key = std::nullopt, .disabled = r.boolean("disabled"), .revision = record.revision};
  const auto* key = r.optional_value("key");
  const auto enrolled = r.optional_integer("enrolled", {.min = 0});
  if (enrolled && key == nullptr) r.refuse("enrolled", "there is no key");
  WRIT_TRY_VOID(r.finish());
  if (key != nullptr) {
    WRIT_TRY(out.key, jose::Jwk::from_json(*key));
  }
  if (enrolled) out.enrolled = from_unix_millis(*enrolled);
  return out;
}

std::string to_data_key_record(BytesView wrapped) {
  return canonical_json(JsonObject{{"v", 1}, {"wrapped", base64url_encode(wrapped)}});
}

Expected<Bytes> parse_data_key_record(std::string_view text) {
  WRIT_TRY(const auto json, parse_json(text, kSmallLimits));
  ObjectReader r(json);
  r.integer("v", {.min = 1, .max = 1});
  const auto wrapped = r.string("wrapped");
  WRIT_TRY_VOID(r.finish());
  return base64url_decode(wrapped);
}

}  // namespace writ::broker
