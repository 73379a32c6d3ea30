// SPDX-License-Identifier: Apache-2.0
// ApprovalChain: from approval to action by the leaves of a log alone (protocol.md P20). An
// approval.requested names a commitment, each approval.decided carries a person's signature over
// it, and the action.intent that consumes the approval carries the same one. None of it is erased
// with the arguments, so it can be checked before and after.
//
//   ApprovalChain chain;
//   for (entry of the log, in order) if (auto wrong = chain.give(entry)) …
//
// Checked of entries of version 2: an intent's approval was asked for, in its run and under its
// commitment; each decision is signed by the key that its person had enrolled last in this log,
// before the request's expiry; each group that the intent names has a person of its own who
// approved and whose key is still the same; an approval is consumed once; and no entry of version 1
// follows one of version 2. Not in the leaves, so not checked: whether a person was in a group, and
// whether policy asked for more.
//
// Memory is that of the people and of the questions that are open at once. Not thread-safe.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "audit/entry.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/id.h"

namespace writ::approval {

class ApprovalChain {
 public:
  // What is wrong with what the entry says, as a sentence; nothing where it holds or says nothing
  // of people's keys and approvals.
  std::optional<std::string> give(BytesView entry);

 private:
  struct Given {
    std::string user;
    std::string key;  // thumbprint
    std::vector<std::string> groups;
  };
  struct Question {
    RunId run;
    Digest commitment{};
    std::vector<Given> given;
  };

  Expected<void> read(const audit::Entry& entry);
  Expected<void> enrolled(const audit::Entry& entry);
  Expected<void> requested(const audit::Entry& entry);
  Expected<void> decided(const audit::Entry& entry);
  Expected<void> consumed(const audit::Entry& entry);
  Expected<Question*> asked(const audit::Entry& entry, const Digest& commitment);

  std::map<std::string, std::string, std::less<>> keys_;  // user's id → thumbprint
  std::map<ApprovalId, Question> open_;
  bool version_2_ = false;
};

}  // namespace writ::approval
