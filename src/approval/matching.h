// SPDX-License-Identifier: Apache-2.0
// Matching: whether each group can have a person of its own among those who approved (P4). "Finance
// and controllers must approve" is a promise of two people, so one who is in both counts for one of
// them; which one is chosen so that as many groups as possible are served. Pure function.
#pragma once

#include <string>
#include <vector>

namespace writ::approval {

// `people` lists, for each distinct person, the groups that the person stands for. False where
// `groups` is empty: an approval by nobody is none.
bool each_has_its_own(const std::vector<std::string>& groups,
                      const std::vector<std::vector<std::string>>& people);

}  // namespace writ::approval
