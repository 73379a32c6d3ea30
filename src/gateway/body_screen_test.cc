// SPDX-License-Identifier: Apache-2.0
// P18: which bodies the credential cannot be looked for in, and that nothing of them leaves.
#include "gateway/body_screen.h"

#include <string>

#include <gtest/gtest.h>

namespace writ::gateway {
namespace {

using namespace std::string_literals;

constexpr std::string_view kKey = "sk_test_4eC39HqLyjWDarjtT1zdp7dc";

struct Screened {
  Withheld withheld = Withheld::no;
  std::string body;
};

Screened screen(std::string_view type, std::string_view body, std::size_t size = 1,
                std::string_view coding = {}) {
  net::ResponseHead head{.status = 200, .fields = {}};
  if (!type.empty()) EXPECT_TRUE(head.fields.add("Content-Type", type));
  if (!coding.empty()) EXPECT_TRUE(head.fields.add("Content-Encoding", coding));
  Redactor redactor;
  redactor.add(RedactionPlan::of(SecretBytes::copy_of(kKey)));
  BodyScreen screen(head, redactor);
  if (screen.head() != Withheld::no) return {.withheld = screen.head(), .body = {}};
  Screened seen;
  Bytes out;
  for (std::size_t at = 0; at < body.size() && seen.withheld == Withheld::no; at += size) {
    seen.withheld = screen.push(as_bytes(body.substr(at, size)), out);
  }
  if (seen.withheld == Withheld::no) seen.withheld = screen.finish(out);
  seen.body = to_text(out);
  return seen;
}

TEST(BodyScreen, P18_F22_ACodingIsWithheld) {
  for (const auto* coding : {"gzip", "identity, br", "\"open"}) {
    EXPECT_EQ(screen("application/json", "{}", 1, coding).withheld, Withheld::coding) << coding;
  }
  EXPECT_EQ(screen("application/json", "{}", 1, "identity").body, "{}");
}

TEST(BodyScreen, P18_ACharsetThatIsNotSearchedIsWithheld) {
  for (const auto* type : {"text/html; charset=utf-16", "text/plain; charset=\"UTF-16LE\"",
                           "application/json;charset=utf-16be", "text/plain; charset=utf-32",
                           "text/plain; charset=utf-7", "text/plain; charset=IBM037",
                           "text/plain; charset=iso-2022-jp", "text/plain; charset=nobody-knows",
                           "text/plain; charset=", "application/octet-stream; charset=utf-16",
                           "text/plain; charset=utf-8; charset=utf-16", "text; charset=utf-8"}) {
    EXPECT_EQ(screen(type, "text").withheld, Withheld::charset) << type;
  }
  for (const auto* type :
       {"text/html; charset=utf-8", "text/plain; charset=\"UTF-8\"",
        "text/plain; charset=ISO-8859-15", "text/plain; charset=windows-1252",
        "text/plain; charset=Shift_JIS", "text/html", "image/png",
        "application/octet-stream; charset=binary", "application/json;", "text", ""}) {
    const auto seen = screen(type, "key: " + std::string(kKey));
    EXPECT_EQ(seen.withheld, Withheld::no) << type;
    EXPECT_EQ(seen.body, "key: [redacted]") << type;
  }
}

const std::vector<std::string>& containers() {
  static const std::vector<std::string> all = {
      "\x1f\x8b\x08\x00????"s, "\x1f\x9d\x90??"s,     "PK\x03\x04????"s,
      "PK\x05\x06????"s,       "PK\x07\x08????"s,     "\x28\xb5\x2f\xfd????"s,
      "\x04\x22\x4d\x18"s,     "\xfd"s + "7zXZ\0??"s, "7z\xbc\xaf\x27\x1c"s,
      "Rar!\x1a\x07\x01"s,     "\x78\x9c??"s,         "\x78\xda??"s,
      "\x78\x01??"s,           "BZh91AY&SY????"s,     "BZh9\x17\x72\x45\x38\x50\x90??"s};
  return all;
}

TEST(BodyScreen, P18_AContainerUnderATypeThatIsTextIsWithheldBeforeAByteOfItLeaves) {
  for (const auto& body : containers()) {
    for (const auto* type :
         {"application/json", "text/plain; charset=utf-8", "application/problem+json",
          "text/event-stream", "image/svg+xml", "multipart/mixed; boundary=x", ""}) {
      for (const std::size_t size : {std::size_t{1}, std::size_t{3}, body.size()}) {
        const auto seen = screen(type, body, size);
        EXPECT_EQ(seen.withheld, Withheld::container) << type << ": " << body;
        EXPECT_EQ(seen.body, "");
      }
    }
  }
}

TEST(BodyScreen, P18_AContainerUnderItsOwnTypePasses) {
  for (const auto& body : containers()) {
    for (const auto* type : {"application/gzip", "application/zip", "application/octet-stream"}) {
      const auto seen = screen(type, body, 2);
      EXPECT_EQ(seen.withheld, Withheld::no) << type;
      EXPECT_EQ(seen.body, body);
    }
  }
}

TEST(BodyScreen, P18_TextWithTheMarkOfAWideEncodingIsWithheld) {
  for (const auto& body : {"\xff\xfe<\0"s, "\xfe\xff\0<"s, "\0\0\xfe\xff\0\0\0<"s,
                           "\xff\xfe\0\0<\0\0\0"s, "\x4c\x6f\xa7\x94"s}) {
    EXPECT_EQ(screen("application/xml", body).withheld, Withheld::charset);
    EXPECT_EQ(screen("", body).withheld, Withheld::charset);
    EXPECT_EQ(screen("application/octet-stream", body).body, body);
  }
  EXPECT_EQ(screen("text/plain", "\xef\xbb\xbftext").body, "\xef\xbb\xbftext");
}

TEST(BodyScreen, P18_OnlyWhatMayBeSuchABeginningIsHeldBack) {
  for (const auto& body :
       {""s, "P"s, "PK"s, "PK!"s, "BZh"s, "BZh9 is no archive"s, "x"s, "xylophone"s, "7z"s, "Rar!"s,
        "data: one\n\n"s, "\x1f"s, "\0\0"s, "Login"s}) {
    const auto seen = screen("text/plain", body);
    EXPECT_EQ(seen.withheld, Withheld::no) << body;
    EXPECT_EQ(seen.body, body);
  }
  net::ResponseHead head{.status = 200, .fields = {}};
  Redactor redactor;
  redactor.add(RedactionPlan::of(SecretBytes::copy_of(kKey)));
  BodyScreen screen(head, redactor);
  Bytes out;
  EXPECT_EQ(screen.push(as_bytes("d"), out), Withheld::no);
  EXPECT_EQ(to_text(out), "d");
}

TEST(BodyScreen, P18_ASpellingWithoutEndIsWithheld) {
  const auto seen =
      screen("text/plain", std::string(kKey.substr(0, 31)) + "&#x" + std::string(400, '0'));
  EXPECT_EQ(seen.withheld, Withheld::unclear);
  EXPECT_EQ(seen.body, "");
}

TEST(BodyScreen, P18_WithoutASecretEveryBytePasses) {
  net::ResponseHead head{.status = 200, .fields = {}};
  ASSERT_TRUE(head.fields.add("Content-Encoding", "gzip"));
  ASSERT_TRUE(head.fields.add("Content-Type", "text/plain; charset=utf-16"));
  Redactor redactor;
  BodyScreen screen(head, redactor);
  EXPECT_EQ(screen.head(), Withheld::no);
  Bytes out;
  EXPECT_EQ(screen.push(as_bytes("\x1f\x8b\x08"), out), Withheld::no);
  EXPECT_EQ(screen.finish(out), Withheld::no);
  EXPECT_EQ(to_text(out), "\x1f\x8b\x08");
}

}  // namespace
}  // namespace writ::gateway
