// SPDX-License-Identifier: Apache-2.0
// Explain: the seven answers about an action, in the order of docs/architecture.md, from the log
// and from what lies beside it, and from nothing else: so they hold years later, whatever the
// workspace has become.
//
// What lies beside is sealed, and is opened where its reading is recorded (readings.h); else the
// answers say that it is withheld. What was erased is said to be, with the digest that the log
// still commits to.
#pragma once

#include <string>
#include <vector>

#include "broker/control.h"
#include "broker/history.h"
#include "broker/readings.h"

namespace writ::broker {

struct Answer {
  std::string question;
  std::string answer;  // one sentence or two
  JsonObject facts;    // what it rests on
};

// not_found where the log has no such action. No `recorded`: without what is sealed.
Task<Expected<std::vector<Answer>>> explain(LiveWorkspace& workspace, ActionId id,
                                            std::optional<RecordedReadings> recorded);

}  // namespace writ::broker
