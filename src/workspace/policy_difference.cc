// SPDX-License-Identifier: Apache-2.0
#include "workspace/policy_difference.h"

#include <algorithm>
#include <map>
#include <memory>

#include "cedar/mentions.h"
#include "cedar/policy_set.h"
#include "cedar/printer.h"

namespace writ::workspace {
namespace {

using How = Change::How;
using Body = std::shared_ptr<const cedar::Template>;
using Bodies = std::map<std::string, Body, std::less<>>;

constexpr std::string_view kFolder = "policies/";
// Beyond this many pairs of lines all of the old and then all of the new is shown.
constexpr std::size_t kMostCompared = 1'000'000;

std::vector<cedar::PolicySet> sets_of(const Documents& documents) {
  std::vector<cedar::PolicySet> out;
  for (const auto& [path, text] : documents) {
    if (!path.starts_with(kFolder)) continue;
    if (auto set = cedar::parse_policies(text, path)) out.push_back(std::move(*set));
  }
  return out;
}

Bodies bodies_of(const Documents* documents) {
  Bodies out;
  if (documents == nullptr) return out;
  for (const auto& set : sets_of(*documents)) {
    for (const auto& policy : set.policies())
      out.emplace(policy->id(), Body(policy, &policy->body()));
    for (const auto& body : set.templates()) out.emplace(body->id, body);
  }
  return out;
}

std::vector<std::string> lines_of(const cedar::Template* policy) {
  std::vector<std::string> out;
  if (policy == nullptr) return out;
  const auto text = cedar::print(*policy);
  for (std::size_t at = 0; at < text.size();) {
    const auto end = text.find('\n', at);
    out.push_back(text.substr(at, end - at));
    if (end == text.npos) break;
    at = end + 1;
  }
  return out;
}

// The longest common lines stay, with two blanks before them.
std::vector<std::string> line_difference(const std::vector<std::string>& before,
                                         const std::vector<std::string>& after) {
  std::vector<std::string> out;
  const auto n = before.size();
  const auto m = after.size();
  if (n * m > kMostCompared) {
    for (const auto& line : before) out.push_back("- " + line);
    for (const auto& line : after) out.push_back("+ " + line);
    return out;
  }
  // common[i][j]: of what is left from i and j on.
  std::vector<std::vector<std::size_t>> common(n + 1, std::vector<std::size_t>(m + 1, 0));
  for (std::size_t i = n; i-- > 0;) {
    for (std::size_t j = m; j-- > 0;) {
      common[i][j] = before[i] == after[j] ? common[i + 1][j + 1] + 1
                                           : std::max(common[i + 1][j], common[i][j + 1]);
    }
  }
  for (std::size_t i = 0, j = 0; i < n || j < m;) {
    if (i < n && j < m && before[i] == after[j]) {
      out.push_back("  " + before[i++]);
      ++j;
    } else if (j == m || (i < n && common[i + 1][j] >= common[i][j + 1])) {
      out.push_back("- " + before[i++]);
    } else {
      out.push_back("+ " + after[j++]);
    }
  }
  return out;
}

// The group that a policy asks; empty where it asks none.
std::string asked(const cedar::Template* policy) {
  if (policy == nullptr || policy->effect != cedar::Effect::forbid) return {};
  const auto* group = policy->annotation("needs_approval");
  return group == nullptr ? std::string() : *group;
}

std::string asking(const cedar::Template* before, const cedar::Template* after) {
  const auto was = asked(before);
  const auto is = asked(after);
  if (was == is) return {};
  std::string out;
  if (!was.empty()) out = "no longer asks " + was;
  if (!is.empty()) out += (out.empty() ? "asks " : ", asks ") + is;
  return out;
}

Effect effect_of(const cedar::Template* before, const cedar::Template* after) {
  if (before == nullptr)
    return after->effect == cedar::Effect::forbid ? Effect::narrows : Effect::widens;
  if (after == nullptr && before->effect == cedar::Effect::permit && before->conditions.empty())
    return Effect::narrows;
  return Effect::widens;
}

}  // namespace

GroupMentions::GroupMentions(const Documents* before, const Documents& after) {
  if (before != nullptr) read(*before);
  read(after);
}

void GroupMentions::read(const Documents& documents) {
  for (const auto& set : sets_of(documents)) {
    for (const auto& policy : set.policies()) {
      // A condition can fail, and refuses then.
      const bool plain = policy->effect() == cedar::Effect::permit && policy->conditions().empty();
      const auto* principal = plain ? policy->principal().bound() : nullptr;
      std::size_t harmless = principal != nullptr ? 1 : 0;
      cedar::for_each_mention(*policy, [&](const cedar::Mention& mention) {
        if (mention.entity == nullptr || mention.entity->type != "Writ::Group") return;
        // The scope's mentions come first, and of a principal there is one.
        if (harmless > 0 && *mention.entity == *principal) {
          --harmless;
          return;
        }
        groups_.insert(std::string(mention.entity->id));
      });
    }
  }
}

void compare_policies(const Documents* before, const Documents& after, std::vector<Change>& out) {
  const auto old_bodies = bodies_of(before);
  const auto new_bodies = bodies_of(&after);
  Bodies all = new_bodies;
  all.insert(old_bodies.begin(), old_bodies.end());
  const auto begun = out.size();
  for (const auto& [id, any] : all) {
    const auto was = old_bodies.find(id);
    const auto is = new_bodies.find(id);
    const auto* old_body = was == old_bodies.end() ? nullptr : was->second.get();
    const auto* new_body = is == new_bodies.end() ? nullptr : is->second.get();
    if (old_body != nullptr && new_body != nullptr && *old_body == *new_body) continue;
    out.push_back({.key = "policies",
                   .how = old_body == nullptr   ? How::added
                          : new_body == nullptr ? How::removed
                                                : How::changed,
                   .effect = effect_of(old_body, new_body),
                   .what = "policy " + id,
                   .detail = asking(old_body, new_body),
                   .lines = line_difference(lines_of(old_body), lines_of(new_body))});
  }
  if (out.size() != begun || before == nullptr) return;
  std::set<std::string> paths;
  for (const auto* documents : {before, &after}) {
    for (const auto& document : *documents) {
      if (document.first.starts_with(kFolder)) paths.insert(document.first);
    }
  }
  for (const auto& path : paths) {
    const auto was = before->find(path);
    const auto is = after.find(path);
    if (was != before->end() && is != after.end() && was->second == is->second) continue;
    out.push_back({.key = "text",
                   .how = How::changed,
                   .effect = Effect::informs,
                   .what = path,
                   .detail = "its text alone: order, layout or comments",
                   .lines = {}});
  }
}

}  // namespace writ::workspace
