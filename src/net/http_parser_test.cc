// SPDX-License-Identifier: Apache-2.0
#include "net/http_parser.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace writ::net {
namespace {

std::string request(std::string_view line, std::string_view fields) {
  return std::string(line) + "\r\n" + std::string(fields) + "\r\n";
}

std::expected<ParsedRequest, Refusal> parse(const std::string& text) {
  HeadScanner scanner{HeadLimits{}};
  const auto size = scanner.scan(text);
  if (!size) return std::unexpected(size.error());
  if (!*size) return std::unexpected(Refusal{.status = 0, .reason = "incomplete"});
  return parse_request(std::string_view(text).substr(0, **size));
}

TEST(RequestParser, ReadsARequest) {
  const auto parsed = parse(request("POST /tools/acme/billing?a=b HTTP/1.1",
                                    "Host: writ.example:8443\r\nContent-Length: 12\r\n"
                                    "X-Padded: \t value \t\r\nX-Empty:\r\n"));
  ASSERT_TRUE(parsed) << parsed.error().reason;
  EXPECT_EQ(parsed->head.method, "POST");
  EXPECT_EQ(parsed->head.target, "/tools/acme/billing?a=b");
  EXPECT_EQ(parsed->head.host, "writ.example:8443");
  EXPECT_EQ(parsed->head.fields.all("x-padded"), std::vector<std::string_view>{"value"});
  EXPECT_EQ(parsed->head.fields.all("x-empty"), std::vector<std::string_view>{""});
  EXPECT_EQ(parsed->body, (Framing{.kind = Framing::Kind::length, .length = 12}));
  EXPECT_TRUE(parsed->keep_alive);
}

TEST(RequestParser, ChunkedAndConnectionCloseAndExpect) {
  const auto parsed = parse(request("POST / HTTP/1.1",
                                    "Host: a\r\nTransfer-Encoding: Chunked\r\n"
                                    "Connection: keep-alive, Close\r\nExpect: 100-Continue\r\n"));
  ASSERT_TRUE(parsed) << parsed.error().reason;
  EXPECT_EQ(parsed->body.kind, Framing::Kind::chunked);
  EXPECT_FALSE(parsed->keep_alive);
  EXPECT_TRUE(parsed->expects_continue);
}

struct Refused {
  const char* name;
  std::string text;
  int status = 400;
};

// failures.md 16 and 17: each is a way in which some two programs disagree.
const std::vector<Refused>& smuggling() {
  static const std::vector<Refused> table = {
      {"CL and TE", request("POST / HTTP/1.1",
                            "Host: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n")},
      {"TE and CL", request("POST / HTTP/1.1",
                            "Host: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n")},
      {"duplicate equal CL",
       request("POST / HTTP/1.1", "Host: a\r\nContent-Length: 4\r\nContent-Length: 4\r\n")},
      {"duplicate CL",
       request("POST / HTTP/1.1", "Host: a\r\nContent-Length: 4\r\ncontent-length: 5\r\n")},
      {"CL list", request("POST / HTTP/1.1", "Host: a\r\nContent-Length: 4, 4\r\n")},
      {"empty CL", request("POST / HTTP/1.1", "Host: a\r\nContent-Length:\r\n")},
      {"signed CL", request("POST / HTTP/1.1", "Host: a\r\nContent-Length: +4\r\n")},
      {"negative CL", request("POST / HTTP/1.1", "Host: a\r\nContent-Length: -4\r\n")},
      {"hex CL", request("POST / HTTP/1.1", "Host: a\r\nContent-Length: 0x4\r\n")},
      {"spaced CL", request("POST / HTTP/1.1", "Host: a\r\nContent-Length: 1 2\r\n")},
      {"huge CL",
       request("POST / HTTP/1.1", "Host: a\r\nContent-Length: 18446744073709551617\r\n")},
      {"xchunked", request("POST / HTTP/1.1", "Host: a\r\nTransfer-Encoding: xchunked\r\n")},
      {"identity", request("POST / HTTP/1.1", "Host: a\r\nTransfer-Encoding: identity\r\n")},
      {"gzip, chunked",
       request("POST / HTTP/1.1", "Host: a\r\nTransfer-Encoding: gzip, chunked\r\n")},
      {"chunked, chunked",
       request("POST / HTTP/1.1", "Host: a\r\nTransfer-Encoding: chunked, chunked\r\n")},
      {"TE twice",
       request("POST / HTTP/1.1",
               "Host: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")},
      {"quoted TE", request("POST / HTTP/1.1", "Host: a\r\nTransfer-Encoding: \"chunked\"\r\n")},
      {"TE with VT", request("POST / HTTP/1.1",
                             "Host: a\r\nTransfer-Encoding: \x0b"
                             "chunked\r\n")},
      {"empty TE", request("POST / HTTP/1.1", "Host: a\r\nTransfer-Encoding:\r\n")},
      {"TE on 1.0", request("POST / HTTP/1.0", "Host: a\r\nTransfer-Encoding: chunked\r\n")},
      {"bare LF after the line", "GET / HTTP/1.1\nHost: a\r\n\r\n"},
      {"bare LF after a field", "GET / HTTP/1.1\r\nHost: a\n\r\n"},
      {"bare LF at the end", "GET / HTTP/1.1\r\nHost: a\r\n\n"},
      {"all bare LF", "GET / HTTP/1.1\nHost: a\n\n"},
      {"bare CR in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n"},
      {"CR CR LF", "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n"},
      {"NUL", request("GET / HTTP/1.1", std::string("Host: a\r\nX: a\0b\r\n", 17))},
      {"obs-fold", request("GET / HTTP/1.1", "Host: a\r\nX: a\r\n b\r\n")},
      {"obs-fold with tab", request("GET / HTTP/1.1", "Host: a\r\nX: a\r\n\tb\r\n")},
      {"folded first field", request("GET / HTTP/1.1", " Host: a\r\n")},
      {"empty name", request("GET / HTTP/1.1", "Host: a\r\n: b\r\n")},
      {"space before colon", request("POST / HTTP/1.1", "Host: a\r\nContent-Length : 4\r\n")},
      {"tab before colon", request("POST / HTTP/1.1", "Host: a\r\nContent-Length\t: 4\r\n")},
      {"no colon", request("GET / HTTP/1.1", "Host: a\r\nContent-Length\r\n")},
      {"name with space", request("GET / HTTP/1.1", "Host: a\r\nA B: c\r\n")},
      {"missing Host", request("GET / HTTP/1.1", "Accept: a\r\n")},
      {"no field at all", request("GET / HTTP/1.1", "")},
      {"duplicate Host", request("GET / HTTP/1.1", "Host: a\r\nHost: a\r\n")},
      {"empty Host", request("GET / HTTP/1.1", "Host:\r\n")},
      {"Host with userinfo", request("GET / HTTP/1.1", "Host: a@b\r\n")},
      {"Host with path", request("GET / HTTP/1.1", "Host: a/b\r\n")},
      {"two Authorizations",
       request("GET / HTTP/1.1", "Host: a\r\nAuthorization: DPoP x\r\nAuthorization: DPoP y\r\n")},
      {"Authorization list",
       request("GET / HTTP/1.1", "Host: a\r\nAuthorization: DPoP x, DPoP y\r\n")},
      {"two DPoPs", request("GET / HTTP/1.1", "Host: a\r\nDPoP: x\r\ndpop: x\r\n")},
      {"DPoP list", request("GET / HTTP/1.1", "Host: a\r\nDPoP: x,y\r\n")},
      {"two Content-Types",
       request("GET / HTTP/1.1", "Host: a\r\nContent-Type: a/b\r\nContent-Type: a/b\r\n")},
      {"Upgrade", request("GET / HTTP/1.1", "Host: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n")},
      {"Upgrade alone", request("GET / HTTP/1.1", "Host: a\r\nUpgrade: websocket\r\n")},
      {"CONNECT", request("CONNECT a:443 HTTP/1.1", "Host: a:443\r\n")},
      {"CONNECT with path", request("CONNECT / HTTP/1.1", "Host: a\r\n")},
      {"absolute form", request("GET http://a/ HTTP/1.1", "Host: a\r\n")},
      {"absolute form elsewhere", request("GET http://b/ HTTP/1.1", "Host: a\r\n")},
      {"asterisk", request("OPTIONS * HTTP/1.1", "Host: a\r\n")},
      {"fragment", request("GET /a#b HTTP/1.1", "Host: a\r\n")},
      {"non-ASCII target", request("GET /\xc3\xa4 HTTP/1.1", "Host: a\r\n")},
      {"two spaces", request("GET  / HTTP/1.1", "Host: a\r\n")},
      {"space in target", request("GET /a b HTTP/1.1", "Host: a\r\n")},
      {"trailing space", request("GET / HTTP/1.1 ", "Host: a\r\n")},
      {"tab in the line", request("GET\t/ HTTP/1.1", "Host: a\r\n")},
      {"leading space", request(" GET / HTTP/1.1", "Host: a\r\n")},
      {"leading empty line", "\r\n" + request("GET / HTTP/1.1", "Host: a\r\n")},
      {"unknown method", request("GETX / HTTP/1.1", "Host: a\r\n")},
      {"lower-case method", request("get / HTTP/1.1", "Host: a\r\n")},
      {"HTTP/0.9", request("GET /", ""), 505},
      {"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\n"},
      {"HTTP/2.0", request("GET / HTTP/2.0", "Host: a\r\n"), 505},
      {"HTTP/1.2", request("GET / HTTP/1.2", "Host: a\r\n")},
      {"lower-case version", request("GET / http/1.1", "Host: a\r\n")},
      {"obs-text", request("GET / HTTP/1.1", "Host: a\r\nX: \xe4\r\n")},
      {"other expectation", request("POST / HTTP/1.1", "Host: a\r\nExpect: x\r\n"), 417},
      {"long target", request("GET /" + std::string(9000, 'a') + " HTTP/1.1", "Host: a\r\n"), 414},
      {"long line", "GET /" + std::string(70'000, 'a'), 414},
      {"long head", request("GET / HTTP/1.1", "Host: a\r\nX: " + std::string(70'000, 'a') + "\r\n"),
       431},
      {"long head without end", "GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(70'000, 'a'), 431},
  };
  return table;
}

TEST(RequestParser, EveryWayToSmuggleIsRefused) {
  for (const auto& [name, text, status] : smuggling()) {
    const auto parsed = parse(text);
    ASSERT_FALSE(parsed) << name;
    EXPECT_EQ(parsed.error().status, status) << name << ": " << parsed.error().reason;
    EXPECT_LT(parsed.error().reason.size(), 200U) << name;
  }
}

TEST(RequestParser, TooManyFieldsAreRefused) {
  std::string fields = "Host: a\r\n";
  for (int i = 0; i < 99; ++i) fields += "X-" + std::to_string(i) + ": a\r\n";
  EXPECT_TRUE(parse(request("GET / HTTP/1.1", fields)));
  fields += "X-One-More: a\r\n";
  const auto parsed = parse(request("GET / HTTP/1.1", fields));
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().status, 431);
}

// Whatever the pieces in which bytes come: the same verdict, and never an earlier end.
TEST(HeadScanner, TheVerdictDoesNotDependOnHowBytesArrive) {
  auto texts = std::vector<std::string>{request("GET / HTTP/1.1", "Host: a\r\n") + "more",
                                        request("POST /x HTTP/1.1", "Host: a\r\nX: y\r\n")};
  for (const auto& refused : smuggling()) {
    if (refused.text.size() < 300) texts.push_back(refused.text);
  }
  for (const auto& text : texts) {
    HeadScanner whole{HeadLimits{}};
    const auto expected = whole.scan(text);
    for (std::size_t split = 0; split <= text.size(); ++split) {
      HeadScanner scanner{HeadLimits{}};
      auto got = scanner.scan(std::string_view(text).substr(0, split));
      if (got && !*got) got = scanner.scan(text);
      ASSERT_EQ(got.has_value(), expected.has_value()) << text << " at " << split;
      if (got) ASSERT_EQ(*got, *expected) << text << " at " << split;
    }
    HeadScanner bytewise{HeadLimits{}};
    auto got = bytewise.scan({});
    for (std::size_t size = 1; size <= text.size() && got && !*got; ++size) {
      got = bytewise.scan(std::string_view(text).substr(0, size));
    }
    ASSERT_EQ(got.has_value(), expected.has_value()) << text;
    if (got) ASSERT_EQ(*got, *expected) << text;
  }
}

TEST(ResponseParser, BodiesEndAsTheStandardSays) {
  const auto framing = [](const char* line, const char* fields, const char* method = "GET") {
    return parse_response(request(line, fields), method).value().body;
  };
  using Kind = Framing::Kind;
  EXPECT_EQ(framing("HTTP/1.1 200 OK", "Content-Length: 3\r\n"),
            (Framing{.kind = Kind::length, .length = 3}));
  EXPECT_EQ(framing("HTTP/1.1 200 OK", "Transfer-Encoding: chunked\r\n").kind, Kind::chunked);
  EXPECT_EQ(framing("HTTP/1.1 200 OK", "").kind, Kind::until_close);
  EXPECT_EQ(framing("HTTP/1.1 200", "").kind, Kind::until_close);
  EXPECT_EQ(framing("HTTP/1.1 204 No Content", "").kind, Kind::none);
  EXPECT_EQ(framing("HTTP/1.1 304 Not Modified", "Content-Length: 3\r\n").kind, Kind::none);
  EXPECT_EQ(framing("HTTP/1.1 200 OK", "Content-Length: 3\r\n", "HEAD").kind, Kind::none);
  EXPECT_EQ(framing("HTTP/1.1 100 Continue", "").kind, Kind::none);
  EXPECT_FALSE(parse_response(request("HTTP/1.1 200 OK", ""), "GET")->keep_alive);
  EXPECT_FALSE(
      parse_response(request("HTTP/1.0 200 OK", "Content-Length: 3\r\n"), "GET")->keep_alive);
  EXPECT_TRUE(
      parse_response(request("HTTP/1.1 200 OK", "Content-Length: 3\r\n"), "GET")->keep_alive);
}

TEST(ResponseParser, AmbiguousResponsesAreRefused) {
  for (const auto& text : {
           request("HTTP/1.1 200 OK", "Content-Length: 3\r\nContent-Length: 3\r\n"),
           request("HTTP/1.1 200 OK", "Content-Length: 3, 3\r\n"),
           request("HTTP/1.1 200 OK", "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n"),
           request("HTTP/1.1 200 OK", "Transfer-Encoding: gzip, chunked\r\n"),
           request("HTTP/1.0 200 OK", "Transfer-Encoding: chunked\r\n"),
           request("HTTP/1.1 101 Switching Protocols", "Upgrade: x\r\nConnection: Upgrade\r\n"),
           request("HTTP/1.1 99 Low", ""),
           request("HTTP/1.1 2000 High", ""),
           request("HTTP/1.1 600 High", ""),
           request("HTTP/2.0 200 OK", ""),
           request("HTTP/1.1 200 OK", "X: a\r\n folded\r\n"),
           request("HTTP/1.1 200 OK", "X : a\r\n"),
           request("ICY 200 OK", ""),
           std::string("HTTP/1.1 200 OK\nX: a\n\n"),
       }) {
    EXPECT_FALSE(parse_response(text, "GET")) << text;
  }
}

struct Decoded {
  std::string data;
  bool done = false;
  bool failed = false;
  std::size_t consumed = 0;

  friend bool operator==(const Decoded&, const Decoded&) = default;
};

Decoded decode(Framing framing, const std::vector<std::string>& pieces) {
  BodyDecoder decoder(framing);
  Decoded decoded;
  for (const auto& piece : pieces) {
    auto rest = as_bytes(piece);
    while (!rest.empty() && !decoder.done()) {
      const auto step = decoder.step(rest);
      if (!step) {
        decoded.failed = true;
        return decoded;
      }
      decoded.data += as_text(step->data);
      decoded.consumed += step->consumed;
      rest = rest.subspan(step->consumed);
    }
  }
  decoded.done = decoder.done();
  return decoded;
}

constexpr Framing kChunked{.kind = Framing::Kind::chunked, .length = 0};

TEST(BodyDecoder, ChunkedBodiesAtEverySplit) {
  const std::string text =
      "4\r\nWiki\r\n5\r\npedia\r\n0A\r\n0123456789\r\n0\r\nX-Trailer: a\r\n\r\n";
  const auto whole = decode(kChunked, {text + "next"});
  EXPECT_EQ(whole.data, "Wikipedia0123456789");
  EXPECT_TRUE(whole.done);
  EXPECT_EQ(whole.consumed, text.size());
  for (std::size_t a = 0; a <= text.size(); ++a) {
    for (std::size_t b = a; b <= text.size(); ++b) {
      EXPECT_EQ(
          decode(kChunked, {text.substr(0, a), text.substr(a, b - a), text.substr(b) + "next"}),
          whole);
    }
  }
}

TEST(BodyDecoder, MalformedChunksAreRefusedAtEverySplit) {
  for (const std::string text : {
           "4\r\nWikiX\r\n0\r\n\r\n",        // data longer than its size
           "4\r\nWiki0\r\n\r\n",             // data without CRLF, as llhttp 8.1 accepts
           "4\r\nWiki\n0\r\n\r\n",           // bare LF after data
           "4\nWiki\r\n0\r\n\r\n",           // bare LF after a size
           "4;ext=1\r\nWiki\r\n0\r\n\r\n",   // an extension
           "4 \r\nWiki\r\n0\r\n\r\n",        // white space after a size
           " 4\r\nWiki\r\n0\r\n\r\n",        // white space before
           "0x4\r\nWiki\r\n0\r\n\r\n",       // 0x
           "-4\r\nWiki\r\n0\r\n\r\n",        // a sign
           "\r\nWiki\r\n0\r\n\r\n",          // no size
           "10000000000000004\r\nWiki\r\n",  // overflows 64 bits
           "0\r\nContent-Length 4\r\n\r\n",  // a trailer without colon
           "0\r\n folded: a\r\n\r\n",        // a folded trailer
           "0\r\n: a\r\n\r\n",               // a trailer without name
           "0\r\nX: a\n\r\n",                // bare LF in the trailers
           "0\r\n\rX",                       // no end
       }) {
    for (std::size_t split = 0; split <= text.size(); ++split) {
      EXPECT_TRUE(decode(kChunked, {text.substr(0, split), text.substr(split)}).failed)
          << text << " at " << split;
    }
  }
}

TEST(BodyDecoder, TrailersAreBounded) {
  EXPECT_TRUE(decode(kChunked, {"0\r\nX: " + std::string(9000, 'a') + "\r\n\r\n"}).failed);
}

TEST(BodyDecoder, ACutBodyIsNeverComplete) {
  for (const std::string text : {"", "4", "4\r\n", "4\r\nWi", "4\r\nWiki", "4\r\nWiki\r\n",
                                 "4\r\nWiki\r\n0\r\n", "4\r\nWiki\r\n0\r\n\r"}) {
    BodyDecoder decoder(kChunked);
    auto rest = as_bytes(text);
    while (!rest.empty()) rest = rest.subspan(decoder.step(rest)->consumed);
    EXPECT_FALSE(decoder.end_of_input()) << text;
  }
  BodyDecoder length({.kind = Framing::Kind::length, .length = 3});
  ASSERT_TRUE(length.step(as_bytes("ab")));
  EXPECT_FALSE(length.end_of_input());
  BodyDecoder close({.kind = Framing::Kind::until_close, .length = 0});
  ASSERT_TRUE(close.step(as_bytes("ab")));
  EXPECT_FALSE(close.done());
  EXPECT_TRUE(close.end_of_input());
  EXPECT_TRUE(close.done());
}

TEST(BodyDecoder, AnyBodyInAnyChunksComesOutAsItWentIn) {
  rc::check([](const std::vector<std::string>& chunks, const std::vector<std::uint8_t>& cuts) {
    std::string encoded;
    std::string expected;
    for (const auto& chunk : chunks) {
      if (chunk.empty()) continue;
      char size[20];
      std::snprintf(size, sizeof size, "%zx\r\n", chunk.size());
      encoded += size + chunk + "\r\n";
      expected += chunk;
    }
    encoded += "0\r\n\r\n";
    std::vector<std::string> pieces;
    std::size_t at = 0;
    for (const auto cut : cuts) {
      const auto size = std::min<std::size_t>(cut, encoded.size() - at);
      pieces.push_back(encoded.substr(at, size));
      at += size;
    }
    pieces.push_back(encoded.substr(at));
    const auto decoded = decode(kChunked, pieces);
    RC_ASSERT(decoded.done);
    RC_ASSERT(decoded.data == expected);
    RC_ASSERT(decoded.consumed == encoded.size());
  });
}

}  // namespace
}  // namespace writ::net
