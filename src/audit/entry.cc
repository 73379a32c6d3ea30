// SPDX-License-Identifier: Apache-2.0
#include "audit/entry.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "audit/tile.h"
#include "base/encoding.h"
#include "base/secret_bytes.h"
#include "crypto/hash.h"
#include "wire/canonical.h"
#include "wire/time_text.h"
#include "wire/utf8.h"

namespace writ::audit {
namespace {

constexpr std::array<std::string_view, 8> kReserved = {"v",      "kind", "at",       "workspace",
                                                       "action", "run",  "approval", "commitments"};
constexpr std::size_t kMaxKeyBytes = 64;
constexpr std::size_t kMaxValueDepth = 24;
constexpr JsonLimits kLimits = {
    .bytes = kMaxEntryBytes, .values = kMaxEntryBytes, .members = kMaxEntryBytes};

boost::json::string_view view(std::string_view text) { return {text.data(), text.size()}; }

Digest commitment_digest(const Digest& salt, BytesView payload) {
  static constexpr std::string_view kDomain("writ-audit-payload-v1\0", 22);
  return crypto::Sha256().update(kDomain).update(BytesView(salt)).update(payload).finish();
}

bool is_key(std::string_view key) {
  return !key.empty() && key.size() <= kMaxKeyBytes && key.front() >= 'a' && key.front() <= 'z' &&
         std::ranges::all_of(key, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
         });
}

// Whether the strict parser would give this very value back.
bool reads_back(const Json& value, std::size_t depth) {
  if (depth == 0) return false;
  switch (value.kind()) {
    case boost::json::kind::null:
    case boost::json::kind::bool_:
      return true;
    case boost::json::kind::int64:
      return value.get_int64() >= -kMaxJsonInteger && value.get_int64() <= kMaxJsonInteger;
    case boost::json::kind::uint64:
      return value.get_uint64() <= static_cast<std::uint64_t>(kMaxJsonInteger);
    case boost::json::kind::double_:
      return std::isfinite(value.get_double()) &&
             std::abs(value.get_double()) <= static_cast<double>(kMaxJsonInteger);
    case boost::json::kind::string:
      return is_utf8(text_of(value.get_string()));
    case boost::json::kind::array:
      return std::ranges::all_of(value.get_array(),
                                 [&](const Json& item) { return reads_back(item, depth - 1); });
    case boost::json::kind::object:
      return std::ranges::all_of(value.get_object(), [&](const auto& member) {
        return is_utf8(text_of(member)) && reads_back(member.value(), depth - 1);
      });
  }
  std::unreachable();
}

std::optional<Digest> parse_digest(std::string_view text) {
  const auto bytes = base64url_decode(text);
  Digest digest;
  if (!bytes || bytes->size() != digest.size()) return std::nullopt;
  std::ranges::copy(*bytes, digest.begin());
  return digest;
}

std::unexpected<Error> not_an_entry(std::string message, std::string where) {
  return fail(Errc::invalid_input, std::move(message), std::move(where));
}

template <typename T>
Expected<void> read_id(const std::optional<std::string>& text, std::string_view key, T& id) {
  if (!text) return {};
  auto parsed = T::parse(*text);
  if (!parsed) return not_an_entry(std::move(parsed).error().message, "/" + std::string(key));
  id = *parsed;
  return {};
}

}  // namespace

PayloadCommitment commit_payload(Random& random, BytesView payload) {
  Digest salt;
  random.fill(salt);
  return commit_payload(salt, payload);
}

PayloadCommitment commit_payload(const Digest& salt, BytesView payload) {
  return {.salt = salt, .digest = commitment_digest(salt, payload)};
}

bool opens_commitment(const Digest& digest, const Digest& salt, BytesView payload) {
  return equal_constant_time(commitment_digest(salt, payload), digest);
}

Expected<Entry> Entry::parse(BytesView bytes) {
  WRIT_TRY(const auto object, parse_json_object(as_text(bytes), kLimits));
  Entry entry;
  canonical_json(object, entry.text_);
  if (as_text(bytes) != entry.text_) return not_an_entry("not in RFC 8785 form", "entry");

  ObjectReader reader(object);
  const auto version = reader.integer("v");
  const auto kind = reader.string("kind");
  const auto at = reader.string("at");
  const std::optional<std::string> workspace = reader.string("workspace");
  const auto action = reader.optional_string("action");
  const auto run = reader.optional_string("run");
  const auto approval = reader.optional_string("approval");
  const auto* commitments = reader.optional_object("commitments");
  reader.allow_unknown();
  WRIT_TRY_VOID(reader.finish());

  if (version != 1 && version != kEntryVersion)
    return fail(Errc::unsupported, "an audit entry of another version", "/v",
                "use the release that wrote it, or a later one");
  entry.version_ = static_cast<int>(version);
  WRIT_TRY(entry.kind_, parse_kind(kind));
  WRIT_TRY(entry.at_, parse_time(at));
  if (format_time(entry.at_) != at) return not_an_entry("the time is not in the log's form", "/at");
  WRIT_TRY_VOID(read_id(workspace, "workspace", entry.workspace_));
  WRIT_TRY_VOID(read_id(action, "action", entry.subjects_.action));
  WRIT_TRY_VOID(read_id(run, "run", entry.subjects_.run));
  WRIT_TRY_VOID(read_id(approval, "approval", entry.subjects_.approval));
  for (const auto& member : object)
    if (!is_key(text_of(member)))
      return not_an_entry("a key that is not lower-case words", json_pointer("", text_of(member)));
  if (commitments != nullptr) {
    if (commitments->empty()) return not_an_entry("empty", "/commitments");
    for (const auto& member : *commitments) {
      const auto* text = member.value().if_string();
      if (!is_key(text_of(member)) || text == nullptr || !parse_digest(text_of(*text)))
        return not_an_entry("not a name and a digest",
                            json_pointer("/commitments", text_of(member)));
    }
  }
  return entry;
}

