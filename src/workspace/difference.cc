// SPDX-License-Identifier: Apache-2.0
#include "workspace/difference.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>

#include "delegation/scope.h"
#include "jose/jwk.h"
#include "wire/canonical.h"
#include "wire/time_text.h"
#include "wire/toml.h"
#include "workspace/policy_difference.h"

namespace writ::workspace {
namespace {

using How = Change::How;

// How the values of a key are compared.
enum class By : std::uint8_t {
  members,   // a table whose members have keys of their own
  named,     // a table of NAME = value
  listed,    // a list of tables that each have a name
  value,     // as a whole
  set,       // a list whose order says nothing
  most,      // an integer: more is wider
  longest,   // a time: longer is wider
  shortest,  // a time: shorter is wider
  may,       // a boolean: true is wider
  must,      // a boolean: true is narrower
  sender,    // "bearer" is wider than "dpop"
  runs_for,  // "either" is wider than the others
  tools,     // TOOLS
  keys,      // public keys
  schema,    // a JSON Schema
};

struct Key {
  std::string_view document;
  std::string_view path;
  By by;
  std::string_view standard = {};  // what it is where it is not said, as JSON
};

constexpr std::string_view kRoot = "workspace.toml";

constexpr auto kKeys = std::to_array<Key>({
    {kRoot, "name", By::value},
    {kRoot, "groups", By::named},
    {kRoot, "groups.*", By::value},
    {kRoot, "users", By::named},
    {kRoot, "users.*", By::members},
    {kRoot, "users.*.display", By::value},
    {kRoot, "users.*.groups", By::set},
    {kRoot, "users.*.roles", By::set},
    {kRoot, "users.*.provider", By::value},
    {kRoot, "users.*.subject", By::value},
    {kRoot, "providers", By::named},
    {kRoot, "providers.*", By::members},
    {kRoot, "providers.*.issuer", By::value},
    {kRoot, "providers.*.jwks_uri", By::value},
    {kRoot, "providers.*.algorithms", By::set},
    {kRoot, "providers.*.client_ids", By::named},
    {kRoot, "providers.*.client_ids.*", By::value},
    {kRoot, "providers.*.allow_addresses", By::set},
    {kRoot, "approvals", By::members},
    {kRoot, "approvals.request_life", By::longest, "\"15m\""},
    {kRoot, "approvals.approval_life", By::longest, "\"5m\""},
    {kRoot, "approvals.back_off", By::shortest, "\"2m\""},
    {kRoot, "approvals.proposal_life", By::longest, "\"24h\""},
    {kRoot, "approvals.apply", By::value},
    {"agents", "role", By::value},
    {"agents", "owner", By::value},
    {"agents", "sender", By::sender, "\"dpop\""},
    {"agents", "keys", By::keys},
    {"agents", "ceiling", By::members},
    {"agents", "ceiling.use", By::tools},
    {"agents", "ceiling.delegate", By::tools},
    {"workflows", "description", By::value},
    {"workflows", "steps", By::listed},
    {"workflows", "steps.*", By::members},
    {"workflows", "steps.*.name", By::value},
    {"workflows", "steps.*.agent", By::value},
    {"workflows", "steps.*.life", By::longest},
    {"workflows", "steps.*.starts", By::may, "false"},
    {"workflows", "steps.*.for", By::runs_for, "\"user\""},
    {"workflows", "steps.*.use", By::tools},
    {"workflows", "steps.*.delegate", By::tools},
    {"workflows", "steps.*.delegates_to", By::set},
    {"tools", "kind", By::value},
    {"tools", "url", By::value},
    {"tools", "environment", By::value, "\"\""},
    {"tools", "allow_addresses", By::set},
    {"tools", "ca", By::value},
    {"tools", "ca_file", By::value},
    {"tools", "ca_name", By::value},
    {"tools", "credential", By::value},
    {"tools", "timeouts", By::members},
    {"tools", "timeouts.connect", By::longest, "\"5s\""},
    {"tools", "timeouts.first_byte", By::longest, "\"30s\""},
    {"tools", "timeouts.idle", By::longest, "\"30s\""},
    {"tools", "timeouts.total", By::longest, "\"300s\""},
    {"tools", "limits", By::members},
    {"tools", "limits.request_bytes", By::most, "1048576"},
    {"tools", "limits.response_bytes", By::most, "67108864"},
    {"tools", "$defs", By::named},
    {"tools", "$defs.*", By::schema},
    {"tools", "operations", By::listed},
    {"tools", "operations.*", By::members},
    {"tools", "operations.*.name", By::value},
    {"tools", "operations.*.effect", By::value},
    {"tools", "operations.*.title", By::value},
    {"tools", "operations.*.description", By::value},
    {"tools", "operations.*.method", By::value},
    {"tools", "operations.*.path", By::value},
    {"tools", "operations.*.body", By::value, "\"none\""},
    {"tools", "operations.*.content_type", By::value},
    {"tools", "operations.*.arguments", By::named},
    {"tools", "operations.*.arguments.*", By::schema},
    {"tools", "operations.*.requires", By::set},
    {"tools", "operations.*.compensation", By::value},
    {"tools", "operations.*.compensable", By::value},
    {"tools", "operations.*.outcomes", By::named},
    {"tools", "operations.*.outcomes.*", By::value},
    {"tools", "operations.*.credential", By::value},
    {"tools", "operations.*.idempotency_header", By::value},
    {"tools", "operations.*.redact", By::must, "true"},
    {"tools", "operations.*.response_headers", By::set},
});

// The closed list. `narrower` narrows wherever it is said, and what is not here widens.
struct Harmless {
  std::string_view document;
  std::string_view path;
  How how;
  Effect effect;
};
constexpr auto kHarmless = std::to_array<Harmless>({
    // Texts that people read and nothing decides on.
    {kRoot, "groups.*", How::changed, Effect::informs},
    {kRoot, "users.*.display", How::added, Effect::informs},
    {kRoot, "users.*.display", How::changed, Effect::informs},
    {kRoot, "users.*.display", How::removed, Effect::informs},
    {"workflows", "description", How::added, Effect::informs},
    {"workflows", "description", How::changed, Effect::informs},
    {"workflows", "description", How::removed, Effect::informs},
    {"tools", "operations.*.description", How::added, Effect::informs},
    {"tools", "operations.*.description", How::changed, Effect::informs},
    {"tools", "operations.*.description", How::removed, Effect::informs},
    // A group is what its members and the policies make of it; both are told of by themselves.
    {kRoot, "groups.*", How::added, Effect::informs},
    {kRoot, "groups.*", How::removed, Effect::informs},
    // What has gone can do nothing any more.
    {kRoot, "users.*", How::removed, Effect::narrows},
    {kRoot, "users.*.roles", How::removed, Effect::narrows},
    {kRoot, "providers.*", How::removed, Effect::narrows},
    {kRoot, "providers.*.algorithms", How::removed, Effect::narrows},
    {kRoot, "providers.*.client_ids.*", How::removed, Effect::narrows},
    {kRoot, "providers.*.allow_addresses", How::removed, Effect::narrows},
    {"agents", "", How::removed, Effect::narrows},
    {"agents", "keys", How::removed, Effect::narrows},
    {"agents", "ceiling.use", How::removed, Effect::narrows},
    {"agents", "ceiling.delegate", How::removed, Effect::narrows},
    {"workflows", "", How::removed, Effect::narrows},
    {"workflows", "steps.*", How::removed, Effect::narrows},
    {"workflows", "steps.*.use", How::removed, Effect::narrows},
    {"workflows", "steps.*.delegate", How::removed, Effect::narrows},
    {"workflows", "steps.*.delegates_to", How::removed, Effect::narrows},
    {"tools", "", How::removed, Effect::narrows},
    {"tools", "allow_addresses", How::removed, Effect::narrows},
    {"tools", "operations.*", How::removed, Effect::narrows},
    {"tools", "operations.*.response_headers", How::removed, Effect::narrows},
    // A call needs one thing more than before.
    {"tools", "operations.*.requires", How::added, Effect::narrows},
});

Effect effect_of(std::string_view document, std::string_view path, How how) {
  if (how == How::narrower) return Effect::narrows;
  const auto found = std::ranges::find_if(kHarmless, [&](const Harmless& each) {
    return each.document == document && each.path == path && each.how == how;
  });
  return found == kHarmless.end() ? Effect::widens : found->effect;
}

const Key* key_of(std::string_view document, std::string_view path) {
  const auto found = std::ranges::find_if(
      kKeys, [&](const Key& key) { return key.document == document && key.path == path; });
  return found == kKeys.end() ? nullptr : &*found;
}

// What a key's last word is: "users.*.roles" is "roles".
std::string_view last_word(std::string_view path) {
  const auto dot = path.rfind('.');
  return dot == path.npos ? path : path.substr(dot + 1);
}

std::string text(const Json& value) { return canonical_json(value); }

std::optional<milliseconds> duration_of(const Json& value) {
  const auto* said = value.if_string();
  const auto parsed =
      said == nullptr ? std::nullopt : std::optional(parse_duration(text_of(*said)));
  return parsed && *parsed ? std::optional(**parsed) : std::nullopt;
}

// Compares two documents of one kind, and tells what differs.
class Comparison {
 public:
  Comparison(std::string_view document, Rules before, std::vector<Change>& out)
      : document_(document), before_rules_(before), out_(out) {}

