// SPDX-License-Identifier: Apache-2.0
#include "approval/decision.h"

#include <algorithm>
#include <array>
#include <utility>

#include "action/digest.h"
#include "base/encoding.h"
#include "crypto/hash.h"
#include "wire/canonical.h"
#include "wire/json.h"
#include "wire/time_text.h"
#include "wire/visible.h"

namespace writ::approval {
namespace {

constexpr std::string_view kDecisionTag = "writ-approval-v2";

// As parse_json()'s own limits, and one level more for what stands around the arguments.
constexpr JsonLimits kStatementLimits{.depth = JsonLimits().depth + 1};

// In the order in which a person asks: what, to whom, for whom, and what pins it.
constexpr auto kFields = std::to_array<std::string_view>(
    {"tool", "arguments", "method", "target", "server", "user", "agent", "run", "credential",
     "generation", "idempotency_key", "definition", "workspace", "tag"});

bool is_plain(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
}

// The lines of a statement, up to the bound: what is not shown whole is not shown.
class Lines {
 public:
  // Whether all of the value still fits.
  bool add(const std::string& name, const Json& value) {
    if (const auto* object = value.if_object(); object != nullptr && !object->empty()) {
      return std::ranges::all_of(*object, [&](const auto& member) {
        const auto key = text_of(member);
        return add(name + "." + (is_plain(key) ? std::string(key) : quoted_text(key)),
                   member.value());
      });
    }
    if (const auto* array = value.if_array(); array != nullptr && !array->empty()) {
      for (std::size_t i = 0; i < array->size(); ++i) {
        if (!add(name + "[" + std::to_string(i) + "]", (*array)[i])) return false;
      }
      return true;
    }
    const auto* text = value.if_string();
    lines_.push_back(name + ": " +
                     (text != nullptr ? quoted_text(text_of(*text)) : write_json(value)));
    bytes_ += lines_.back().size() + 1;
    return bytes_ <= kMaxShownBytes;
  }
  std::vector<std::string> take() && { return std::move(lines_); }

 private:
  std::vector<std::string> lines_;
  std::size_t bytes_ = 0;  // a line's end counts as one
};

}  // namespace

std::string_view name(Verdict verdict) { return verdict == Verdict::approve ? "approve" : "deny"; }

Expected<Verdict> parse_verdict(std::string_view text) {
  if (text == "approve") return Verdict::approve;
  if (text == "deny") return Verdict::deny;
  return fail(Errc::invalid_input, "a decision is approve or deny");
}

std::string_view name(Subject subject) {
  switch (subject) {
    case Subject::action:
      return "action";
    case Subject::plan:
      return "plan";
    case Subject::apply:
      return "apply";
    case Subject::route:
      return "route";
  }
  return "";
}

Expected<Subject> parse_subject(std::string_view text) {
  for (const auto subject : {Subject::action, Subject::plan, Subject::apply, Subject::route}) {
    if (text == name(subject)) return subject;
  }
  return fail(Errc::invalid_input, "a subject is action, plan, apply or route");
}

Digest commitment(const Digest& salt, const Digest& digest) {
  return crypto::Sha256().update(BytesView(salt)).update(BytesView(digest)).finish();
}

std::string canonical_decision(const DecisionStatement& statement) {
  JsonObject object;
  object["tag"] = kDecisionTag;
  object["workspace"] = statement.workspace.to_string();
  if (!statement.approval.empty()) object["approval"] = statement.approval;
  object["subject"] = name(statement.subject);
  object["commitment"] = hex_encode(statement.commitment);
  object["decision"] = name(statement.verdict);
  object["groups"] = JsonArray(statement.groups.begin(), statement.groups.end());
  object["nonce"] = base64url_encode(statement.nonce);
  object["expiry"] = format_time(statement.expires);
  return canonical_json(object);
}

Expected<Shown> show_statement(std::string_view statement) {
  auto parsed = parse_json_object(statement, kStatementLimits);
  if (!parsed) {
    return fail(Errc::invalid_input, "not an action's statement: " + parsed.error().message,
                parsed.error().where);
  }
  if (canonical_json(*parsed) != statement) {
    return fail(Errc::invalid_input, "not an action's statement: it is not in canonical form");
  }
  const Json* tag = parsed->if_contains("tag");
  if (tag == nullptr || *tag != Json(action::kActionTag)) {
    return fail(Errc::invalid_input, "not an action's statement: its tag is another", "/tag");
  }
  Lines lines;
  for (const auto field : kFields) {
    const Json* value = parsed->if_contains(field);
    if (value == nullptr) {
      return fail(Errc::invalid_input, "not an action's statement: a field is missing",
                  json_pointer("", field));
    }
    if (!lines.add(std::string(field), *value)) {
      return fail(Errc::too_large, "the action is too large for a person to read and approve",
                  json_pointer("", field), "use shorter names, or fewer values under each");
    }
  }
  if (parsed->size() != kFields.size()) {
    return fail(Errc::invalid_input, "not an action's statement: it has an unknown field");
  }
  return Shown{.lines = std::move(lines).take(), .digest = action::action_digest(statement)};
}

}  // namespace writ::approval
