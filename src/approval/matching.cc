// SPDX-License-Identifier: Apache-2.0
#include "approval/matching.h"

#include <algorithm>
#include <cstddef>
#include <optional>

namespace writ::approval {
namespace {

// A maximum bipartite matching by augmenting paths (Kuhn): each group in turn takes a free person,
// or one whose group can be given another. A handful of each, so O(groups · groups · people) is
// nothing.
class Matching {
 public:
  Matching(const std::vector<std::string>& groups,
           const std::vector<std::vector<std::string>>& people)
      : groups_(groups), people_(people), serves_(people.size()) {}

  bool place(std::size_t group) {
    tried_.assign(people_.size(), false);
    return find_person(group);
  }

 private:
  bool find_person(std::size_t group) {
    for (std::size_t person = 0; person < people_.size(); ++person) {
      if (tried_[person] ||
          std::ranges::find(people_[person], groups_[group]) == people_[person].end()) {
        continue;
      }
      tried_[person] = true;
      if (!serves_[person] || find_person(*serves_[person])) {
        serves_[person] = group;
        return true;
      }
    }
    return false;
  }

  const std::vector<std::string>& groups_;
  const std::vector<std::vector<std::string>>& people_;
  std::vector<std::optional<std::size_t>> serves_;
  std::vector<bool> tried_;
};

}  // namespace

bool each_has_its_own(const std::vector<std::string>& groups,
                      const std::vector<std::vector<std::string>>& people) {
  if (groups.empty()) return false;
  Matching matching(groups, people);
  for (std::size_t group = 0; group < groups.size(); ++group) {
    if (!matching.place(group)) return false;
  }
  return true;
}

}  // namespace writ::approval