  // A null value is one that is not there. `what` names the thing that the key belongs to.
  void compare(const std::string& path, const Json* before, const Json* after,
               const std::string& what) {
    if (before == nullptr && after == nullptr) return;
    const auto* key = key_of(document_, path);
    switch (key == nullptr ? By::value : key->by) {
      case By::members:
        return members(path, before, after, what);
      case By::named:
        return named(path, before, after, what);
      case By::listed:
        return listed(path, before, after, what);
      case By::set:
        return sets(path, elements(before), elements(after), what);
      case By::tools:
        return tools(path, before, after, what);
      case By::keys:
        return sets(path, thumbprints(before), thumbprints(after), what);
      case By::schema:
        return schemas(path, path, before, after, what, true);
      default:
        return values(path, key == nullptr ? By::value : key->by, before, after, what);
    }
  }

  void tell(const std::string& path, How how, const std::string& what, std::string detail) {
    out_.push_back({.key = path,
                    .how = how,
                    .effect = effect_of(document_, path, how),
                    .what = what,
                    .detail = std::move(detail),
                    .lines = {}});
  }

 private:
  using Set = std::map<std::string, std::string>;  // what is compared → how it is shown

  static const JsonObject& object(const Json* value) {
    static const JsonObject none;
    const auto* found = value == nullptr ? nullptr : value->if_object();
    return found == nullptr ? none : *found;
  }
  static const JsonArray& array(const Json* value) {
    static const JsonArray none;
    const auto* found = value == nullptr ? nullptr : value->if_array();
    return found == nullptr ? none : *found;
  }
  static std::set<std::string> names(const JsonObject& before, const JsonObject& after) {
    std::set<std::string> out;
    for (const auto* each : {&before, &after}) {
      for (const auto& member : *each) out.emplace(text_of(member));
    }
    return out;
  }

