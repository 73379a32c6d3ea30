// SPDX-License-Identifier: Apache-2.0
#include "cedar/value.h"

#include <algorithm>
#include <array>
#include <functional>
#include <map>

#include "base/step_budget.h"
#include "cedar/text.h"

namespace writ::cedar {
namespace {

template <typename Range>
std::string join(const Range& range, auto&& print) {
  std::string out;
  for (const auto& element : range) {
    if (!out.empty()) out += ", ";
    out += print(element);
  }
  return out;
}

std::uint64_t weight_of(const Field& field) {
  return steps_for_bytes(field.name.size()) + field.value.weight();
}

template <typename T>
std::strong_ordering compare(const T& a, const T& b) {
  return a <=> b;
}
template <typename T>
std::strong_ordering compare(const std::shared_ptr<const T>& a, const std::shared_ptr<const T>& b) {
  return a == b ? std::strong_ordering::equal : *a <=> *b;
}

}  // namespace

Value::Value(Set value) : data_(std::make_shared<const Set>(std::move(value))) {}
Value::Value(Record value) : data_(std::make_shared<const Record>(std::move(value))) {}

const Set* Value::set() const {
  const auto* set = std::get_if<std::shared_ptr<const Set>>(&data_);
  return set != nullptr ? set->get() : nullptr;
}

const Record* Value::record() const {
  const auto* record = std::get_if<std::shared_ptr<const Record>>(&data_);
  return record != nullptr ? record->get() : nullptr;
}

bool operator==(const Value& a, const Value& b) {
  return a.kind() == b.kind() && (a <=> b) == std::strong_ordering::equal;
}

std::strong_ordering operator<=>(const Value& a, const Value& b) {
  if (const auto kinds = a.data_.index() <=> b.data_.index(); kinds != 0) return kinds;
  return std::visit(
      [&](const auto& left) {
        return compare(left, *std::get_if<std::decay_t<decltype(left)>>(&b.data_));
      },
      a.data_);
}

std::uint64_t Value::weight() const {
  switch (kind()) {
    case Kind::string:
      return steps_for_bytes(string()->size());
    case Kind::entity:
      return steps_for_bytes(entity()->type.size() + entity()->id.size());
    case Kind::set:
      return set()->weight();
    case Kind::record:
      return record()->weight();
    default:
      return 1;
  }
}

std::string Value::to_string() const {
  switch (kind()) {
    case Kind::boolean:
      return *boolean() ? "true" : "false";
    case Kind::integer:
      return std::to_string(*integer());
    case Kind::string:
      return quote(*string());
    case Kind::entity:
      return entity()->to_string();
    case Kind::set:
      return "[" + join(*set(), [](const Value& value) { return value.to_string(); }) + "]";
    case Kind::record:
      return "{" +
             join(*record(),
                  [](const Field& field) {
                    return quote(field.name) + ": " + field.value.to_string();
                  }) +
             "}";
    case Kind::decimal:
      return "decimal(\"" + decimal()->to_string() + "\")";
    case Kind::ip:
      return "ip(\"" + ip()->to_string() + "\")";
    case Kind::datetime: {
      // Past the four-digit years no literal is left, but a sum is.
      const std::string text = datetime()->to_string();
      const auto sum = text.find(" + ");
      if (sum == std::string::npos) return "datetime(\"" + text + "\")";
      return "datetime(\"" + text.substr(0, sum) + "\").offset(duration(\"" + text.substr(sum + 3) +
             "\"))";
    }
    case Kind::duration:
      return "duration(\"" + duration()->to_string() + "\")";
  }
  return {};
}

std::string_view name(Value::Kind kind) {
  constexpr std::array<std::string_view, 10> kNames = {"bool",     "long",    "string",  "entity",
                                                       "set",      "record",  "decimal", "ipaddr",
                                                       "datetime", "duration"};
  return kNames[static_cast<std::size_t>(kind)];
}

Set::Set(std::vector<Value> values) : values_(std::move(values)) {
  std::ranges::sort(values_);
  const auto repeated = std::ranges::unique(values_);
  values_.erase(repeated.begin(), repeated.end());
  for (const Value& value : values_) weight_ += value.weight();
}

bool Set::contains(const Value& value) const { return std::ranges::binary_search(values_, value); }

bool Set::contains_all(const Set& other) const {
  return std::ranges::includes(values_, other.values_);
}

bool Set::contains_any(const Set& other) const {
  return std::ranges::any_of(other.values_, [&](const Value& value) { return contains(value); });
}

std::strong_ordering operator<=>(const Set& a, const Set& b) {
  return std::lexicographical_compare_three_way(a.begin(), a.end(), b.begin(), b.end());
}

Record::Record(std::vector<Field> fields) {
  const auto weigh = [this] {
    for (const Field& field : fields_) weight_ += weight_of(field);
  };
  const auto out_of_order = [](const Field& a, const Field& b) { return a.name >= b.name; };
  if (std::ranges::adjacent_find(fields, out_of_order) == fields.end()) {
    fields_ = std::move(fields);
    weigh();
    return;
  }
  std::map<std::string, Value, std::less<>> by_name;
  for (Field& field : fields)
    by_name.insert_or_assign(std::move(field.name), std::move(field.value));
  fields_.reserve(by_name.size());
  for (auto& [name, value] : by_name) {
    fields_.push_back({.name = name, .value = std::move(value)});
  }
  weigh();
}

const Value* Record::find(std::string_view name) const {
  const auto at = std::ranges::lower_bound(fields_, name, std::less<>(), &Field::name);
  return at != fields_.end() && at->name == name ? &at->value : nullptr;
}

void Record::set(std::string name, Value value) {
  const auto at = std::ranges::lower_bound(fields_, name, std::less<>(), &Field::name);
  if (at != fields_.end() && at->name == name) {
    weight_ += value.weight() - at->value.weight();
    at->value = std::move(value);
  } else {
    Field field{.name = std::move(name), .value = std::move(value)};
    weight_ += weight_of(field);
    fields_.insert(at, std::move(field));
  }
}

std::strong_ordering operator<=>(const Record& a, const Record& b) {
  return std::lexicographical_compare_three_way(
      a.begin(), a.end(), b.begin(), b.end(), [](const Field& left, const Field& right) {
        const auto names = left.name <=> right.name;
        return names != 0 ? names : left.value <=> right.value;
      });
}

}  // namespace writ::cedar
