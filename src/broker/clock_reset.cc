// SPDX-License-Identifier: Apache-2.0
#include "broker/clock_reset.h"

#include "base/encoding.h"
#include "broker/grant_record.h"
#include "wire/canonical.h"
#include "wire/time_text.h"

namespace writ::broker {
namespace {

constexpr std::size_t kOfUnit = 256;

bool any_record(const Record& /*record*/) { return true; }
// How often a user's token began a run is still to be known.
bool is_refresh_token(const Record& record) {
  return !UserTokenUse::parse(record.value).has_value();
}

}  // namespace

Append ClockReset::entry(const LiveWorkspace& workspace, const SignedReset& reset,
                         const Authority* by) const {
  const EntryWriter writer(workspace.id(), workspace.data_key(), parts_.clock, parts_.random);
  auto entry = writer.entry(audit::Kind::clock_reset);
  std::vector<std::string> subjects;
  if (by != nullptr) {
    name_caller(entry, by->caller());
    entry.set("signature", base64url_encode(reset.signature)).set("time", format_time(reset.time));
    subjects.push_back(by->user().id.to_string());
  } else {
    // Somebody of another workspace: who is not for this one to know (P10).
    entry.set("by", "server");
  }
  entry.set("latest", format_time(reset.of.latest)).set("epoch", reset.of.epoch.number + 1);
  return EntryWriter::append(entry, std::move(subjects));
}

Task<Expected<void>> ClockReset::erase(WorkspaceStore& store, RecordKind kind,
                                       bool (*counts)(const Record& record)) {
  std::string after;
  for (;;) {
    WRIT_CO_TRY(const auto records, co_await store.list(kind, after, kOfUnit));
    if (records.empty()) co_return Expected<void>();
    Unit unit;
    for (const auto& record : records) {
      if (counts(record)) unit.erases.push_back({kind, record.id, record.revision});
    }
    const auto last = records.back().id;
    auto erased = co_await store.commit(std::move(unit));
    if (erased) {
      after = last;
    } else if (erased.error().code != Errc::conflict) {
      // A conflict: something of them was erased by another, and the rest is looked up anew.
      co_return std::unexpected(std::move(erased).error());
    }
  }
}

Task<Expected<TimeGuard::Epoch>> ClockReset::reset(LiveWorkspace& workspace, SignedReset reset,
                                                   Authority by) {
  const auto key = workspace.standing(by.user().id).key;
  const auto bytes = approval::canonical_clock_statement({.server = public_url_,
                                                          .workspace = workspace.id(),
                                                          .epoch = reset.of.epoch.number,
                                                          .latest = reset.of.latest,
                                                          .time = reset.time});
  if (!key || !key->verify(as_bytes(bytes), reset.signature)) {
    co_return fail(Errc::unauthenticated,
                   "the signature is not of this reset by your enrolled key");
  }
  const auto difference = std::chrono::abs(parts_.clock.now() - reset.time);
  if (difference > kMaxDifference) {
    co_return fail(Errc::invalid_input,
                   "the server's clock says " + format_time(parts_.clock.now()) + ", yours says " +
                       format_time(reset.time),
                   "/time", "set both clocks right first");
  }
  if (!parts_.time.is_behind() || parts_.time.view().latest != reset.of.latest ||
      parts_.time.view().epoch.number != reset.of.epoch.number) {
    co_return fail(Errc::conflict, "the clock is not behind, or has moved on since this was signed",
                   {}, "look again, and repeat it if it is still needed");
  }
  // In the log first, on the operator's authority; then what was open ends; then the epoch begins.
  Unit recorded;
  by.bind(Operation::reset_clock, recorded);
  recorded.appends = {entry(workspace, reset, &by)};
  WRIT_CO_TRY_VOID(co_await workspace.store().commit(std::move(recorded)));
  for (const auto& each : parts_.live.all()) {
    if (each->id() != workspace.id()) {
      Unit told;
      told.appends = {entry(*each, reset, nullptr)};
      WRIT_CO_TRY_VOID(co_await each->store().commit(std::move(told)));
    }
    WRIT_CO_TRY_VOID(co_await parts_.approvals.end_open(*each, "the server's clock was reset"));
    WRIT_CO_TRY_VOID(co_await erase(each->store(), RecordKind::enrolment, any_record));
    WRIT_CO_TRY_VOID(co_await erase(each->store(), RecordKind::grant, is_refresh_token));
  }
  // The founding code.
  WRIT_CO_TRY_VOID(
      co_await erase(*parts_.store.workspace(WorkspaceId()), RecordKind::enrolment, any_record));
  auto view = parts_.time.view();
  view.latest = reset.of.latest;
  co_return co_await parts_.time.begin_epoch(view);
}

}  // namespace writ::broker
