// SPDX-License-Identifier: Apache-2.0
#include "gateway/redactor.h"

#include <algorithm>
#include <limits>
#include <span>
#include <utility>

#include "base/check.h"

namespace writ::gateway {

void Redactor::add(std::shared_ptr<const RedactionPlan> plan) {
  WRIT_CHECK(at_ == 0 && plans_.size() < std::numeric_limits<std::uint8_t>::max());
  if (plan->empty()) return;
  plans_.push_back(std::move(plan));
  next_.push_back(0);
  constexpr std::array<std::string_view, 8> kMarkers = {"[redacted]", "(redacted)", "{redacted}",
                                                        "~redacted~", "<redacted>", "*redacted*",
                                                        "!redacted!", " redacted "};
  const auto fits = [&](std::string_view marker) {
    return std::ranges::none_of(plans_, [&](const auto& each) {
      return each->has(static_cast<std::uint8_t>(marker.front())) ||
             each->has(static_cast<std::uint8_t>(marker.back()));
    });
  };
  const auto* chosen = std::ranges::find_if(kMarkers, fits);
  marker_ = chosen == kMarkers.end() ? kMarkers.back() : *chosen;
}

// --- the stream

void Redactor::push(BytesView piece, Bytes& out) {
  if (unclear_) return;
  if (plans_.empty()) {
    out.insert(out.end(), piece.begin(), piece.end());
    return;
  }
  std::ranges::fill(next_, 0);
  std::size_t passed = 0;  // of the piece: let go, masked away or held
  std::size_t at = 0;
  while (at < piece.size()) {
    auto from = at;
    if (idle()) {
      from = next(piece, at);
      at_ += from - at;
      at = from;
    }
    while (at < piece.size() && !unclear_) {
      feed(piece[at++]);
      if (idle()) break;
    }
    if (unclear_) return give_up();
    // Most of what might have begun a match did not, and leaves with what is around it.
    if (idle() && masked_.empty() && held_size_ == 0) continue;
    pass(piece.subspan(passed, from - passed), out);
    hold(piece.subspan(from, at - from));
    passed = at;
    release(idle() ? at_ : free_from(earliest()), out);
  }
  pass(piece.subspan(passed), out);
}

void Redactor::finish(Bytes& out) {
  // What was the beginning of a match has not become one.
  if (!unclear_) release(at_, out);
  readings_.clear();
  masked_.clear();
  at_ = sent_ = 0;
  in_masked_ = false;
}

std::string Redactor::masked(std::string_view text) {
  WRIT_CHECK(at_ == 0 && !unclear_);
  Bytes out;
  out.reserve(text.size());
  push(as_bytes(text), out);
  finish(out);
  if (std::exchange(unclear_, false)) return std::string(marker_);
  return to_text(out);
}

std::size_t Redactor::next(BytesView piece, std::size_t from) {
  auto earliest = piece.size();
  for (std::size_t i = 0; i < plans_.size(); ++i) {
    if (next_[i] <= from) next_[i] = plans_[i]->next(piece, from);
    earliest = std::min(earliest, next_[i]);
  }
  return earliest;
}

void Redactor::give_up() {
  unclear_ = true;
  readings_.clear();
  masked_.clear();
  wipe(held_.writable().first(held_size_));
  held_size_ = 0;
}

// --- readings

bool Redactor::Reading::is_like(const Reading& other) const {
  return index == other.index && plan == other.plan && pattern == other.pattern &&
         nuls == other.nuls && gap.state() == other.gap.state() &&
         escape.state() == other.escape.state();
}

std::size_t Redactor::Reading::hash() const {
  return index * 31 + pattern * 7 + escape.state() * 5 + (escape.state() >> 21) + gap.state() * 3;
}

void Redactor::feed(std::uint8_t byte) {
  further_.clear();
  slots_.fill(kNone);
  for (const auto& reading : readings_) step(reading, byte);
  begin(byte);
  ++at_;
  std::swap(readings_, further_);
}

void Redactor::begin(std::uint8_t byte) {
  for (std::size_t i = 0; i < plans_.size(); ++i) {
    if (!plans_[i]->may_begin(byte)) continue;
    Reading reading{.start = at_, .plan = static_cast<std::uint8_t>(i)};
    take(reading, byte);
    if (!Escape::is_lead(byte)) continue;
    reading.escape = Escape::begin(byte);
    follow(reading);
  }
}

void Redactor::step(Reading reading, std::uint8_t byte) {
  const auto& plan = *plans_[reading.plan];
  if (++reading.since > kLongestGap || at_ - reading.start >= plan.longest()) {
    // Half a secret is no accident, and what follows may be the rest.
    if (reading.pattern == kAnyPattern) return;
    const auto& pattern = plan.patterns()[reading.pattern];
    if (reading.index < pattern.certain && reading.index * 2 >= pattern.certain) unclear_ = true;
    return;
  }
  if (byte == 0) {
    if (++reading.nuls <= kMostNuls) follow(reading);
    return;
  }
  reading.nuls = 0;
  if (!reading.escape.open()) {
    take(reading, byte);
    if (!Escape::is_lead(byte)) return;
    reading.escape = Escape::begin(byte);
    follow(reading);
    return;
  }
  const auto read = reading.escape.step(byte);
  if (read.value >= 0) {
    reading.escape = {};
    take(reading, read.value);
    if (read.lead) {
      reading.escape = Escape::begin(static_cast<std::uint8_t>(read.value));
      follow(reading);
    }
  }
  if (read.next.open()) {
    reading.escape = read.next;
    follow(reading);
  }
}

void Redactor::take(const Reading& reading, int value) {
  const auto& plan = *plans_[reading.plan];
  const auto patterns = plan.patterns();
  const auto match = [&](std::size_t which) {
    const auto& pattern = patterns[which];
    if (!plan.matches(pattern, reading.index, value)) return;
    auto further = reading;
    further.pattern = static_cast<std::uint8_t>(which);
    ++further.index;
    further.since = 0;
    further.gap = {};
    if (further.index >= pattern.certain) mask(further.start, at_ + 1);
    if (further.index < pattern.size) follow(further);
  };
  if (reading.pattern == kAnyPattern) {
    for (std::size_t which = 0; which < patterns.size(); ++which) match(which);
    return;
  }
  if (reading.gap.may_end()) match(reading.pattern);
  const auto& pattern = patterns[reading.pattern];
  if (reading.index >= pattern.certain) return;  // complete, and nothing more is owed
  if (const auto gap = reading.gap.step(pattern.form, reading.index % 2 == 0, value)) {
    auto further = reading;
    further.gap = *gap;
    follow(further);
  }
}

void Redactor::follow(const Reading& reading) {
  auto& slot = slots_[reading.hash() % slots_.size()];
  for (auto at = slot; at != kNone; at = further_[at].below) {
    auto& other = further_[at];
    if (!other.is_like(reading)) continue;
    // Of equal readings, the one that began first.
    if (reading.start < other.start) {
      const auto below = other.below;
      other = reading;
      other.below = below;
    }
    return;
  }
  if (further_.size() == kMostReadings) {
    unclear_ = true;
    return;
  }
  further_.push_back(reading);
  further_.back().below = slot;
  slot = static_cast<std::uint8_t>(further_.size() - 1);
}

// --- what is held

std::uint64_t Redactor::earliest() const {
  return std::ranges::min_element(readings_, {}, &Reading::start)->start;
}

std::uint64_t Redactor::free_from(std::uint64_t start) const {
  // What is masked already stays so, whatever the match under way becomes.
  for (const auto& masked : masked_) {
    if (masked.from <= start) start = std::max(start, masked.to);
  }
  return std::max(start, sent_);
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

// Bytes that follow all that was held, none of which is masked.
void Redactor::pass(BytesView bytes, Bytes& out) {
  if (bytes.empty()) return;
  out.insert(out.end(), bytes.begin(), bytes.end());
  sent_ += bytes.size();
  in_masked_ = false;
}

void Redactor::release(std::uint64_t until, Bytes& out) {
  const auto held = held_.reveal();
  std::size_t used = 0;
  std::size_t done = 0;  // of masked_
  while (sent_ < until) {
    const auto* next = done < masked_.size() ? &masked_[done] : nullptr;
    const bool masked = next != nullptr && next->from <= sent_;
    auto to = until;
    if (next != nullptr) to = std::min(to, masked ? next->to : next->from);
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
    if (masked && next->to <= sent_) ++done;
  }
  masked_.erase(masked_.begin(), masked_.begin() + static_cast<std::ptrdiff_t>(done));
  if (used == 0) return;
  auto bytes = held_.writable();
  std::ranges::copy(bytes.first(held_size_).subspan(used), bytes.begin());
  held_size_ -= used;
  wipe(bytes.subspan(held_size_, used));
}

}  // namespace writ::gateway
