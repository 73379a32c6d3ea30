// SPDX-License-Identifier: Apache-2.0
#include "broker/upgrade_digests.h"

#include <algorithm>

#include "base/encoding.h"
#include "broker/action_state.h"
#include "broker/approval_record.h"
#include "broker/entries.h"
#include "broker/facts.h"
#include "broker/grant_record.h"
#include "wire/canonical.h"
#include "wire/json.h"

namespace writ::broker {
namespace {

constexpr std::string_view kLikeness = "like_";

Expected<Digest> digest_of(std::string_view hex, std::string_view where) {
  Digest digest{};
  const auto bytes = hex_decode(hex);
  if (!bytes || bytes->size() != digest.size())
    return fail(Errc::invalid_input, "not a digest of version 0.1", std::string(where));
  std::ranges::copy(*bytes, digest.begin());
  return digest;
}

// Empty where it is none.
std::string_view text_of_string(const Json& value) {
  return value.is_string() ? text_of(value.get_string()) : std::string_view();
}

// The two parts of  run_… ":" hex SHA-256.
struct OfRun {
  std::string run;
  Digest digest{};
};
Expected<OfRun> of_run(const Record& record) {
  const auto colon = record.id.find(':');
  if (colon == std::string::npos)
    return fail(Errc::invalid_input, "not an id of version 0.1", record.id);
  OfRun out{.run = record.id.substr(0, colon), .digest = {}};
  WRIT_TRY(out.digest, digest_of(std::string_view(record.id).substr(colon + 1), record.id));
  return out;
}

Expected<void> is_version_1(const JsonObject& object, const std::string& id) {
  const auto* version = object.if_contains("v");
  if (version == nullptr || *version != Json(1))
    return fail(Errc::invalid_input, "not a record of version 0.1", id);
  return {};
}

}  // namespace

Expected<DigestUpgrade::Upgraded> DigestUpgrade::record(Record old) const {
  switch (old.kind) {
    case RecordKind::fact: {
      WRIT_TRY(const auto parts, of_run(old));
      old.id = fact_id(digest_key_, parts.run, parts.digest);
      break;
    }
    case RecordKind::idempotency: {
      WRIT_TRY(const auto parts, of_run(old));
      old.id = idempotency_id(digest_key_, parts.run, parts.digest);
      break;
    }
    case RecordKind::action: {
      WRIT_TRY(auto object, parse_json_object(old.value));
      WRIT_TRY_VOID(is_version_1(object, old.id));
      const auto* digest = object.if_contains("digest");
      WRIT_TRY(const auto plain,
               digest_of(digest == nullptr ? "" : text_of_string(*digest), old.id));
      object.erase("digest");
      object["digest_hmac"] = hex_encode(action_hmac(digest_key_, plain));
      object["v"] = 2;
      WRIT_TRY_VOID(ActionState::from_json(object));
      old.value = canonical_json(object);
      break;
    }
    case RecordKind::run: {
      WRIT_TRY(auto object, parse_json_object(old.value));
      auto* const run = object.if_contains("run");
      auto* const token = run != nullptr && run->is_object()
                              ? run->get_object().if_contains("user_token")
                              : nullptr;
      if (token == nullptr) break;
      WRIT_TRY(const auto plain, digest_of(text_of_string(*token), old.id));
      *token = hex_encode(user_token_hmac(digest_key_, plain));
      old.value = canonical_json(object);
      break;
    }
    case RecordKind::grant: {
      WRIT_TRY(const auto object, parse_json_object(old.value));
      const auto* kind = object.if_contains("kind");
      if (kind == nullptr || *kind != Json("user_token")) break;
      WRIT_TRY(const auto plain, digest_of(old.id, old.id));
      old.id = grant_record_id(user_token_hmac(digest_key_, plain));
      break;
    }
    case RecordKind::approval:
      return approval(std::move(old));
    default:
      break;
  }
  return Upgraded{.record = std::move(old), .entry = std::nullopt};
}

Expected<DigestUpgrade::Upgraded> DigestUpgrade::approval(Record old) const {
  WRIT_TRY(auto object, open_approval_record(data_key_, workspace_, old));
  WRIT_TRY_VOID(is_version_1(object, old.id));
  Digest salt;
  random_.fill(salt);
  object["salt"] = hex_encode(salt);
  object["v"] = 2;
  WRIT_TRY(auto now, approval::Approval::from_json(Json(object)));
  std::optional<Append> entry;
  if (!approval::is_final(now.state)) {
    now.state = approval::State::superseded;
    now.ended_at = clock_.now();
    const EntryWriter writer(workspace_, data_key_, clock_, random_);
    auto ended = writer.entry(audit::Kind::approval_expired);
    ended.approval(now.id)
        .run(now.run)
        .set("tool", now.tool)
        .set("state", std::string(approval::name(now.state)))
        .set("detail", "it was asked before an upgrade of the server: send the call again");
    entry = EntryWriter::append(ended, {now.id.to_string(), now.run.to_string()});
  }
  old.value = seal_approval_record(data_key_, workspace_, random_, now);
  return Upgraded{.record = std::move(old), .entry = std::move(entry)};
}

Expected<std::string> DigestUpgrade::subject(std::string old) const {
  if (!old.starts_with(kLikeness)) return old;
  WRIT_TRY(const auto plain, digest_of(std::string_view(old).substr(kLikeness.size()), old));
  return likeness_subject(digest_key_, plain);
}

}  // namespace writ::broker
