// SPDX-License-Identifier: Apache-2.0
#include "protocol/fields.h"

#include <algorithm>

#include "base/encoding.h"
#include "wire/time_text.h"
#include "wire/utf8.h"

namespace writ::protocol {

std::optional<TimePoint> read_optional_time(ObjectReader& reader, std::string_view name) {
  const auto text = reader.optional_string(name, {.max = 64});
  if (!text) return std::nullopt;
  const auto at = parse_time(*text);
  if (at) return *at;
  reader.refuse(name, at.error().message, at.error().hint);
  return std::nullopt;
}

TimePoint read_time(ObjectReader& reader, std::string_view name) {
  if (!reader.has(name)) (void)reader.string(name);  // says that it is missing
  return read_optional_time(reader, name).value_or(TimePoint());
}

Digest read_digest(ObjectReader& reader, std::string_view name) {
  Digest digest{};
  const auto bytes = hex_decode(reader.string(name, {.max = 64}));
  if (bytes && bytes->size() == digest.size()) {
    std::ranges::copy(*bytes, digest.begin());
  } else {
    reader.refuse(name, "not a SHA-256 digest in lower-case hexadecimal");
  }
  return digest;
}

Bytes read_base64url(ObjectReader& reader, std::string_view name, std::size_t max) {
  auto bytes = base64url_decode(reader.string(name, {.max = max * 2}));
  if (bytes && !bytes->empty() && bytes->size() <= max) return std::move(*bytes);
  reader.refuse(name, bytes ? "is empty or too long" : bytes.error().message);
  return {};
}

std::uint64_t read_count(ObjectReader& reader, std::string_view name) {
  return static_cast<std::uint64_t>(reader.integer(name, {.min = 0}));
}

std::string read_text(ObjectReader& reader, std::string_view name, std::size_t max) {
  return reader.string(name, {.min = 0, .max = max});
}

std::vector<std::string> read_strings(ObjectReader& reader, std::string_view name) {
  return reader.strings(name, {.max = kMaxList});
}

SecretBytes read_secret(ObjectReader& reader, std::string_view name) {
  auto text = reader.string(name, {.max = kMaxSecretText});
  auto secret = SecretBytes::copy_of(text);
  wipe({reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
  return secret;
}

void write_cursor(JsonObject& out, const std::optional<std::string>& cursor) {
  out["more"] = cursor.has_value();
  if (cursor) out["cursor"] = *cursor;
}

std::optional<std::string> read_cursor(ObjectReader& reader) {
  const bool more = reader.boolean("more");
  auto cursor = reader.optional_string("cursor", {.max = 256});
  if (more && !cursor) reader.refuse("cursor", "is missing, and there is more");
  return more ? std::move(cursor) : std::nullopt;
}

std::string cut_for_list(std::string_view text) {
  constexpr std::string_view kMore = "\u2026";
  constexpr std::size_t kMoreColumns = 2;
  std::size_t columns = 0;
  std::size_t fits = 0;  // bytes after which the mark still has room
  for (std::size_t at = 0; at < text.size();) {
    const auto c = next_code_point(text, at);
    if (!c) ++at;
    columns += c && *c < 0x80 ? 1 : 2;
    if (columns > kListColumns) return std::string(text.substr(0, fits)).append(kMore);
    if (columns <= kListColumns - kMoreColumns) fits = at;
  }
  return std::string(text);
}

Json write_secret(const SecretBytes& secret) { return Json(secret.reveal_text()); }

JsonArray write_strings(const std::vector<std::string>& texts) {
  JsonArray out;
  for (const auto& text : texts) out.emplace_back(std::string_view(text));
  return out;
}

Json write_count(std::uint64_t count) {
  return Json(static_cast<std::int64_t>(std::min<std::uint64_t>(count, kMaxJsonInteger)));
}

}  // namespace writ::protocol