  // Each member that either has, and each that has a standard value by the table: what is not said
  // is compared as what it means.
  void members(const std::string& path, const Json* before, const Json* after,
               const std::string& what) {
    const auto& was = object(before);
    const auto& is = object(after);
    for (const auto& name : names(was, is)) {
      compare(path.empty() ? name : path + "." + name, was.if_contains(name), is.if_contains(name),
              what);
    }
    if (before_rules_ == Rules::first && path == "steps.*" && before != nullptr &&
        after != nullptr && !was.contains("for") && !is.contains("for"))
      values("steps.*.for", By::runs_for, nullptr, nullptr, what);
  }

  // Users, groups, providers: "user alice". A thing's own members are said with its name.
  std::string thing(std::string_view path, std::string_view name, const std::string& what) const {
    const std::string own(name);
    if (path == "users") return "user " + own;
    if (path == "groups") return "group " + own;
    if (path == "providers") return "provider " + own;
    if (path == "operations") return "operation " + own;
    if (path == "steps") return "step " + what.substr(what.find(' ') + 1) + "/" + own;
    return what;
  }

  void each(const std::string& path, const std::string& name, const Json* before, const Json* after,
            const std::string& what) {
    const auto of = thing(path, name, what);
    const auto inner = path + ".*";
    const auto* key = key_of(document_, inner);
    const auto by = key == nullptr ? By::value : key->by;
    const bool is_thing = of != what;
    if (by == By::members && (before == nullptr || after == nullptr)) {
      tell(inner, before == nullptr ? How::added : How::removed, of, {});
      if (after == nullptr) return;
    }
    if (by == By::members) return members(inner, before, after, of);
    if (by == By::schema) return schemas(inner, name, before, after, what, true);
    const auto label = is_thing ? std::string() : std::string(last_word(path)) + "." + name;
    plain(inner, label, before, after, of);
  }

