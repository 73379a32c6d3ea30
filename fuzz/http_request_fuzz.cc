// SPDX-License-Identifier: Apache-2.0
// room: net
// HTTP/1.1 messages, a response where the text begins so. The verdict does not depend on how the
// bytes arrive; a head that parses has one line for each field and is the same after it is written
// again; a body comes out the same however it is cut.
#include <algorithm>
#include <string>

#include "base/bytes.h"
#include "base/check.h"
#include "net/http_parser.h"

namespace {

using namespace writ;
using namespace writ::net;

// The end of the head in all of `text`, or found with the first `split` bytes alone first.
std::expected<std::optional<std::size_t>, Refusal> scan(std::string_view text, std::size_t split) {
  HeadScanner scanner{HeadLimits{}};
  auto found = scanner.scan(text.substr(0, split));
  return found && !*found ? scanner.scan(text) : found;
}

struct Body {
  std::string data;
  std::size_t consumed = 0;
  bool failed = false;
  bool done = false;
  friend bool operator==(const Body&, const Body&) = default;
};

Body decode(Framing framing, std::string_view text, std::size_t split) {
  BodyDecoder decoder(framing);
  Body body;
  for (const auto piece : {text.substr(0, split), text.substr(split)}) {
    auto rest = as_bytes(piece);
    while (!rest.empty() && !decoder.done()) {
      const auto step = decoder.step(rest);
      if (!step) {
        body.failed = true;
        body.consumed = 0;  // how far it came within the last piece, nobody says
        return body;
      }
      WRIT_CHECK(step->consumed > 0 && step->data.size() <= step->consumed);
      body.data += as_text(step->data);
      body.consumed += step->consumed;
      rest = rest.subspan(step->consumed);
    }
  }
  body.done = decoder.done();
  return body;
}

std::string lines_of(const Fields& fields) {
  std::string text;
  for (const auto field : fields) {
    text.append(field.name).append(": ").append(field.value).append("\r\n");
  }
  return text + "\r\n";
}

void has_a_line_for_each(std::string_view head, const Fields& fields) {
  // The first line, the fields, the empty line; and no carriage return or line feed elsewhere.
  const auto lines = static_cast<std::ptrdiff_t>(fields.size()) + 2;
  WRIT_CHECK(std::ranges::count(head, '\n') == lines && std::ranges::count(head, '\r') == lines);
}

void check_request(std::string_view head, std::string_view rest, std::size_t split) {
  const auto parsed = parse_request(head);
  if (!parsed) {
    WRIT_CHECK(parsed.error().status >= 400 && !parsed.error().reason.empty());
    return;
  }
  const auto& request = parsed->head;
  has_a_line_for_each(head, request.fields);
  WRIT_CHECK(request.fields.count("Host") == 1 && request.target.starts_with('/'));
  WRIT_CHECK(request.fields.count("Content-Length") + request.fields.count("Transfer-Encoding") <=
             1);
  const auto version = request.version == Version::http10 ? " HTTP/1.0\r\n" : " HTTP/1.1\r\n";
  const auto again =
      parse_request(request.method + " " + request.target + version + lines_of(request.fields));
  WRIT_CHECK(again.has_value());
  WRIT_CHECK(again->head.method == request.method && again->head.target == request.target &&
             again->head.fields == request.fields && again->head.host == request.host);
  WRIT_CHECK(again->body == parsed->body && again->keep_alive == parsed->keep_alive &&
             again->expects_continue == parsed->expects_continue);
  WRIT_CHECK(decode(parsed->body, rest, rest.size()) ==
             decode(parsed->body, rest, std::min(split, rest.size())));
}

void check_response(std::string_view head, std::string_view rest, std::size_t split) {
  const auto parsed = parse_response(head, "GET");
  if (!parsed) return;
  has_a_line_for_each(head, parsed->head.fields);
  WRIT_CHECK(parsed->head.status >= 100 && parsed->head.status <= 599);
  const auto to_head = parse_response(head, "HEAD");
  WRIT_CHECK(to_head && to_head->body == Framing{});
  WRIT_CHECK(decode(parsed->body, rest, rest.size()) ==
             decode(parsed->body, rest, std::min(split, rest.size())));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // The last byte says where to cut.
  const std::size_t cut = size == 0 ? 0 : data[size - 1];
  const auto text = as_text({data, size});
  const auto found = scan(text, size);
  const auto piecewise = scan(text, std::min(cut, size));
  WRIT_CHECK(found.has_value() == piecewise.has_value());
  if (!found || !*found) return 0;
  WRIT_CHECK(*found == *piecewise);
  const auto head = text.substr(0, **found);
  const auto rest = text.substr(**found);
  text.starts_with("HTTP/") ? check_response(head, rest, cut) : check_request(head, rest, cut);
  return 0;
}
