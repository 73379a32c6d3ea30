// SPDX-License-Identifier: Apache-2.0
// Builds: what applies read, check and compare, off the loops (protocol.md P48). A few threads of
// their own do it, the builders. A workspace has one of them at a time, and its next job waits
// behind one job of each workspace that waits already: no workspace holds up another for longer
// than that. Jobs end by themselves, because documents and their compilation are bounded.
//
//   WRIT_CO_TRY(const auto place, builds.enter(holder));        // 429 where there is none
//   WRIT_CO_TRY(auto built, co_await builds.run(place, [documents = std::move(documents)] { … }));
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <type_traits>
#include <unordered_map>
#include <utility>

#include "async/event.h"
#include "async/workers.h"
#include "broker/shares.h"

namespace writ::broker {

// Thread-safe. Outlives the tasks that wait in run(): stop() sends them on.
class Builds {
 public:
  // How many workspaces build at the same time.
  static constexpr std::size_t kBuilders = 2;

  explicit Builds(const ShareLimits& limits = SharedLimits().builds,
                  std::size_t builders = kBuilders);
  // Waits for the jobs that have begun.
  ~Builds() { stop(); }

  // One apply's place in its workspace's line. It is held by whoever has the pointer, each of its
  // jobs among them: a caller who goes away gives nothing back before the job has ended.
  class Place {
   public:
    WorkspaceId workspace() const { return workspace_; }

   private:
    friend class Builds;
    WorkspaceId workspace_;
    Share::Slot slot_;
    std::shared_ptr<const void> with_;
  };
  using SharedPlace = std::shared_ptr<const Place>;

  // Errors: those of Share::take(). `with` goes when the place does.
  Expected<SharedPlace> enter(const Holder& holder, std::shared_ptr<const void> with = {});

  // On a loop: what `function` returns, which lets no exception out, waits for nothing and owns
  // what it uses. conflict where `cancel`, of its caller's authority, is cancelled first,
  // unavailable where the builds stop: a job that has begun then runs on without anyone to hear
  // it, any other is dropped at its turn.
  template <typename Function>
  Task<Expected<std::invoke_result_t<Function&>>> run(SharedPlace place, Function function,
                                                      CancelToken cancel = {}) {
    using Result = std::invoke_result_t<Function&>;
    OneShot<Expected<Result>> done;
    const auto wanted = std::make_shared<std::atomic<bool>>(true);
    const auto workspace = place->workspace();
    add(workspace, Job{.work =
                           [done, wanted, place = std::move(place),
                            own = std::make_unique<Function>(std::move(function))]() mutable {
                             if (!wanted->load()) return;
                             Expected<Result> result(std::in_place, (*own)());
                             // What it owned, its place, and only then the answer.
                             own.reset();
                             place.reset();
                             done.set(std::move(result));
                           },
                       .give_up = [done] { done.set(stopping()); }});
    auto result = co_await done.wait({.deadline = Deadline::kNever, .cancel = std::move(cancel)});
    if (!result) {
      wanted->store(false);
      co_return fail(Errc::conflict,
                     "what you may do changed while this was checked; nothing was done", {},
                     "send it again");
    }
    co_return std::move(*result);
  }

  // From now on nothing begins, and whoever waits is answered at once: unavailable. Idempotent.
  void stop();

  // How many places are held.
  Share::Held held(const Holder& by) const { return places_.held(by); }

 private:
  struct Job {
    std::move_only_function<void()> work;
    std::move_only_function<void()> give_up;  // answers whoever waits; work() may still run
  };
  // Of one workspace; there while it has jobs. The first of them is under way, or its turn is asked
  // for.
  struct Line {
    std::deque<std::shared_ptr<Job>> jobs;
  };

  static std::unexpected<Error> stopping();
  void add(WorkspaceId workspace, Job job);
  // Under mutex_: asks for a turn of the workspace's first job.
  void ask(WorkspaceId workspace);
  // On a builder.
  void take_turn(WorkspaceId workspace);

  Share places_;
  std::mutex mutex_;
  bool stopped_ = false;
  std::unordered_map<WorkspaceId, Line> lines_;
  Workers builders_;  // the last member: it ends before the others go
};

}  // namespace writ::broker
