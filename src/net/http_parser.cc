// SPDX-License-Identifier: Apache-2.0
#include "net/http_parser.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <llhttp.h>

#include "wire/url.h"

namespace writ::net {
namespace {

std::unexpected<Refusal> refuse(int status, std::string reason) {
  return std::unexpected(Refusal{.status = status, .reason = std::move(reason)});
}
std::unexpected<Refusal> refuse(std::string reason) { return refuse(400, std::move(reason)); }

// What llhttp finds in a head. The head lies in one piece, so each span comes whole.
struct Spans {
  std::string_view method;
  std::string_view target;
  std::vector<std::pair<std::string_view, std::string_view>> fields;
  bool complete = false;
  std::size_t field_limit = 0;
};

Spans& spans_of(llhttp_t* parser) { return *static_cast<Spans*>(parser->data); }

llhttp_settings_t make_settings() {
  llhttp_settings_t settings;
  llhttp_settings_init(&settings);
  settings.on_method = [](llhttp_t* parser, const char* at, std::size_t size) {
    spans_of(parser).method = {at, size};
    return 0;
  };
  settings.on_url = [](llhttp_t* parser, const char* at, std::size_t size) {
    spans_of(parser).target = {at, size};
    return 0;
  };
  settings.on_header_field = [](llhttp_t* parser, const char* at, std::size_t size) {
    auto& spans = spans_of(parser);
    if (spans.fields.size() > spans.field_limit) return -1;
    spans.fields.emplace_back(std::string_view(at, size), std::string_view());
    return 0;
  };
  settings.on_header_value = [](llhttp_t* parser, const char* at, std::size_t size) {
    auto& fields = spans_of(parser).fields;
    if (fields.empty()) return -1;
    fields.back().second = {at, size};
    return 0;
  };
  settings.on_headers_complete = [](llhttp_t* parser) {
    spans_of(parser).complete = true;
    return 2;  // stop here: the body is not llhttp's
  };
  return settings;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  return text;
}

// The shape of the lines, before any parser: what llhttp or others let pass here is how requests
// are smuggled.
std::optional<Refusal> check_lines(std::string_view head) {
  if (!head.ends_with("\r\n\r\n"))
    return Refusal{.status = 400, .reason = "the head is incomplete"};
  bool first = true;
  auto rest = head.substr(0, head.size() - 2);
  while (!rest.empty()) {
    const auto end = rest.find("\r\n");
    if (end == std::string_view::npos) return Refusal{.status = 400, .reason = "a line has no end"};
    const auto line = rest.substr(0, end);
    rest.remove_prefix(end + 2);
    for (const char c : line) {
      const auto byte = static_cast<unsigned char>(c);
      if ((byte < 0x20 && c != '\t') || byte == 0x7f) {
        return Refusal{.status = 400, .reason = "a control character stands in the head"};
      }
    }
    if (first) {
      first = false;
      if (line.empty()) return Refusal{.status = 400, .reason = "an empty line comes first"};
      if (line.contains('\t')) {
        return Refusal{.status = 400, .reason = "a tab stands in the first line"};
      }
      continue;
    }
    if (line.empty()) return Refusal{.status = 400, .reason = "the head ends early"};
    if (line.front() == ' ' || line.front() == '\t') {
      return Refusal{.status = 400, .reason = "a header field is folded"};
    }
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) {
      return Refusal{.status = 400, .reason = "a header field has no colon"};
    }
    // Names are tokens: not empty, no white space before the colon.
    if (!is_token(line.substr(0, colon))) {
      return Refusal{.status = 400, .reason = "a header field's name is malformed"};
    }
  }
  return std::nullopt;
}

// Runs llhttp over a whole head and copies the fields out.
std::expected<Fields, Refusal> read_head(std::string_view head, llhttp_type_t type,
                                         const HeadLimits& limits, bool obs_text, llhttp_t& parser,
                                         Spans& spans) {
  if (head.size() > limits.bytes) return refuse(431, "the head is too large");
  if (auto refusal = check_lines(head)) return std::unexpected(std::move(*refusal));

  static const llhttp_settings_t settings = make_settings();
  spans.field_limit = limits.fields;
  llhttp_init(&parser, type, &settings);
  parser.data = &spans;
  const auto error = llhttp_execute(&parser, head.data(), head.size());
  if (spans.fields.size() > limits.fields) return refuse(431, "there are too many header fields");
  if (!spans.complete || (error != HPE_OK && error != HPE_PAUSED_UPGRADE)) {
    return refuse("the head is malformed");
  }
  if (parser.http_major != 1 || parser.http_minor > 1) {
    return refuse(505, "only HTTP/1.1 and 1.0 are spoken here");
  }
  Fields fields(FieldLimits{.count = limits.fields, .bytes = limits.bytes, .obs_text = obs_text});
  for (const auto& [field, value] : spans.fields) {
    if (auto added = fields.add(field, trim(value)); !added) {
      return refuse(added.error().code == Errc::too_large ? 431 : 400,
                    "the header field " + added.error().to_string());
    }
  }
  return fields;
}

// Content-Length and Transfer-Encoding of either kind of message; nothing where neither is there.
std::expected<std::optional<Framing>, Refusal> declared_framing(const Fields& fields,
                                                                Version version) {
  const auto encodings = fields.all("Transfer-Encoding");
  const auto lengths = fields.all("Content-Length");
  if (!encodings.empty()) {
    if (version == Version::http10) return refuse("Transfer-Encoding on HTTP/1.0");
    if (!lengths.empty()) return refuse("Transfer-Encoding with Content-Length");
    if (encodings.size() > 1 || !equal_ignoring_case(encodings[0], "chunked")) {
      return refuse("Transfer-Encoding is not exactly \"chunked\"");
    }
    return Framing{.kind = Framing::Kind::chunked, .length = 0};
  }
  if (lengths.empty()) return std::nullopt;
  if (lengths.size() > 1) return refuse("Content-Length is repeated");
  const auto text = lengths[0];
  std::uint64_t length = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
  // 18 digits at most, so that no sum of ours overflows. from_chars takes no sign for unsigned.
  if (error != std::errc() || end != text.data() + text.size() || text.size() > 18) {
    return refuse("Content-Length is not a number");
  }
  return Framing{.kind = Framing::Kind::length, .length = length};
}

bool keeps_alive(const Fields& fields, Version version) {
  return version == Version::http11 && !fields.lists_token("Connection", "close");
}

}  // namespace

