// SPDX-License-Identifier: Apache-2.0
// Egress: where Writ itself may connect to (protocol.md P19). A name is resolved here, each address
// is judged, and only a judged address is dialled, so a name that changes its mind between the two
// changes nothing. There is no dialling without the guard.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/ip/address.hpp>

#include "async/cancel.h"
#include "async/event.h"
#include "async/task.h"
#include "base/error.h"
#include "net/stream.h"
#include "net/tls.h"

namespace writ::net {

using Address = asio::ip::address;

enum class AddressKind : std::uint8_t {
  global,    // the only kind that needs no exception
  metadata,  // a cloud's metadata service: never, exceptions or not
  unspecified,
  loopback,
  link_local,
  private_use,   // RFC 1918
  shared,        // RFC 6598, carrier-grade NAT
  unique_local,  // fc00::/7
  site_local,    // fec0::/10, deprecated and still routed by some
  multicast,
  broadcast,
  documentation,
  benchmarking,
  translation,  // 6to4, NAT64, Teredo: another address in disguise
  reserved,
};
std::string_view name(AddressKind kind);

// Of an address and of what is mapped within it: ::ffff:127.0.0.1 is loopback. Pure.
AddressKind classify(const Address& address);

// "10.0.0.0/8", "2001:db8::/32", or one address. Refuses bits beyond the prefix.
class Cidr {
 public:
  static Expected<Cidr> parse(std::string_view text);
  bool contains(const Address& address) const;
  std::string to_string() const;
  friend bool operator==(const Cidr&, const Cidr&) = default;

 private:
  Address network_;
  unsigned prefix_ = 0;
};

bool any_contains(const std::vector<Cidr>& networks, const Address& address);

// The guard. The default has no exceptions.
class EgressRules {
 public:
  EgressRules() = default;
  // The `allow_addresses` of a server. With `only_these` even a public address that is not among
  // them is refused.
  static Expected<EgressRules> create(const std::vector<std::string>& allow_addresses,
                                      bool only_these = false);

  // denied, naming the address, its kind and what would allow it.
  Expected<void> check(const Address& address) const;

 private:
  std::vector<Cidr> allowed_;
  bool only_these_ = false;
};

// Thread-safe.
class Resolver {
 public:
  virtual ~Resolver() = default;
  // All addresses of a name, in the order of preference. Never blocks the loop. `owner` is whose
  // share of the questions under way it counts against. unavailable where there are none, it takes
  // too long, or the owner asks for too many at once.
  virtual Task<Expected<std::vector<Address>>> resolve(std::string host, std::string owner,
                                                       WaitOptions options) = 0;
};

// Whom to connect to, under which rules. Two upstreams that differ in anything never share a
// connection.
struct Upstream {
  std::string scheme;  // "http" or "https"
  std::string host;    // a canonical host (wire/url.h)
  std::uint16_t port = 0;
  // Whose connection it is: a tool server's id and version, say. What was dialled for one binding
  // is never used for another.
  std::string binding{};
  // Whose share of the names under way it takes: a workspace.
  std::string owner{};
  std::shared_ptr<const EgressRules> rules{};     // never null
  std::shared_ptr<const TlsClientContext> tls{};  // not null for https
};

// Thread-safe. The resolver outlives it.
class Dialer {
 public:
  explicit Dialer(Resolver& resolver) : resolver_(resolver) {}

  // On a loop: resolves, judges, connects, and does the TLS handshake. Not an application byte has
  // left when it returns. denied by the guard, else unavailable; both are safe to try again.
  Task<Expected<Stream>> dial(const Upstream& upstream, WaitOptions options);

 private:
  Resolver& resolver_;
};

}  // namespace writ::net
