// SPDX-License-Identifier: Apache-2.0
#include "protocol/apply.h"

#include <algorithm>

#include "base/encoding.h"
#include "wire/time_text.h"

namespace writ::protocol {
namespace {

// Far more than documents within ApplyLimits can differ in.
constexpr std::size_t kMaxChanges = 500'000;
constexpr std::size_t kMaxChangeText = std::size_t{8} << 20;

}  // namespace

JsonObject VersionName::to_json() const {
  return {{"version", write_count(version)}, {"digest", hex_encode(digest)}};
}

Expected<VersionName> VersionName::from_json(const Json& value, std::string pointer) {
  ObjectReader r(value, std::move(pointer));
  VersionName out;
  out.version = read_count(r, "version");
  out.digest = read_digest(r, "digest");
  WRIT_TRY_VOID(r.finish());
  return out;
}

JsonObject ApplySignature::to_json() const {
  return {{"difference", hex_encode(difference)},
          {"nonce", base64url_encode(nonce)},
          {"expiry", format_time(expiry)},
          {"signature", base64url_encode(signature)}};
}

Expected<ApplySignature> ApplySignature::from_json(const Json& value, std::string pointer) {
  ObjectReader r(value, std::move(pointer));
  ApplySignature out;
  out.difference = read_digest(r, "difference");
  out.nonce = read_base64url(r, "nonce", 64);
  out.expiry = read_time(r, "expiry");
  out.signature = read_base64url(r, "signature", 512);
  WRIT_TRY_VOID(r.finish());
  return out;
}

JsonObject ApplyRequest::to_json() const {
  JsonObject texts;
  for (const auto& [path, text] : documents) texts[path] = text;
  JsonObject out{{"documents", std::move(texts)}, {"dry_run", dry_run}};
  if (base) out["base"] = base->to_json();
  if (signed_by_admin) out["signature"] = signed_by_admin->to_json();
  return out;
}

Expected<ApplyRequest> ApplyRequest::from_json(const Json& value, std::string pointer,
                                               const ApplyLimits& limits) {
  ObjectReader r(value, std::move(pointer));
  ApplyRequest out;
  const auto& texts = r.object("documents");
  out.dry_run = r.optional_boolean("dry_run").value_or(false);
  const auto* base = r.optional_value("base");
  const auto* signature = r.optional_value("signature");
  WRIT_TRY_VOID(r.finish());
  if (base != nullptr) {
    WRIT_TRY(out.base, VersionName::from_json(*base, r.pointer("base")));
  }
  if (signature != nullptr) {
    WRIT_TRY(out.signed_by_admin, ApplySignature::from_json(*signature, r.pointer("signature")));
  }
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

JsonObject Change::to_json() const {
  return {{"kind", kind}, {"key", key},       {"effect", effect},
          {"what", what}, {"detail", detail}, {"lines", JsonArray(lines.begin(), lines.end())}};
}

Expected<Change> Change::from_json(const Json& value, std::string pointer) {
  ObjectReader r(value, std::move(pointer));
  r.allow_unknown();
  Change out{.kind = r.string("kind"),
             .key = read_text(r, "key"),
             .effect = r.string("effect"),
             .what = r.string("what"),
             .detail = read_text(r, "detail", kMaxChangeText),
             .lines = r.strings("lines", {.max = kMaxChanges}, {.min = 0, .max = kMaxChangeText})};
  WRIT_TRY_VOID(r.finish());
  return out;
}

bool ApplyAnswer::widens() const {
  // Whatever is not known to do less.
  return std::ranges::any_of(changes, [](const Change& change) {
    return change.effect != "narrows" && change.effect != "informs";
  });
}

JsonObject ApplyAnswer::to_json() const {
  JsonObject out{{"version", write_count(version)},
                 {"digest", hex_encode(digest)},
                 {"changed", changed},
                 {"base", base.to_json()},
                 {"changes", write_messages(changes)},
                 {"revoked_runs", write_ids(revoked_runs)}};
  if (asks) out["asks"] = *asks;
  return out;
}

Expected<ApplyAnswer> ApplyAnswer::from_json(const Json& value, std::string pointer) {
  ObjectReader r(value, std::move(pointer));
  r.allow_unknown();
  ApplyAnswer out;
  out.version = read_count(r, "version");
  out.digest = read_digest(r, "digest");
  out.changed = r.boolean("changed");
  const auto& base = r.value("base");
  const auto& changes = r.array("changes", {.max = kMaxChanges});
  out.revoked_runs = read_ids<RunId>(r, "revoked_runs");
  out.asks = r.optional_string("asks");
  WRIT_TRY_VOID(r.finish());
  WRIT_TRY(out.base, VersionName::from_json(base, r.pointer("base")));
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