  void named(const std::string& path, const Json* before, const Json* after,
             const std::string& what) {
    const auto& was = object(before);
    const auto& is = object(after);
    for (const auto& name : names(was, is))
      each(path, name, was.if_contains(name), is.if_contains(name), what);
  }

  // By their "name", which the parser has found to be unique.
  void listed(const std::string& path, const Json* before, const Json* after,
              const std::string& what) {
    std::map<std::string, std::pair<const Json*, const Json*>> by_name;
    for (const auto& item : array(before)) by_name[name_in(item)].first = &item;
    for (const auto& item : array(after)) by_name[name_in(item)].second = &item;
    for (const auto& [name, pair] : by_name) each(path, name, pair.first, pair.second, what);
  }
  static std::string name_in(const Json& item) {
    const auto* name = object(&item).if_contains("name");
    return name != nullptr && name->is_string() ? std::string(text_of(name->get_string()))
                                                : text(item);
  }

  static Set elements(const Json* value) {
    Set out;
    for (const auto& element : array(value)) {
      const auto* said = element.if_string();
      out.emplace(text(element), said == nullptr ? text(element) : std::string(text_of(*said)));
    }
    return out;
  }
  static Set thumbprints(const Json* value) {
    Set out;
    for (const auto& element : array(value)) {
      const auto key = jose::Jwk::from_json(element);
      const auto shown = key ? key->thumbprint() : text(element);
      // Under its whole text: the same key under another name is told as one that came and one
      // that went.
      out.emplace(text(element), shown);
    }
    return out;
  }
  void sets(const std::string& path, const Set& before, const Set& after, const std::string& what) {
    const std::string label = std::string(last_word(path)) + ": ";
    for (const auto& [value, shown] : after) {
      if (!before.contains(value)) tell(path, How::added, what, label + shown);
    }
    for (const auto& [value, shown] : before) {
      if (!after.contains(value)) tell(path, How::removed, what, label + shown);
    }
  }

  void plain(const std::string& path, const std::string& label, const Json* before,
             const Json* after, const std::string& what) {
    const std::string at = label.empty() ? "" : label + ": ";
    if (before == nullptr) {
      tell(path, How::added, what, at + text(*after));
    } else if (after == nullptr) {
      tell(path, How::removed, what, at + text(*before));
    } else if (text(*before) != text(*after)) {
      tell(path, How::changed, what, at + text(*before) + " → " + text(*after));
    }
  }

