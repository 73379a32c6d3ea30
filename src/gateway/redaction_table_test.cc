// SPDX-License-Identifier: Apache-2.0
// The table of docs/threat-model.md, row by row: what is masked, at every cut of the stream and for
// any secret; and that what is not looked for is said so.
#include <fstream>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "gateway/redactor.h"
#include "gateway/spelling_testing.h"

namespace writ::gateway {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr std::string_view kKey =
    "sk_test/4eC39&Lyj<WD\"rj+T1zd='dc%41\\u0041~9f8e7d6c5b4a39281706f5";

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

std::string cut(const std::shared_ptr<const RedactionPlan>& plan, std::string_view text,
                std::size_t first, std::size_t size) {
  Redactor redactor;
  redactor.add(plan);
  Bytes out;
  redactor.push(as_bytes(text.substr(0, first)), out);
  for (auto at = first; at < text.size(); at += size)
    redactor.push(as_bytes(text.substr(at, size)), out);
  redactor.finish(out);
  EXPECT_EQ(redactor.held(), 0U);
  EXPECT_FALSE(redactor.unclear());
  return to_text(out);
}

// Whether a run of base64 in `text`, its line breaks taken out, is of something with the secret.
bool has_base64_of(std::string text, std::string_view secret) {
  for (const std::string_view gone : {"\\r", "\\n", "\r", "\n", " "})
    text = replaced(text, gone, "");
  for (auto& c : text) c = c == '-' ? '+' : c == '_' ? '/' : c;
  const auto in_alphabet = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '+' || c == '/';
  };
  for (std::size_t from = 0; from < text.size(); ++from) {
    if (!in_alphabet(text[from]) || (from >= 4 && in_alphabet(text[from - 4]))) continue;
    auto to = from;
    while (to < text.size() && in_alphabet(text[to])) ++to;
    auto run = text.substr(from, (to - from) / 4 * 4);
    const auto decoded = base64_decode(run);
    if (decoded && as_text(*decoded).contains(secret)) return true;
  }
  return false;
}

// Printable ASCII without blanks, as the vault takes it; often of the signs that encodings are
// about.
std::string any_secret() {
  return *rc::gen::apply(
      [](std::vector<char> plain, std::vector<char> signs) {
        plain.insert(plain.begin() + static_cast<std::ptrdiff_t>(plain.size() / 2), signs.begin(),
                     signs.end());
        return std::string(plain.begin(), plain.end());
      },
      rc::gen::container<std::vector<char>>(*rc::gen::inRange<std::size_t>(10, 20),
                                            rc::gen::inRange('!', '\x7f')),
      rc::gen::container<std::vector<char>>(*rc::gen::inRange<std::size_t>(6, 10),
                                            rc::gen::element('%', '\\', '&', '=', '"', '\'', '/',
                                                             '+', ';', '#', 'd', '0', 'a', 'x')));
}

std::string any_surroundings() {
  return *rc::gen::container<std::string>(
      *rc::gen::inRange<std::size_t>(0, 12),
      rc::gen::element('a', 'k', '7', '3', ' ', '\n', '\r', '%', '\\', '&', '=', ';', '#', 'u', '0',
                       ':', '"', '\0', '\x80'));
}

// --- masked

TEST(RedactionTable, P18_F22_EverySpellingIsMaskedAtEverySplit) {
  const auto plan = RedactionPlan::of(SecretBytes::copy_of(kKey));
  for (const auto& [encoding, write] : masked_spellings()) {
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
      Dice dice(seed);
      const auto written = write(kKey, dice);
      SCOPED_TRACE(std::string(encoding) + ": " + written);
      const auto text = "<pre>\"" + written + "\" and more</pre>";
      const auto whole = cut(plan, text, text.size(), 1);
      EXPECT_THAT(whole, StartsWith("<pre>\""));
      EXPECT_THAT(whole, EndsWith("\" and more</pre>"));
      EXPECT_THAT(whole, HasSubstr("redacted"));
      if (encoding.starts_with("base64")) {
        EXPECT_FALSE(has_base64_of(whole, kKey.substr(1, 40))) << whole;
      } else {
        // The first or the last of the other bytes of UTF-16 stays.
        EXPECT_EQ(replaced(whole, std::string(1, '\0'), ""), "<pre>\"[redacted]\" and more</pre>");
      }
      for (std::size_t split = 0; split <= text.size(); ++split)
        ASSERT_EQ(cut(plan, text, split, text.size() + 1), whole) << "split at " << split;
      ASSERT_EQ(cut(plan, text, 0, 1), whole);
      ASSERT_EQ(cut(plan, text, 0, 7), whole);
    }
  }
}

