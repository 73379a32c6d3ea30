// SPDX-License-Identifier: Apache-2.0
#include "broker/builds.h"

#include <vector>

namespace writ::broker {

// Each line asks for one turn at a time, and there are no more lines than places.
Builds::Builds(const ShareLimits& limits, std::size_t builders)
    : places_({.kind = "builds",
               .what = "applies that are checked",
               .hint = "wait until one of them has ended",
               .after = seconds(1),
               .member = "user"},
              limits),
      builders_(builders, limits.server) {}

Expected<Builds::SharedPlace> Builds::enter(const Holder& holder,
                                            std::shared_ptr<const void> with) {
  auto place = std::make_shared<Place>();
  place->workspace_ = holder.workspace;
  place->with_ = std::move(with);
  WRIT_TRY(place->slot_, places_.take(holder));
  return place;
}

std::unexpected<Error> Builds::stopping() {
  return fail(Errc::unavailable, "the server is stopping; nothing was changed", {},
              "send it again in a moment");
}

void Builds::add(WorkspaceId workspace, Job job) {
  auto shared = std::make_shared<Job>(std::move(job));
  {
    const std::lock_guard lock(mutex_);
    if (!stopped_) {
      auto& line = lines_[workspace];
      line.jobs.push_back(std::move(shared));
      if (line.jobs.size() == 1) ask(workspace);
      return;
    }
  }
  shared->give_up();
}

void Builds::ask(WorkspaceId workspace) {
  const bool asked = builders_.submit([this, workspace] { take_turn(workspace); });
  // Only a pool that ends refuses one: stop() has answered everybody by then.
  if (!asked) lines_.erase(workspace);
}

void Builds::take_turn(WorkspaceId workspace) {
  std::shared_ptr<Job> job;
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return;
    job = lines_.at(workspace).jobs.front();
  }
  job->work();
  const std::lock_guard lock(mutex_);
  const auto line = lines_.find(workspace);
  if (line == lines_.end()) return;  // stopped meanwhile
  line->second.jobs.pop_front();
  if (line->second.jobs.empty()) {
    lines_.erase(line);
  } else {
    ask(workspace);
  }
}

void Builds::stop() {
  std::unordered_map<WorkspaceId, Line> left;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    left = std::exchange(lines_, {});
  }
  for (auto& [workspace, line] : left) {
    for (auto& job : line.jobs) job->give_up();
  }
}

}  // namespace writ::broker
