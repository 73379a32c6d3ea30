// SPDX-License-Identifier: Apache-2.0
#include "wire/canonical.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <vector>

#include "base/check.h"
#include "wire/json_scan.h"

namespace writ {
namespace {

void write_integer(std::integral auto value, std::string& out) {
  std::array<char, 24> digits;
  const auto [end, failure] = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  WRIT_CHECK(failure == std::errc{});
  out.append(digits.data(), end);
}

// Whether UTF-8 `a` comes before `b` in the order of UTF-16 code units. It is the order of bytes
// but for one case: characters past U+FFFF (lead bytes F0 to F4) are surrogates in UTF-16, and so
// come before U+E000 to U+FFFF (lead bytes EE and EF).
bool utf16_less(std::string_view a, std::string_view b) {
  const auto [x, y] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  if (x == a.end() || y == b.end()) return x == a.end() && y != b.end();
  const auto p = static_cast<unsigned char>(*x);
  const auto q = static_cast<unsigned char>(*y);
  const bool p_pair = p >= 0xF0;
  const bool q_pair = q >= 0xF0;
  // Unequal lead bytes stand at the same offset, so if one is F0 or more the other is a lead too.
  if (p_pair != q_pair && p >= 0xEE && q >= 0xEE) return p_pair;
  return p < q;
}

enum class Order { as_is, utf16 };

class Writer {
 public:
  Writer(Order order, std::string& out) : order_(order), out_(out) {}

  void write(const Json& value) {
    switch (value.kind()) {
      case boost::json::kind::null:
        out_ += "null";
        return;
      case boost::json::kind::bool_:
        out_ += value.get_bool() ? "true" : "false";
        return;
      case boost::json::kind::int64:
        write_integer(value.get_int64(), out_);
        return;
      case boost::json::kind::uint64:
        write_integer(value.get_uint64(), out_);
        return;
      case boost::json::kind::double_:
        write_json_number(value.get_double(), out_);
        return;
      case boost::json::kind::string:
        write_json_string(text_of(value.get_string()), out_);
        return;
      case boost::json::kind::array:
        write(value.get_array());
        return;
      case boost::json::kind::object:
        write(value.get_object());
        return;
    }
    WRIT_UNREACHABLE();
  }

  void write(const JsonArray& array) {
    out_ += '[';
    bool first = true;
    for (const auto& element : array) {
      if (!first) out_ += ',';
      first = false;
      write(element);
    }
    out_ += ']';
  }

  void write(const JsonObject& object) {
    out_ += '{';
    if (order_ == Order::as_is || object.size() < 2) {
      bool first = true;
      for (const auto& member : object) {
        if (!first) out_ += ',';
        first = false;
        write_member(member);
      }
    } else {
      write_sorted(object);
    }
    out_ += '}';
  }

 private:
  using Member = JsonObject::value_type;

  void write_member(const Member& member) {
    write_json_string(text_of(member), out_);
    out_ += ':';
    write(member.value());
  }

  // The members of all objects that are open lie on one stack, so that a document allocates a few
  // times, not once an object.
  void write_sorted(const JsonObject& object) {
    const std::size_t begin = members_.size();
    for (const auto& member : object) members_.push_back(&member);
    const auto first = members_.begin() + static_cast<std::ptrdiff_t>(begin);
    const auto less = [](const Member* a, const Member* b) {
      return utf16_less(text_of(*a), text_of(*b));
    };
    if (!std::is_sorted(first, members_.end(), less)) std::sort(first, members_.end(), less);
    for (std::size_t i = 0; i < object.size(); ++i) {
      if (i != 0) out_ += ',';
      write_member(*members_[begin + i]);
    }
    members_.resize(begin);
  }

  const Order order_;
  std::string& out_;
  std::vector<const Member*> members_;
};

}  // namespace

void write_json_number(double value, std::string& out) {
  WRIT_CHECK(std::isfinite(value));
  if (value == 0) {  // -0 too
    out += '0';
    return;
  }
  if (value < 0) {
    out += '-';
    value = -value;
  }
  // to_chars gives the shortest digits, "d.ddde±xx"; what remains is where to put the point.
  std::array<char, 40> text;
  const auto [end, failure] =
      std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::scientific);
  WRIT_CHECK(failure == std::errc{});
  const char* const e = std::find(text.data(), end, 'e');
  std::array<char, 20> digits;
  std::size_t count = 0;
  for (const char* c = text.data(); c != e; ++c) {
    if (*c != '.') digits.at(count++) = *c;
  }
  int exponent = 0;
  std::from_chars(e + (e[1] == '+' ? 2 : 1), end, exponent);
  const auto put = [&](std::size_t from, std::size_t to) {
    out.append(digits.data() + from, to - from);
  };

  // ECMA-262 Number::toString with k = count and n = point.
  const int point = exponent + 1;
  const int k = static_cast<int>(count);
  if (k <= point && point <= 21) {
    put(0, count);
    out.append(static_cast<std::size_t>(point - k), '0');
  } else if (0 < point && point <= 21) {
    put(0, static_cast<std::size_t>(point));
    out += '.';
    put(static_cast<std::size_t>(point), count);
  } else if (-6 < point && point <= 0) {
    out += "0.";
    out.append(static_cast<std::size_t>(-point), '0');
    put(0, count);
  } else {
    put(0, 1);
    if (count > 1) {
      out += '.';
      put(1, count);
    }
    out += exponent < 0 ? "e-" : "e+";
    write_integer(std::abs(exponent), out);
  }
}

void write_json_string(std::string_view text, std::string& out) {
  constexpr std::string_view kHex = "0123456789abcdef";
  out += '"';
  std::size_t at = 0;
  while (true) {
    const std::size_t end = plain_run_end(text, at);
    out.append(text, at, end - at);
    if (end == text.size()) break;
    at = end + 1;
    const auto c = static_cast<unsigned char>(text[end]);
    out += '\\';
    switch (c) {
      case '"':
      case '\\':
        out += static_cast<char>(c);
        break;
      case '\b':
        out += 'b';
        break;
      case '\f':
        out += 'f';
        break;
      case '\n':
        out += 'n';
        break;
      case '\r':
        out += 'r';
        break;
      case '\t':
        out += 't';
        break;
      default:
        out += "u00";
        out += kHex[c >> 4];
        out += kHex[c & 15];
    }
  }
  out += '"';
}

void canonical_json(const Json& value, std::string& out) { Writer(Order::utf16, out).write(value); }
void canonical_json(const JsonObject& value, std::string& out) {
  Writer(Order::utf16, out).write(value);
}
std::string canonical_json(const Json& value) {
  std::string out;
  canonical_json(value, out);
  return out;
}
std::string canonical_json(const JsonObject& value) {
  std::string out;
  canonical_json(value, out);
  return out;
}

void write_json(const Json& value, std::string& out) { Writer(Order::as_is, out).write(value); }
std::string write_json(const Json& value) {
  std::string out;
  write_json(value, out);
  return out;
}

}  // namespace writ
