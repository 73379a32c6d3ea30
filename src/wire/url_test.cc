// SPDX-License-Identifier: Apache-2.0
#include "wire/url.h"

#include <string>

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "wire/json_generator.h"

namespace writ {
namespace {

std::string canonical(std::string_view text) {
  const auto url = parse_url(text);
  return url ? url->to_string() : "refused: " + url.error().message;
}

TEST(Url, TakesApartWhatItPutsTogether) {
  const auto url = parse_url("https://api.example.com:8443/v1/refunds?limit=5&x=%20");
  ASSERT_TRUE(url.has_value());
  EXPECT_EQ(url->scheme, "https");
  EXPECT_EQ(url->host, "api.example.com");
  EXPECT_EQ(url->port, 8443);
  EXPECT_EQ(url->path, "/v1/refunds");
  EXPECT_EQ(url->query, "limit=5&x=%20");
  EXPECT_EQ(url->authority(), "api.example.com:8443");
  EXPECT_EQ(url->origin(), "https://api.example.com:8443");
  EXPECT_EQ(url->target(), "/v1/refunds?limit=5&x=%20");
  EXPECT_EQ(url->to_string(), "https://api.example.com:8443/v1/refunds?limit=5&x=%20");
}

TEST(Url, HasOneCanonicalForm) {
  EXPECT_EQ(canonical("HTTPS://API.Example.COM:443"), "https://api.example.com/");
  EXPECT_EQ(canonical("http://example.com:80/a"), "http://example.com/a");
  EXPECT_EQ(canonical("http://example.com:443/"), "http://example.com:443/");
  EXPECT_EQ(canonical("https://example.com?a=1"), "https://example.com/?a=1");
  EXPECT_EQ(canonical("https://example.com/?"), "https://example.com/?");
  EXPECT_EQ(canonical("https://[2001:DB8:0:0::1]:443/x"), "https://[2001:db8::1]/x");
  EXPECT_EQ(canonical("http://[::ffff:7f00:1]:8080"), "http://[::ffff:127.0.0.1]:8080/");
  EXPECT_EQ(canonical("http://127.0.0.1:8080/"), "http://127.0.0.1:8080/");
  EXPECT_EQ(canonical("http://billing_api:8080/"), "http://billing_api:8080/");
  EXPECT_EQ(canonical("https://xn--bcher-kva.example/"), "https://xn--bcher-kva.example/");
}

TEST(Url, OnlyHttpAndHttps) {
  for (const auto* text : {"ftp://a/", "file:///etc/passwd", "javascript:alert(1)", "//a/", "/a",
                           "", "https:a", "https:/a", "httpss://a/", "://a", "gopher://a:70/"}) {
    EXPECT_EQ(canonical(text), "refused: the URL does not begin with https:// or http://") << text;
  }
}

TEST(Url, AnEmptyHostIsRefused) {
  EXPECT_EQ(canonical("https:///evil"), "refused: the host is missing");
  EXPECT_EQ(canonical("https://"), "refused: the host is missing");
  EXPECT_EQ(canonical("https://:443/"), "refused: the host is missing");
  EXPECT_EQ(canonical("https://?a"), "refused: the host is missing");
}

TEST(Url, UserInformationIsRefused) {
  for (const auto* text : {"https://user@evil.example/", "https://u:p@evil.example/",
                           "https://@evil.example/", "https://good.example@evil.example"}) {
    EXPECT_EQ(canonical(text), "refused: user information before the host") << text;
  }
}

TEST(Url, AFragmentIsRefused) {
  EXPECT_EQ(canonical("https://a/b#c"), "refused: a fragment, which requests do not have");
  EXPECT_EQ(canonical("https://a#@b/"), "refused: a fragment, which requests do not have");
  EXPECT_EQ(canonical("https://a/?b#"), "refused: a fragment, which requests do not have");
}

TEST(Url, ATrailingDotInTheHostIsRefused) {
  EXPECT_EQ(canonical("https://example.com./"), "refused: the host ends in a dot");
  EXPECT_EQ(canonical("https://127.0.0.1./"), "refused: the host ends in a dot");
}

TEST(Url, BytesThatReadersTreatDifferentlyAreRefused) {
  using std::string_literals::operator""s;
  for (const auto& text :
       {"https://a/ b"s, "https://a/\tb"s, "https://a\r\nX: y"s, "https://a/\x7f"s, "https://a/\0"s,
        "https://a\\b/"s, "https://a/b\\c"s, "https://a/\u00e9"s, "https://b\u00fccher.example/"s,
        " https://a/"s, "https://a/ "s, "https://a/\n"s}) {
    EXPECT_FALSE(parse_url(text).has_value()) << text;
  }
}

TEST(Url, HostsAreNamesOrAddressesAndNothingElse) {
  for (const auto* host :
       {"a..b",       ".a",     "-a.b",   "a-.b",      "a%2eb",  "a,b",   "a;b",
        "a!b",        "a*b",    "[::1",   "::1",       "[]",     "[1]",   "[::1%25eth0]",
        "[::1%eth0]", "[v1.x]", "[::1]x", "[1.2.3.4]", "x[::1]", "[:::]", "[::1]]"}) {
    EXPECT_FALSE(parse_url("https://" + std::string(host) + "/").has_value()) << host;
  }
  EXPECT_FALSE(parse_host(std::string(64, 'a')).has_value());
  EXPECT_TRUE(parse_host(std::string(63, 'a')).has_value());
  std::string longest(250, 'a');
  for (std::size_t i = 50; i < longest.size(); i += 51) longest[i] = '.';
  EXPECT_TRUE(parse_host(longest).has_value());
  EXPECT_FALSE(parse_host(longest + ".aaa").has_value());
}

TEST(Url, AnAddressInAnotherBaseOrShortIsRefused) {
  for (const auto* host :
       {"127.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "127.0.0.01", "256.0.0.1",
        "1.2.3.4.5", "1.2.3", "0", "a.0x1", "a.1", "0x", "1.2.3.0x4", "00.0.0.0"}) {
    EXPECT_FALSE(parse_host(host).has_value()) << host;
  }
  EXPECT_EQ(parse_host("0.0.0.0"), "0.0.0.0");
  EXPECT_EQ(parse_host("1e100.net"), "1e100.net");
  EXPECT_EQ(parse_host("4chan.0xa.org"), "4chan.0xa.org");
}

TEST(Url, TheKindOfAHostIsKnown) {
  EXPECT_EQ(host_kind("example.com"), HostKind::name);
  EXPECT_EQ(host_kind("192.0.2.1"), HostKind::ipv4);
  EXPECT_EQ(host_kind("[::1]"), HostKind::ipv6);
}

TEST(Url, PortsAreNumbersInRange) {
  for (const auto* port :
       {"", "0", "65536", "080", "+80", "-1", "8o", "80 ", "99999999999", "8:0"}) {
    EXPECT_FALSE(parse_url("https://a:" + std::string(port) + "/").has_value()) << port;
  }
  EXPECT_EQ(parse_url("https://a:65535/")->port, 65535);
  EXPECT_EQ(parse_url("https://a:1/")->port, 1);
}

TEST(Url, AnAuthorityIsAHostAndPerhapsAPort) {
  EXPECT_EQ(parse_authority("A.example"), (Authority{"a.example", std::nullopt}));
  EXPECT_EQ(parse_authority("a:80"), (Authority{"a", 80}));
  EXPECT_EQ(parse_authority("[::1]:80"), (Authority{"[::1]", 80}));
  EXPECT_EQ(parse_authority("[::1]"), (Authority{"[::1]", std::nullopt}));
  for (const auto* text : {"", "a:", "u@a", "a/b", "a:80/", "::1", "a,b", "a b"}) {
    EXPECT_FALSE(parse_authority(text).has_value()) << text;
  }
}

TEST(Url, ALongUrlIsTooLarge) {
  const std::string base = "https://a/";
  EXPECT_TRUE(parse_url(base + std::string(2048 - base.size(), 'x')).has_value());
  EXPECT_EQ(parse_url(base + std::string(2049 - base.size(), 'x')).error().code, Errc::too_large);
}

std::string target_refusal(std::string_view text) {
  const auto target = parse_target(text);
  return target ? "accepted" : target.error().message;
}

TEST(Target, KeepsTheBytesAndDecodesTheSegments) {
  const auto target = parse_target("/v1/refunds/a%20b%C3%A9/x@y:z;v=1/?q=%2F&r");
  ASSERT_TRUE(target.has_value());
  EXPECT_EQ(target->path, "/v1/refunds/a%20b%C3%A9/x@y:z;v=1/");
  EXPECT_EQ(target->segments,
            (std::vector<std::string>{"v1", "refunds", "a b\u00e9", "x@y:z;v=1", ""}));
  EXPECT_EQ(target->query, "q=%2F&r");
  EXPECT_EQ(target->to_string(), "/v1/refunds/a%20b%C3%A9/x@y:z;v=1/?q=%2F&r");
  EXPECT_EQ(parse_target("/")->segments, std::vector<std::string>{""});
  EXPECT_EQ(parse_target("/")->query, std::nullopt);
  EXPECT_EQ(parse_target("/?")->query, "");
}

// failures.md 18: what is decided on is what is forwarded.
TEST(Target, EmptySegmentsAreRefused) {
  for (const auto* text : {"//admin", "/a//b", "//", "/a//", "///"}) {
    EXPECT_EQ(target_refusal(text), "the path has an empty segment (//)") << text;
  }
}

TEST(Target, DotSegmentsAreRefused) {
  for (const auto* text : {"/a/../b", "/..", "/.", "/a/.", "/a/./b", "/../", "/..;/admin",
                           "/a/..;x=1/b", "/.;", "/..%3B/x"}) {
    EXPECT_EQ(target_refusal(text), "the path has a dot segment") << text;
  }
  for (const auto* text : {"/...", "/.well-known/x", "/a.b", "/..a", "/a..", "/?a=../b"}) {
    EXPECT_EQ(target_refusal(text), "accepted") << text;
  }
}

TEST(Target, EncodedSlashesDotsAndControlsAreRefused) {
  for (const auto* text : {"/a%2Fb", "/a%2fb", "/a%5Cb", "/a%5cb", "/%2E%2E/x", "/%2e", "/a%2Eb",
                           "/a%00", "/a%0A", "/a%0d", "/a%1F", "/a%7F", "/a%09"}) {
    EXPECT_NE(target_refusal(text), "accepted") << text;
  }
}

TEST(Target, EncodingsThatAreNotCanonicalAreRefused) {
  for (const auto* text : {"/%61dmin", "/%7Ea", "/a%2Db", "/%c3%a9", "/%C3%a9", "/a%3a", "/%5F"}) {
    EXPECT_EQ(target_refusal(text), "the path has a percent encoding that is not in canonical form")
        << text;
  }
}

TEST(Target, AnEncodingWithinAnEncodingIsRefused) {
  for (const auto* text : {"/a%252Fb", "/a%252e%252e", "/%2541"}) {
    EXPECT_NE(target_refusal(text).find("decode twice"), std::string::npos) << text;
  }
  EXPECT_EQ(target_refusal("/100%25"), "accepted");
  EXPECT_EQ(target_refusal("/100%25x"), "accepted");
}

TEST(Target, MalformedEncodingsAndForeignBytesAreRefused) {
  using std::string_literals::operator""s;
  for (const auto& text :
       {"/a%"s,    "/a%4"s,   "/a%G1"s, "/a%%20"s,   "/a b"s,       "/a\\b"s, "/a\"b"s,
        "/a<b"s,   "/a[b"s,   "/a^b"s,  "/a`b"s,     "/a{b"s,       "/a|b"s,  "/\u00e9"s,
        "/a\0"s,   "/a\x7f"s, "/%FF"s,  "/%C3"s,     "/%ED%A0%80"s, "/?a%"s,  "/?a%0"s,
        "/?a%zz"s, "/?a b"s,  "/?a[b"s, "/?\u00e9"s, "/?a%00"s,     "/?\r\n"s}) {
    EXPECT_NE(target_refusal(text), "accepted") << text;
  }
}

TEST(Target, OnlyOriginFormIsATarget) {
  for (const auto* text : {"", "*", "a", "?a", "http://a/", "a:443", "/a#b", "/#", "/?a#b"}) {
    EXPECT_NE(target_refusal(text), "accepted") << text;
  }
}

TEST(Target, ALongTargetIsTooLarge) {
  EXPECT_TRUE(parse_target('/' + std::string(8191, 'a')).has_value());
  EXPECT_EQ(parse_target('/' + std::string(8192, 'a')).error().code, Errc::too_large);
}

TEST(Target, AnEncodedSegmentIsReadAsItsValue) {
  EXPECT_TRUE(rc::check([] {
    const std::string value = testing::any_text();
    const auto encoded = percent_encode_segment(value);
    if (!encoded) return;
    const auto target = parse_target('/' + *encoded);
    RC_ASSERT(target.has_value());
    RC_ASSERT(target->segments == std::vector<std::string>{value});
    RC_ASSERT(percent_decode(*encoded).value() == value);
  }));
}

TEST(Target, AValueThatNoSegmentMayHoldIsNotEncoded) {
  using std::string_literals::operator""s;
  for (const auto& value : {""s, "."s, ".."s, "..;x"s, "a/b"s, "../x"s, "a\\b"s, "a\0"s, "a\nb"s,
                            "\x7f"s, "\xff"s, "%2f"s}) {
    EXPECT_FALSE(percent_encode_segment(value).has_value()) << value;
  }
  EXPECT_EQ(percent_encode_segment("a b&c=\u00e9~"), "a%20b%26c%3D%C3%A9~");
}

TEST(Percent, DecodingIsStrict) {
  EXPECT_EQ(percent_decode("a+b%20%c3%A9"), "a+b \u00e9");
  for (const auto* text : {"%", "%4", "%zz", "%00", "%ff", "a%2", "%-1", "% 1"}) {
    EXPECT_FALSE(percent_decode(text).has_value()) << text;
  }
}

TEST(Percent, AParsedUrlReadsBackTheSame) {
  EXPECT_TRUE(rc::check([] {
    const auto alphabet = rc::gen::elementOf(std::string("htps:/?#[]@.%2eF0aA1-_;=&+\\ "));
    const auto tail = *rc::gen::container<std::string>(alphabet);
    const auto url = parse_url("http://" + tail);
    if (!url) return;
    RC_ASSERT(parse_url(url->to_string()).value() == *url);
  }));
}

TEST(Form, KeepsOrderAndDuplicates) {
  const auto form = parse_form("b=2&a=1&b=3&c=&d&e=x%26y+z%3D~");
  ASSERT_TRUE(form.has_value());
  EXPECT_EQ(form->fields(),
            (std::vector<FormField>{
                {"b", "2"}, {"a", "1"}, {"b", "3"}, {"c", ""}, {"d", ""}, {"e", "x&y z=~"}}));
  EXPECT_EQ(form->all("b"), (std::vector<std::string_view>{"2", "3"}));
  EXPECT_EQ(form->duplicate(), "b");
  EXPECT_EQ(parse_form("a=1&b=1")->duplicate(), std::nullopt);
  EXPECT_TRUE(parse_form("")->fields().empty());
}

TEST(Form, ADuplicateFieldIsAnErrorToWhoeverReadsIt) {
  const Form form = parse_form("b=2&a=1&b=3&c=").value();
  EXPECT_EQ(form.get_unique("b").error().to_string(), "b: the field is given more than once");
  EXPECT_EQ(form.get_unique("a").value(), "1");
  EXPECT_EQ(form.get_unique("x").value(), std::nullopt);
  EXPECT_EQ(form.require("x").error().to_string(), "x: the field is missing");
  EXPECT_EQ(form.require("c").error().to_string(), "c: the field is empty");
  EXPECT_EQ(form.require("b").error().code, Errc::invalid_input);
  EXPECT_EQ(form.require("a").value(), "1");
}

TEST(Form, P11_HasOneCanonicalEncoding) {
  const auto again = [](std::string_view text) { return parse_form(text)->encode(); };
  EXPECT_EQ(again("a=%41+b%20c&d"), "a=A+b+c&d=");
  EXPECT_EQ(again("a=%7e%2a-._"), "a=%7E*-._");
  EXPECT_EQ(again("a=~!'()"), "a=%7E%21%27%28%29");
  EXPECT_EQ(again("a=b=c&%c3%a9=/?:@"), "a=b%3Dc&%C3%A9=%2F%3F%3A%40");
}

TEST(Form, WhatIsEncodedIsReadTheSame) {
  EXPECT_TRUE(rc::check([] {
    Form form;
    for (int i = *rc::gen::inRange(0, 5); i > 0; --i) {
      std::string name = 'n' + testing::any_text();
      std::string value = testing::any_text();
      std::erase(name, '\0');
      std::erase(value, '\0');
      form.add(name, value);
    }
    RC_ASSERT(parse_form(form.encode()).value() == form);
    RC_ASSERT(parse_target("/?" + form.encode()).has_value());
  }));
}

TEST(Form, WhatReadersTreatDifferentlyIsRefused) {
  using std::string_literals::operator""s;
  for (const auto& text :
       {"&"s, "a=1&"s, "&a=1"s, "a=1&&b=2"s, "=1"s, "="s, "a=%"s, "a=%zz"s, "a=%00"s, "%00=a"s,
        "a=%FF"s, "a=b c"s, "a=\u00e9"s, "a=\r\n"s, "a=\0"s}) {
    EXPECT_FALSE(parse_form(text).has_value()) << text;
  }
  EXPECT_EQ(parse_form("a=1&b=%zz").error().to_string(), "field 2: a malformed percent encoding");
}

TEST(Form, AFormOverItsLimitsIsTooLarge) {
  EXPECT_TRUE(parse_form("a=1", {.bytes = 3}).has_value());
  EXPECT_EQ(parse_form("a=12", {.bytes = 3}).error().code, Errc::too_large);
  EXPECT_TRUE(parse_form("a&b", {.fields = 2}).has_value());
  EXPECT_EQ(parse_form("a&b&c", {.fields = 2}).error().code, Errc::too_large);
}

}  // namespace
}  // namespace writ
