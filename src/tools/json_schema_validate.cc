// SPDX-License-Identifier: Apache-2.0
// Holding a value against a compiled schema. Schemas never lead back to themselves, so the
// recursion is as deep as the schema at most.
#include <algorithm>
#include <cmath>
#include <set>
#include <string>

#include "tools/compiled_schema.h"
#include "tools/json_schema.h"
#include "wire/canonical.h"
#include "wire/json_place.h"

namespace writ::tools {
namespace schema_detail {

Types type_of(const Json& value) {
  switch (value.kind()) {
    case boost::json::kind::null:
      return kNull;
    case boost::json::kind::bool_:
      return kBoolean;
    case boost::json::kind::int64:
    case boost::json::kind::uint64:
      return kInteger;
    case boost::json::kind::double_: {
      const double number = value.get_double();
      return std::trunc(number) == number && std::abs(number) <= double{kMaxJsonInteger}
                 ? kInteger
                 : kFraction;
    }
    case boost::json::kind::string:
      return kString;
    case boost::json::kind::array:
      return kArray;
    case boost::json::kind::object:
      return kObject;
  }
  return 0;
}

std::string in_words(Types types) {
  std::string out;
  const auto say = [&](Types type, std::string_view words) {
    if ((types & type) != type) return;
    if (!out.empty()) out += " or ";
    out += words;
  };
  say(kString, "a string");
  if ((types & kNumber) == kNumber) {
    say(kNumber, "a number");
  } else {
    say(kInteger, "a whole number");
    say(kFraction, "a fraction");
  }
  say(kBoolean, "true or false");
  say(kArray, "a list");
  say(kObject, "an object");
  say(kNull, "null");
  return out;
}

std::string folded_name(std::string_view name) {
  std::string out;
  for (std::size_t i = 0; i < name.size(); ++i) {
    // The two letters outside ASCII that fold to one within it; Go's decoder, for one, takes them.
    if (name.substr(i).starts_with("\u017F")) {
      out += 's';
      i += 1;
    } else if (name.substr(i).starts_with("\u212A")) {
      out += 'k';
      i += 2;
    } else {
      out += name[i] >= 'A' && name[i] <= 'Z' ? static_cast<char>(name[i] - 'A' + 'a') : name[i];
    }
  }
  return out;
}

namespace {

using Place = JsonPlace;

std::string plural(std::size_t count, std::string_view what) {
  return std::to_string(count) + ' ' + std::string(what) + (count == 1 ? "" : "s");
}

// One value's validation. Whatever takes longer for a larger value or schema is spent from the
// budget; once that is exhausted, every check fails.
class Validation {
 public:
  explicit Validation(StepBudget& budget) : budget_(budget) {}

  Expected<void> check(const Schema& schema, const Json& value, const Place& place) {
    WRIT_TRY_VOID(spend(1));
    const Types type = type_of(value);
    if ((type & schema.types) == 0) return wrong(place, "must be " + in_words(schema.types));
    if (!schema.values.empty() || schema.constant) {
      WRIT_TRY(const auto form, form_of(value));
      WRIT_TRY_VOID(spend(steps_to_find(schema.values.size()) * steps_for_bytes(form.size())));
      if ((!schema.values.empty() && !std::ranges::binary_search(schema.values, form)) ||
          (schema.constant && *schema.constant != form)) {
        return wrong(place, "is not one of the values allowed");
      }
    }
    if (schema.ref != nullptr) {
      WRIT_TRY_VOID(check(*schema.ref, value, place));
    }
    if (!schema.any_of.empty() && std::ranges::none_of(schema.any_of, [&](const Schema* one) {
          return check(*one, value, place).has_value();
        })) {
      return wrong(place, "fits none of the forms allowed");
    }
    switch (type) {
      case kInteger:
      case kFraction:
        return check_number(schema, value, place);
      case kString:
        return check_string(schema, text_of(value.get_string()), place);
      case kArray:
        return check_array(schema, value.get_array(), place);
      case kObject:
        return check_object(schema, value.get_object(), place);
      default:
        return {};
    }
  }

 private:
  Expected<void> spend(std::uint64_t steps) {
    if (budget_.spend(steps)) return {};
    return std::unexpected(exhausted(budget_));
  }

  // A place that is long to write counts: an alternative that does not fit writes one too.
  std::unexpected<Error> wrong(const Place& place, std::string message) {
    auto where = pointer_to(place);
    if (!budget_.spend(steps_for_bytes(where.size()))) {
      return std::unexpected(exhausted(budget_));
    }
    return fail(Errc::invalid_input, std::move(message), std::move(where));
  }

  Expected<std::string> form_of(const Json& value) {
    auto form = canonical_json(value);
    WRIT_TRY_VOID(spend(steps_for_bytes(form.size())));
    return form;
  }

  Expected<void> no_case_variants(const JsonObject& object, const Place& place) {
    std::set<std::string> folded;
    for (const auto& member : object) {
      WRIT_TRY_VOID(spend(steps_to_find(folded.size()) * steps_for_bytes(member.key().size())));
      if (!folded.insert(folded_name(text_of(member))).second) {
        return wrong(place, "has two members whose names differ by case alone");
      }
    }
    return {};
  }

  // A value that the schema leaves open: objects within it still must not be read two ways. As deep
  // as the JSON parser allowed.
  Expected<void> check_open(const Json& value, const Place& place) {
    WRIT_TRY_VOID(spend(1));
    if (const auto* array = value.if_array()) {
      for (std::size_t i = 0; i < array->size(); ++i) {
        WRIT_TRY_VOID(check_open((*array)[i], {&place, {}, i, true}));
      }
    } else if (const auto* object = value.if_object()) {
      WRIT_TRY_VOID(no_case_variants(*object, place));
      for (const auto& member : *object) {
        WRIT_TRY_VOID(check_open(member.value(), {&place, text_of(member)}));
      }
    }
    return {};
  }

