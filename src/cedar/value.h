// SPDX-License-Identifier: Apache-2.0
// Value: what a Cedar expression evaluates to. Immutable once built; sets and records are shared
// between copies, so a copy is cheap and may be read by many threads.
#pragma once

#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "cedar/datetime.h"
#include "cedar/decimal.h"
#include "cedar/entity_uid.h"
#include "cedar/ip_address.h"

namespace writ::cedar {

class Set;
class Record;

// The order is total, across kinds too: by kind, then by content. It serves sets and tests; the
// operator < of the language is a different thing, in the evaluator.
class Value {
 public:
  // In the order of the variant below.
  enum class Kind : std::uint8_t {
    boolean,
    integer,
    string,
    entity,
    set,
    record,
    decimal,
    ip,
    datetime,
    duration,
  };

  Value() : data_(false) {}
  // Constrained, so that no pointer turns into a boolean.
  Value(std::same_as<bool> auto value) : data_(value) {}
  template <std::signed_integral T>
    requires(!std::same_as<T, char>)
  Value(T value) : data_(std::in_place_type<std::int64_t>, value) {}
  Value(std::string value) : data_(std::move(value)) {}
  Value(std::string_view value) : data_(std::in_place_type<std::string>, value) {}
  Value(const char* value) : data_(std::in_place_type<std::string>, value) {}
  Value(EntityUid value) : data_(std::move(value)) {}
  Value(Set value);
  Value(Record value);
  Value(Decimal value) : data_(value) {}
  Value(IpAddress value) : data_(value) {}
  Value(Datetime value) : data_(value) {}
  Value(Duration value) : data_(value) {}

  Kind kind() const { return static_cast<Kind>(data_.index()); }

  // The steps (base/step_budget.h) that it takes to compare or copy the whole value; two values are
  // compared in at most the smaller weight. At least 1. Takes constant time.
  std::uint64_t weight() const;

  // Null where the value is of another kind; valid as long as the value.
  const bool* boolean() const { return std::get_if<bool>(&data_); }
  const std::int64_t* integer() const { return std::get_if<std::int64_t>(&data_); }
  const std::string* string() const { return std::get_if<std::string>(&data_); }
  const EntityUid* entity() const { return std::get_if<EntityUid>(&data_); }
  const Set* set() const;
  const Record* record() const;
  const Decimal* decimal() const { return std::get_if<Decimal>(&data_); }
  const IpAddress* ip() const { return std::get_if<IpAddress>(&data_); }
  const Datetime* datetime() const { return std::get_if<Datetime>(&data_); }
  const Duration* duration() const { return std::get_if<Duration>(&data_); }

  // As an expression of the language: decimal("1.0"), [1, 2], {"a": 1}.
  std::string to_string() const;

  friend bool operator==(const Value& a, const Value& b);
  friend std::strong_ordering operator<=>(const Value& a, const Value& b);

 private:
  std::variant<bool, std::int64_t, std::string, EntityUid, std::shared_ptr<const Set>,
               std::shared_ptr<const Record>, Decimal, IpAddress, Datetime, Duration>
      data_;
};

// The name as messages of the language use it: "bool", "long", "set", "ipaddr".
std::string_view name(Value::Kind kind);

// Unordered and without duplicates for the language; kept in Value's order.
class Set {
 public:
  Set() = default;
  // A set of one set needs the other constructor: Set{Set{}} is a copy.
  Set(std::initializer_list<Value> values) : Set(std::vector<Value>(values)) {}
  explicit Set(std::vector<Value> values);

  bool contains(const Value& value) const;
  bool contains_all(const Set& other) const;
  bool contains_any(const Set& other) const;

  std::size_t size() const { return values_.size(); }
  bool empty() const { return values_.empty(); }
  auto begin() const { return values_.begin(); }
  auto end() const { return values_.end(); }

  std::uint64_t weight() const { return weight_; }  // as Value::weight()

  friend bool operator==(const Set&, const Set&) = default;
  friend std::strong_ordering operator<=>(const Set& a, const Set& b);

 private:
  std::uint64_t weight_ = 1;
  std::vector<Value> values_;
};

struct Field {
  std::string name;
  Value value;

  friend bool operator==(const Field&, const Field&) = default;
};

// A record's fields, in the order of their names.
class Record {
 public:
  Record() = default;
  // Of fields with one name the last one stays.
  explicit Record(std::vector<Field> fields);
  Record(std::initializer_list<Field> fields) : Record(std::vector<Field>(fields)) {}

  // Null if there is no such field; valid until the record changes.
  const Value* find(std::string_view name) const;
  void set(std::string name, Value value);

  std::size_t size() const { return fields_.size(); }
  bool empty() const { return fields_.empty(); }
  auto begin() const { return fields_.begin(); }
  auto end() const { return fields_.end(); }

  std::uint64_t weight() const { return weight_; }  // as Value::weight()

  friend bool operator==(const Record&, const Record&) = default;
  friend std::strong_ordering operator<=>(const Record& a, const Record& b);

 private:
  std::uint64_t weight_ = 1;
  std::vector<Field> fields_;
};

}  // namespace writ::cedar
