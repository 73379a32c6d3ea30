// SPDX-License-Identifier: Apache-2.0
// What changes among the policies of two states of a workspace, by id and with its lines: a part of
// difference.h. Pure; for this room alone.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "workspace/difference.h"

namespace writ::workspace {

// The groups that policies of either state name in another way than as the principal of a permit
// without conditions.
class GroupMentions {
 public:
  GroupMentions(const Documents* before, const Documents& after);
  // Whether somebody who leaves the group might be permitted more.
  bool restrict(const std::string& group) const { return groups_.contains(group); }

 private:
  void read(const Documents& documents);
  std::set<std::string, std::less<>> groups_;
};

// Appends. A forbid that comes narrows, and a permit that goes does so where it has no condition:
// one that could fail would have refused. Everything else widens.
void compare_policies(const Documents* before, const Documents& after, std::vector<Change>& out);

}  // namespace writ::workspace