std::expected<std::optional<std::size_t>, Refusal> HeadScanner::scan(std::string_view received) {
  // Each line feed ends a line, has its carriage return, and the first empty line ends the head.
  while (looked_ < received.size()) {
    const auto at = received.find('\n', looked_);
    if (at == std::string_view::npos) {
      looked_ = received.size();
      break;
    }
    if (at >= limit_) break;
    if (at == 0 || received[at - 1] != '\r') return refuse("a line ends in a bare line feed");
    looked_ = at + 1;
    if (at - 1 == line_) {
      if (line_ == 0) return refuse("an empty line comes first");
      return looked_;
    }
    line_ = looked_;
  }
  if (received.size() >= limit_) {
    // Nothing but the first line so far: then it is the target that is too long.
    return line_ == 0 ? refuse(414, "the request line is too long")
                      : refuse(431, "the head is too large");
  }
  return std::nullopt;
}

std::expected<ParsedRequest, Refusal> parse_request(std::string_view head,
                                                    const HeadLimits& limits) {
  llhttp_t parser;
  Spans spans;
  auto fields = read_head(head, HTTP_REQUEST, limits, false, parser, spans);
  if (!fields) return std::unexpected(std::move(fields).error());

  ParsedRequest parsed;
  parsed.head.method = spans.method;
  parsed.head.target = spans.target;
  parsed.head.version = parser.http_minor == 0 ? Version::http10 : Version::http11;
  parsed.head.fields = *std::move(fields);
  const auto& request = parsed.head;

  // Between the two there is one space, and after them one more: what llhttp is lenient about.
  const auto line = head.substr(0, head.find("\r\n"));
  if (line != request.method + " " + request.target +
                  (request.version == Version::http10 ? " HTTP/1.0" : " HTTP/1.1")) {
    return refuse("the request line is malformed");
  }
  if (request.method == "CONNECT") return refuse("CONNECT is not served here");
  if (request.target.size() > limits.target) return refuse(414, "the target is too long");
  if (!request.target.starts_with('/')) {
    return refuse("the target is not in origin-form, beginning with \"/\"");
  }
  for (const char c : request.target) {
    if (c <= ' ' || c >= 0x7f || c == '#') return refuse("the target has a character it may not");
  }

  for (const auto* single : {"Authorization", "DPoP", "Proxy-Authorization"}) {
    const auto values = request.fields.all(single);
    if (values.size() > 1) return refuse(std::string(single) + " is repeated");
    if (!values.empty() && values[0].contains(',')) {
      return refuse(std::string(single) + " is a list");
    }
  }
  for (const auto* single : {"Content-Type", "Expect"}) {
    if (request.fields.count(single) > 1) return refuse(std::string(single) + " is repeated");
  }
  const auto hosts = request.fields.all("Host");
  if (hosts.size() != 1) return refuse(hosts.empty() ? "Host is missing" : "Host is repeated");
  if (auto authority = parse_authority(hosts[0]); !authority) {
    return refuse("Host is malformed: " + authority.error().message);
  }
  parsed.head.host = hosts[0];

  if (request.fields.contains("Upgrade") || request.fields.lists_token("Connection", "upgrade")) {
    return refuse("Upgrade is not served here");
  }
  auto framing = declared_framing(request.fields, request.version);
  if (!framing) return std::unexpected(std::move(framing).error());
  parsed.body = framing->value_or(Framing{});
  parsed.keep_alive = keeps_alive(request.fields, request.version);

  if (const auto expectations = request.fields.all("Expect"); !expectations.empty()) {
    if (!equal_ignoring_case(expectations[0], "100-continue")) {
      return refuse(417, "this expectation cannot be met");
    }
    parsed.expects_continue = request.version == Version::http11;
  }
  return parsed;
}

