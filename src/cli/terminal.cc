// SPDX-License-Identifier: Apache-2.0
#include "cli/terminal.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <optional>

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/check.h"

namespace writ::cli {
namespace {

constexpr std::array kSignals{SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};

// A handler may touch nothing else. One question is asked at a time, so one pipe will do.
std::atomic<int> g_signal_pipe = -1;
static_assert(std::atomic<int>::is_always_lock_free);

void on_signal(int signal) {
  const int saved = errno;
  const auto byte = static_cast<unsigned char>(signal);
  (void)!::write(g_signal_pipe.load(), &byte, 1);
  errno = saved;
}

std::unexpected<Error> no_terminal() {
  return fail(Errc::unsupported, "there is no terminal to ask on", {},
              "a passphrase is typed by a person: run this in a terminal");
}

class Tty {
 public:
  Tty() : descriptor_(::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY)) {}
  Tty(const Tty&) = delete;
  Tty& operator=(const Tty&) = delete;
  ~Tty() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  bool ok() const { return descriptor_ >= 0; }
  int get() const { return descriptor_; }

  bool write(std::string_view text) const {
    while (!text.empty()) {
      const auto wrote = ::write(descriptor_, text.data(), text.size());
      if (wrote < 0 && errno == EINTR) continue;
      if (wrote < 0) return false;
      text.remove_prefix(static_cast<std::size_t>(wrote));
    }
    return true;
  }

 private:
  int descriptor_;
};

// Signals become bytes in a pipe, to be seen by the one who reads the terminal.
class SignalPipe {
 public:
  SignalPipe() {
    WRIT_CHECK(::pipe2(ends_.data(), O_CLOEXEC | O_NONBLOCK) == 0);
    g_signal_pipe = ends_[1];
    for (std::size_t i = 0; i < kSignals.size(); ++i) {
      ::sigaction(kSignals[i], nullptr, &before_[i]);
      if (before_[i].sa_handler == SIG_IGN) continue;  // as nohup wants it
      struct sigaction ours{};
      ours.sa_handler = on_signal;
      sigemptyset(&ours.sa_mask);
      ::sigaction(kSignals[i], &ours, nullptr);
    }
  }
  SignalPipe(const SignalPipe&) = delete;
  SignalPipe& operator=(const SignalPipe&) = delete;
  ~SignalPipe() {
    for (std::size_t i = 0; i < kSignals.size(); ++i)
      ::sigaction(kSignals[i], &before_[i], nullptr);
    g_signal_pipe = -1;
    for (const int end : ends_) ::close(end);
  }
  int readable() const { return ends_[0]; }
  std::optional<int> take() const {
    unsigned char byte = 0;
    if (::read(ends_[0], &byte, 1) != 1) return std::nullopt;
    return byte;
  }

 private:
  std::array<int, 2> ends_{};
  std::array<struct sigaction, kSignals.size()> before_{};
};

// While it lives what is typed is not shown.
class NoEcho {
 public:
  explicit NoEcho(int tty) : tty_(tty), ok_(::tcgetattr(tty, &before_) == 0) {
    if (!ok_) return;
    auto quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO | ECHONL);
    quiet.c_lflag |= ICANON | ISIG;
    // What was typed ahead was shown: it is dropped.
    ok_ = ::tcsetattr(tty_, TCSAFLUSH, &quiet) == 0;
  }
  NoEcho(const NoEcho&) = delete;
  NoEcho& operator=(const NoEcho&) = delete;
  ~NoEcho() {
    if (ok_) ::tcsetattr(tty_, TCSAFLUSH, &before_);
  }
  bool ok() const { return ok_; }

 private:
  int tty_;
  termios before_{};
  bool ok_;
};

// One line, or the signal that came first.
struct Read {
  Expected<SecretBytes> line;
  std::optional<int> signal;
};

