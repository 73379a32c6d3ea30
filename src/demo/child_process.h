// SPDX-License-Identifier: Apache-2.0
// ChildProcess: this same program, started once more with other arguments. It ends when this
// process ends, however that comes about, and a Ctrl-C at the terminal reaches this process alone.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/secret_bytes.h"

namespace writ::demo {

struct ChildOptions {
  std::vector<std::string> arguments;      // without the program's own name
  std::vector<std::string> environment{};  // "NAME=value", beside this process's own
  std::string log;                         // the file to which its standard error is appended
  const SecretBytes* secret = nullptr;     // what it finds on descriptor kSecretDescriptor
  bool output_to_log = true;               // else read_line() has its standard output
};

class ChildProcess {
 public:
  static constexpr int kSecretDescriptor = 3;

  // On the thread that lives as long as the process: the kernel ends the child with this thread.
  // unavailable where the system has no room for it.
  static Expected<ChildProcess> start(const ChildOptions& options);
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&&) = delete;
  // Kills it and waits.
  ~ChildProcess();

  pid_t pid() const { return pid_; }
  // A line of its standard output, without the end of the line. unavailable if none comes in time.
  Expected<std::string> read_line(milliseconds limit);
  bool is_running();
  // Asks it to end, kills it after `grace`, and returns its wait status. Idempotent.
  int stop(milliseconds grace);

 private:
  ChildProcess(pid_t pid, int output) : pid_(pid), output_(output) {}
  // Whether it has ended, after waiting at most `limit` for that.
  bool wait_for_end(milliseconds limit);

  pid_t pid_ = -1;
  int output_ = -1;
  std::optional<int> status_;
};

}  // namespace writ::demo
