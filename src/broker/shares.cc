// SPDX-License-Identifier: Apache-2.0
#include "broker/shares.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "base/check.h"

namespace writ::broker {
namespace {

constexpr std::string_view kPlace = "limit:";

}  // namespace

std::unexpected<Error> over_limit(const Exceeded& met, std::string message, std::string hint) {
  return fail(met.after > seconds(0) ? Errc::rate_limited : Errc::too_large, std::move(message),
              std::string(kPlace) + met.limit + ":" + std::to_string(met.after.count()),
              std::move(hint));
}

std::optional<Exceeded> exceeded(const Error& error) {
  std::string_view text = error.where;
  if ((error.code != Errc::rate_limited && error.code != Errc::too_large) ||
      !text.starts_with(kPlace)) {
    return std::nullopt;
  }
  text.remove_prefix(kPlace.size());
  const auto colon = text.find(':');
  if (colon == text.npos) return std::nullopt;
  const auto digits = text.substr(colon + 1);
  std::int64_t after = 0;
  const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), after);
  if (problem != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return Exceeded{.limit = std::string(text.substr(0, colon)), .after = seconds(after)};
}

std::optional<seconds> retry_after(const Error& error) {
  const auto met = exceeded(error);
  if (!met || met->after <= seconds(0)) return std::nullopt;
  return met->after;
}

Holder holder_of(const delegation::Run& run) {
  return {.workspace = run.workspace, .member = run.agent.raw(), .run = run.id};
}

class Share::State {
 public:
  State(ShareName name, ShareLimits limits) : name_(name), limits_(limits) {}

  Expected<void> take(const Holder& holder, std::uint64_t amount) {
    const std::lock_guard lock(mutex_);
    WRIT_TRY_VOID(fits(holder, amount));
    add(holder, amount);
    return {};
  }
  Expected<void> check(const Holder& holder, std::uint64_t amount) const {
    const std::lock_guard lock(mutex_);
    return fits(holder, amount);
  }
  void take_existing(const Holder& holder, std::uint64_t amount) {
    const std::lock_guard lock(mutex_);
    add(holder, amount);
  }
  void release(const Holder& holder, std::uint64_t amount) {
    const std::lock_guard lock(mutex_);
    server_ -= amount;
    const auto workspace = workspaces_.find(holder.workspace);
    workspace->second.used -= amount;
    auto& members = workspace->second.members;
    const auto member = members.find(holder.member);
    member->second.used -= amount;
    if (limits_.run && holder.run) {
      const auto run = member->second.runs.find(*holder.run);
      run->second -= amount;
      if (run->second == 0) member->second.runs.erase(run);
    }
    // Nothing is kept about those who hold nothing.
    if (member->second.used == 0) members.erase(member);
    if (workspace->second.used == 0) workspaces_.erase(workspace);
  }
  Held held(const Holder& by) const {
    const std::lock_guard lock(mutex_);
    return used(by);
  }

 private:
  struct Member {
    std::uint64_t used = 0;
    std::unordered_map<RunId, std::uint64_t> runs;  // only where a run has a bound
  };
  struct Workspace {
    std::uint64_t used = 0;
    std::map<id_detail::Raw, Member> members;
  };

  Held used(const Holder& by) const {
    Held out{.server = server_};
    const auto workspace = workspaces_.find(by.workspace);
    if (workspace == workspaces_.end()) return out;
    out.workspace = workspace->second.used;
    const auto member = workspace->second.members.find(by.member);
    if (member == workspace->second.members.end()) return out;
    out.member = member->second.used;
    if (!by.run) return out;
    const auto run = member->second.runs.find(*by.run);
    if (run != member->second.runs.end()) out.run = run->second;
    return out;
  }

  // The narrowest bound first: its owner can do something about it.
  Expected<void> fits(const Holder& holder, std::uint64_t amount) const {
    const auto now = used(holder);
    struct Bound {
      std::string_view owner;  // empty: the server
      std::uint64_t limit;
      std::uint64_t used;
    };
    const bool of_run = limits_.run && holder.run;
    const std::array bounds{
        Bound{"run", of_run ? *limits_.run : ~std::uint64_t{0}, of_run ? now.run : 0},
        Bound{name_.member, limits_.agent, now.member},
        Bound{"workspace", limits_.workspace, now.workspace},
        Bound{"", limits_.server, now.server}};
    for (const auto& bound : bounds) {
      const bool never = amount > bound.limit;
      if (!never && amount <= bound.limit - std::min(bound.limit, bound.used)) continue;
      const std::string owner(bound.owner.empty() ? "server" : bound.owner);
      const auto limit = std::string(name_.kind) + (bound.owner.empty() ? "" : "_per_" + owner);
      if (never) {
        return over_limit({.limit = limit},
                          std::to_string(amount) + " is more than the " +
                              std::to_string(bound.limit) + " " + std::string(name_.what) +
                              " that a " + owner + " may have",
                          "send less, or have " + limit + " raised in writ.toml");
      }
      return over_limit({.limit = limit, .after = name_.after},
                        "the " + owner + " has as many " + std::string(name_.what) +
                            " as it may: " + std::to_string(bound.limit) + " (" + limit + ")",
                        std::string(name_.hint));
    }
    return {};
  }

