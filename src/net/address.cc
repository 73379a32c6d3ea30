// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>

#include "net/egress.h"

namespace writ::net {
namespace {

// The first `prefix` bits of two addresses of one family.
template <std::size_t N>
bool same_prefix(const std::array<unsigned char, N>& a, const std::array<unsigned char, N>& b,
                 unsigned prefix) {
  for (std::size_t i = 0; i < N && prefix > 0; ++i) {
    const unsigned bits = std::min(prefix, 8U);
    const auto mask = static_cast<unsigned char>(0xff00U >> bits);
    if (((a[i] ^ b[i]) & mask) != 0) return false;
    prefix -= bits;
  }
  return true;
}

struct Range4 {
  std::array<unsigned char, 4> network;
  unsigned prefix;
  AddressKind kind;
};

struct Range6 {
  std::array<unsigned char, 16> network;
  unsigned prefix;
  AddressKind kind;
};

// The IPv4 address within an IPv6 one, where a translator may be on the way to it: NAT64, 6to4,
// IPv4-compatible and IPv4-translated forms.
std::optional<asio::ip::address_v4> embedded(const asio::ip::address_v6::bytes_type& bytes) {
  const auto from = [&](std::size_t at) {
    return asio::ip::address_v4({bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]});
  };
  constexpr std::array<unsigned char, 16> k6to4 = {0x20, 0x02};
  if (same_prefix(bytes, k6to4, 16)) return from(2);
  constexpr std::array<unsigned char, 16> kOthers[] = {
      {0x00, 0x64, 0xff, 0x9b}, {0x00, 0x64, 0xff, 0x9b, 0x00, 0x01}, {}};
  constexpr std::array<unsigned char, 16> kTranslated = {0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (same_prefix(bytes, kOthers[0], 96) || same_prefix(bytes, kOthers[1], 48) ||
      same_prefix(bytes, kOthers[2], 96) || same_prefix(bytes, kTranslated, 96)) {
    return from(12);
  }
  return std::nullopt;
}

// The first that contains an address counts. From IANA's special-purpose registries (RFC 6890) and
// the metadata addresses of the clouds.
constexpr Range4 kRanges4[] = {
    {{169, 254, 169, 254}, 32, AddressKind::metadata},  // AWS, GCP, Azure, OpenStack, ...
    {{169, 254, 170, 2}, 32, AddressKind::metadata},    // AWS container credentials
    {{169, 254, 170, 23}, 32, AddressKind::metadata},   // AWS EKS pod identity
    {{169, 254, 0, 23}, 32, AddressKind::metadata},     // Tencent
    {{169, 254, 42, 42}, 32, AddressKind::metadata},    // Scaleway
    {{100, 100, 100, 200}, 32, AddressKind::metadata},  // Alibaba
    {{192, 0, 0, 192}, 32, AddressKind::metadata},      // Oracle, classic
    {{168, 63, 129, 16}, 32, AddressKind::metadata},    // Azure's wire server
    {{0, 0, 0, 0}, 8, AddressKind::unspecified},
    {{10, 0, 0, 0}, 8, AddressKind::private_use},
    {{100, 64, 0, 0}, 10, AddressKind::shared},
    {{127, 0, 0, 0}, 8, AddressKind::loopback},
    {{169, 254, 0, 0}, 16, AddressKind::link_local},
    {{172, 16, 0, 0}, 12, AddressKind::private_use},
    {{192, 0, 0, 0}, 24, AddressKind::reserved},
    {{192, 0, 2, 0}, 24, AddressKind::documentation},
    {{192, 31, 196, 0}, 24, AddressKind::reserved},
    {{192, 52, 193, 0}, 24, AddressKind::reserved},
    {{192, 88, 99, 0}, 24, AddressKind::translation},
    {{192, 168, 0, 0}, 16, AddressKind::private_use},
    {{192, 175, 48, 0}, 24, AddressKind::reserved},
    {{198, 18, 0, 0}, 15, AddressKind::benchmarking},
    {{198, 51, 100, 0}, 24, AddressKind::documentation},
    {{203, 0, 113, 0}, 24, AddressKind::documentation},
    {{224, 0, 0, 0}, 4, AddressKind::multicast},
    {{255, 255, 255, 255}, 32, AddressKind::broadcast},
    {{240, 0, 0, 0}, 4, AddressKind::reserved},
};

constexpr Range6 kRanges6[] = {
    {{0xfd, 0x00, 0x0e, 0xc2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x54},
     128,
     AddressKind::metadata},  // AWS
    {{0xfd, 0x00, 0x0e, 0xc2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x23},
     128,
     AddressKind::metadata},  // AWS EKS pod identity
    {{0xfd, 0x20, 0x00, 0xce, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x54},
     128,
     AddressKind::metadata},  // GCP
    {{0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xa9, 0xfe, 0xa9, 0xfe},
     128,
     AddressKind::metadata},  // OpenStack
    {{0xfd, 0x00, 0x00, 0x42, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x42},
     128,
     AddressKind::metadata},  // Scaleway
    {{0}, 128, AddressKind::unspecified},
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 128, AddressKind::loopback},
    // Another address within: NAT64, its local use, Teredo, 6to4, the deprecated IPv4-compatible
    // and IPv4-translated forms. Mapped addresses are judged as what they map.
    {{0x00, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0}, 96, AddressKind::translation},
    {{0x00, 0x64, 0xff, 0x9b, 0x00, 0x01}, 48, AddressKind::translation},
    {{0x20, 0x01, 0x00, 0x00}, 32, AddressKind::translation},
    {{0x20, 0x02}, 16, AddressKind::translation},
    {{0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0}, 96, AddressKind::translation},
    {{0}, 96, AddressKind::translation},
    {{0x20, 0x01, 0x0d, 0xb8}, 32, AddressKind::documentation},
    {{0x3f, 0xff, 0x00}, 20, AddressKind::documentation},
    {{0x20, 0x01, 0x00, 0x02, 0x00, 0x00}, 48, AddressKind::benchmarking},
    {{0x20, 0x01, 0x00}, 23, AddressKind::reserved},
    {{0xfc}, 7, AddressKind::unique_local},
    {{0xfe, 0x80}, 10, AddressKind::link_local},
    {{0xfe, 0xc0}, 10, AddressKind::site_local},
    {{0xff}, 8, AddressKind::multicast},
    {{0x20}, 3, AddressKind::global},
};

Address unmapped(const Address& address) {
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
  }
  return address;
}

}  // namespace

