// SPDX-License-Identifier: Apache-2.0
#include "cedar/extension_function.h"

#include <array>
#include <cstdint>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "cedar/text.h"

namespace writ::cedar {
namespace {

struct Signature {
  std::string_view name;
  bool method;
  std::array<Value::Kind, 2> arguments;
  std::size_t arity;
};

constexpr Value::Kind kNone = Value::Kind::boolean;

constexpr Signature constructor(std::string_view function) {
  return {function, false, {Value::Kind::string, kNone}, 1};
}
constexpr Signature unary(std::string_view function, Value::Kind receiver) {
  return {function, true, {receiver, kNone}, 1};
}
constexpr Signature binary(std::string_view function, Value::Kind receiver, Value::Kind argument) {
  return {function, true, {receiver, argument}, 2};
}

// In the order of the enumeration.
constexpr auto kSignatures = [] {
  using enum Value::Kind;
  return std::to_array<Signature>({
      constructor("decimal"),
      binary("lessThan", decimal, decimal),
      binary("lessThanOrEqual", decimal, decimal),
      binary("greaterThan", decimal, decimal),
      binary("greaterThanOrEqual", decimal, decimal),
      constructor("ip"),
      unary("isIpv4", ip),
      unary("isIpv6", ip),
      unary("isLoopback", ip),
      unary("isMulticast", ip),
      binary("isInRange", ip, ip),
      constructor("datetime"),
      binary("offset", datetime, duration),
      binary("durationSince", datetime, datetime),
      unary("toDate", datetime),
      unary("toTime", datetime),
      constructor("duration"),
      unary("toMilliseconds", duration),
      unary("toSeconds", duration),
      unary("toMinutes", duration),
      unary("toHours", duration),
      unary("toDays", duration),
  });
}();
static_assert(kSignatures.size() == static_cast<std::size_t>(ExtensionFunction::to_days) + 1);

const Signature& signature(ExtensionFunction function) {
  return kSignatures[static_cast<std::size_t>(function)];
}

template <typename T>
Expected<Value> or_fail(std::optional<T> result, std::string message) {
  if (!result) return fail(Errc::invalid_input, std::move(message));
  return Value(*result);
}

template <typename T>
Expected<Value> construct(ExtensionFunction function, const Value& text) {
  auto value = T::parse(*text.string());
  if (value) return Value(*std::move(value));
  // The text may be an argument of a call, and what an error says is recorded in the clear.
  return fail(Errc::invalid_input, fmt::format("not a text that {}() takes", name(function)));
}

}  // namespace

std::string_view name(ExtensionFunction function) { return signature(function).name; }

bool is_method(ExtensionFunction function) { return signature(function).method; }

std::optional<ExtensionFunction> find_extension_function(std::string_view function) {
  for (std::size_t i = 0; i < kSignatures.size(); ++i) {
    if (kSignatures[i].name == function) return static_cast<ExtensionFunction>(i);
  }
  return std::nullopt;
}

Expected<Value> call(ExtensionFunction function, std::span<const Value* const> arguments) {
  const Signature& expected = signature(function);
  if (arguments.size() != expected.arity) {
    return fail(Errc::invalid_input,
                fmt::format("{} takes {} arguments, receiver included, and got {}", expected.name,
                            expected.arity, arguments.size()));
  }
  for (std::size_t i = 0; i < expected.arity; ++i) {
    if (arguments[i]->kind() != expected.arguments[i]) {
      return fail(Errc::invalid_input,
                  fmt::format("type error in {}: expected {}, got {}", expected.name,
                              name(expected.arguments[i]), name(arguments[i]->kind())));
    }
  }
  const Value& a = *arguments[0];
  const Value& b = *arguments[expected.arity - 1];
  switch (function) {
    using enum ExtensionFunction;
    case decimal:
      return construct<Decimal>(function, a);
    case less_than:
      return *a.decimal() < *b.decimal();
    case less_than_or_equal:
      return *a.decimal() <= *b.decimal();
    case greater_than:
      return *a.decimal() > *b.decimal();
    case greater_than_or_equal:
      return *a.decimal() >= *b.decimal();
    case ip:
      return construct<IpAddress>(function, a);
    case is_ipv4:
      return !a.ip()->v6;
    case is_ipv6:
      return a.ip()->v6;
    case is_loopback:
      return a.ip()->is_loopback();
    case is_multicast:
      return a.ip()->is_multicast();
    case is_in_range:
      return a.ip()->is_in_range(*b.ip());
    case datetime:
      return construct<Datetime>(function, a);
    case offset:
      return or_fail(a.datetime()->offset(*b.duration()), "overflow in offset()");
    case duration_since:
      return or_fail(a.datetime()->duration_since(*b.datetime()), "overflow in durationSince()");
    case to_date:
      return or_fail(a.datetime()->to_date(), "overflow in toDate()");
    case to_time:
      return a.datetime()->to_time();
    case duration:
      return construct<Duration>(function, a);
    case to_milliseconds:
      return a.duration()->millis;
    case to_seconds:
      return a.duration()->to_seconds();
    case to_minutes:
      return a.duration()->to_minutes();
    case to_hours:
      return a.duration()->to_hours();
    case to_days:
      return a.duration()->to_days();
  }
  return fail(Errc::internal, "an extension function without a meaning");
}

}  // namespace writ::cedar