  void add(const Holder& holder, std::uint64_t amount) {
    server_ += amount;
    auto& workspace = workspaces_[holder.workspace];
    workspace.used += amount;
    auto& member = workspace.members[holder.member];
    member.used += amount;
    if (limits_.run && holder.run) member.runs[*holder.run] += amount;
  }

  const ShareName name_;
  const ShareLimits limits_;
  mutable std::mutex mutex_;
  std::uint64_t server_ = 0;
  std::unordered_map<WorkspaceId, Workspace> workspaces_;
};

Share::Share(ShareName name, ShareLimits limits) : state_(std::make_shared<State>(name, limits)) {}

Expected<Share::Slot> Share::take(const Holder& holder, std::uint64_t amount) {
  if (amount == 0) return Slot(state_, holder, 0);
  WRIT_TRY_VOID(state_->take(holder, amount));
  return Slot(state_, holder, amount);
}

Share::Slot Share::take_existing(const Holder& holder, std::uint64_t amount) {
  if (amount > 0) state_->take_existing(holder, amount);
  return {state_, holder, amount};
}

Expected<void> Share::check(const Holder& holder, std::uint64_t amount) const {
  return state_->check(holder, amount);
}

Share::Held Share::held(const Holder& by) const { return state_->held(by); }

Share::Slot::Slot(Slot&& other) noexcept
    : state_(std::exchange(other.state_, nullptr)),
      holder_(other.holder_),
      amount_(std::exchange(other.amount_, 0)) {}

Share::Slot& Share::Slot::operator=(Slot&& other) noexcept {
  if (this != &other) {
    release();
    state_ = std::exchange(other.state_, nullptr);
    holder_ = other.holder_;
    amount_ = std::exchange(other.amount_, 0);
  }
  return *this;
}

Expected<void> Share::Slot::resize(std::uint64_t amount) {
  WRIT_CHECK(state_ != nullptr);
  if (amount > amount_) {
    WRIT_TRY_VOID(state_->take(holder_, amount - amount_));
  } else if (amount < amount_) {
    state_->release(holder_, amount_ - amount);
  }
  amount_ = amount;
  return {};
}

void Share::Slot::release() {
  const auto state = std::exchange(state_, nullptr);
  const auto amount = std::exchange(amount_, 0);
  if (state != nullptr && amount > 0) state->release(holder_, amount);
}

Shares::Shares(const SharedLimits& limits)
    : runs({.kind = "runs",
            .what = "living runs",
            .hint = "wait until one of them has ended, or end one with POST /oauth/revoke",
            .after = seconds(60)},
           limits.runs),
      questions({.kind = "questions",
                 .what = "open questions to approvers",
                 .hint = "wait until some are decided",
                 .after = seconds(60)},
                limits.questions),
      question_bytes({.kind = "question_bytes",
                      .what = "bytes of open questions to approvers",
                      .hint = "wait until some are decided",
                      .after = seconds(60)},
                     limits.question_bytes),
      proposals({.kind = "proposals",
                 .what = "open proposals",
                 .hint = "wait until an admin has decided some: writ approvals",
                 .after = seconds(60),
                 .member = "user"},
                limits.proposals),
      proposal_bytes({.kind = "proposal_bytes",
                      .what = "bytes of the documents of open proposals",
                      .hint = "wait until an admin has decided some: writ approvals",
                      .after = seconds(60),
                      .member = "user"},
                     limits.proposal_bytes),
      control_requests({.kind = "control_requests",
                        .what = "requests to /v1 under way",
                        .hint = "wait until one of them has ended",
                        .after = seconds(1),
                        .member = "user"},
                       limits.control_requests),
      control_bytes({.kind = "control_bytes",
                     .what = "bytes of requests to /v1 under way",
                     .hint = "wait until one of them has ended",
                     .after = seconds(1),
                     .member = "user"},
                    limits.control_bytes) {}

}  // namespace writ::broker
