// SPDX-License-Identifier: Apache-2.0
// SpdlogLog: the log of production: one line an event on standard error, written by a thread of its
// own, so that a slow reader of it delays nobody. When that thread cannot keep up the oldest lines
// give way.
//
//   text   2026-01-02T03:04:05.678Z info  server.listening url="http://127.0.0.1:8700"
//   json   {"at":"2026-01-02T03:04:05.678Z","level":"info","event":"server.listening","url":"…"}
//
// Control, invisible and reordering characters are escaped in both: one event is one line, and a
// terminal shows what is there.
#pragma once

#include <atomic>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "app/config.h"
#include "base/clock.h"
#include "observe/log.h"

namespace spdlog {
class logger;
namespace details {
class thread_pool;
}
}  // namespace spdlog

namespace writ::app {

// The line of an event, without its end.
std::string log_line(LogFormat format, TimePoint at, observe::Level level, std::string_view event,
                     std::span<const observe::Field> fields);

// Thread-safe. The clock outlives it. Its destructor writes what is still waiting.
class SpdlogLog final : public observe::Log {
 public:
  SpdlogLog(const Clock& clock, LogConfig config);
  ~SpdlogLog() override;

  bool enabled(observe::Level level) const override {
    return level >= level_.load(std::memory_order_relaxed);
  }
  void write(observe::Level level, std::string_view event,
             std::span<const observe::Field> fields) override;

  void set_level(observe::Level level) { level_.store(level, std::memory_order_relaxed); }

 private:
  const Clock& clock_;
  const LogFormat format_;
  std::atomic<observe::Level> level_;
  std::shared_ptr<spdlog::details::thread_pool> thread_;
  std::shared_ptr<spdlog::logger> logger_;
};

}  // namespace writ::app
