// SPDX-License-Identifier: Apache-2.0
// room: wire
// URLs, targets, forms and fields; the first byte chooses. Whatever parses is the same after it is
// written and read again, and has none of what servers read in two ways.
#include <algorithm>

#include "base/bytes.h"
#include "base/check.h"
#include "wire/http_fields.h"
#include "wire/url.h"
#include "wire/utf8.h"

namespace {

using namespace writ;

void check_target(const Target& target) {
  const std::string_view path = target.path;
  for (const auto* never :
       {"//", "/./", "/../", "%2F", "%2f", "%5C", "%5c", "%2E", "%2e", "%00", "#", "\\", " "}) {
    WRIT_CHECK(!path.contains(never));
  }
  WRIT_CHECK(!path.ends_with("/.") && !path.ends_with("/.."));
  WRIT_CHECK(!target.segments.empty());
  for (const auto& segment : target.segments) {
    WRIT_CHECK(is_utf8(segment) && segment != "." && segment != ".." && !segment.contains('/'));
  }
}

void url(std::string_view text) {
  const auto url = parse_url(text);
  if (!url) return;
  WRIT_CHECK(parse_url(url->to_string()) == *url);
  WRIT_CHECK(parse_authority(url->authority())->host == url->host);
  WRIT_CHECK(url->port != 0 && !url->host.empty() && !url->host.ends_with('.'));
  check_target(parse_target(url->target()).value());
}

void target(std::string_view text) {
  const auto target = parse_target(text);
  if (!target) return;
  WRIT_CHECK(target->to_string() == text);
  check_target(*target);
  // The decoded segments lead back to an equal path, in one canonical spelling.
  std::string rebuilt;
  for (const auto& segment : target->segments) {
    rebuilt += '/';
    if (!segment.empty()) rebuilt += percent_encode_segment(segment).value();
  }
  WRIT_CHECK(parse_target(rebuilt, {.bytes = 4 * text.size()})->segments == target->segments);
}

void form(std::string_view text) {
  const auto form = parse_form(text);
  if (!form) return;
  const std::string encoded = form->encode();
  WRIT_CHECK(parse_form(encoded, {.bytes = 4 * text.size() + 4096}) == *form);
  WRIT_CHECK(parse_form(encoded, {.bytes = 4 * text.size() + 4096})->encode() == encoded);
}

// Lines of "name:value".
void fields(std::string_view text) {
  Fields fields;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    const auto line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const auto colon = line.find(':');
    if (colon != std::string_view::npos) {
      (void)fields.add(line.substr(0, colon), line.substr(colon + 1));
    }
  }
  Fields copy;
  for (const auto field : fields) {
    WRIT_CHECK(std::ranges::none_of(field.value, [](char c) { return c == '\r' || c == '\0'; }));
    WRIT_CHECK(copy.add(field.name, field.value).has_value());
    (void)fields.list(field.name);
    if (const auto type = parse_media_type(field.value)) {
      WRIT_CHECK(parse_media_type(type->essence)->essence == type->essence);
    }
    if (const auto value = parse_authorization(field.value)) {
      WRIT_CHECK(std::string(value->scheme) + ' ' + std::string(value->token) == field.value);
    }
    if (const auto quoted = quote_string(field.value)) {
      const auto type = parse_media_type("a/b;c=" + *quoted);
      WRIT_CHECK(type && type->parameter("c") == field.value);
    }
  }
  WRIT_CHECK(copy == fields);
  (void)parse_prefer(fields);
  (void)accepts(fields, "application/json");
  if (!fields.empty()) {
    const std::string name(fields[0].name);
    const auto count = fields.count(name);
    const auto size = fields.size();
    WRIT_CHECK(fields.erase(name) == count && fields.size() == size - count);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text = as_text({data + 1, size - 1});
  switch (data[0]) {
    case 'u':
      url(text);
      break;
    case 't':
      target(text);
      break;
    case 'f':
      form(text);
      break;
    default:
      fields(text);
  }
  return 0;
}
