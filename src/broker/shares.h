// SPDX-License-Identifier: Apache-2.0
// Share: one bounded thing (calls under way, bytes of bodies, open questions, living runs) and how
// much of it the server, each workspace, each agent and each run hold (P37). Whoever takes more
// than its own part is refused, so nobody can use up another's.
//
//   Share calls({.kind = "calls", .what = "calls under way"}, ShareLimits::fair(1024, 64));
//   auto slot = calls.take(holder_of(run));   // released when the slot ends
//   if (!slot) exceeded(slot.error())->limit; // "calls_per_agent": the key of writ.toml
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "base/id.h"
#include "delegation/run.h"

namespace writ::broker {

// What the errors of this file, and of rate_limiter.h, say to a machine: the limit that was met, by
// its key in writ.toml, and after how many seconds another try makes sense (0: never as it is).
struct Exceeded {
  std::string limit;
  seconds after{0};
  friend bool operator==(const Exceeded&, const Exceeded&) = default;
};
// rate_limited where `met.after` is not 0, else too_large.
std::unexpected<Error> over_limit(const Exceeded& met, std::string message, std::string hint);
// Nothing where the error is another one.
std::optional<Exceeded> exceeded(const Error& error);
// Its seconds, for Retry-After; nothing where there are none.
std::optional<seconds> retry_after(const Error& error);

struct ShareLimits {
  std::uint64_t server = 0;
  std::uint64_t workspace = 0;
  std::uint64_t agent = 0;
  std::optional<std::uint64_t> run{};  // nothing: the agent's bound alone

  // No workspace more than half of the server's, no agent more than a quarter of its workspace's.
  // At least 1 each.
  static constexpr ShareLimits fair(std::uint64_t server,
                                    std::optional<std::uint64_t> run = std::nullopt) {
    const auto part = [](std::uint64_t whole, std::uint64_t by) {
      return whole / by > 0 ? whole / by : 1;
    };
    const auto workspace = part(server, 2);
    return {.server = server, .workspace = workspace, .agent = part(workspace, 4), .run = run};
  }
};

// Who takes a part. `member` is an agent, or a person at the API.
struct Holder {
  WorkspaceId workspace;
  id_detail::Raw member{};
  std::optional<RunId> run{};
};
Holder holder_of(const delegation::Run& run);

// How a share is spoken of. Views of literals.
struct ShareName {
  std::string_view kind;              // of the keys: "calls" of "calls_per_agent"
  std::string_view what;              // for people: "calls under way"
  std::string_view hint;              // the next step
  seconds after{1};                   // when it makes sense to try again
  std::string_view member = "agent";  // or "user"
};

// Thread-safe.
class Share {
 public:
  Share(ShareName name, ShareLimits limits);

  // While it lives, its part is taken. Movable; may outlive the Share. Empty after a move.
  class Slot;

  // rate_limited where a bound is met now, too_large where the amount alone is over one; see
  // exceeded().
  Expected<Slot> take(const Holder& holder, std::uint64_t amount = 1);
  // What exists already, whatever the bounds are: for a start, which finds what was taken before.
  Slot take_existing(const Holder& holder, std::uint64_t amount = 1);
  // Whether take() would give it now.
  Expected<void> check(const Holder& holder, std::uint64_t amount = 1) const;

  struct Held {
    std::uint64_t server = 0;
    std::uint64_t workspace = 0;
    std::uint64_t member = 0;
    std::uint64_t run = 0;
    friend bool operator==(const Held&, const Held&) = default;
  };
  Held held(const Holder& by) const;

 private:
  class State;
  std::shared_ptr<State> state_;
};

class Share::Slot {
 public:
  Slot() = default;
  Slot(Slot&& other) noexcept;
  Slot& operator=(Slot&& other) noexcept;
  ~Slot() { release(); }

  std::uint64_t amount() const { return amount_; }
  // Takes more of the same, or gives back. On an error nothing has changed.
  Expected<void> resize(std::uint64_t amount);
  void release();

 private:
  friend class Share;
  Slot(std::shared_ptr<State> state, const Holder& holder, std::uint64_t amount)
      : state_(std::move(state)), holder_(holder), amount_(amount) {}

  std::shared_ptr<State> state_;
  Holder holder_;
  std::uint64_t amount_ = 0;
};

// The bounds of one server that are shared so: `[limits]` of writ.toml. docs/operations.md has the
// table.
struct SharedLimits {
  ShareLimits calls = ShareLimits::fair(1024, 64);
  ShareLimits call_bytes = ShareLimits::fair(std::uint64_t{32} << 20);
  ShareLimits held = ShareLimits::fair(512, 16);
  ShareLimits questions = ShareLimits::fair(1600, 20);
  ShareLimits question_bytes = ShareLimits::fair(std::uint64_t{16} << 20);
  ShareLimits proposals = ShareLimits::fair(128);
  ShareLimits proposal_bytes = ShareLimits::fair(std::uint64_t{64} << 20);
  ShareLimits runs = ShareLimits::fair(2048);
  ShareLimits control_requests = ShareLimits::fair(512);
  ShareLimits builds = ShareLimits::fair(16);
  // A person may send one apply of the largest size.
  ShareLimits control_bytes{.server = std::uint64_t{48} << 20,
                            .workspace = std::uint64_t{24} << 20,
                            .agent = std::uint64_t{12} << 20};
};

// The shares that outlive a request or span several parts of the server. Thread-safe.
struct Shares {
  explicit Shares(const SharedLimits& limits = {});

  Share runs;
  Share questions;
  Share question_bytes;
  Share proposals;
  Share proposal_bytes;
  Share control_requests;
  Share control_bytes;
};

}  // namespace writ::broker