// Any secret, in any spelling, anywhere, however the stream is cut: what comes out has no more of
// it, is the same for each cut, and has nothing more to mask.
TEST(RedactionTable, I5_P18_AnySecretInAnySpellingIsMaskedAtEverySplit) {
  ASSERT_TRUE(rc::check([] {
    const auto secret = any_secret();
    const auto plan = RedactionPlan::of(SecretBytes::copy_of(secret));
    const auto spelling = *rc::gen::elementOf(masked_spellings());
    Dice dice(*rc::gen::arbitrary<std::uint32_t>());
    const auto written = spelling.write(secret, dice);
    RC_TAG(std::string(spelling.encoding));
    const auto before = any_surroundings();
    const auto text = before + "\"" + written + "\"" + any_surroundings();
    const auto whole = cut(plan, text, text.size(), 1);
    RC_ASSERT(whole.find(written) == std::string::npos);
    if (spelling.encoding.starts_with("base64")) {
      RC_ASSERT(!has_base64_of(whole, std::string_view(secret).substr(1)));
    }
    RC_ASSERT(whole != text);
    RC_ASSERT(cut(plan, whole, whole.size(), 1) == whole);
    for (std::size_t split = 0; split <= text.size(); ++split)
      RC_ASSERT(cut(plan, text, split, text.size() + 1) == whole);
    RC_ASSERT(cut(plan, text, 0, 1) == whole);
  }));
}

// What has no secret comes out byte for byte: texts of all that encodings are made of, and
// spellings of a secret that is not this one, though it begins so.
TEST(RedactionTable, P18_WhatHasNoSecretComesOutByteForByte) {
  ASSERT_TRUE(rc::check([] {
    const auto secret = any_secret();
    const auto plan = RedactionPlan::of(SecretBytes::copy_of(secret));
    std::string text;
    for (int i = *rc::gen::inRange(1, 8); i > 0; --i) {
      text += any_surroundings();
      auto other = secret.substr(0, *rc::gen::inRange<std::size_t>(1, secret.size()));
      other.back() = other.back() == '?' ? '!' : '?';
      Dice dice(*rc::gen::arbitrary<std::uint32_t>());
      const auto spelling = *rc::gen::elementOf(masked_spellings());
      text += spelling.write(other, dice);
      text += '|';
    }
    RC_ASSERT(cut(plan, text, text.size(), 1) == text);
    RC_ASSERT(cut(plan, text, 0, 1) == text);
    const auto split = *rc::gen::inRange<std::size_t>(0, text.size());
    RC_ASSERT(cut(plan, text, split, 11) == text);
  }));
}

TEST(RedactionTable, P18_SeveralSecretsAreMaskedOnceEachWhateverTheirPlan) {
  const std::string first = "sk_live_4eC39HqLyjWDarjtT1zdp7dc";
  const std::string second = "c2tfbGl2ZV9hbm90aGVyLW9uZQ+/==";
  const auto one = SecretBytes::copy_of(first);
  const auto two = SecretBytes::copy_of(second);
  const auto text = "a=" + first + "&b=" + second + "&c=" + hex_encode(as_bytes(second)) +
                    "&d=" + base64_encode(as_bytes(first));
  const std::string expected = "a=[redacted]&b=[redacted]&c=[redacted]&d=[redacted]";
  Redactor together;
  together.add(
      std::make_shared<const RedactionPlan>(std::initializer_list<const SecretBytes*>{&one, &two}));
  EXPECT_EQ(together.masked(text), expected);
  EXPECT_EQ(together.count(), 4U);
  Redactor apart;
  apart.add(RedactionPlan::of(one));
  apart.add(RedactionPlan::of(two));
  EXPECT_EQ(apart.masked(text), expected);
}

// --- held back, and unclear

TEST(RedactionTable, P18_TheEndOfAnEventIsNeverHeldBack) {
  // Each of its forms begins with one of these characters.
  const auto plan = RedactionPlan::of(SecretBytes::copy_of(kKey));
  for (int c = '!'; c < 0x7f; ++c) {
    for (const std::string end : {"\n\n", "\r\n\r\n", "\r\r"}) {
      Redactor redactor;
      redactor.add(plan);
      const auto event = "data: " + std::string(1, static_cast<char>(c)) + end;
      Bytes out;
      redactor.push(as_bytes(event), out);
      EXPECT_EQ(to_text(out), event);
    }
  }
}

// Padding without end: what has little of the secret passes, what has half of it is withheld.
TEST(RedactionTable, P18_WhatIsHeldBackHasABound) {
  const auto plan = RedactionPlan::of(SecretBytes::copy_of(kKey));
  for (const std::string& padding :
       {std::string("&#000000"), std::string("=   "), std::string("\n   ")}) {
    for (const std::size_t known : {std::size_t{2}, kKey.size() - 1}) {
      const auto written = std::string(kKey.substr(0, known)) + padding;
      Redactor redactor;
      redactor.add(plan);
      Bytes out;
      redactor.push(as_bytes(written), out);
      EXPECT_GT(redactor.held(), 0U);
      const std::string more(1000, padding.back());
      redactor.push(as_bytes(more), out);
      redactor.push(as_bytes(" and more"), out);
      EXPECT_EQ(redactor.held(), 0U);
      EXPECT_EQ(redactor.unclear(), known > 2) << padding;
      redactor.finish(out);
      if (known == 2) {
        EXPECT_EQ(to_text(out), written + more + " and more");
      } else {
        EXPECT_EQ(to_text(out), "");
      }
      Redactor field;
      field.add(plan);
      EXPECT_EQ(field.masked(written + more), known > 2 ? "[redacted]" : written + more);
    }
  }
}

