// SPDX-License-Identifier: Apache-2.0
#include "gateway/redaction_plan.h"

#include <algorithm>
#include <array>
#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>

#include "base/check.h"
#include "gateway/escape.h"
#include "gateway/gap.h"
#include "gateway/secret_text.h"

namespace writ::gateway {
namespace {

bool is_hex(std::uint8_t c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// Whether what begins with a lead may be an escape for a character that is accepted.
template <typename Accepts>
bool may_read(BytesView bytes, const Accepts& accepts) {
  constexpr std::size_t kLook = 12;
  auto escape = Escape::begin(bytes[0]);
  std::size_t i = 1;
  // JSON's \u00XX, the commonest by far, reads as %XX does.
  if (bytes.size() >= 6 && as_text(bytes.first(4)) == "\\u00") {
    if (!is_hex(bytes[4])) return bytes[4] == 0;
    escape = Escape::begin('%');
    i = 4;
  }
  for (; i < std::min(bytes.size(), kLook); ++i) {
    const auto step = escape.step(bytes[i]);
    if (bytes[i] == 0 || (step.value >= 0 && accepts(static_cast<std::uint8_t>(step.value)))) {
      return true;
    }
    // What stands for a lead goes on with a semicolon alone, or the lead begins the next.
    const bool ends = step.next.open() && i + 1 < bytes.size() && bytes[i + 1] == ';';
    if (step.lead && !ends) {
      escape = Escape::begin(static_cast<std::uint8_t>(step.value));
    } else if (step.next.open()) {
      escape = step.next;
    } else {
      return false;
    }
  }
  return true;
}

bool is_blank(std::uint8_t c) { return c == ' ' || c == '\t'; }
bool is_break(std::uint8_t c) { return c == '\r' || c == '\n'; }

// Classes of the filter.
enum Class : unsigned {
  kRaw,
  kHex,
  kDecimal,
  kBase64,               // and the next two, by alignment
  kFirstThenBreak = 6,   // a pattern's first character, then a line break or NUL
  kFirstThenBlank,       // …, then a blank
  kFirstThenEscape = 8,  // …, then a lead, in the order of kLeads
  kEscape = 12,          // a lead, in the same order
};

constexpr auto kLeads = std::to_array<std::uint8_t>({'%', '=', '\\', '&'});

void add_all(StartFilter& starts, std::size_t position, unsigned kind, std::string_view bytes) {
  for (const char c : bytes) starts.add(position, kind, static_cast<std::uint8_t>(c));
}

// How an escape may begin that stands for the first character of a pattern, or for another's lead.
void add_escapes(StartFilter& starts, std::uint8_t value, Escape::For what) {
  for (unsigned i = 0; i < kLeads.size(); ++i) {
    const auto lead = kLeads[i];
    const auto kind = kEscape + i;
    starts.add(0, kind, lead);
    Escape::beginnings(lead, value, what, [&](std::uint8_t second, std::uint8_t third) {
      starts.add(1, kind, second);
      starts.add(2, kind, second);  // after NUL
      starts.add(2, kind, third);
    });
  }
}

using namespace std::string_view_literals;
constexpr auto kLeadBytes = "%=\\&"sv;
constexpr auto kBlanks = " \t"sv;
constexpr auto kBreaks = "\r\n\0"sv;

// What of the filter is the same for all secrets.
StartFilter without_secrets() {
  StartFilter starts;
  for (unsigned i = 0; i < kLeads.size(); ++i) {
    const auto lead = kLeads[i];
    add_escapes(starts, lead, Escape::For::lead);
    for (const std::size_t position : {1, 2}) starts.add(position, kEscape + i, 0);
    starts.add(1, kFirstThenEscape + i, lead);
    for (int byte = 0; byte < 256; ++byte) {
      const auto third = static_cast<std::uint8_t>(byte);
      const auto step = Escape::begin(lead).step(third);
      const bool goes_on = step.next.open() || step.lead || (step.value >= 0 && step.value <= ' ');
      const bool breaks = lead == '=' && (is_blank(third) || is_break(third));
      if (goes_on || breaks || third == 0) starts.add(2, kFirstThenEscape + i, third);
    }
  }
  add_all(starts, 1, kFirstThenBreak, kBreaks);
  add_all(starts, 1, kFirstThenBlank, kBlanks);
  for (const auto kind : {kFirstThenBreak, kFirstThenBlank}) {
    for (const auto bytes : {kLeadBytes, kBlanks, kBreaks}) add_all(starts, 2, kind, bytes);
  }
  starts.add(2, kFirstThenBreak, 'd');  // of "data:"
  for (int byte = 0; byte < 256; ++byte) {
    const auto third = static_cast<std::uint8_t>(byte);
    if (may_interrupt(RedactionPlan::Form::raw, third)) starts.add(2, kRaw, third);
    if (may_interrupt(RedactionPlan::Form::hex, third)) {
      starts.add(2, kHex, third);
      starts.add(2, kFirstThenBreak, third);
      starts.add(2, kFirstThenBlank, third);
    }
    if (!may_interrupt(RedactionPlan::Form::base64, third)) continue;
    for (const unsigned kind : {kBase64 + 0U, kBase64 + 1U, kBase64 + 2U, kDecimal + 0U}) {
      starts.add(2, kind, third);
    }
  }
  return starts;
}

// Calls `use` with each byte that stands for `c` in this form.
template <typename Use>
void unfolded(RedactionPlan::Form form, std::uint8_t c, const Use& use) {
  using Form = RedactionPlan::Form;
  use(c);
  if (form == Form::base64 && c == '+') use(std::uint8_t{'-'});
  if (form == Form::base64 && c == '/') use(std::uint8_t{'_'});
  if (form == Form::hex && c >= 'a') use(static_cast<std::uint8_t>(c - 32));
  if (form == Form::decimal && c == ',') {
    for (const std::uint8_t other : {' ', ';', '\t', '\r', '\n'}) use(other);
  }
}

}  // namespace

RedactionPlan::RedactionPlan(std::initializer_list<const SecretBytes*> secrets)
    : table_memory_(sizeof(Tables)) {
  static_assert(std::is_trivially_copyable_v<Tables> && alignof(Tables) <= 64);
  WRIT_CHECK(secrets.size() <= kMostSecrets);
  tables_ = std::construct_at(reinterpret_cast<Tables*>(table_memory_.writable().data()));
  static const StartFilter fresh = without_secrets();
  tables_->starts = fresh;
  std::size_t total = 0;
  // As it is, three times in base64, in hex, and in up to four characters a byte.
  for (const auto* secret : secrets) total += secret->size() * 11 + 24;
  texts_ = SecretBytes(total);
  text_ = texts_.reveal().data();
  for (const auto* secret : secrets) {
    if (secret->empty()) continue;
    for (const auto byte : secret->reveal()) tables_->characters.set(byte);
    add(*secret, secret->size(), Form::raw);
    for (std::size_t before = 0; before < 3; ++before) {
      const auto core = base64_core(*secret, before);
      if (core.certain > 0) add(core.text, core.certain, Form::base64);
    }
    add(hex_of(*secret), secret->size() * 2, Form::hex);
    const auto numbers = decimal_of(*secret);
    add(numbers, numbers.size(), Form::decimal);
  }
}

void RedactionPlan::add(const SecretBytes& text, std::size_t certain, Form form) {
  const auto from = texts_size_;
  WRIT_CHECK(from + text.size() <= texts_.size() && count_ < patterns_.size());
  std::ranges::copy(text.reveal(), texts_.writable().begin() + from);
  texts_size_ += text.size();
  // Room for every character as an escape, with line breaks and separators between.
  longest_ = std::max(longest_, text.size() * 16 + 2 * kLongestGap);

  unsigned kind = kRaw;
  if (form == Form::base64) {
    const auto same =
        std::ranges::count(patterns().subspan(0, count_), Form::base64, &Pattern::form);
    kind = kBase64 + static_cast<unsigned>(same % 3);
  }
  if (form == Form::hex) kind = kHex;
  if (form == Form::decimal) kind = kDecimal;
  patterns_[count_++] = {.form = form,
                         .from = static_cast<std::uint32_t>(from),
                         .size = static_cast<std::uint32_t>(text.size()),
                         .certain = static_cast<std::uint32_t>(certain)};
  const auto characters = text.reveal();
  WRIT_CHECK(characters.size() >= 3);
  auto& starts = tables_->starts;
  unfolded(form, characters[0], [&](std::uint8_t first) {
    tables_->begins.set(first);
    starts.add(0, kind, first);
    for (unsigned i = 0; i < kLeads.size(); ++i) starts.add(0, kFirstThenEscape + i, first);
    starts.add(0, kFirstThenBreak, first);
    if (gap_has_blanks(form)) starts.add(0, kFirstThenBlank, first);
    add_escapes(starts, first, Escape::For::character);
  });
  unfolded(form, characters[1], [&](std::uint8_t second) {
    starts.add(1, kind, second);
    // An escape or a gap between.
    for (unsigned other = kFirstThenBreak; other < kEscape; ++other) starts.add(2, other, second);
  });
  unfolded(form, characters[2], [&](std::uint8_t third) { starts.add(2, kind, third); });
}

std::size_t RedactionPlan::next(BytesView bytes, std::size_t from) const {
  for (;; ++from) {
    from = tables_->starts.next(bytes, from);
    if (from == bytes.size()) return from;
    const auto rest = bytes.subspan(from);
    if (goes_on(rest) || begins_escape(rest)) return from;
  }
}

// Whether a match that begins as it is may go on for two more characters.
bool RedactionPlan::goes_on(BytesView bytes) const {
  if (!tables_->begins[bytes[0]]) return false;
  return std::ranges::any_of(patterns(), [&](const Pattern& pattern) {
    return matches(pattern, 0, bytes[0]) && goes_on(pattern, bytes);
  });
}

bool RedactionPlan::goes_on(const Pattern& pattern, BytesView bytes) const {
  constexpr std::size_t kLook = 16;
  bytes = bytes.first(std::min(bytes.size(), kLook));
  std::size_t at = 1;
  for (std::size_t index = 1; index < std::min<std::size_t>(pattern.size, 3); ++index) {
    bool broken = false;
    const auto passes = [&](std::uint8_t byte) {
      const bool gap =
          is_break(byte) || (is_blank(byte) && (broken || gap_has_blanks(pattern.form)));
      return gap && !matches(pattern, index, byte);
    };
    while (at < bytes.size() && passes(bytes[at])) {
      broken = broken || is_break(bytes[at]);
      ++at;
    }
    if (at == bytes.size()) return true;
    const auto byte = bytes[at];
    if (broken && byte == 'd') return true;
    if (Escape::is_lead(byte)) {
      const auto rest = bytes.subspan(at);
      const bool breaks =
          byte == '=' && (rest.size() == 1 || is_break(rest[1]) || is_blank(rest[1]));
      const bool reads = may_read(rest, [&](std::uint8_t value) {
        return matches(pattern, index, value) || may_interrupt(pattern.form, value);
      });
      if (breaks || reads) return true;
    }
    if (matches(pattern, index, byte)) {
      ++at;
    } else {
      return !Escape::is_lead(byte) && may_interrupt(pattern.form, byte);
    }
  }
  return true;
}

// Whether an escape here may stand for a character that begins a match.
bool RedactionPlan::begins_escape(BytesView bytes) const {
  return Escape::is_lead(bytes[0]) &&
         may_read(bytes, [this](std::uint8_t value) { return tables_->begins[value]; });
}

}  // namespace writ::gateway
