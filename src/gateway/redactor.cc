// SPDX-License-Identifier: Apache-2.0
#include "gateway/redactor.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "base/check.h"
#include "gateway/secret_text.h"

namespace writ::gateway {
namespace {

using lane_detail::Reading;

template <typename T>
void wipe_value(T& value) {
  wipe({reinterpret_cast<std::uint8_t*>(&value), sizeof value});
}

}  // namespace

Redactor::Redactor() = default;
Redactor::~Redactor() {
  wipe_value(characters_);
  wipe_value(starts_.row);
  for (auto& second : starts_.second) wipe_value(second);
  wipe_value(starts_.backslash);
}

void Redactor::add(const SecretBytes& secret) {
  WRIT_CHECK(at_ == 0);
  if (secret.empty()) return;
  const auto text = secret.reveal_text();
  const auto lane = [&](SecretBytes pattern, std::size_t certain, Reading reading) {
    lanes_.emplace_back(std::move(pattern), certain, reading);
  };
  lane(secret.clone(), secret.size(), {});
  if (text.find_first_of("%\\") == std::string_view::npos) {
    lane(secret.clone(), secret.size(), {.percent = true, .backslash = true});
  } else {
    // A secret that looks like an escape itself is read by each rule alone.
    lane(secret.clone(), secret.size(), {.percent = true});
    lane(secret.clone(), secret.size(), {.backslash = true});
  }
  lane(hex_of(secret), secret.size() * 2, {.fold = Reading::Fold::lower});
  for (std::size_t before = 0; before < 3; ++before) {
    auto core = base64_core(secret, before);
    if (core.certain == 0) continue;
    // As it is too: what stands before might make its first characters look like an escape's last.
    lane(core.text.clone(), core.certain, {.fold = Reading::Fold::base64});
    lane(std::move(core.text), core.certain,
         {.percent = true, .backslash = true, .fold = Reading::Fold::base64});
  }
  for (const auto& each : lanes_) each.add_to(starts_);
  for (const char c : text) characters_.set(static_cast<std::uint8_t>(c));
  constexpr std::array<std::string_view, 5> kMarkers = {"[redacted]", "(redacted)", "{redacted}",
                                                        "~redacted~", " redacted "};
  const auto fits = [&](std::string_view marker) {
    return !characters_[static_cast<std::uint8_t>(marker.front())] &&
           !characters_[static_cast<std::uint8_t>(marker.back())];
  };
  const auto* chosen = std::ranges::find_if(kMarkers, fits);
  marker_ = chosen == kMarkers.end() ? kMarkers.back() : *chosen;
}

std::size_t Redactor::free_bytes(BytesView piece) const {
  std::size_t free = 0;
  while (free < piece.size()) {
    const auto* next = free + 1 < piece.size() ? &piece[free + 1] : nullptr;
    if (!starts_.may_begin(piece[free], next)) {
      ++free;
      continue;
    }
    // The commonest escapes, such as a quote's, neither begin a match nor stand for what does; but
    // where a secret begins with a backslash, what reads as an escape may be the secret as it is.
    const int value = piece[free] == '\\' && next != nullptr && !starts_.backslash
                          ? lane_detail::short_escape(*next)
                          : -1;
    if (value < 0 || starts_.row[*next] != 0 || starts_.row[static_cast<std::size_t>(value)] != 0) {
      break;
    }
    free += 2;
  }
  return free;
}

void Redactor::push(BytesView piece, Bytes& out) {
  if (lanes_.empty()) {
    out.insert(out.end(), piece.begin(), piece.end());
    return;
  }
  while (!piece.empty()) {
    if (idle_) {
      // Nothing is held here: what cannot begin a match leaves as it is.
      const auto free = free_bytes(piece);
      if (free > 0) {
        out.insert(out.end(), piece.begin(), piece.begin() + free);
        in_masked_ = false;
        at_ += free;
        sent_ = at_;
        piece = piece.subspan(free);
        if (piece.empty()) return;
      }
      for (auto& lane : lanes_) lane.skip_to(at_);
      idle_ = false;
    }
    // To the next moment at which no lane is within a match.
    std::size_t taken = 0;
    while (taken < piece.size() && !idle_) feed(piece[taken++]);
    hold(piece.first(taken));
    piece = piece.subspan(taken);
    auto until = at_;
    for (const auto& lane : lanes_) until = std::min(until, free_from(lane.start()));
    release(until, out);
  }
}

void Redactor::feed(std::uint8_t byte) {
  ++at_;
  bool idle = true;
  for (auto& lane : lanes_) {
    lane.feed(byte, [this](std::uint64_t from, std::uint64_t to) { mask(from, to); });
    idle = idle && lane.idle();
  }
  idle_ = idle;
}

std::uint64_t Redactor::free_from(std::uint64_t start) const {
  // What is masked already stays so, whatever the match under way becomes.
  for (const auto& masked : masked_) {
    if (masked.from <= start) start = std::max(start, masked.to);
  }
  return start;
}

void Redactor::finish(Bytes& out) {
  // What was the beginning of a match has not become one.
  release(at_, out);
  for (auto& lane : lanes_) lane.reset();
  at_ = sent_ = 0;
  idle_ = true;
  in_masked_ = false;
}

std::string Redactor::masked(std::string_view text) {
  WRIT_CHECK(at_ == 0);
  Bytes out;
  push(as_bytes(text), out);
  finish(out);
  return to_text(out);
}

void Redactor::mask(std::uint64_t from, std::uint64_t to) {
  // Matches are found in the order of their ends; one may begin before others that are known, or
  // within one whose marker has left.
  from = std::max(from, sent_);
  while (!masked_.empty() && masked_.back().to >= from) {
    from = std::min(from, masked_.back().from);
    to = std::max(to, masked_.back().to);
    masked_.pop_back();
  }
  masked_.push_back({from, to});
}

void Redactor::hold(BytesView bytes) {
  if (held_size_ + bytes.size() > held_.size()) {
    SecretBytes larger(std::max<std::size_t>((held_size_ + bytes.size()) * 2, 256));
    std::ranges::copy(held_.reveal().first(held_size_), larger.writable().begin());
    held_ = std::move(larger);
  }
  std::ranges::copy(bytes, held_.writable().begin() + held_size_);
  held_size_ += bytes.size();
}

void Redactor::release(std::uint64_t until, Bytes& out) {
  const auto held = held_.reveal();
  std::size_t used = 0;
  while (sent_ < until) {
    const bool masked = !masked_.empty() && masked_.front().from <= sent_;
    auto to = until;
    if (masked) {
      to = std::min(to, masked_.front().to);
    } else if (!masked_.empty()) {
      to = std::min(to, masked_.front().from);
    }
    const auto size = static_cast<std::size_t>(to - sent_);
    if (!masked) {
      out.insert(out.end(), held.begin() + used, held.begin() + used + size);
    } else if (!in_masked_) {
      out.insert(out.end(), marker_.begin(), marker_.end());
      ++count_;
    }
    in_masked_ = masked;
    used += size;
    sent_ = to;
    if (masked && masked_.front().to <= sent_) masked_.pop_front();
  }
  if (used == 0) return;
  auto bytes = held_.writable();
  std::ranges::copy(bytes.first(held_size_).subspan(used), bytes.begin());
  held_size_ -= used;
  wipe(bytes.subspan(held_size_, used));
}

}  // namespace writ::gateway
