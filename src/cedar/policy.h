// SPDX-License-Identifier: Apache-2.0
// Policy: a permit or a forbid, as it was written and, if it came of a template, with its slots
// filled.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "cedar/entity_uid.h"
#include "cedar/expr.h"
#include "cedar/source.h"

namespace writ::cedar {

enum class Effect : std::uint8_t { permit, forbid };

// ?principal and ?resource.
enum class Slot : std::uint8_t { principal, resource };

struct Annotation {
  std::string name;
  std::string value;
  friend bool operator==(const Annotation&, const Annotation&) = default;
};

// What a scope demands of principal or resource.
struct ScopeConstraint {
  enum class Op : std::uint8_t { any, equal, in, is, is_in };

  Op op = Op::any;
  std::string type;                      // of is and is_in
  std::variant<EntityUid, Slot> entity;  // of equal, in and is_in

  bool names_entity() const { return op != Op::any && op != Op::is; }
  // The entity at or below which a match lies; null where there is none, or a slot.
  const EntityUid* bound() const {
    return names_entity() ? std::get_if<EntityUid>(&entity) : nullptr;
  }
  bool has_slot() const { return names_entity() && std::holds_alternative<Slot>(entity); }
  friend bool operator==(const ScopeConstraint&, const ScopeConstraint&) = default;
};

struct ActionConstraint {
  // `in` is in one entity, `in_list` in any of a list, perhaps an empty one, which matches nothing.
  enum class Op : std::uint8_t { any, equal, in, in_list };

  Op op = Op::any;
  std::vector<EntityUid> entities;
  friend bool operator==(const ActionConstraint&, const ActionConstraint&) = default;
};

struct Condition {
  enum class Kind : std::uint8_t { when, unless };

  Kind kind = Kind::when;
  Expr expr;
  friend bool operator==(const Condition&, const Condition&) = default;
};

// One policy of a text. With a slot in its scope it is a template, without it a policy of its own.
struct Template {
  std::string id;  // of its @id annotation, else "policy" and its index in the text
  Effect effect = Effect::forbid;
  std::vector<Annotation> annotations;  // names differ
  ScopeConstraint principal;
  ActionConstraint action;
  ScopeConstraint resource;
  std::vector<Condition> conditions;
  std::string file;
  Position at;

  bool has_slot() const { return principal.has_slot() || resource.has_slot(); }
  // Null if there is no such annotation.
  const std::string* annotation(std::string_view name) const;
  // "file:line:column"
  std::string place() const;

  // Of what was written, not of where.
  friend bool operator==(const Template& a, const Template& b);
};

// No slot is left. Immutable, shared between threads and sets.
class Policy {
 public:
  // A policy of its own; `body` has no slot.
  explicit Policy(std::shared_ptr<const Template> body);
  // A template's link, with its slots filled.
  Policy(std::string id, std::shared_ptr<const Template> body, ScopeConstraint principal,
         ScopeConstraint resource);

  const std::string& id() const { return id_; }
  Effect effect() const { return body_->effect; }
  const ScopeConstraint& principal() const { return principal_; }
  const ActionConstraint& action() const { return body_->action; }
  const ScopeConstraint& resource() const { return resource_; }
  const std::vector<Condition>& conditions() const { return body_->conditions; }
  const std::vector<Annotation>& annotations() const { return body_->annotations; }
  const std::string* annotation(std::string_view name) const { return body_->annotation(name); }
  const Template& body() const { return *body_; }

 private:
  std::string id_;
  std::shared_ptr<const Template> body_;
  ScopeConstraint principal_;
  ScopeConstraint resource_;
};

}  // namespace writ::cedar
