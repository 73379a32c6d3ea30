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

constexpr int kNoByte = 256;  // a character that no secret has

// How a lane reads the stream before it compares.
struct Reading {
  bool percent = false;
  bool backslash = false;
  enum class Fold : std::uint8_t { none, lower, base64 } fold = Fold::none;
};

int folded(Reading::Fold fold, int value) {
  if (fold == Reading::Fold::lower && value >= 'A' && value <= 'Z') return value + 32;
  if (fold == Reading::Fold::base64) {
    if (value == '-') return '+';
    if (value == '_') return '/';
  }
  return value;
}

// Calls `use` with each byte that folds to `value`.
template <typename Use>
void unfolded(Reading::Fold fold, std::uint8_t value, const Use& use) {
  use(value);
  if (fold == Reading::Fold::lower && value >= 'a' && value <= 'z') {
    use(static_cast<std::uint8_t>(value - 32));
  }
  if (fold == Reading::Fold::base64 && value == '+') use(std::uint8_t{'-'});
  if (fold == Reading::Fold::base64 && value == '/') use(std::uint8_t{'_'});
}

constexpr std::string_view kHexDigits = "0123456789abcdefABCDEF";
constexpr std::string_view kAfterBackslash = "\"'\\/bfnrtux";

template <typename T>
void wipe_value(T& value) {
  wipe({reinterpret_cast<std::uint8_t*>(&value), sizeof value});
}

int hex_value(std::uint8_t c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

int short_escape(std::uint8_t c) {
  switch (c) {
    case '"':
    case '\'':
    case '\\':
    case '/':
      return c;
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return -1;
  }
}

// An escape that may be under way: "%", "%4", "\", "\u00"… At most five bytes.
class Escape {
 public:
  bool open() const { return size_ > 0; }
  std::span<const std::uint8_t> bytes() const { return {bytes_.data(), size_}; }
  void begin(std::uint8_t byte) {
    bytes_[0] = byte;
    size_ = 1;
  }
  void clear() { size_ = 0; }

  enum class Step : std::uint8_t { goes_on, complete, broken };
  // Takes a byte that may follow; `value` of a complete one.
  Step step(std::uint8_t byte, int& value) {
    if (size_ == 1 && bytes_[0] == '\\') {
      if (byte == 'u' || byte == 'x') return keep(byte);
      value = short_escape(byte);
      return value < 0 ? Step::broken : Step::complete;
    }
    if (hex_value(byte) < 0) return Step::broken;
    const std::size_t prefix = bytes_[0] == '%' ? 1 : 2;
    const std::size_t digits = bytes_[0] == '\\' && bytes_[1] == 'u' ? 4 : 2;
    if (size_ + 1 < prefix + digits) return keep(byte);
    value = 0;
    for (std::size_t i = prefix; i < size_; ++i) value = value * 16 + hex_value(bytes_[i]);
    value = value * 16 + hex_value(byte);
    if (value > 0xFF) value = kNoByte;
    return Step::complete;
  }

 private:
  Step keep(std::uint8_t byte) {
    bytes_[size_++] = byte;
    return Step::goes_on;
  }

  std::array<std::uint8_t, 6> bytes_{};
  std::size_t size_ = 0;
};

}  // namespace

// One way of writing one secret. A match is complete from `certain` characters of the pattern on
// and grows with those that follow.
class Redactor::Lane {
 public:
  Lane(SecretBytes pattern, std::size_t certain, Reading reading)
      : pattern_(std::move(pattern)),
        text_(pattern_.reveal()),
        certain_(certain),
        reading_(reading),
        fall_(text_.size() + 1, 0) {
    for (std::size_t i = 1, k = 0; i < text_.size(); ++i) {
      while (k > 0 && text_[i] != text_[k]) k = fall_[k];
      if (text_[i] == text_[k]) ++k;
      fall_[i + 1] = static_cast<std::uint32_t>(k);
    }
    if (decodes()) widths_.resize(text_.size());
  }
  Lane(Lane&&) noexcept = default;
  Lane& operator=(Lane&&) = delete;
  // Where a pattern repeats itself says something about it too.
  ~Lane() { wipe({reinterpret_cast<std::uint8_t*>(fall_.data()), fall_.size() * sizeof fall_[0]}); }

  bool idle() const { return state_ == 0 && !escape_.open(); }
  // Where the possible match under way begins.
  std::uint64_t start() const { return read_ - span_; }
  // The lane is idle, and the stream is at `at`.
  void skip_to(std::uint64_t at) { read_ = at; }

