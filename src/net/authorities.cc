// SPDX-License-Identifier: Apache-2.0
#include "net/authorities.h"

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <set>
#include <utility>

#include "crypto/certificates.h"
#include "net/regular_file.h"

namespace writ::net {
namespace {

constexpr crypto::CertificateLimits kBundle{.bytes = std::size_t{4} << 20, .count = 4096};
constexpr std::size_t kMaxFiles = 4096;  // of a folder

std::string from_environment(const char* name, std::string otherwise) {
  const char* set = std::getenv(name);
  return set != nullptr && *set != '\0' ? std::string(set) : std::move(otherwise);
}

// As c_rehash names them: "9d04f354.0". A folder has each certificate under other names too.
bool is_hashed_name(std::string_view name) {
  if (name.size() < 10 || name[8] != '.') return false;
  const auto digits = [](std::string_view text, std::string_view allowed) {
    return text.find_first_not_of(allowed) == std::string_view::npos;
  };
  return digits(name.substr(0, 8), "0123456789abcdef") && digits(name.substr(9), "0123456789");
}

void add_folder(const std::filesystem::path& folder, std::set<Bytes>& into) {
  std::error_code failed;
  std::size_t seen = 0;
  for (std::filesystem::directory_iterator at(folder, failed), end; !failed && at != end;
       at.increment(failed)) {
    if (++seen > kMaxFiles) return;
    if (!is_hashed_name(at->path().filename().string())) continue;
    // One that cannot be read vouches for nothing.
    if (auto found = read_authorities(at->path())) into.insert(found->begin(), found->end());
  }
}

}  // namespace

Expected<std::vector<Bytes>> read_authorities(const std::filesystem::path& file) {
  WRIT_TRY(const auto text, read_regular_file(file, kBundle.bytes));
  auto found = crypto::read_certificates(text, kBundle);
  if (!found) found.error().where = file.string();
  return found;
}

std::vector<Bytes> read_system_authorities() {
  const auto defaults = system_certificate_places();
  std::set<Bytes> all;
  if (auto found = read_authorities(from_environment("SSL_CERT_FILE", defaults.file)))
    all.insert(found->begin(), found->end());
  const auto folders = from_environment("SSL_CERT_DIR", defaults.folder);
  for (std::size_t at = 0; at <= folders.size();) {
    const auto end = std::min(folders.find(':', at), folders.size());
    if (end > at) add_folder(folders.substr(at, end - at), all);
    at = end + 1;
  }
  return {all.begin(), all.end()};
}

Expected<Authorities::Context> Authorities::not_read() {
  return fail(Errc::unavailable, "no authorities have been read");
}

Authorities::Entry Authorities::make(Expected<std::vector<Bytes>> certificates,
                                     const Entry* before) {
  if (!certificates) return {{}, std::unexpected(std::move(certificates).error())};
  if (before != nullptr && before->context && before->certificates == *certificates) return *before;
  auto context = TlsClientContext::create(*certificates);
  return {std::move(*certificates), std::move(context)};
}

Expected<void> Authorities::load(const Files& files) {
  const auto before = [this](const std::string& name) -> std::optional<Entry> {
    const std::lock_guard lock(mutex_);
    const auto found = named_.find(name);
    return found == named_.end() ? std::nullopt : std::optional(found->second);
  };
  auto error = Expected<void>();
  std::map<std::string, Entry, std::less<>> named;
  for (const auto& [name, file] : files) {
    const auto old = before(name);
    auto entry = make(read_authorities(file), old ? &*old : nullptr);
    if (!entry.context && error) error = std::unexpected(entry.context.error());
    named.emplace(name, std::move(entry));
  }
  const auto old_system = [this] {
    const std::lock_guard lock(mutex_);
    return system_;
  }();
  auto system = make(read_system_authorities(), &old_system);
  const std::lock_guard lock(mutex_);
  named_.swap(named);
  std::swap(system_, system);
  return error;
}

Expected<Authorities::Context> Authorities::system() const {
  const std::lock_guard lock(mutex_);
  return system_.context;
}

Expected<Authorities::Context> Authorities::named(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  const auto found = named_.find(name);
  if (found != named_.end()) return found->second.context;
  return fail(Errc::not_found, "writ.toml has no certificates of this name", std::string(name));
}

}  // namespace writ::net
