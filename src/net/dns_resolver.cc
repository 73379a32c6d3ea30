// SPDX-License-Identifier: Apache-2.0
#include "net/dns_resolver.h"

#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/dns_channel.h"
#include "net/regular_file.h"
#include "wire/http_fields.h"

namespace writ::net {
namespace {

std::string without_dot(std::string host) {
  if (host.ends_with('.')) host.pop_back();
  return host;
}

// RFC 6761 section 6.3: answered here, and never asked for.
bool is_localhost(std::string_view host) {
  return host == "localhost" || host.ends_with(".localhost");
}

// Whether this machine has a way there: a datagram socket is connected and nothing is sent.
bool is_reachable(const Address& address) {
  const asio::ip::udp::endpoint endpoint(address, 53);
  const int probe = ::socket(endpoint.protocol().family(), SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (probe < 0) return false;
  const bool reached =
      ::connect(probe, endpoint.data(), static_cast<socklen_t>(endpoint.size())) == 0;
  ::close(probe);
  return reached;
}

// What RFC 6724 comes to here: first what can be reached, then IPv6 before IPv4.
std::vector<Address> ordered(const std::vector<Address>& addresses) {
  std::vector<std::tuple<bool, bool, std::size_t>> places;
  places.reserve(addresses.size());
  for (const auto& each : addresses)
    places.emplace_back(!is_reachable(each), each.is_v4(), places.size());
  std::ranges::sort(places);
  std::vector<Address> out;
  out.reserve(places.size());
  for (const auto& place : places) out.push_back(addresses[std::get<2>(place)]);
  return out;
}

}  // namespace

// The names that are being asked for, and for whom. Thread-safe.
class DnsResolver::UnderWay {
 public:
  struct Entry {
    std::string owner;
    Broadcast answered;
    std::uint64_t before = answered.version();
    // Set once, before `answered` is.
    std::mutex mutex;
    std::optional<Expected<std::vector<Address>>> answer;
  };
  struct Joined {
    std::shared_ptr<Entry> entry;  // null where the owner asks for too many already
    bool is_new = false;
  };

  // Who asks for a name that is being asked for gets the same answer, whoever asked first.
  Joined join(const std::string& host, const std::string& owner, std::size_t limit) {
    const std::lock_guard lock(mutex_);
    if (const auto found = entries_.find(host); found != entries_.end())
      return {found->second, false};
    auto& count = owners_[owner];
    if (count >= limit) return {};
    ++count;
    auto entry = std::make_shared<Entry>();
    entry->owner = owner;
    entries_.emplace(host, entry);
    return {std::move(entry), true};
  }
  // Whoever asks from now on asks anew.
  void answer(const std::string& host, Entry& entry, Expected<std::vector<Address>> answer) {
    {
      const std::lock_guard lock(mutex_);
      entries_.erase(host);
      const auto owner = owners_.find(entry.owner);
      if (--owner->second == 0) owners_.erase(owner);
    }
    {
      const std::lock_guard lock(entry.mutex);
      entry.answer.emplace(std::move(answer));
    }
    entry.answered.notify();
  }

 private:
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Entry>, std::less<>> entries_;
  std::map<std::string, std::size_t, std::less<>> owners_;
};

struct DnsResolver::Home {
  Loop* loop;
  // Of the loop's thread. Null before the first.
  std::shared_ptr<DnsChannel> channel;
  std::vector<std::weak_ptr<DnsChannel>> before;  // that may still be answering

