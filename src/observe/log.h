// SPDX-License-Identifier: Apache-2.0
// Log: structured events. An event is a stable name ("call.refused") with keys and values; a
// backend chooses the form. Backends live in app/.
//
// A value is a number, a truth or text. Bytes have no place here, and SecretBytes does not compile:
// a secret cannot reach a log by forgetting something. Texts are views and need to live for the
// call alone. A backend escapes control characters, so one event stays one record.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "base/secret_bytes.h"

namespace writ::observe {

enum class Level : std::uint8_t { debug, info, warning, error };
std::string_view name(Level level);

class Value {
 public:
  using Held = std::variant<bool, std::int64_t, std::uint64_t, double, std::string_view>;

  Value(bool value) : held_(value) {}
  template <std::signed_integral T>
  Value(T value) : held_(std::int64_t{value}) {}
  template <std::unsigned_integral T>
    requires(!std::same_as<T, bool>)
  Value(T value) : held_(std::uint64_t{value}) {}
  Value(double value) : held_(value) {}
  Value(std::string_view text) : held_(text) {}
  Value(const std::string& text) : held_(std::string_view(text)) {}
  Value(const char* text) : held_(std::string_view(text)) {}
  Value(const SecretBytes&) = delete;
  // Else a pointer would convert to bool.
  Value(const void*) = delete;

  const Held& held() const { return held_; }
  // For tests and plain backends: numbers in decimal, text as it is.
  std::string to_string() const;

 private:
  Held held_;
};

struct Field {
  std::string_view key;
  Value value;
};

// Thread-safe. write() does not block on a slow sink and does not throw.
class Log {
 public:
  virtual ~Log() = default;
  virtual bool enabled(Level level) const = 0;
  virtual void write(Level level, std::string_view event, std::span<const Field> fields) = 0;

  void debug(std::string_view event, std::initializer_list<Field> fields = {}) {
    log(Level::debug, event, fields);
  }
  void info(std::string_view event, std::initializer_list<Field> fields = {}) {
    log(Level::info, event, fields);
  }
  void warning(std::string_view event, std::initializer_list<Field> fields = {}) {
    log(Level::warning, event, fields);
  }
  void error(std::string_view event, std::initializer_list<Field> fields = {}) {
    log(Level::error, event, fields);
  }

 private:
  void log(Level level, std::string_view event, std::initializer_list<Field> fields) {
    if (enabled(level)) write(level, event, {fields.begin(), fields.size()});
  }
};

class NullLog final : public Log {
 public:
  bool enabled(Level) const override { return false; }
  void write(Level, std::string_view, std::span<const Field>) override {}
};

}  // namespace writ::observe