std::string_view name(AddressKind kind) {
  switch (kind) {
    case AddressKind::global:
      return "global";
    case AddressKind::metadata:
      return "cloud metadata";
    case AddressKind::unspecified:
      return "unspecified";
    case AddressKind::loopback:
      return "loopback";
    case AddressKind::link_local:
      return "link-local";
    case AddressKind::private_use:
      return "private";
    case AddressKind::shared:
      return "carrier-grade NAT";
    case AddressKind::unique_local:
      return "unique local";
    case AddressKind::site_local:
      return "site-local";
    case AddressKind::multicast:
      return "multicast";
    case AddressKind::broadcast:
      return "broadcast";
    case AddressKind::documentation:
      return "documentation";
    case AddressKind::benchmarking:
      return "benchmarking";
    case AddressKind::translation:
      return "translation";
    case AddressKind::reserved:
      return "reserved";
  }
  return "reserved";
}

AddressKind classify(const Address& original) {
  const auto address = unmapped(original);
  if (address.is_v4()) {
    const auto bytes = address.to_v4().to_bytes();
    for (const auto& range : kRanges4) {
      if (same_prefix(bytes, range.network, range.prefix)) return range.kind;
    }
    return AddressKind::global;
  }
  const auto bytes = address.to_v6().to_bytes();
  // What is never dialled is not dialled through a translator either, whatever is allowed.
  if (const auto within = embedded(bytes); within && classify(*within) == AddressKind::metadata)
    return AddressKind::metadata;
  for (const auto& range : kRanges6) {
    if (same_prefix(bytes, range.network, range.prefix)) return range.kind;
  }
  // Only 2000::/3 is handed out; what is outside and unnamed is nobody's.
  return AddressKind::reserved;
}

