// SPDX-License-Identifier: Apache-2.0
#include "gateway/body_screen.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "wire/http_fields.h"

namespace writ::gateway {
namespace {

using namespace std::string_view_literals;

bool is_encoded(const Fields& fields) {
  const auto codings = fields.list("Content-Encoding");
  // What cannot be read as a list is no promise of plain bytes.
  if (!codings) return true;
  return std::ranges::any_of(
      *codings, [](std::string_view coding) { return !equal_ignoring_case(coding, "identity"); });
}

// Whether ASCII characters are their own bytes in it, as the redactor reads them.
bool is_searched(std::string_view charset) {
  constexpr auto kNames = std::to_array<std::string_view>(
      {"utf-8", "utf8", "us-ascii", "ascii", "koi8-r", "koi8-u", "gb2312", "gbk", "gb18030", "big5",
       "euc-jp", "euc-kr", "shift_jis", "windows-874", "macintosh",
       "binary"});  // not text at all, as file(1) says it
  constexpr auto kFamilies = std::to_array<std::string_view>(
      {"iso-8859-", "iso8859-", "iso_8859-", "latin", "windows-125", "cp125"});
  const auto name = to_lower(charset);
  return std::ranges::find(kNames, name) != kNames.end() ||
         std::ranges::any_of(kFamilies, [&](auto family) { return name.starts_with(family); });
}

bool is_text(std::string_view essence) {
  constexpr auto kTypes = std::to_array<std::string_view>(
      {"application/json",       "application/xml",          "application/javascript",
       "application/ecmascript", "application/x-javascript", "application/x-www-form-urlencoded",
       "application/x-ndjson",   "application/ndjson",       "application/jsonlines",
       "application/jsonl",      "application/json-seq",     "application/graphql",
       "application/yaml",       "application/x-yaml",       "application/toml",
       "application/sql",        "application/csv",          "application/xml-dtd",
       "application/jwt",        "application/jose",         "application/pem-certificate-chain",
       "application/x-pem-file", "application/x-sh"});
  constexpr auto kSuffixes =
      std::to_array<std::string_view>({"+json", "+xml", "+yaml", "+json-seq", "+jwt"});
  return essence.starts_with("text/") || essence.starts_with("multipart/") ||
         essence.starts_with("message/") || std::ranges::find(kTypes, essence) != kTypes.end() ||
         std::ranges::any_of(kSuffixes, [&](auto suffix) { return essence.ends_with(suffix); });
}

struct Opening {
  std::string_view bytes;
  Withheld withheld;
};
constexpr auto kOpenings = std::to_array<Opening>({
    {"\x1f\x8b"sv, Withheld::container},          // gzip
    {"\x1f\x9d"sv, Withheld::container},          // compress
    {"PK\x03\x04"sv, Withheld::container},        // zip
    {"PK\x05\x06"sv, Withheld::container},        // zip, empty
    {"PK\x07\x08"sv, Withheld::container},        // zip, in parts
    {"\x28\xb5\x2f\xfd"sv, Withheld::container},  // zstd
    {"\x04\x22\x4d\x18"sv, Withheld::container},  // lz4
    {"\xfd"
     "7zXZ\x00"sv,
     Withheld::container},                          // xz
    {"7z\xbc\xaf\x27\x1c"sv, Withheld::container},  // 7z
    {"Rar!\x1a\x07"sv, Withheld::container},        // rar
    {"\x78\x01"sv, Withheld::container},            // zlib
    {"\x78\x9c"sv, Withheld::container},            // zlib
    {"\x78\xda"sv, Withheld::container},            // zlib
    {"\xff\xfe"sv, Withheld::charset},              // UTF-16 or UTF-32, little-endian
    {"\xfe\xff"sv, Withheld::charset},              // UTF-16, big-endian
    {"\x00\x00\xfe\xff"sv, Withheld::charset},      // UTF-32, big-endian
    {"\x4c\x6f\xa7\x94"sv, Withheld::charset},      // "<?xm" in EBCDIC
});

// bzip2: BZh1 to BZh9, and the first block's mark or that of an empty file.
bool begins_like_bzip2(std::string_view bytes) {
  const auto like = [&](std::string_view mark) {
    for (std::size_t i = 0; i < bytes.size() && i < 4 + mark.size(); ++i) {
      const char c = bytes[i];
      if (i < 3 ? c != "BZh"[i] : i == 3 ? c < '1' || c > '9' : c != mark[i - 4]) return false;
    }
    return true;
  };
  return like("1AY&SY") || like("\x17\x72\x45\x38\x50\x90");
}
constexpr std::size_t kBzip2Opening = 10;

struct Seen {
  Withheld withheld = Withheld::no;
  bool more = false;  // what follows decides
};
Seen look_at(std::string_view bytes) {
  Seen seen;
  for (const auto& [opening, withheld] : kOpenings) {
    if (bytes.starts_with(opening)) return {.withheld = withheld};
    if (opening.starts_with(bytes)) seen.more = true;
  }
  if (begins_like_bzip2(bytes)) {
    if (bytes.size() >= kBzip2Opening) return {.withheld = Withheld::container};
    seen.more = true;
  }
  return seen;
}

}  // namespace

std::string_view reason(Withheld withheld) {
  switch (withheld) {
    case Withheld::no:
      return "";
    case Withheld::coding:
      return "the upstream's response has a coding in which the credential cannot be looked for";
    case Withheld::charset:
      return "the upstream's response is in a charset in which the credential cannot be looked for";
    case Withheld::container:
      return "the upstream's response is compressed, under a type that is text";
    case Withheld::unclear:
      return "the upstream's response has what may be the credential, spelled without end";
  }
  return "";
}

BodyScreen::BodyScreen(const net::ResponseHead& head, Redactor& redactor) : redactor_(redactor) {
  if (redactor.empty()) return;
  if (is_encoded(head.fields)) {
    head_ = Withheld::coding;
    return;
  }
  // A type that is absent or cannot be read may be taken for anything.
  opening_ = true;
  const auto types = head.fields.all("Content-Type");
  bool all_binary = !types.empty();
  for (const auto type : types) {
    const auto parsed = parse_media_type(type);
    if (!parsed) {
      // It may be text, and what it says of a charset cannot be read.
      all_binary = false;
      if (to_lower(type).contains("charset")) head_ = Withheld::charset;
      continue;
    }
    all_binary = all_binary && !is_text(parsed->essence);
    const auto charset = parsed->parameter("charset");
    if (charset && !is_searched(*charset)) head_ = Withheld::charset;
  }
  opening_ = !all_binary;
}

Withheld BodyScreen::push(BytesView piece, Bytes& out) {
  if (!opening_) return redact(piece, out);
  first_.insert(first_.end(), piece.begin(), piece.end());
  if (first_.empty()) return Withheld::no;
  const auto seen = look_at(as_text(first_));
  if (seen.withheld != Withheld::no) return seen.withheld;
  if (seen.more) return Withheld::no;
  opening_ = false;
  const auto first = std::exchange(first_, {});
  return redact(first, out);
}

Withheld BodyScreen::finish(Bytes& out) {
  const auto withheld = redact(std::exchange(first_, {}), out);
  redactor_.finish(out);
  return withheld;
}

Withheld BodyScreen::redact(BytesView piece, Bytes& out) {
  out.reserve(out.size() + piece.size());
  redactor_.push(piece, out);
  return redactor_.unclear() ? Withheld::unclear : Withheld::no;
}

}  // namespace writ::gateway
