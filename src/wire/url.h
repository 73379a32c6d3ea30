// SPDX-License-Identifier: Apache-2.0
// URLs (RFC 3986), request targets, percent and form encoding: one reading of each text, and every
// text that two programs might read differently refused. Pure functions, thread-safe; errors are
// invalid_input or too_large.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace writ {

struct UrlLimits {
  std::size_t bytes = 2048;
};

// Url: an absolute http or https URL in canonical form, so that equal URLs have equal texts. Made
// by parse_url(); whoever changes a field keeps its form.
struct Url {
  std::string scheme;  // "http" or "https"
  std::string host;    // "api.example.com", "192.0.2.1" or "[2001:db8::1]"
  std::uint16_t port = 0;
  std::string path;                  // as in Target; "/" where the text had none
  std::optional<std::string> query;  // without its "?"

  bool is_https() const { return scheme == "https"; }
  bool has_default_port() const { return port == (is_https() ? 443 : 80); }
  // The Host field: the port is left out where it is the scheme's.
  std::string authority() const;
  std::string origin() const;  // scheme://authority
  std::string target() const;  // path?query
  std::string to_string() const;
  friend bool operator==(const Url&, const Url&) = default;
};

// Refuses every other scheme, userinfo, fragments, an empty host, a trailing dot in the host,
// numbers that some read as IPv4 ("127.1", "0x7f000001"), zone ids, port 0, backslashes, spaces,
// control and non-ASCII bytes, and paths that parse_target() refuses. Scheme and host may be in any
// case and the default port may be spelled out; the result has the canonical form.
Expected<Url> parse_url(std::string_view text, const UrlLimits& limits = {});

enum class HostKind { name, ipv4, ipv6 };
// Of a canonical host.
HostKind host_kind(std::string_view host);
// The canonical form of a host alone, as above.
Expected<std::string> parse_host(std::string_view text);
// A Host field's value or an origin's authority: "host" or "host:port".
struct Authority {
  std::string host;
  std::optional<std::uint16_t> port;
  friend bool operator==(const Authority&, const Authority&) = default;
};
Expected<Authority> parse_authority(std::string_view text);

// Target: a request's origin-form target (RFC 9112 section 3.2.1).
struct Target {
  std::string path;                   // the very bytes, beginning with "/"
  std::optional<std::string> query;   // the very bytes after "?"; "a?" has an empty one
  std::vector<std::string> segments;  // of the path, decoded: "/a/b%20c/" is {"a", "b c", ""}

  std::string to_string() const;
  friend bool operator==(const Target&, const Target&) = default;
};

struct TargetLimits {
  std::size_t bytes = 8192;
};

// Refuses what proxies and servers are known to read in two ways: fragments, "//", dot segments
// (also "..;x", which some servers cut at the semicolon), encoded "/", "\", "." and control
// characters, other percent encodings of unreserved characters, lower-case hex digits, malformed
// ones, bytes outside RFC 3986, segments that are not UTF-8.
Expected<Target> parse_target(std::string_view text, const TargetLimits& limits = {});

// A value as one segment of a path: all but unreserved characters encoded. Refuses what no target
// may carry: an empty value, "." and "..", "/", "\", control characters, invalid UTF-8.
Expected<std::string> percent_encode_segment(std::string_view value);

// Any value for a place within a URL other than a path's segment: all but unreserved characters
// encoded, upper-case hex.
std::string percent_encode(std::string_view value);
// Refuses malformed encodings, "%00", and a result that is not UTF-8. "+" stays a plus.
Expected<std::string> percent_decode(std::string_view text);

struct FormField {
  std::string name;
  std::string value;
  friend bool operator==(const FormField&, const FormField&) = default;
};

struct FormLimits {
  std::size_t bytes = std::size_t{1} << 20;
  std::size_t fields = 1000;
};

// Form: the fields of an application/x-www-form-urlencoded body or of a query, in their order,
// duplicates and all.
class Form {
 public:
  Form() = default;
  explicit Form(std::vector<FormField> fields) : fields_(std::move(fields)) {}

  const std::vector<FormField>& fields() const { return fields_; }
  void add(std::string_view name, std::string_view value) {
    fields_.push_back({std::string(name), std::string(value)});
  }
  std::vector<std::string_view> all(std::string_view name) const;
  // The field's value; nothing if it is absent; invalid_input if it stands there twice
  // (RFC 6749 section 3.2).
  Expected<std::optional<std::string_view>> get_unique(std::string_view name) const;
  // The same, where absence and an empty value are errors too.
  Expected<std::string_view> require(std::string_view name) const;
  // A name that stands there twice, if any does.
  std::optional<std::string_view> duplicate() const;

  // The one encoding that is sent: letters, digits and *-._ as they are, a space as "+", all else
  // in upper-case percent encodings, "=" in every field (WHATWG URL, section 5.2).
  std::string encode() const;

  friend bool operator==(const Form&, const Form&) = default;

 private:
  std::vector<FormField> fields_;
};

// Refuses empty names and pairs ("a=1&&b=2"), malformed encodings, NUL, invalid UTF-8, and bytes
// that are not visible ASCII. "a" reads as "a=". An empty text has no fields.
Expected<Form> parse_form(std::string_view text, const FormLimits& limits = {});

}  // namespace writ