  // What a value is, or means where it is not said.
  static std::optional<Json> meant(const Json* said, std::string_view standard) {
    if (said != nullptr) return *said;
    if (standard.empty()) return std::nullopt;
    auto parsed = parse_json(standard);
    return parsed ? std::optional(std::move(*parsed)) : std::nullopt;
  }

  void values(const std::string& path, By by, const Json* before, const Json* after,
              const std::string& what) {
    const auto* key = key_of(document_, path);
    const auto standard = key == nullptr ? std::string_view() : key->standard;
    const bool was_either = by == By::runs_for && before_rules_ == Rules::first;
    const auto was = meant(before, was_either ? "\"either\"" : standard);
    const auto is = meant(after, standard);
    const auto how = was && is ? direction(by, *was, *is) : std::nullopt;
    const std::string label(last_word(path));
    if (!how) return plain(path, label, was ? &*was : nullptr, is ? &*is : nullptr, what);
    if (text(*was) != text(*is))
      tell(path, *how, what, label + ": " + text(*was) + " → " + text(*is));
  }

  // Which of two different values is wider; nothing where neither is.
  static std::optional<How> direction(By by, const Json& before, const Json& after) {
    const auto wider = [](bool is) { return is ? How::wider : How::narrower; };
    switch (by) {
      case By::most:
        if (!before.is_int64() || !after.is_int64()) return std::nullopt;
        return wider(after.get_int64() > before.get_int64());
      case By::longest:
      case By::shortest: {
        const auto was = duration_of(before);
        const auto is = duration_of(after);
        if (!was || !is || *was == *is) return std::nullopt;
        return wider((*is > *was) == (by == By::longest));
      }
      case By::may:
        return after.is_bool() ? std::optional(wider(after.get_bool())) : std::nullopt;
      case By::must:
        return after.is_bool() ? std::optional(wider(!after.get_bool())) : std::nullopt;
      case By::sender:
        return wider(after != Json("dpop"));
      case By::runs_for:
        if (before == Json("either")) return How::narrower;
        return after == Json("either") ? std::optional(How::wider) : std::nullopt;
      default:
        return std::nullopt;
    }
  }

  void tools(const std::string& path, const Json* before, const Json* after,
             const std::string& what) {
    const auto was = tool_set(before);
    const auto is = tool_set(after);
    if (!was || !is) return values(path, By::value, before, after, what);
    const std::string label = std::string(last_word(path)) + ": ";
    for (const auto& [tool, bounds] : is->tools()) {
      const auto known = was->tools().find(tool);
      if (known == was->tools().end()) {
        tell(path, How::added, what, label + tool + in_words(bounds));
      } else if (known->second != bounds) {
        const bool within = delegation::ToolSet({{tool, known->second}})
                                .contains(delegation::ToolSet({{tool, bounds}}));
        tell(path, within ? How::narrower : How::wider, what,
             label + tool + in_words(known->second) + " → " + tool + in_words(bounds));
      }
    }
    for (const auto& [tool, bounds] : was->tools()) {
      if (!is->names(tool)) tell(path, How::removed, what, label + tool + in_words(bounds));
    }
  }
  static std::optional<delegation::ToolSet> tool_set(const Json* value) {
    if (value == nullptr) return delegation::ToolSet();
    auto out = delegation::ToolSet::parse(*value, "");
    return out ? std::optional(std::move(*out)) : std::nullopt;
  }
  // As the document has them: nothing is shortened.
  static std::string in_words(const delegation::Bounds& bounds) {
    if (bounds.empty()) return {};
    const auto json = delegation::ToolSet({{"a.b", bounds}}).to_json();
    return " where " + text(json.at(0).at("where"));
  }

