// SPDX-License-Identifier: Apache-2.0
// CallsTest: for tests of the way of a call, the example workspace with a run of each step, and
// calls that are prepared at once or held.
#pragma once

#include <future>
#include <optional>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "broker/testing.h"

namespace writ::broker {

using Prepared = std::expected<Sendable, Stopped>;

class CallsTest : public testing::Test {
 protected:
  Prepared prepare(Matched matched, Hold hold = {}) {
    return acme_.run(acme_.calls().prepare(acme_.workspace(), std::move(matched), dialer_, hold));
  }
  // The same, as a task that waits: its result comes once it ends.
  std::future<Prepared> hold(Matched matched, CancelToken client_gone = {},
                             seconds length = std::chrono::minutes(20)) {
    std::promise<Prepared> promise;
    auto future = promise.get_future();
    const Hold until{.deadline = acme_.clock().steady_now() + length, .client_gone = client_gone};
    spawn(acme_.loop(),
          [](Task<Prepared> task, std::promise<Prepared> out) -> Task<void> {
            out.set_value(co_await std::move(task));
          }(acme_.calls().prepare(acme_.workspace(), std::move(matched), dialer_, until),
                                                              std::move(promise)));
    return future;
  }
  // Once the call waits for people: the question.
  Approvals::Shared asked(std::size_t count = 1) {
    while (acme_.approvals().open(acme_.workspace()).size() < count) std::this_thread::yield();
    // A turn of the loop later, the task that asked has come to its wait.
    acme_.run([]() -> Task<void> { co_return; }());
    return acme_.approvals().open(acme_.workspace()).back();
  }
  // A question about a refund that Bob has answered.
  Approvals::Shared approved(const std::string& key, std::int64_t amount = 12'000) {
    acme_.preview(*billing_, amount);
    const auto stopped = prepare(acme_.refund(*billing_, key, amount));
    auto question = needed(stopped);
    return acme_.decide(*question, "bob", {"finance"}).value();
  }

  static Approvals::Shared needed(const Prepared& result) {
    const auto* needed = result ? nullptr : std::get_if<ApprovalNeeded>(&result.error());
    EXPECT_NE(needed, nullptr) << describe(result);
    return needed == nullptr ? nullptr : needed->approval;
  }
  static std::optional<delegation::Operand> refused(const Prepared& result) {
    const auto* refusal = result ? nullptr : std::get_if<Refused>(&result.error());
    EXPECT_NE(refusal, nullptr) << describe(result);
    return refusal == nullptr ? std::nullopt : std::optional(refusal->refusal.operand);
  }
  static Error error(const Prepared& result) {
    const auto* failed = result ? nullptr : std::get_if<Error>(&result.error());
    EXPECT_NE(failed, nullptr) << describe(result);
    return failed == nullptr ? Error{} : *failed;
  }
  static std::string describe(const Prepared& result) {
    if (result) return "it may be sent";
    if (const auto* failed = std::get_if<Error>(&result.error())) return failed->to_string();
    if (const auto* refusal = std::get_if<Refused>(&result.error()))
      return std::string(delegation::name(refusal->refusal.operand)) + ": " +
             refusal->refusal.message;
    return std::holds_alternative<KnownAction>(result.error()) ? "known" : "approval needed";
  }
  std::size_t count(audit::Kind kind) { return acme_.entries(kind).size(); }
  std::string field(const audit::Entry& entry, const char* name) {
    const auto json = entry.json();
    const auto* value = json.if_contains(name);
    return value == nullptr || !value->is_string() ? "" : std::string(text_of(value->get_string()));
  }

  Acme acme_;
  FakeDialer dialer_;
  Acme::SharedRun billing_ = acme_.refund_chain();
};

}  // namespace writ::broker
