// SPDX-License-Identifier: Apache-2.0
#include "demo/child_process.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace writ::demo {
namespace {

struct Pipe {
  int read = -1;
  int write = -1;

  Pipe() = default;
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    close_read();
    close_write();
  }
  bool open() {
    std::array<int, 2> ends{-1, -1};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return false;
    read = ends[0];
    write = ends[1];
    return true;
  }
  void close_read() {
    if (read >= 0) ::close(std::exchange(read, -1));
  }
  void close_write() {
    if (write >= 0) ::close(std::exchange(write, -1));
  }
};

// Everything that the child needs between fork and exec, where memory may not be taken: another
// thread may hold the allocator's lock.
struct Prepared {
  std::vector<char*> arguments;
  std::vector<char*> environment;
  int log = -1;
  int output = -1;
  int secret = -1;
  pid_t parent = 0;
};

// In the child. Calls nothing but what is safe after a fork.
[[noreturn]] void become(const Prepared& prepared) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  // The parent may have ended before the line above.
  if (::getppid() != prepared.parent) ::_exit(126);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  const int input = ::open("/dev/null", O_RDONLY);
  // First away from the low numbers, which the moves below overwrite.
  const int log = ::fcntl(prepared.log, F_DUPFD, 10);
  const int output = ::fcntl(prepared.output, F_DUPFD, 10);
  const int secret = prepared.secret < 0 ? -1 : ::fcntl(prepared.secret, F_DUPFD, 10);
  ::dup2(input, 0);
  ::dup2(output, 1);
  ::dup2(log, 2);
  if (secret >= 0) ::dup2(secret, ChildProcess::kSecretDescriptor);
  ::close_range(secret >= 0 ? ChildProcess::kSecretDescriptor + 1 : 3, ~0U, 0);
  ::execve("/proc/self/exe", prepared.arguments.data(), prepared.environment.data());
  ::_exit(127);
}

bool write_all(int to, BytesView bytes) {
  while (!bytes.empty()) {
    const auto written = ::write(to, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return true;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> list;
  list.reserve(texts.size() + 1);
  for (auto& text : texts) list.push_back(text.data());
  list.push_back(nullptr);
  return list;
}

}  // namespace

Expected<ChildProcess> ChildProcess::start(const ChildOptions& options) {
  Pipe output;
  Pipe secret;
  if (!output.open() || !secret.open()) return fail(Errc::unavailable, "no more descriptors");
  const int log = ::open(options.log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (log < 0) return fail(Errc::unavailable, "the log file cannot be written", options.log);

  std::vector<std::string> arguments{"writ"};
  arguments.insert(arguments.end(), options.arguments.begin(), options.arguments.end());
  std::vector<std::string> environment = options.environment;
  for (char** entry = environ; *entry != nullptr; ++entry) environment.emplace_back(*entry);
  const Prepared prepared{.arguments = pointers(arguments),
                          .environment = pointers(environment),
                          .log = log,
                          .output = options.output_to_log ? log : output.write,
                          .secret = options.secret != nullptr ? secret.read : -1,
                          .parent = ::getpid()};
  const pid_t pid = ::fork();
  if (pid == 0) become(prepared);
  ::close(log);
  if (pid < 0) return fail(Errc::unavailable, "no further process can be started");
  ChildProcess child(pid, options.output_to_log ? -1 : std::exchange(output.read, -1));
  secret.close_read();
  if (options.secret != nullptr && !write_all(secret.write, options.secret->reveal())) {
    return fail(Errc::unavailable, "the process ended before it had read its key", options.log);
  }
  return child;
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      output_(std::exchange(other.output_, -1)),
      status_(other.status_) {}

ChildProcess::~ChildProcess() {
  (void)stop(milliseconds(0));
  if (output_ >= 0) ::close(output_);
}

Expected<std::string> ChildProcess::read_line(milliseconds limit) {
  const auto by = std::chrono::steady_clock::now() + limit;
  std::string line;
  for (;;) {
    const auto left = std::chrono::ceil<milliseconds>(by - std::chrono::steady_clock::now());
    pollfd wait{.fd = output_, .events = POLLIN, .revents = 0};
    if (left <= milliseconds(0)) return fail(Errc::unavailable, "the process says nothing");
    const int ready = ::poll(&wait, 1, static_cast<int>(left.count()));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return fail(Errc::unavailable, "the process says nothing");
    char byte = 0;
    const auto got = ::read(output_, &byte, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return fail(Errc::unavailable, "the process has ended; its log says why");
    if (byte == '\n') return line;
    line += byte;
  }
}

bool ChildProcess::is_running() { return pid_ > 0 && !wait_for_end(milliseconds(0)); }

bool ChildProcess::wait_for_end(milliseconds limit) {
  const auto by = std::chrono::steady_clock::now() + limit;
  while (!status_) {
    int status = 0;
    const auto ended = ::waitpid(pid_, &status, WNOHANG);
    if (ended == pid_) {
      status_ = status;
    } else if (ended < 0 && errno != EINTR) {
      status_ = 0;  // somebody else has waited for it
    } else if (std::chrono::steady_clock::now() >= by) {
      return false;
    } else {
      std::this_thread::sleep_for(milliseconds(10));
    }
  }
  return true;
}

int ChildProcess::stop(milliseconds grace) {
  if (pid_ <= 0) return 0;
  if (!wait_for_end(milliseconds(0))) {
    if (grace > milliseconds(0)) ::kill(pid_, SIGTERM);
    if (grace <= milliseconds(0) || !wait_for_end(grace)) {
      ::kill(pid_, SIGKILL);
      (void)wait_for_end(seconds(10));
    }
  }
  return status_.value_or(0);
}

}  // namespace writ::demo