  // Of schemas only what is on this list narrows or informs; there is no keyword that negates, so a
  // narrower part makes a narrower whole.
  void schemas(const std::string& path, const std::string& at, const Json* before,
               const Json* after, const std::string& what, bool top) {
    const auto* was = before == nullptr ? nullptr : before->if_object();
    const auto* is = after == nullptr ? nullptr : after->if_object();
    if (was == nullptr || is == nullptr) {
      return plain(path, (top ? std::string(argument_label(path)) : std::string()) + at, before,
                   after, what);
    }
    for (const auto& name : names(*was, *is)) {
      const auto* old_value = was->if_contains(name);
      const auto* new_value = is->if_contains(name);
      if (old_value != nullptr && new_value != nullptr && text(*old_value) == text(*new_value))
        continue;
      const auto place = at + "." + name;
      if (name == "properties" && old_value != nullptr && new_value != nullptr) {
        for (const auto& property : names(object(old_value), object(new_value))) {
          schemas(path, place + "." + property, object(old_value).if_contains(property),
                  object(new_value).if_contains(property), what, false);
        }
      } else if (name == "items" && old_value != nullptr && new_value != nullptr) {
        schemas(path, place, old_value, new_value, what, false);
      } else {
        keyword(path, name, std::string(argument_label(path)) + place, old_value, new_value, what);
      }
    }
  }
  static std::string_view argument_label(std::string_view path) {
    return path.starts_with("operations") ? "arguments." : "$defs.";
  }

  void keyword(const std::string& path, std::string_view name, const std::string& label,
               const Json* before, const Json* after, const std::string& what) {
    constexpr auto kTexts = std::to_array<std::string_view>(
        {"title", "description", "default", "examples", "deprecated"});
    constexpr auto kMost = std::to_array<std::string_view>({"maximum", "maxLength", "maxItems"});
    constexpr auto kLeast = std::to_array<std::string_view>({"minimum", "minLength", "minItems"});
    const auto said = [](const Json* value) { return value == nullptr ? "any" : text(*value); };
    const auto detail = label + ": " + said(before) + " → " + said(after);
    const bool most = std::ranges::find(kMost, name) != kMost.end();
    const bool least = std::ranges::find(kLeast, name) != kLeast.end();
    auto how = How::changed;
    if (most || least) how = bound_change(most, before, after);
    if (name == "enum" && before != nullptr && after != nullptr) {
      const auto was = elements(before);
      const auto is = elements(after);
      const bool within =
          std::ranges::all_of(is, [&](const auto& each) { return was.contains(each.first); });
      how = within ? How::narrower : How::wider;
    }
    tell(path, how, what, detail);
    if (std::ranges::find(kTexts, name) != kTexts.end()) out_.back().effect = Effect::informs;
  }
  static How bound_change(bool most, const Json* before, const Json* after) {
    if (before == nullptr) return How::narrower;
    if (after == nullptr || !before->is_number() || !after->is_number()) return How::wider;
    const bool more = after->to_number<double>() > before->to_number<double>();
    return more == most ? How::wider : How::narrower;
  }