Expected<Cidr> Cidr::parse(std::string_view text) {
  const auto refuse = [&](const char* why) {
    return fail(Errc::invalid_input, why, std::string(text.substr(0, 64)),
                "write an address or a network as \"10.1.0.0/16\" or \"2001:db8::/32\"");
  };
  const auto slash = text.find('/');
  boost::system::error_code error;
  Cidr cidr;
  cidr.network_ = asio::ip::make_address(std::string(text.substr(0, slash)), error);
  if (error) return refuse("is not an address");
  if (cidr.network_.is_v6() &&
      (cidr.network_.to_v6().is_v4_mapped() || cidr.network_.to_v6().scope_id() != 0)) {
    return refuse("is a mapped or scoped address");
  }
  const unsigned width = cidr.network_.is_v4() ? 32 : 128;
  cidr.prefix_ = width;
  if (slash != std::string_view::npos) {
    const auto digits = text.substr(slash + 1);
    const auto [end, bad] =
        std::from_chars(digits.data(), digits.data() + digits.size(), cidr.prefix_);
    if (bad != std::errc() || end != digits.data() + digits.size() || cidr.prefix_ > width ||
        (digits.size() > 1 && digits.front() == '0')) {
      return refuse("has no valid prefix length");
    }
  }
  // The network's own address has no bits beyond the prefix.
  const auto clean = [&](auto bytes) {
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      const auto keep = cidr.prefix_ <= i * 8 ? 0U : std::min(8U, cidr.prefix_ - unsigned(i) * 8);
      if ((bytes[i] & (0xffU >> keep)) != 0) return false;
    }
    return true;
  };
  const bool is_clean = cidr.network_.is_v4() ? clean(cidr.network_.to_v4().to_bytes())
                                              : clean(cidr.network_.to_v6().to_bytes());
  if (!is_clean) return refuse("has bits beyond its prefix");
  return cidr;
}

bool Cidr::contains(const Address& original) const {
  const auto address = unmapped(original);
  if (address.is_v4() != network_.is_v4()) return false;
  return address.is_v4()
             ? same_prefix(address.to_v4().to_bytes(), network_.to_v4().to_bytes(), prefix_)
             : same_prefix(address.to_v6().to_bytes(), network_.to_v6().to_bytes(), prefix_);
}

bool any_contains(const std::vector<Cidr>& networks, const Address& address) {
  return std::ranges::any_of(networks,
                             [&](const Cidr& network) { return network.contains(address); });
}

std::string Cidr::to_string() const { return network_.to_string() + "/" + std::to_string(prefix_); }

Expected<EgressRules> EgressRules::create(const std::vector<std::string>& allow_addresses,
                                          bool only_these) {
  EgressRules rules;
  rules.only_these_ = only_these;
  for (const auto& text : allow_addresses) {
    WRIT_TRY(auto cidr, Cidr::parse(text));
    rules.allowed_.push_back(cidr);
  }
  return rules;
}

Expected<void> EgressRules::check(const Address& address) const {
  const auto kind = classify(address);
  if (kind == AddressKind::global && !only_these_) return {};
  const auto text = address.to_string() + " is a " + std::string(name(kind)) + " address";
  if (kind == AddressKind::metadata) {
    return fail(Errc::denied, text + ", which is never dialled");
  }
  if (std::ranges::any_of(allowed_, [&](const Cidr& cidr) { return cidr.contains(address); })) {
    return {};
  }
  return fail(Errc::denied, text, {}, "if it is meant, list it in the server's allow_addresses");
}

}  // namespace writ::net
