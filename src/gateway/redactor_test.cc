// SPDX-License-Identifier: Apache-2.0
// failures.md 22, P18 and I5: each spelling of a secret, at every cut of the stream.
#include "gateway/redactor.h"

#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "base/encoding.h"
#include "wire/url.h"

namespace writ::gateway {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::string_view kKey = "sk_test_4eC39HqLyjWD/arj+T1zd=7dc";
constexpr std::string_view kMarker = "[redacted]";

// Plans are made once, as the server does.
std::shared_ptr<const RedactionPlan> plan_of(std::string_view secret) {
  static std::map<std::string, std::shared_ptr<const RedactionPlan>, std::less<>> plans;
  const auto found = plans.find(secret);
  if (found != plans.end()) return found->second;
  return plans[std::string(secret)] = RedactionPlan::of(SecretBytes::copy_of(secret));
}

std::string run(std::string_view secret, std::string_view text, std::size_t split) {
  Redactor redactor;
  redactor.add(plan_of(secret));
  Bytes out;
  redactor.push(as_bytes(text.substr(0, split)), out);
  redactor.push(as_bytes(text.substr(split)), out);
  redactor.finish(out);
  return to_text(out);
}

std::string escaped(std::string_view text, const char* format, int every) {
  std::string out;
  int at = 0;
  for (const char c : text) {
    char buffer[8];
    std::snprintf(buffer, sizeof buffer, format, static_cast<unsigned char>(c));
    out += at++ % every == 0 ? std::string(buffer) : std::string(1, c);
  }
  return out;
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

std::string upper(std::string text) {
  for (auto& c : text) c = static_cast<char>(std::toupper(c));
  return text;
}

std::string without_padding(std::string text) {
  while (text.ends_with('=')) text.pop_back();
  return text;
}

struct Spelling {
  std::string name;
  std::string text;
  std::string left_before = {};  // of the base64 character that the neighbours share
  std::string left_after = {};
};

std::vector<Spelling> spellings() {
  const std::string key(kKey);
  std::vector<Spelling> all = {
      {"raw", key},
      {"hex", hex_encode(as_bytes(key))},
      {"HEX", upper(hex_encode(as_bytes(key)))},
      {"percent, minimal", percent_encode(key)},
      {"percent, full", escaped(key, "%%%02X", 1)},
      {"percent, full, lower case", escaped(key, "%%%02x", 1)},
      {"percent, every third", escaped(key, "%%%02X", 3)},
      {"JSON, every character", escaped(key, "\\u%04x", 1)},
      {"JSON, every character, upper case", escaped(key, "\\u%04X", 1)},
      {"JSON, some characters", escaped(key, "\\u%04X", 5)},
      {"JSON, slashes", replaced(key, "/", "\\/")},
      {"\\x", escaped(key, "\\x%02x", 2)},
      {"header", "Bearer " + key, "Bearer "},
  };
  // base64 of the key alone and within other text, at each alignment.
  for (std::size_t before = 0; before < 3; ++before) {
    for (const bool goes_on : {false, true}) {
      const auto whole = std::string(before, 'u') + key + (goes_on ? "tail" : "");
      const auto text = base64_encode(as_bytes(whole));
      const std::size_t skip = before == 0 ? 0 : before + 1;
      const auto certain = (before + key.size()) * 8 / 6;
      const auto end = goes_on ? certain : text.size();
      const auto name = "base64 at " + std::to_string(before) + (goes_on ? ", in text" : "");
      all.push_back({name, text, text.substr(0, skip), text.substr(end)});
      const auto url = base64url_encode(as_bytes(whole));
      all.push_back(
          {"url " + name, url, url.substr(0, skip), url.substr(std::min(end, url.size()))});
      const auto bare = without_padding(text);
      all.push_back(
          {"bare " + name, bare, text.substr(0, skip), bare.substr(std::min(end, bare.size()))});
      all.push_back({"JSON " + name, replaced(text, "/", "\\/"), text.substr(0, skip),
                     replaced(text.substr(end), "/", "\\/")});
      const auto encoded = replaced(replaced(replaced(text, "+", "%2B"), "/", "%2f"), "=", "%3D");
      all.push_back({"percent " + name, encoded, text.substr(0, skip),
                     replaced(text.substr(end), "=", "%3D")});
    }
  }
  return all;
}

TEST(Redactor, P18_F22_EverySpellingIsMaskedAtEverySplitAndAllElseIsUnchanged) {
  const std::vector<std::pair<std::string, std::string>> around = {
      {"", ""},
      {"{\"key\": \"", "\", \"n\": 1}"},
      {"data: sk_test_4eC39HqLyjWD ", " sk_test_4eC39H\n\n"},
      {"100%! ", " 100%"},
  };
  for (const auto& spelling : spellings()) {
    SCOPED_TRACE(spelling.name);
    ASSERT_FALSE(spelling.text.empty());
    for (const auto& [before, after] : around) {
      const auto text = before + spelling.text + after;
      const auto expected =
          before + spelling.left_before + std::string(kMarker) + spelling.left_after + after;
      for (std::size_t split = 0; split <= text.size(); ++split) {
        ASSERT_EQ(run(kKey, text, split), expected) << "split at " << split;
      }
      // A byte at a time.
      Redactor redactor;
      redactor.add(plan_of(kKey));
      Bytes out;
      for (const char c : text) redactor.push(as_bytes(std::string_view(&c, 1)), out);
      redactor.finish(out);
      ASSERT_EQ(to_text(out), expected);
    }
  }
}

TEST(Redactor, P18_OnlyAPossibleMatchIsHeldBack) {
  Redactor redactor;
  redactor.add(plan_of(kKey));
  Bytes out;
  const auto push = [&](std::string_view text) {
    out.clear();
    redactor.push(as_bytes(text), out);
    return to_text(out);
  };
  EXPECT_EQ(push("event: message\n\n"), "event: message\n\n");
  EXPECT_EQ(push("abc sk_t"), "abc ");  // s, k, _, t: the beginning of the key
  EXPECT_EQ(redactor.held(), 4U);
  EXPECT_EQ(push("op"), "sk_top");
  EXPECT_EQ(push(std::string(kKey)), kMarker);  // and nothing waits for what may follow
  EXPECT_EQ(redactor.held(), 0U);
  EXPECT_EQ(push(" and more"), " and more");
  EXPECT_EQ(redactor.count(), 1U);
}

TEST(Redactor, P18_AMatchThatBeginsWithinAnotherIsMaskedToo) {
  const std::string_view key = "abcabcabcabcabcabc";
  for (std::size_t split = 0; split <= 30; ++split) {
    EXPECT_EQ(run(key, "-abcabcabcabcabcabcabcabc-", std::min<std::size_t>(split, 26)),
              "-[redacted]-");
    EXPECT_EQ(run(key, "-abcabcabcabcabcabab-", std::min<std::size_t>(split, 21)),
              "-abcabcabcabcabcabab-");
  }
}

TEST(Redactor, P18_TheMarkerNeverCompletesAnotherMatch) {
  // Cutting out the inner key would leave the outer one, were the marker part of it.
  const std::string key = "aaaaaaaa[redacted]bbbbbbbb";
  const auto out = run(key, "aaaaaaaa" + key + "bbbbbbbb", 20);
  EXPECT_THAT(out, Not(HasSubstr(key)));
  EXPECT_EQ(out, "aaaaaaaa(redacted)bbbbbbbb");
}

TEST(Redactor, P18_ASecretThatLooksLikeAnEscapeIsFoundInEachForm) {
  const std::string key = "p%41ss\\u0041word\"x";
  EXPECT_EQ(run(key, "<" + key + ">", 5), "<[redacted]>");
  EXPECT_EQ(run(key, "<p%2541ss%5Cu0041word%22x>", 7), "<[redacted]>");
  EXPECT_EQ(run(key, R"(<p%41ss\\u0041word\"x>)", 9), "<[redacted]>");
}

// Its first two characters read like an escape that begins no match.
TEST(Redactor, I5_P18_ASecretThatBeginsWithABackslashIsMaskedAtEverySplit) {
  for (const std::string key :
       {R"(\"S3cret-9f2c71aa)", R"(\tS3cret-9f2c71aa)", R"(\nS3cret-9f2c71aa)",
        R"(\/S3cret-9f2c71aa)", R"(\'S3cret-9f2c71aa)", R"(\\S3cret-9f2c71aa)",
        R"(\u005cret-9f2c71aa)", R"(\%41cret-9f2c71aa)", R"(\x41cret-9f2c71aa)"}) {
    SCOPED_TRACE(key);
    for (const auto& text : {key, escaped(key, "%%%02x", 1), escaped(key, "\\u%04x", 1),
                             percent_encode(key), replaced(key, "\\", "\\u005C")}) {
      SCOPED_TRACE(text);
      const auto body = "{\"a\": \"say \\\"hi\\\"\\n\", \"key\": \"" + text + "\"}";
      const auto expected = "{\"a\": \"say \\\"hi\\\"\\n\", \"key\": \"[redacted]\"}";
      for (std::size_t split = 0; split <= body.size(); ++split)
        ASSERT_EQ(run(key, body, split), expected) << "split at " << split;
      Redactor header;
      header.add(plan_of(key));
      EXPECT_EQ(header.masked("Bearer " + text), "Bearer [redacted]");
    }
  }
}

TEST(Redactor, P18_BasicCredentialsAreMaskedAsRenderedToo) {
  const std::string rendered = base64_encode(as_bytes("user:" + std::string(kKey)));
  Redactor redactor;
  redactor.add(plan_of(kKey));
  redactor.add(plan_of(rendered));
  EXPECT_EQ(redactor.masked("Basic " + rendered), "Basic [redacted]");
  EXPECT_EQ(redactor.masked(hex_encode(as_bytes(rendered))), kMarker);
  EXPECT_EQ(redactor.masked("password=" + std::string(kKey)), "password=[redacted]");
}

TEST(Redactor, P18_WhatStandsBeforeMakesNoEscapeOfTheSecretsOwnCharacters) {
  const std::string key = "c2VjcmV0c2VjcmV0MTIz";
  for (const std::string before : {"%", "%4", "\\", "\\u", "\\u0", "\\u00", "\\x", "\\x4"}) {
    EXPECT_EQ(run(key, before + key, 3), before + "[redacted]");
    const auto encoded = base64_encode(as_bytes(key));
    EXPECT_EQ(run(key, before + encoded, 3), before + "[redacted]");
    const auto hex = hex_encode(as_bytes(key));
    EXPECT_EQ(run(key, before + hex, 3), before + "[redacted]");
  }
}

TEST(Redactor, WithoutASecretNothingIsTouched) {
  Redactor redactor;
  redactor.add(RedactionPlan::of(SecretBytes()));
  EXPECT_TRUE(redactor.empty());
  EXPECT_EQ(redactor.masked("sk_live %41 \\u0041"), "sk_live %41 \\u0041");
}

// Random secrets of the characters that escapes are made of: as it is, wherever it stands and
// however the stream is cut, none is left.
TEST(Redactor, I5_P18_ASecretOfEscapesIsNeverLeftAsItIs) {
  const auto text_of_escapes = [](std::size_t least, std::size_t most) {
    std::string text;
    for (auto i = *rc::gen::inRange(least, most + 1); i > 0; --i)
      text +=
          *rc::gen::element('\\', '\\', '\\', '"', '\'', '/', 't', 'n', 'u', 'x', '0', '%', 'S');
    return text;
  };
  ASSERT_TRUE(rc::check([&] {
    const auto key = text_of_escapes(16, 20);
    const auto text = text_of_escapes(0, 6) + key + text_of_escapes(0, 6) + key;
    Redactor redactor;
    redactor.add(plan_of(key));
    const auto whole = redactor.masked(text);
    RC_ASSERT(whole.find(key) == std::string::npos);
    for (std::size_t split = 0; split <= text.size(); ++split)
      RC_ASSERT(run(key, text, split) == whole);
  }));
}

// Random texts of pieces of the secret's spellings: any cut gives what no cut gives, and the key is
// not in it.
TEST(Redactor, P18_AnyCutGivesTheSame) {
  const auto all = spellings();
  ASSERT_TRUE(rc::check([&] {
    std::string text;
    for (int i = *rc::gen::inRange(1, 6); i > 0; --i) {
      const auto& spelling = all[*rc::gen::inRange<std::size_t>(0, all.size())].text;
      const auto from = *rc::gen::inRange<std::size_t>(0, 4);
      text += spelling.substr(from, *rc::gen::inRange<std::size_t>(0, spelling.size() + 8));
      if (*rc::gen::arbitrary<bool>()) text += *rc::gen::element('%', '\\', 'u', 's', '4', '=');
    }
    Redactor redactor;
    redactor.add(plan_of(kKey));
    const auto whole = redactor.masked(text);
    RC_ASSERT(whole.find(kKey) == std::string::npos);
    Bytes out;
    for (std::size_t at = 0; at < text.size();) {
      const auto size = *rc::gen::inRange<std::size_t>(1, 40);
      redactor.push(as_bytes(std::string_view(text).substr(at, size)), out);
      at += size;
    }
    redactor.finish(out);
    RC_ASSERT(to_text(out) == whole);
  }));
}

}  // namespace
}  // namespace writ::gateway