  std::string_view document_;
  Rules before_rules_;
  std::vector<Change>& out_;
};

// "agents/billing.toml" is of the kind "agents".
std::string_view kind_of(std::string_view path) {
  const auto slash = path.find('/');
  return slash == path.npos ? path : path.substr(0, slash);
}

std::string thing_of(std::string_view path) {
  if (path == kRoot) return "workspace";
  const auto slash = path.find('/');
  const std::string name(path.substr(slash + 1, path.rfind('.') - slash - 1));
  if (path.starts_with("agents/")) return "agent " + name;
  return (path.starts_with("tools/") ? "tool server " : "workflow ") + name;
}

void compare_documents(const std::string& path, const std::string* before, const std::string* after,
                       Rules before_rules, std::vector<Change>& out) {
  const auto parse = [&](const std::string* text) -> std::optional<Json> {
    if (text == nullptr) return std::nullopt;
    auto parsed = parse_toml(*text, path);
    return parsed ? std::optional(parsed->value()) : std::nullopt;
  };
  const auto was = parse(before);
  const auto is = parse(after);
  const auto what = thing_of(path);
  Comparison comparison(kind_of(path), before_rules, out);
  if (path != kRoot && (!was || !is)) {
    comparison.tell("", was ? How::removed : How::added, what, {});
    if (!is) return;
  }
  const auto begun = out.size();
  const JsonObject none;
  const auto& old_object = was && was->is_object() ? was->get_object() : none;
  const auto& new_object = is && is->is_object() ? is->get_object() : none;
  std::set<std::string> names;
  for (const auto* object : {&old_object, &new_object}) {
    for (const auto& member : *object) names.emplace(text_of(member));
  }
  for (const auto& name : names)
    comparison.compare(name, old_object.if_contains(name), new_object.if_contains(name), what);
  if (out.size() == begun && was && is && *before != *after) {
    out.push_back({.key = "text",
                   .how = How::changed,
                   .effect = Effect::informs,
                   .what = path,
                   .detail = "its text alone: order, layout or comments",
                   .lines = {}});
  }
}

const std::string* text_at(const Documents* documents, const std::string& path) {
  if (documents == nullptr) return nullptr;
  const auto found = documents->find(path);
  return found == documents->end() ? nullptr : &found->second;
}

// Leaving a group takes away what policies permit the group, and can take away what they forbid it:
// it only narrows where no policy names the group but as whom it permits.
void judge_groups_left(const GroupMentions& mentions, std::vector<Change>& changes) {
  for (auto& change : changes) {
    if (change.key != "users.*.groups" || change.how != How::removed) continue;
    const auto group = change.detail.substr(change.detail.find(": ") + 2);
    if (!mentions.restrict(group)) change.effect = Effect::narrows;
  }
}

}  // namespace

std::string_view name(Effect effect) {
  switch (effect) {
    case Effect::narrows:
      return "narrows";
    case Effect::informs:
      return "informs";
    case Effect::widens:
      break;
  }
  return "widens";
}

std::string_view name(Change::How how) {
  switch (how) {
    case How::added:
      return "added";
    case How::changed:
      return "changed";
    case How::removed:
      return "removed";
    case How::wider:
      return "wider";
    case How::narrower:
      break;
  }
  return "narrower";
}

JsonObject Change::to_json() const {
  return {{"kind", name(how)},      {"key", key},
          {"effect", name(effect)}, {"what", what},
          {"detail", detail},       {"lines", JsonArray(lines.begin(), lines.end())}};
}

std::vector<Change> difference(const Stated* before, const Stated& after) {
  std::vector<Change> out;
  const auto* old_documents = before == nullptr ? nullptr : &before->documents;
  std::set<std::string> paths;
  for (const auto* documents : {old_documents, &after.documents}) {
    if (documents == nullptr) continue;
    for (const auto& document : *documents) paths.insert(document.first);
  }
  for (const auto& path : paths) {
    if (path.starts_with("policies/")) continue;
    compare_documents(path, text_at(old_documents, path), text_at(&after.documents, path),
                      before == nullptr ? after.rules : before->rules, out);
  }
  judge_groups_left(GroupMentions(old_documents, after.documents), out);
  compare_policies(old_documents, after.documents, out);
  return out;
}

bool widens(const std::vector<Change>& changes) {
  return std::ranges::any_of(changes,
                             [](const Change& change) { return change.effect == Effect::widens; });
}

bool has_class(std::string_view document, std::string_view key) {
  if (key_of(document, key) != nullptr) return true;
  // Within one that is compared as a whole, every change widens.
  for (auto at = key.rfind('.'); at != key.npos && at > 0; at = key.rfind('.', at - 1)) {
    const auto* around = key_of(document, key.substr(0, at));
    if (around != nullptr) {
      return around->by == By::value || around->by == By::tools || around->by == By::keys ||
             around->by == By::schema || around->by == By::set;
    }
  }
  return false;
}

}  // namespace writ::workspace
