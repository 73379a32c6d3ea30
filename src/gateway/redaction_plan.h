// SPDX-License-Identifier: Apache-2.0
// RedactionPlan: what a Redactor looks for, made once for a secret and then only read.
//
// Each secret is looked for in a few forms, each a sequence of characters:
//   raw       as it is
//   base64    and base64url, at each of three alignments
//   hex       of either case
//   decimal   its bytes as a list of numbers
// How the stream spells a character of a form, and what may stand between two of them (line breaks,
// separators), is the Redactor's to read: no combination needs a form of its own.
//
// Between matches a stream is only looked at for places where one may begin. What is made of the
// secrets lies in secret memory. Thread-safe.
#pragma once

#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>

#include "base/bytes.h"
#include "base/secret_bytes.h"
#include "gateway/start_filter.h"

namespace writ::gateway {

class RedactionPlan {
 public:
  enum class Form : std::uint8_t { raw, base64, hex, decimal };

  struct Pattern {
    Form form = Form::raw;
    std::uint32_t from = 0;
    std::uint32_t size = 0;
    // A match is complete from so many characters on, and grows with those that follow.
    std::uint32_t certain = 0;
  };

  static constexpr std::size_t kMostSecrets = 4;

  // Of one to kMostSecrets secrets that belong together, such as one as such and as it is sent.
  // Each is printable ASCII, as the vault takes it; an empty one is left out.
  explicit RedactionPlan(std::initializer_list<const SecretBytes*> secrets);
  static std::shared_ptr<const RedactionPlan> of(const SecretBytes& secret) {
    return std::make_shared<const RedactionPlan>(
        std::initializer_list<const SecretBytes*>{&secret});
  }

  bool empty() const { return count_ == 0; }
  std::span<const Pattern> patterns() const { return {patterns_.data(), count_}; }
  // Whether `value` stands for the character at `index` of the pattern.
  bool matches(const Pattern& pattern, std::size_t index, int value) const {
    return text_[pattern.from + index] == folded(pattern.form, value);
  }
  // Whether a match may begin with this byte.
  bool may_begin(std::uint8_t byte) const { return tables_->starts.may_begin(byte); }
  // The first place from `from` on where a match may begin, or the size.
  std::size_t next(BytesView bytes, std::size_t from) const;
  // Whether a secret has this character.
  bool has(std::uint8_t byte) const { return tables_->characters[byte]; }
  // The most bytes that a match may take.
  std::size_t longest() const { return longest_; }

 private:
  struct Tables {
    StartFilter starts;
    std::bitset<256> begins;      // the characters that a pattern begins with
    std::bitset<256> characters;  // of the secrets
  };

  static int folded(Form form, int value) {
    switch (form) {
      case Form::raw:
        return value;
      case Form::base64:
        return value == '-' ? '+' : value == '_' ? '/' : value;
      case Form::hex:
        return value >= 'A' && value <= 'Z' ? value + 32 : value;
      case Form::decimal:
        return value == ' ' || value == ';' || value == '\t' || value == '\r' || value == '\n'
                   ? ','
                   : value;
    }
    return value;
  }

  void add(const SecretBytes& text, std::size_t certain, Form form);
  bool begins_escape(BytesView bytes) const;
  bool goes_on(BytesView bytes) const;
  bool goes_on(const Pattern& pattern, BytesView bytes) const;

  std::array<Pattern, 6 * kMostSecrets> patterns_{};
  std::size_t count_ = 0;
  std::size_t longest_ = 0;
  SecretBytes table_memory_;
  Tables* tables_ = nullptr;  // in table_memory_
  SecretBytes texts_;
  const std::uint8_t* text_ = nullptr;  // in texts_
  std::size_t texts_size_ = 0;
};

}  // namespace writ::gateway