// A secret that repeats itself, in a stream that does: bounded work, and no byte of it leaves.
TEST(RedactionTable, P18_MoreReadingsThanAreFollowedAreUnclear) {
  Redactor redactor;
  redactor.add(RedactionPlan::of(SecretBytes::copy_of(std::string(2000, 'a'))));
  Bytes out;
  redactor.push(as_bytes("before " + std::string(100'000, 'a')), out);
  EXPECT_TRUE(redactor.unclear());
  EXPECT_EQ(to_text(out), "");
  EXPECT_EQ(redactor.held(), 0U);
}

// --- the table

using Table = std::map<std::string, std::string, std::less<>>;

// Of docs/threat-model.md: encoding → what becomes of it.
Table documented() {
  std::ifstream file(std::string(WRIT_SOURCE_DIR) + "/docs/threat-model.md");
  Table rows;
  bool within = false;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("| encoding |")) within = true;
    if (!line.starts_with('|')) within = false;
    if (!within || line.starts_with("| encoding |") || line.starts_with("|---")) continue;
    const auto first = line.find(" | ");
    const auto second = line.find(" | ", first + 3);
    if (second == std::string::npos) ADD_FAILURE() << line;
    rows[line.substr(2, first - 2)] = line.substr(first + 3, second - first - 3);
  }
  return rows;
}

// What is not looked for, by an example that passes as it is.
const std::vector<Spelling>& not_looked_for() {
  using namespace spelling_detail;
  static const std::vector<Spelling> all = {
      {"split over several events, members or strings",
       [](std::string_view s, Dice&) {
         return "data: {\"delta\":\"" + std::string(s.substr(0, 9)) + "\"}\n\ndata: {\"delta\":\"" +
                std::string(s.substr(9)) + "\"}\n\n";
       }},
      {"an encoding within an encoding, but for those above",
       [](std::string_view s, Dice&) {
         return base64_encode(as_bytes(base64_encode(as_bytes(s))));
       }},
      {"an escape whose own signs are escaped",
       [](std::string_view s, Dice& d) {
         return some(s, d, "%", [](char c) { return "%26%23" + std::to_string(code(c)) + "%3B"; });
       }},
      {"UTF-16 within base64",
       [](std::string_view s, Dice&) { return base64_encode(as_bytes(wide(s, 0, 1))); }},
      {"base32, base58, base85, uuencode, yEnc, punycode and the like",
       [](std::string_view s, Dice&) {
         std::string out;
         for (const char c : s) out += static_cast<char>(' ' + (code(c) >> 2 & 63));
         return "begin 644 key\n" + out;
       }},
      {"dumps with offsets or with the text beside them",
       [](std::string_view s, Dice&) {
         std::string out;
         for (std::size_t at = 0; at < s.size(); at += 16) {
           Dice none(1);
           out += printed("%08x  ", static_cast<unsigned>(at)) +
                  hex(s.substr(at, 16), none, "", " ") + "\n";
         }
         return out;
       }},
      {"CSS escapes",
       [](std::string_view s, Dice& d) {
         return some(s, d, "\\", [](char c) { return printed("\\%x ", code(c)); });
       }},
      {"markup, comments or invisible characters within it",
       [](std::string_view s, Dice&) {
         return std::string(s.substr(0, 9)) + "<wbr>" + std::string(s.substr(9));
       }},
      {"a part of it",
       [](std::string_view s, Dice&) { return std::string(s.substr(0, s.size() - 1)); }},
      {"another case of its letters, another order, a hash, a cipher",
       [](std::string_view s, Dice&) { return std::string(s.rbegin(), s.rend()); }},
      {"a compressed or encrypted file under its own type",
       [](std::string_view, Dice&) { return std::string("\x1f\x8b\x08\x00????", 8); }},
      {"pixels and sound", [](std::string_view, Dice&) { return std::string("\x89PNG"); }},
  };
  return all;
}

TEST(RedactionTable, P18_TheThreatModelListsExactlyWhatIsLookedFor) {
  Table expected;
  for (const auto& spelling : masked_spellings())
    expected[std::string(spelling.encoding)] = "masked";
  for (const auto* withheld :
       {"a content coding",
        "text that is declared UTF-16, UTF-32, UTF-7, EBCDIC or another charset",
        "text with the mark of UTF-16 or UTF-32",
        "a compressed container under a type that is text", "padding without end within it"}) {
    expected[withheld] = "withheld";
  }
  for (const auto& spelling : not_looked_for())
    expected[std::string(spelling.encoding)] = "not looked for";
  EXPECT_EQ(documented(), expected);
}

TEST(RedactionTable, P18_WhatIsSaidNotToBeLookedForPassesAsItIs) {
  const auto plan = RedactionPlan::of(SecretBytes::copy_of(kKey));
  for (const auto& [encoding, write] : not_looked_for()) {
    SCOPED_TRACE(encoding);
    Dice dice(7);
    const auto written = write(kKey, dice);
    EXPECT_EQ(cut(plan, written, 3, 5), written);
  }
}

}  // namespace
}  // namespace writ::gateway
