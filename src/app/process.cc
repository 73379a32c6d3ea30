// SPDX-License-Identifier: Apache-2.0
#include "app/process.h"

#include <cerrno>
#include <csignal>
#include <cstring>

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/secret_bytes.h"

namespace writ::app {

Expected<void> harden_process() {
  const rlimit none{.rlim_cur = 0, .rlim_max = 0};
  if (::setrlimit(RLIMIT_CORE, &none) != 0)
    return fail(Errc::denied,
                std::string("core files cannot be switched off: ") + std::strerror(errno));
  // A pipe as core_pattern is not bound by the limit; a process that is not dumpable writes to
  // none.
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
    return fail(Errc::denied, std::string("this process's memory cannot be kept from others: ") +
                                  std::strerror(errno));
  ::umask(077);
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
  }
  std::signal(SIGPIPE, SIG_IGN);
  return {};
}

Expected<void> check_memory_lock() {
  const SecretBytes some(1);
  if (SecretBytes::memory_is_locked()) return {};
  return fail(Errc::unavailable,
              "secret memory cannot be locked, so the system may write it to a swap device",
              "RLIMIT_MEMLOCK", "raise the limit: LimitMEMLOCK=64M of the service, or ulimit -l");
}

CoreState core_state() {
  rlimit core{};
  ::getrlimit(RLIMIT_CORE, &core);
  return {.core_files = core.rlim_cur != 0, .dumpable = ::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0};
}

}  // namespace writ::app
