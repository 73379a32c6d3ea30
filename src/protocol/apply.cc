// SPDX-License-Identifier: Apache-2.0
#include "protocol/apply.h"

#include "base/encoding.h"

namespace writ::protocol {

JsonObject ApplyRequest::to_json() const {
  JsonObject texts;
  for (const auto& [path, text] : documents) texts[path] = text;
  return {{"documents", std::move(texts)}, {"dry_run", dry_run}};
}

Expected<ApplyRequest> ApplyRequest::from_json(const Json& value, std::string pointer,
                                               const ApplyLimits& limits) {
  ObjectReader r(value, std::move(pointer));
  ApplyRequest out;
  const auto& texts = r.object("documents");
  out.dry_run = r.boolean("dry_run");
  WRIT_TRY_VOID(r.finish());
  const auto at = r.pointer("documents");
  if (texts.size() > limits.documents) {
    return fail(Errc::too_large,
                "more than " + std::to_string(limits.documents) + " documents in one workspace",
                at);
  }
  std::size_t bytes = 0;
  for (const auto& member : texts) {
    const auto path = text_of(member);
    const auto* text = member.value().if_string();
    if (text == nullptr) {
      return fail(Errc::invalid_input, "a document must be a string, its text",
                  json_pointer(at, path));
    }
    bytes += path.size() + text->size();
    if (bytes > limits.bytes) {
      return fail(Errc::too_large,
                  "the documents are more than " + std::to_string(limits.bytes) + " bytes", at);
    }
    out.documents.emplace(path, text_of(*text));
  }
  return out;
}

JsonObject Change::to_json() const { return {{"kind", kind}, {"what", what}, {"detail", detail}}; }

Expected<Change> Change::from_json(const Json& value, std::string pointer) {
  ObjectReader r(value, std::move(pointer));
  r.allow_unknown();
  Change out{.kind = r.string("kind"), .what = r.string("what"), .detail = read_text(r, "detail")};
  WRIT_TRY_VOID(r.finish());
  return out;
}

JsonObject ApplyAnswer::to_json() const {
  return {{"version", write_count(version)},
          {"digest", hex_encode(digest)},
          {"changed", changed},
          {"changes", write_messages(changes)},
          {"revoked_runs", write_ids(revoked_runs)}};
}

Expected<ApplyAnswer> ApplyAnswer::from_json(const Json& value, std::string pointer) {
  ObjectReader r(value, std::move(pointer));
  r.allow_unknown();
  ApplyAnswer out;
  out.version = read_count(r, "version");
  out.digest = read_digest(r, "digest");
  out.changed = r.boolean("changed");
  const auto& changes = r.array("changes", {.max = kMaxList});
  out.revoked_runs = read_ids<RunId>(r, "revoked_runs");
  WRIT_TRY_VOID(r.finish());
  WRIT_TRY(out.changes, read_messages<Change>(changes, r.pointer("changes")));
  return out;
}

JsonObject DocumentError::to_json() const {
  JsonObject out{{"where", where}, {"message", message}};
  if (!hint.empty()) out["hint"] = hint;
  return out;
}

Expected<DocumentError> DocumentError::from_json(const Json& value, std::string pointer) {
  ObjectReader r(value, std::move(pointer));
  r.allow_unknown();
  DocumentError out;
  out.where = read_text(r, "where");
  out.message = r.string("message");
  if (r.has("hint")) out.hint = read_text(r, "hint");
  WRIT_TRY_VOID(r.finish());
  return out;
}

}  // namespace writ::protocol