JsonObject Entry::json() const { return parse_json_object(text_, kLimits).value_or(JsonObject()); }

std::optional<Digest> Entry::commitment(std::string_view name) const {
  const auto object = json();
  const auto* commitments = object.if_contains("commitments");
  if (commitments == nullptr || !commitments->is_object()) return std::nullopt;
  const auto* text = commitments->get_object().if_contains(view(name));
  if (text == nullptr || !text->is_string()) return std::nullopt;
  return parse_digest(text_of(text->get_string()));
}

EntryBuilder::EntryBuilder(Kind kind, TimePoint at, const WorkspaceId& workspace) {
  entry_.kind_ = kind;
  entry_.at_ = at;
  entry_.workspace_ = workspace;
}

EntryBuilder& EntryBuilder::action(const ActionId& id) {
  entry_.subjects_.action = id;
  return *this;
}

EntryBuilder& EntryBuilder::run(const RunId& id) {
  entry_.subjects_.run = id;
  return *this;
}

EntryBuilder& EntryBuilder::approval(const ApprovalId& id) {
  entry_.subjects_.approval = id;
  return *this;
}

EntryBuilder& EntryBuilder::set(std::string_view key, Json value) {
  if (is_reserved(key))
    mistake("the key is reserved", key);
  else if (!reads_back(value, kMaxValueDepth))
    mistake("the value has no canonical form", key);
  else
    put(fields_, key, std::move(value));
  return *this;
}

EntryBuilder& EntryBuilder::commit(std::string_view name, const Digest& digest) {
  put(commitments_, name, Json(base64url_encode(digest)));
  return *this;
}

Expected<Entry> EntryBuilder::build() const {
  if (mistake_) return std::unexpected(*mistake_);
  if (entry_.workspace_.is_nil()) return not_an_entry("an entry is of one workspace", "workspace");
  // Such a time would be written as another one.
  if (parse_time(format_time(entry_.at_)) != entry_.at_)
    return not_an_entry("a time outside the years 0000 to 9999", "at");

  auto object = fields_;
  object["v"] = kEntryVersion;
  object["kind"] = view(name(entry_.kind_));
  object["at"] = format_time(entry_.at_);
  object["workspace"] = entry_.workspace_.to_string();
  const auto& [action, run, approval] = entry_.subjects_;
  if (!action.is_nil()) object["action"] = action.to_string();
  if (!run.is_nil()) object["run"] = run.to_string();
  if (!approval.is_nil()) object["approval"] = approval.to_string();
  if (!commitments_.empty()) object["commitments"] = commitments_;

  Entry entry = entry_;
  canonical_json(object, entry.text_);
  if (entry.text_.size() > kMaxEntryBytes)
    return fail(Errc::too_large, "an audit entry is over 65535 bytes", "entry",
                "commit to the large part, and keep it beside the entry");
  return entry;
}

Expected<Entry> EntryBuilder::build_bounded() const {
  auto entry = build();
  if (entry || entry.error().code != Errc::too_large) return entry;
  EntryBuilder fitting = *this;
  while (!entry && entry.error().code == Errc::too_large && !fitting.fields_.empty()) {
    std::string key;
    std::string largest;
    for (const auto& field : fitting.fields_) {
      auto text = canonical_json(field.value());
      if (text.size() <= largest.size()) continue;
      key = text_of(field);
      largest = std::move(text);
    }
    fitting.fields_.erase(view(key));
    fitting.set(key + "_sha256", hex_encode(crypto::sha256(largest)));
    entry = fitting.build();
  }
  return entry;
}

bool EntryBuilder::is_reserved(std::string_view key) {
  return std::ranges::find(kReserved, key) != kReserved.end();
}

void EntryBuilder::put(JsonObject& object, std::string_view key, Json value) {
  if (!is_key(key))
    mistake("a key is lower-case words", key);
  else if (!object.emplace(view(key), std::move(value)).second)
    mistake("the key was set already", key);
}

void EntryBuilder::mistake(std::string message, std::string_view key) {
  if (!mistake_)
    mistake_ = Error{.code = Errc::invalid_input,
                     .message = std::move(message),
                     .where = quoted_extract(key),
                     .hint = {}};
}

}  // namespace writ::audit