Read read_quietly(const Tty& tty) {
  const SignalPipe signals;
  const NoEcho quiet(tty.get());
  if (!quiet.ok()) return {.line = no_terminal(), .signal = {}};
  SecretBytes line(Terminal::kMaxLine + 1);
  std::size_t size = 0;
  for (;;) {
    std::array<pollfd, 2> wait{pollfd{.fd = tty.get(), .events = POLLIN, .revents = 0},
                               pollfd{.fd = signals.readable(), .events = POLLIN, .revents = 0}};
    if (::poll(wait.data(), wait.size(), -1) < 0 && errno != EINTR)
      return {.line = no_terminal(), .signal = {}};
    if (const auto signal = signals.take())
      return {.line = fail(Errc::unsupported, "interrupted"), .signal = signal};
    if (wait[0].revents == 0) continue;
    const auto room = line.writable().subspan(size);
    const auto got = ::read(tty.get(), room.data(), room.size());
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got <= 0) return {.line = fail(Errc::unsupported, "the terminal was closed"), .signal = {}};
    size += static_cast<std::size_t>(got);
    if (line.reveal()[size - 1] == '\n') {
      line.truncate(size - 1);
      return {.line = std::move(line), .signal = {}};
    }
    if (size == line.size()) {
      return {.line = fail(Errc::invalid_input, "the line is longer than " +
                                                    std::to_string(Terminal::kMaxLine) + " bytes"),
              .signal = {}};
    }
  }
}

}  // namespace

Expected<void> Terminal::show(std::string_view text) {
  const Tty tty;
  if (!tty.ok() || !tty.write(text)) return no_terminal();
  return {};
}

Expected<SecretBytes> Terminal::secret(std::string_view prompt) {
  const Tty tty;
  if (!tty.ok()) return no_terminal();
  for (;;) {
    if (!tty.write(prompt)) return no_terminal();
    auto read = read_quietly(tty);
    (void)tty.write("\n");  // the newline that was typed was not shown
    if (!read.signal) return std::move(read.line);
    // Everything is as it was before: the signal does what it would have done. After a stop, or
    // where the process has its own way with it, the question is put again.
    (void)::raise(*read.signal);
  }
}

Expected<std::string> Terminal::line(std::string_view prompt) {
  const Tty tty;
  if (!tty.ok() || !tty.write(prompt)) return no_terminal();
  std::string line;
  while (line.size() <= kMaxLine) {
    char c = 0;
    const auto got = ::read(tty.get(), &c, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return fail(Errc::unsupported, "the terminal was closed");
    if (c == '\n') return line;
    line += c;
  }
  return fail(Errc::invalid_input,
              "the line is longer than " + std::to_string(kMaxLine) + " bytes");
}

Screen Terminal::screen() {
  constexpr std::size_t kUnknownWidth = 40;
  constexpr std::size_t kWidest = 100;
  const Tty tty;
  Screen out;
  if (!tty.ok()) return out;
  out.style = style_of(tty.get());
  winsize size{};
  const bool known = ::ioctl(tty.get(), TIOCGWINSZ, &size) == 0;
  out.style.width =
      known && size.ws_col > 0 ? std::min<std::size_t>(size.ws_col, kWidest) : kUnknownWidth;
  if (known && size.ws_row > 0) out.rows = size.ws_row;
  return out;
}

Expected<SecretBytes> new_passphrase(Asker& asker, std::string_view whose) {
  constexpr int kTries = 3;
  for (int i = 0; i < kTries; ++i) {
    WRIT_TRY(auto first,
             asker.secret("New passphrase for the key of " + std::string(whose) + " (at least " +
                          std::to_string(kMinPassphrase) + " characters): "));
    if (columns(first.reveal_text()) < kMinPassphrase) {
      WRIT_TRY_VOID(
          asker.show("That is too short. A few words that do not belong together are "
                     "easy to type and hard to guess.\n"));
      continue;
    }
    WRIT_TRY(const auto second, asker.secret("The same once more: "));
    if (first == second) return first;
    WRIT_TRY_VOID(asker.show("The two differ.\n"));
  }
  return fail(Errc::invalid_input, "no passphrase was chosen", {}, "run the command again");
}

}  // namespace writ::cli