  void add_to(Starts& starts) const {
    // After any other byte a match begun with the first is over, and nothing is left of it. An
    // escape is always read to its end, so that its characters never count as others.
    unfolded(reading_.fold, text_[0], [&](std::uint8_t first) {
      auto& second = starts.after(first);
      if (text_.size() == 1) {
        second.set();
        return;
      }
      unfolded(reading_.fold, text_[1], [&](std::uint8_t byte) { second.set(byte); });
      if (reading_.percent) second.set('%');
      if (reading_.backslash) second.set('\\');
    });
    if (reading_.percent) {
      for (const char c : kHexDigits) starts.after('%').set(static_cast<std::uint8_t>(c));
    }
    if (reading_.backslash) {
      for (const char c : kAfterBackslash) starts.after('\\').set(static_cast<std::uint8_t>(c));
    }
  }

  // Calls `found(from, to)` for each match, and each time that one grows.
  template <typename Found>
  void feed(std::uint8_t byte, const Found& found) {
    if (!decodes()) {
      take(byte, 1, found);
      return;
    }
    while (escape_.open()) {
      int value = 0;
      const auto size = escape_.bytes().size();
      switch (escape_.step(byte, value)) {
        case Escape::Step::goes_on:
          return;
        case Escape::Step::complete:
          escape_.clear();
          take(value, static_cast<std::uint8_t>(size + 1), found);
          return;
        case Escape::Step::broken:
          break;
      }
      // Not an escape after all: its bytes stand for themselves. None but the first can begin one.
      std::array<std::uint8_t, 6> literal{};
      const auto bytes = escape_.bytes();
      std::ranges::copy(bytes, literal.begin());
      escape_.clear();
      for (std::size_t i = 0; i < size; ++i) take(literal[i], 1, found);
    }
    if (is_lead(byte)) {
      escape_.begin(byte);
    } else {
      take(byte, 1, found);
    }
  }

  void reset() {
    state_ = 0;
    span_ = 0;
    read_ = 0;
    escape_.clear();
  }

 private:
  bool decodes() const { return reading_.percent || reading_.backslash; }
  bool is_lead(std::uint8_t byte) const {
    return (reading_.percent && byte == '%') || (reading_.backslash && byte == '\\');
  }

  // Characters of the match under way stand in widths_ as in a ring; the oldest go first.
  void fall() {
    const std::size_t next = fall_[state_];
    if (!decodes()) {
      span_ = next;
    } else {
      for (std::size_t i = next; i < state_; ++i) {
        span_ -= widths_[oldest_];
        oldest_ = oldest_ + 1 == widths_.size() ? 0 : oldest_ + 1;
      }
    }
    state_ = next;
  }

  template <typename Found>
  void take(int value, std::uint8_t width, const Found& found) {
    value = folded(reading_.fold, value);
    read_ += width;
    while (state_ > 0 && text_[state_] != value) fall();
    if (text_[state_] != value) {
      span_ = 0;
      return;
    }
    if (decodes()) widths_[(oldest_ + state_) % widths_.size()] = width;
    span_ += width;
    if (++state_ >= certain_) found(start(), read_);
    // The next match may begin within this one.
    if (state_ == text_.size()) fall();
  }

  SecretBytes pattern_;
  BytesView text_;
  std::size_t certain_;
  Reading reading_;
  std::vector<std::uint32_t> fall_;  // by length of a prefix: its longest border

  std::size_t state_ = 0;             // characters of the pattern matched
  std::uint64_t read_ = 0;            // bytes of the stream taken, an open escape not counted
  std::uint64_t span_ = 0;            // bytes of the match under way
  std::vector<std::uint8_t> widths_;  // bytes of each of its characters
  std::size_t oldest_ = 0;
  Escape escape_;
};

Redactor::Redactor() = default;
Redactor::~Redactor() {
  wipe_value(characters_);
  wipe_value(starts_.row);
  for (auto& second : starts_.second) wipe_value(second);
}

std::bitset<256>& Redactor::Starts::after(std::uint8_t first) {
  if (row[first] == 0) {
    row[first] = static_cast<std::uint8_t>(second.size());
    second.emplace_back();
  }
  return second[row[first]];
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
    // The commonest escapes, such as a quote's, neither begin a match nor stand for what does.
    const int value = piece[free] == '\\' && next != nullptr ? short_escape(*next) : -1;
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
