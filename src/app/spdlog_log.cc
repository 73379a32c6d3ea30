// SPDX-License-Identifier: Apache-2.0
#include "app/spdlog_log.h"

#include <cmath>

#include <spdlog/async.h>
#include <spdlog/async_logger.h>
#include <spdlog/sinks/stdout_sinks.h>

#include "wire/canonical.h"
#include "wire/time_text.h"
#include "wire/utf8.h"

namespace writ::app {
namespace {

constexpr std::size_t kWaitingLines = 8192;

// The first letters of all levels, padded to one width.
std::string_view padded(observe::Level level) {
  switch (level) {
    case observe::Level::debug:
      return "debug ";
    case observe::Level::info:
      return "info  ";
    case observe::Level::warning:
      return "warn  ";
    case observe::Level::error:
      break;
  }
  return "error ";
}

spdlog::level::level_enum severity(observe::Level level) {
  switch (level) {
    case observe::Level::debug:
      return spdlog::level::debug;
    case observe::Level::info:
      return spdlog::level::info;
    case observe::Level::warning:
      return spdlog::level::warn;
    case observe::Level::error:
      break;
  }
  return spdlog::level::err;
}

// visible_text() leaves nothing but UTF-8 without control characters; quotes and backslashes are
// then escaped as JSON does, which people read as well.
void write_text(std::string_view text, std::string& out) {
  write_json_string(visible_text(text), out);
}

void write_value(const observe::Value& value, std::string& out) {
  if (const auto* text = std::get_if<std::string_view>(&value.held())) {
    write_text(*text, out);
  } else if (const auto* number = std::get_if<double>(&value.held());
             number != nullptr && !std::isfinite(*number)) {
    out += "null";
  } else {
    out += value.to_string();
  }
}

}  // namespace

std::string log_line(LogFormat format, TimePoint at, observe::Level level, std::string_view event,
                     std::span<const observe::Field> fields) {
  std::string out;
  if (format == LogFormat::json) {
    out += R"({"at":")" + format_time(at) + R"(","level":")";
    out += observe::name(level);
    out += R"(","event":)";
    write_text(event, out);
    for (const auto& field : fields) {
      out += ',';
      write_text(field.key, out);
      out += ':';
      write_value(field.value, out);
    }
    out += '}';
    return out;
  }
  out += format_time(at) + ' ';
  out += padded(level);
  out += visible_text(event);
  for (const auto& field : fields) {
    out += ' ' + visible_text(field.key) + '=';
    write_value(field.value, out);
  }
  return out;
}

SpdlogLog::SpdlogLog(const Clock& clock, LogConfig config)
    : clock_(clock),
      format_(config.format),
      level_(config.level),
      thread_(std::make_shared<spdlog::details::thread_pool>(kWaitingLines, 1)),
      logger_(std::make_shared<spdlog::async_logger>(
          "writ", std::make_shared<spdlog::sinks::stderr_sink_mt>(), thread_,
          spdlog::async_overflow_policy::overrun_oldest)) {
  logger_->set_pattern("%v");
  logger_->set_level(spdlog::level::trace);  // enabled() decides
  logger_->flush_on(spdlog::level::info);
}

SpdlogLog::~SpdlogLog() {
  logger_->flush();
  logger_.reset();
  thread_.reset();  // joins, after what waits is written
}

void SpdlogLog::write(observe::Level level, std::string_view event,
                      std::span<const observe::Field> fields) {
  const auto line = log_line(format_, clock_.now(), level, event, fields);
  // A view and no format string: braces in the line are text.
  logger_->log(severity(level), spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace writ::app