  Expected<void> check_number(const Schema& schema, const Json& value, const Place& place) {
    if (!schema.minimum && !schema.maximum) return {};
    const double number = value.to_number<double>();
    std::string bound;
    if (schema.minimum && !(number >= *schema.minimum)) {
      write_json_number(*schema.minimum, bound);
      return wrong(place, "must be at least " + bound);
    }
    if (schema.maximum && !(number <= *schema.maximum)) {
      write_json_number(*schema.maximum, bound);
      return wrong(place, "must be at most " + bound);
    }
    return {};
  }

  Expected<void> check_string(const Schema& schema, std::string_view text, const Place& place) {
    WRIT_TRY_VOID(spend(steps_for_bytes(text.size())));
    if (schema.min_length || schema.max_length) {
      const auto length = static_cast<std::size_t>(
          std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; }));
      if (schema.min_length && length < *schema.min_length) {
        return wrong(place, "must have at least " + plural(*schema.min_length, "character"));
      }
      if (schema.max_length && length > *schema.max_length) {
        return wrong(place, "must have at most " + plural(*schema.max_length, "character"));
      }
    }
    if (schema.format && !has_format(text, *schema.format)) {
      return wrong(place, "must be " + std::string(tools::in_words(*schema.format)));
    }
    if (schema.pattern) {
      // RE2 may have to follow every instruction at every byte.
      WRIT_TRY_VOID(spend(static_cast<std::uint64_t>(schema.pattern->ProgramSize()) *
                          steps_for_bytes(text.size())));
      if (!re2::RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), *schema.pattern)) {
        return wrong(place, "must match the pattern " + quoted_extract(schema.pattern->pattern()));
      }
    }
    return {};
  }

  Expected<void> check_array(const Schema& schema, const JsonArray& array, const Place& place) {
    if (schema.min_items && array.size() < *schema.min_items) {
      return wrong(place, "must have at least " + plural(*schema.min_items, "item"));
    }
    if (schema.max_items && array.size() > *schema.max_items) {
      return wrong(place, "must have at most " + plural(*schema.max_items, "item"));
    }
    std::set<std::string> seen;
    for (std::size_t i = 0; i < array.size(); ++i) {
      const Place item{&place, {}, i, true};
      if (schema.items != nullptr) {
        WRIT_TRY_VOID(check(*schema.items, array[i], item));
      }
      if (schema.unique_items) {
        WRIT_TRY(auto form, form_of(array[i]));
        WRIT_TRY_VOID(spend(steps_to_find(seen.size()) * steps_for_bytes(form.size())));
        if (!seen.insert(std::move(form)).second) return wrong(item, "stands in the list twice");
      }
    }
    return {};
  }

  Expected<void> check_object(const Schema& schema, const JsonObject& object, const Place& place) {
    const bool is_open =
        schema.additional == Additional::anything || schema.additional == Additional::matching;
    if (is_open) {
      WRIT_TRY_VOID(no_case_variants(object, place));
    }
    for (const auto& member : object) {
      const auto name = text_of(member);
      const Place inner{&place, name};
      WRIT_TRY_VOID(spend(steps_to_find(schema.properties.size()) * steps_for_bytes(name.size())));
      const auto found =
          std::ranges::lower_bound(schema.properties, name, {}, &Schema::Property::name);
      if (found != schema.properties.end() && found->name == name) {
        WRIT_TRY_VOID(check(*found->schema, member.value(), inner));
        continue;
      }
      // An upstream that does not mind case would read it as the one that is declared, unchecked.
      if (is_open && std::ranges::binary_search(schema.folded_names, folded_name(name))) {
        return wrong(place, "has a member " + quoted_extract(name) +
                                " that differs from a declared one by case alone");
      }
      switch (schema.additional) {
        case Additional::unsaid:  // whatever says `type` or `properties` decides
          break;
        case Additional::refused:
          return wrong(place, "has a member " + quoted_extract(name) + " that is not declared");
        case Additional::anything: {
          WRIT_TRY_VOID(check_open(member.value(), inner));
          break;
        }
        case Additional::matching: {
          WRIT_TRY_VOID(check(*schema.additional_schema, member.value(), inner));
          break;
        }
      }
    }
    WRIT_TRY_VOID(spend(1 + schema.required.size()));
    for (const auto& name : schema.required) {
      if (!object.contains(name)) return wrong({&place, name}, "is missing");
    }
    return {};
  }

  StepBudget& budget_;
};

}  // namespace

Error exhausted(const StepBudget& budget) {
  return {.code = Errc::too_large,
          .message =
              "the arguments take more than " + std::to_string(budget.limit()) + " steps to check",
          .where = {},
          .hint = "send fewer or smaller arguments"};
}

Expected<void> validate_with(const Schema& schema, const Json& value, StepBudget& budget) {
  auto checked = Validation(budget).check(schema, value, {});
  // Among alternatives an exhausted budget reads as one that does not fit.
  if (budget.exhausted()) return std::unexpected(exhausted(budget));
  return checked;
}

}  // namespace schema_detail

Expected<void> ArgumentSchema::validate(const Json& value, StepBudget& budget) const {
  return schema_detail::validate_with(*compiled_->root, value, budget);
}

}  // namespace writ::tools
