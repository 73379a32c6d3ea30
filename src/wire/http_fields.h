// SPDX-License-Identifier: Apache-2.0
// HTTP fields (RFC 9110 sections 5 and 6) and the values that several rooms read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"

namespace writ {

// ASCII case alone; for field names, schemes and tokens.
bool equal_ignoring_case(std::string_view a, std::string_view b);
std::string to_lower(std::string_view text);

// RFC 9110 section 5.6.2.
bool is_token(std::string_view text);

struct FieldLimits {
  std::size_t count = 128;
  std::size_t bytes = 32768;  // of all names and values
  // Bytes 0x80 to 0xFF in values (obs-text): refused in requests, where nothing needs them and
  // readers differ on their meaning; a reader of others' responses may have to let them through.
  bool obs_text = false;
};

struct Field {
  std::string_view name;
  std::string_view value;
  friend bool operator==(const Field&, const Field&) = default;
};

// Fields: an ordered list of fields whose names are tokens and whose values cannot end a line or a
// message. All bytes lie in one buffer: adding may move them, so views last until the next change.
// Not thread-safe.
class Fields {
 public:
  class Iterator {
   public:
    using iterator_category = std::forward_iterator_tag;
    using value_type = Field;
    using difference_type = std::ptrdiff_t;
    using pointer = void;
    using reference = Field;
    Iterator() = default;
    Iterator(const Fields* fields, std::size_t at) : fields_(fields), at_(at) {}
    Field operator*() const { return (*fields_)[at_]; }
    Iterator& operator++() {
      ++at_;
      return *this;
    }
    Iterator operator++(int) {
      Iterator old = *this;
      ++at_;
      return old;
    }
    friend bool operator==(const Iterator&, const Iterator&) = default;

   private:
    const Fields* fields_ = nullptr;
    std::size_t at_ = 0;
  };

  Fields() = default;
  explicit Fields(const FieldLimits& limits) : limits_(limits) {}

  // Appends. Refuses a name that is no token; a value with a control character other than a tab,
  // or with white space at either end (the parser of a message trims it, nobody else sends it).
  // `where` of the error is the field's name.
  Expected<void> add(std::string_view name, std::string_view value);
  // The same, in place of all fields of that name; an error changes nothing. The arguments are not
  // views into these fields.
  Expected<void> set(std::string_view name, std::string_view value);
  // How many were there.
  std::size_t erase(std::string_view name);
  void clear();

  bool contains(std::string_view name) const;
  std::size_t count(std::string_view name) const;
  // The value; nothing if absent; invalid_input if the field stands there more than once, for all
  // whose repetition is an attack or a mistake (Host, Authorization, Content-Type, ...).
  Expected<std::optional<std::string_view>> get_unique(std::string_view name) const;
  std::vector<std::string_view> all(std::string_view name) const;
  // The members of a list field over all its lines, in order. invalid_input for an open quote.
  Expected<std::vector<std::string_view>> list(std::string_view name) const;
  // Whether a list of tokens (Connection, Transfer-Encoding, ...) has `token`, in any case.
  bool lists_token(std::string_view name, std::string_view token) const;

  std::size_t size() const { return entries_.size(); }
  bool empty() const { return entries_.empty(); }
  Field operator[](std::size_t index) const;
  Iterator begin() const { return {this, 0}; }
  Iterator end() const { return {this, size()}; }
  // Names compare in any case.
  friend bool operator==(const Fields& a, const Fields& b);

 private:
  struct Entry {
    std::uint32_t at;
    std::uint32_t name_size;
    std::uint32_t value_size;
  };
  std::optional<std::size_t> find(std::string_view name, std::size_t from = 0) const;
  // Whether one more field of `size` bytes fits beside `count` fields of `used` bytes.
  Expected<void> check_room(std::size_t size, std::size_t used, std::size_t count) const;
  void append(std::string_view name, std::string_view value);

  FieldLimits limits_;
  std::string bytes_;
  std::vector<Entry> entries_;
};

// Splits at commas outside quoted strings; empty members are left out (RFC 9110 section 5.6.1.2).
Expected<std::vector<std::string_view>> split_list(std::string_view value);

// A quoted-string of `text` for a field we write. Refuses what Fields would refuse.
Expected<std::string> quote_string(std::string_view text);

// Prefer (RFC 7240). The first of equal names counts; what is unknown or malformed is ignored, as
// section 2 asks.
struct Preferences {
  std::optional<seconds> wait;
  bool respond_async = false;
};
Preferences parse_prefer(const Fields& fields);

struct MediaType {
  std::string essence;                                          // "application/json", lower case
  std::vector<std::pair<std::string, std::string>> parameters;  // names in lower case, unquoted

  std::optional<std::string_view> parameter(std::string_view name) const;
};
// RFC 9110 section 8.3.1; a parameter that stands there twice is refused.
Expected<MediaType> parse_media_type(std::string_view text);

// Whether the Accept fields allow this type ("text/event-stream"); with none, all are allowed
// (RFC 9110 section 12.5.1). Malformed members allow nothing.
bool accepts(const Fields& fields, std::string_view essence);

// Authorization: "scheme token68" (RFC 9110 section 11.4), as Bearer, DPoP and Basic use it. Other
// forms, a list among them, are refused. Messages never carry the value.
struct AuthorizationValue {
  std::string_view scheme;  // as sent; compare with equal_ignoring_case()
  std::string_view token;
};
Expected<AuthorizationValue> parse_authorization(std::string_view value);

}  // namespace writ
