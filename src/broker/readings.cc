// SPDX-License-Identifier: Apache-2.0
#include "broker/readings.h"

#include <algorithm>

namespace writ::broker {
namespace {

// Entries of one commit.
constexpr std::size_t kOfUnit = 256;

}  // namespace

Task<Expected<RecordedReadings>> record_readings(Authority by, Operation operation,
                                                 std::vector<Reading> readings, const Clock& clock,
                                                 Random& random) {
  auto& workspace = by.workspace();
  const auto key = [](const Reading& reading) { return reading.what + " " + reading.about; };
  std::erase_if(readings, [&](const Reading& reading) {
    return by.sessions().was_shown(by.session(), key(reading));
  });
  const EntryWriter writer(workspace.id(), workspace.data_key(), clock, random);
  for (std::size_t from = 0; from < readings.size(); from += kOfUnit) {
    const auto to = std::min(from + kOfUnit, readings.size());
    Unit unit;
    by.bind(operation, unit);
    for (auto i = from; i < to; ++i)
      unit.appends.push_back(
          payload_read(writer, by.caller(), readings[i].about, readings[i].what));
    auto committed = co_await workspace.store().commit(std::move(unit));
    if (!committed && by.is_moved(committed.error())) co_return std::unexpected(Authority::moved());
    if (!committed) co_return std::unexpected(std::move(committed).error());
    for (auto i = from; i < to; ++i) {
      // Of an action each reading is an entry of its own.
      if (readings[i].about.starts_with("apr_"))
        by.sessions().shown(by.session(), key(readings[i]));
    }
  }
  co_return RecordedReadings();
}

}  // namespace writ::broker
