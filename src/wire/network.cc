// SPDX-License-Identifier: Apache-2.0
#include "wire/network.h"

#include <charconv>
#include <string>

#include <arpa/inet.h>

namespace writ {
namespace {

std::optional<std::vector<std::uint8_t>> parse_address(std::string_view text) {
  // The parser takes a C string, which would end at a NUL within.
  if (text.contains('\0')) return std::nullopt;
  const std::string copy(text);
  std::vector<std::uint8_t> out(16);
  if (inet_pton(AF_INET6, copy.c_str(), out.data()) == 1) return out;
  out.resize(4);
  if (inet_pton(AF_INET, copy.c_str(), out.data()) == 1) return out;
  return std::nullopt;
}

}  // namespace

std::optional<Network> Network::parse(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == text.npos) return std::nullopt;
  auto address = parse_address(text.substr(0, slash));
  const auto digits = text.substr(slash + 1);
  std::size_t bits = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
  if (!address || error != std::errc() || end != digits.data() + digits.size() ||
      (digits.size() > 1 && digits.front() == '0') || bits > address->size() * 8) {
    return std::nullopt;
  }
  for (std::size_t i = bits; i < address->size() * 8; ++i) {
    if (((*address)[i / 8] >> (7 - i % 8) & 1) != 0) return std::nullopt;
  }
  Network out;
  out.address_ = std::move(*address);
  out.bits_ = bits;
  return out;
}

std::optional<Network> Network::of_host(std::string_view host) {
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  auto address = parse_address(host);
  if (!address) return std::nullopt;
  Network out;
  out.bits_ = address->size() * 8;
  out.address_ = std::move(*address);
  return out;
}

bool Network::contains(const Network& other) const {
  if (other.address_.size() != address_.size() || other.bits_ < bits_) return false;
  for (std::size_t i = 0; i < bits_; ++i) {
    if (((address_[i / 8] ^ other.address_[i / 8]) >> (7 - i % 8) & 1) != 0) return false;
  }
  return true;
}

}  // namespace writ
