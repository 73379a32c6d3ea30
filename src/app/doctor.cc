// SPDX-License-Identifier: Apache-2.0
#include "app/doctor.h"

#include <cerrno>
#include <cstring>
#include <fstream>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "app/config.h"
#include "app/process.h"
#include "app/seal_key_file.h"
#include "app/write_access.h"
#include "net/authorities.h"
#include "net/http_server.h"
#include "net/tls.h"

namespace writ::app {
namespace {

using Findings = std::vector<protocol::Finding>;

// What a log of a busy day may take; less is soon none.
constexpr std::uint64_t kEnoughBytes = std::uint64_t{1} << 30;
// Below it, few secrets fit.
constexpr rlim_t kEnoughLocked = rlim_t{8} << 20;

void add(Findings& into, std::string kind, std::string subject, std::string message) {
  into.push_back({.kind = "server." + std::move(kind),
                  .subject = std::move(subject),
                  .message = std::move(message)});
}
void add(Findings& into, std::string kind, std::string subject, const Error& error) {
  add(into, std::move(kind), std::move(subject), error.to_string());
}

void examine_seal_key(const ServerConfig& config, Findings& out) {
  const auto file = find_seal_key(config.seal_key_file);
  if (!file) return add(out, "seal_key", "seal key", file.error());
  if (const auto fit = check_seal_key(*file, config.data, false); !fit)
    add(out, "seal_key", file->string(), fit.error());
}

void examine_folder(const std::filesystem::path& folder, std::string_view kind, Findings& out) {
  const auto subject = std::string(kind) + " " + folder.string();
  struct stat found{};
  if (::stat(folder.c_str(), &found) != 0) {
    add(out, std::string(kind), subject,
        std::string("cannot be looked at: ") + std::strerror(errno) +
            (errno == ENOENT ? "; restore it from a backup, or make a server with writ init" : ""));
    return;
  }
  if (!S_ISDIR(found.st_mode)) return add(out, std::string(kind), subject, "is not a folder");
  if ((found.st_mode & 077) != 0)
    add(out, std::string(kind), subject, "others may look into it: chmod 700 " + folder.string());
  if (::access(folder.c_str(), W_OK | X_OK) != 0)
    add(out, std::string(kind), subject, "this user cannot write there");
  struct statvfs space{};
  if (::statvfs(folder.c_str(), &space) == 0) {
    const auto free = std::uint64_t{space.f_bavail} * space.f_frsize;
    if (free < kEnoughBytes)
      add(out, "disk", subject,
          "only " + std::to_string(free >> 20) +
              " MiB are free on its disk; when none are, calls are refused");
  }
}

void examine_devices(const ServerConfig& config, Findings& out) {
  struct stat data{};
  struct stat anchor{};
  if (::stat(config.data.c_str(), &data) == 0 && ::stat(config.anchor.c_str(), &anchor) == 0 &&
      data.st_dev == anchor.st_dev)
    add(out, "anchor", "anchor " + config.anchor.string(),
        "lies on the same disk as the data: who can change the one can change both. Put it on "
        "another disk or machine");
}

void examine_limits(const ServerConfig& config, Findings& out) {
  rlimit locked{};
  ::getrlimit(RLIMIT_MEMLOCK, &locked);
  if (const auto works = check_memory_lock(); !works) {
    add(out, "memory_lock", "memory lock", works.error());
  } else if (locked.rlim_cur != RLIM_INFINITY && locked.rlim_cur < kEnoughLocked &&
             ::geteuid() != 0) {
    add(out, "memory_lock", "memory lock",
        "only " + std::to_string(locked.rlim_cur >> 10) +
            " KiB may be locked; under load secrets would not fit" +
            (config.require_mlock ? ", and require_mlock is set" : "") + ". Raise LimitMEMLOCK");
  }
  std::ifstream pattern("/proc/sys/kernel/core_pattern");
  std::string text;
  // The server itself writes no core file (process.h); a handler would still be told of others'.
  if (std::getline(pattern, text) && text.starts_with('|') && core_state().core_files)
    add(out, "core_files", "core files",
        "the system hands core files to a program; the server switches them off for itself");
}

void examine_listener(const ServerConfig& config, Findings& out) {
  if (!config.tls) return;
  if (const auto context =
          net::TlsServerContext::create({.certificate_file = config.tls->certificate.string(),
                                         .key_file = config.tls->key.string()});
      !context)
    add(out, "listener", "tls", context.error());
  struct stat key{};
  if (::stat(config.tls->key.c_str(), &key) == 0 && (key.st_mode & 077) != 0)
    add(out, "listener", "tls", "others may read its key: chmod 600 " + config.tls->key.string());
}

// Whoever may change it chooses what the server trusts.
void examine_configuration(const std::filesystem::path& config_file, Findings& out) {
  for (const auto& each : write_access_with_parents(config_file))
    add(out, "configuration", each.path.string(), each.what);
}

void examine_certificates(const ServerConfig& config, Findings& out) {
  for (const auto& [name, file] : config.certificates) {
    const auto subject = "certificates " + name;
    if (const auto read = net::read_authorities(file); !read)
      add(out, "certificates", subject, read.error());
    for (const auto& each : write_access(file))
      add(out, "certificates", subject, each.path.string() + ": " + each.what);
  }
}

void examine_clock(const ServerConfig& config, const Clock& clock, Findings& out) {
  // The newest file of the store was written by a clock that was right then.
  std::error_code failed;
  for (const auto& item : std::filesystem::directory_iterator(config.data, failed)) {
    struct stat found{};
    if (::stat(item.path().c_str(), &found) != 0) continue;
    const auto ahead = found.st_mtim.tv_sec - to_unix_seconds(clock.now());
    if (ahead > 30)
      return add(out, "clock", "clock",
                 "it is " + std::to_string(ahead) +
                     " seconds behind a time at which the store was written: the server will not "
                     "grant or call anything until it has caught up");
  }
}

}  // namespace

Expected<std::vector<protocol::Finding>> examine_server(const std::filesystem::path& config_file,
                                                        const Clock& clock) {
  WRIT_TRY(const auto config, read_config(config_file));
  Findings out;
  examine_configuration(config_file, out);
  examine_certificates(config, out);
  examine_seal_key(config, out);
  examine_folder(config.data, "data", out);
  examine_folder(config.anchor, "anchor", out);
  examine_devices(config, out);
  examine_limits(config, out);
  examine_listener(config, out);
  examine_clock(config, clock, out);
  return out;
}

}  // namespace writ::app