std::expected<ParsedResponse, Refusal> parse_response(std::string_view head,
                                                      std::string_view to_method,
                                                      const HeadLimits& limits) {
  llhttp_t parser;
  Spans spans;
  auto fields = read_head(head, HTTP_RESPONSE, limits, true, parser, spans);
  if (!fields) return std::unexpected(std::move(fields).error());

  ParsedResponse parsed;
  parsed.head.status = parser.status_code;
  parsed.head.version = parser.http_minor == 0 ? Version::http10 : Version::http11;
  parsed.head.fields = *std::move(fields);
  const int status = parsed.head.status;
  // Three digits and then a space or the end: "HTTP/1.1 2000" is nobody's 200.
  const auto line = head.substr(0, head.find("\r\n"));
  if (status < 100 || status > 599 || line.size() < 12 || (line.size() > 12 && line[12] != ' ')) {
    return refuse("the status is none");
  }
  if (status == 101) return refuse("a protocol switch nobody asked for");

  auto framing = declared_framing(parsed.head.fields, parsed.head.version);
  if (!framing) return std::unexpected(std::move(framing).error());
  parsed.keep_alive = keeps_alive(parsed.head.fields, parsed.head.version);
  // RFC 9112 section 6.3.
  if (status < 200 || status == 204 || status == 304 || to_method == "HEAD") {
    parsed.body = Framing{};
  } else if (*framing) {
    parsed.body = **framing;
  } else {
    parsed.body = {.kind = Framing::Kind::until_close, .length = 0};
    parsed.keep_alive = false;
  }
  return parsed;
}

}  // namespace writ::net
