// SPDX-License-Identifier: Apache-2.0
// DnsResolver: names by the table of hosts and by DNS, with c-ares on the loops that ask. No thread
// waits for a name (protocol.md P48): one whose servers are silent costs a place among those of the
// workspace that asked, and nobody else anything.
//
// Where the system's own resolver would ask further sources (nsswitch.conf), this one does not: it
// looks into /etc/hosts, knows localhost (RFC 6761), and asks the servers of /etc/resolv.conf.
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "net/egress.h"

namespace writ::net {

struct DnsOptions {
  std::filesystem::path hosts = "/etc/hosts";
  std::filesystem::path configuration = "/etc/resolv.conf";
  std::string servers{};            // "127.0.0.1:5300", instead of those of `configuration`
  milliseconds first_try{2'000};    // until the next server, or the same one, is asked again
  int tries = 2;                    // of each server
  std::size_t names_of_owner = 64;  // asked for at the same time
  std::size_t addresses = 16;       // of a name; further ones are left out
  std::size_t hosts_bytes = std::size_t{4} << 20;
};

// Used from tasks of the loops it was made for. Made and destroyed by the thread that owns them;
// destroyed after they have stopped.
class DnsResolver final : public Resolver {
 public:
  explicit DnsResolver(LoopPool& loops, DnsOptions options = {});
  explicit DnsResolver(Loop& loop, DnsOptions options = {});
  ~DnsResolver() override;

  // Reads hosts and configuration, where they have changed since they were read. Blocks: never on a
  // loop, and from one thread at a time. What cannot be read leaves what was read before.
  Expected<void> refresh();

  Task<Expected<std::vector<Address>>> resolve(std::string host, std::string owner,
                                               WaitOptions options) override;

 private:
  class UnderWay;
  struct Home;  // of one loop
  using Hosts = std::unordered_map<std::string, std::vector<Address>>;
  // What a file was when it was read.
  struct Mark {
    std::int64_t changed = 0;
    std::int64_t size = -1;
    std::uint64_t inode = 0;
    friend bool operator==(const Mark&, const Mark&) = default;
  };

  DnsResolver(std::vector<Loop*> loops, DnsOptions options);
  static Mark mark_of(const std::filesystem::path& file);
  Expected<Hosts> read_hosts() const;
  std::vector<Address> at_hand(const std::string& host) const;

  const DnsOptions options_;
  std::vector<std::unique_ptr<Home>> homes_;
  const std::shared_ptr<UnderWay> under_way_;
  Mark hosts_mark_;
  Mark configuration_mark_;
  bool has_channels_ = false;
  mutable std::mutex mutex_;
  std::shared_ptr<const Hosts> hosts_;  // under mutex_
};

}  // namespace writ::net