  void replace(std::shared_ptr<DnsChannel> next) {
    std::erase_if(before, [](const auto& each) { return each.expired(); });
    before.emplace_back(std::exchange(channel, std::move(next)));
  }
  void end() {
    replace(nullptr);
    for (const auto& each : before) {
      if (const auto open = each.lock()) open->end();
    }
  }
};

DnsResolver::DnsResolver(std::vector<Loop*> loops, DnsOptions options)
    : options_(std::move(options)),
      under_way_(std::make_shared<UnderWay>()),
      hosts_(std::make_shared<const Hosts>()) {
  for (auto* loop : loops)
    homes_.push_back(std::make_unique<Home>(Home{.loop = loop, .channel = nullptr, .before = {}}));
  // What cannot be read now is looked for again, and asking says that it is missing.
  (void)refresh();
}

DnsResolver::DnsResolver(LoopPool& loops, DnsOptions options)
    : DnsResolver(
          [&] {
            std::vector<Loop*> all;
            all.reserve(loops.size());
            for (std::size_t i = 0; i < loops.size(); ++i) all.push_back(&loops.at(i));
            return all;
          }(),
          std::move(options)) {}

DnsResolver::DnsResolver(Loop& loop, DnsOptions options)
    : DnsResolver(std::vector{&loop}, std::move(options)) {}

DnsResolver::~DnsResolver() {
  for (const auto& home : homes_) home->end();
}

DnsResolver::Mark DnsResolver::mark_of(const std::filesystem::path& file) {
  struct stat found{};
  if (::stat(file.c_str(), &found) != 0) return {};
  return {.changed = found.st_mtim.tv_sec * 1'000'000'000 + found.st_mtim.tv_nsec,
          .size = found.st_size,
          .inode = found.st_ino};
}

Expected<DnsResolver::Hosts> DnsResolver::read_hosts() const {
  WRIT_TRY(const auto text, read_regular_file(options_.hosts, options_.hosts_bytes));
  Hosts out;
  std::string_view rest = text;
  while (!rest.empty()) {
    const auto end = std::min(rest.find('\n'), rest.size());
    auto line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    line = line.substr(0, line.find('#'));
    std::vector<std::string> words;
    for (std::size_t at = 0;
         (at = line.find_first_not_of(" \t\r", at)) != std::string_view::npos;) {
      const auto stop = std::min(line.find_first_of(" \t\r", at), line.size());
      words.push_back(to_lower(line.substr(at, stop - at)));
      at = stop;
    }
    if (words.size() < 2) continue;
    boost::system::error_code wrong;
    const auto address = asio::ip::make_address(words[0], wrong);
    if (wrong) continue;
    for (std::size_t i = 1; i < words.size(); ++i) {
      auto& list = out[without_dot(words[i])];
      if (list.size() < options_.addresses && std::ranges::find(list, address) == list.end())
        list.push_back(address);
    }
  }
  return out;
}

Expected<void> DnsResolver::refresh() {
  auto outcome = Expected<void>();
  // The marks are taken first: what changes while it is read is read again.
  if (const auto mark = mark_of(options_.hosts); mark != hosts_mark_) {
    auto hosts = read_hosts();
    if (hosts) {
      hosts_mark_ = mark;
      const std::lock_guard lock(mutex_);
      hosts_ = std::make_shared<const Hosts>(std::move(*hosts));
    } else {
      outcome = std::unexpected(std::move(hosts).error());
    }
  }
  const auto mark = mark_of(options_.configuration);
  if (has_channels_ && mark == configuration_mark_) return outcome;
  std::vector<std::shared_ptr<DnsChannel>> channels;
  for (const auto& home : homes_) {
    // c-ares reads files here, and never again on the loop.
    auto channel = DnsChannel::create(*home->loop, {.configuration = options_.configuration,
                                                    .servers = options_.servers,
                                                    .first_try = options_.first_try,
                                                    .tries = options_.tries});
    if (!channel) return std::unexpected(std::move(channel).error());
    channels.push_back(std::move(*channel));
  }
  configuration_mark_ = mark;
  has_channels_ = true;
  for (std::size_t i = 0; i < homes_.size(); ++i) {
    auto& home = *homes_[i];
    // What the one before was asked, it still answers.
    home.loop->post([&home, next = std::move(channels[i])] { home.replace(next); });
  }
  return outcome;
}

std::vector<Address> DnsResolver::at_hand(const std::string& host) const {
  const auto hosts = [this] {
    const std::lock_guard lock(mutex_);
    return hosts_;
  }();
  if (const auto found = hosts->find(host); found != hosts->end()) return found->second;
  if (!is_localhost(host)) return {};
  return {asio::ip::address_v4::loopback(), asio::ip::address_v6::loopback()};
}

Task<Expected<std::vector<Address>>> DnsResolver::resolve(std::string host, std::string owner,
                                                          WaitOptions options) {
  const auto name = without_dot(to_lower(host));
  if (auto known = at_hand(name); !known.empty()) co_return known;
  const auto [entry, is_new] = under_way_->join(name, owner, options_.names_of_owner);
  if (entry == nullptr) {
    co_return fail(Errc::unavailable,
                   "more than " + std::to_string(options_.names_of_owner) +
                       " names are being resolved for this workspace",
                   host, "nothing was sent; safe to send again");
  }
  if (is_new) {
    const auto home =
        std::ranges::find(homes_, &Loop::current(), [](const auto& each) { return each->loop; });
    WRIT_CHECK(home != homes_.end());
    const auto settle = [under_way = under_way_, asked = entry,
                         name](Expected<std::vector<Address>> answer) {
      under_way->answer(name, *asked, std::move(answer));
    };
    // Nobody's deadline ends it: others may have joined. Its own tries do.
    if ((*home)->channel == nullptr) {
      settle(fail(Errc::unavailable, "there is no configuration of DNS",
                  options_.configuration.string()));
    } else {
      (*home)->channel->ask(
          name, [settle, most = options_.addresses](Expected<std::vector<Address>> answer) {
            if (answer) {
              if (answer->size() > most) answer->resize(most);
              answer = ordered(*answer);
            }
            settle(std::move(answer));
          });
    }
  }
  const auto woken = co_await entry->answered.wait_past(entry->before, std::move(options));
  if (!woken) {
    co_return fail(Errc::unavailable,
                   woken.error() == WaitEnd::timed_out ? "resolving the name took too long"
                                                       : "cancelled while resolving the name",
                   host);
  }
  const std::lock_guard lock(entry->mutex);
  co_return *entry->answer;
}

}  // namespace writ::net
