// SPDX-License-Identifier: Apache-2.0
#include "store/stop_file.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "async/workers.h"
#include "crypto/hash.h"
#include "store/data_directory.h"

namespace writ::store {
namespace {

constexpr std::string_view kMagic = "WRITSTOP";
constexpr std::size_t kHalf = std::size_t{128} * 1024;
constexpr std::size_t kHead = 8 + 8 + 4 + 32;
constexpr seconds kTimeout{10};

std::unexpected<Error> system_failure(const std::string& what, const std::string& path) {
  return fail(Errc::unavailable,
              what + ": " + std::strerror(errno),  // NOLINT(concurrency-mt-unsafe)
              path);
}

void put_big_endian(std::span<std::uint8_t> out, std::uint64_t value) {
  for (std::size_t i = out.size(); i-- > 0; value >>= 8U) out[i] = static_cast<std::uint8_t>(value);
}
std::uint64_t big_endian(BytesView in) {
  std::uint64_t value = 0;
  for (const auto byte : in) value = value << 8U | byte;
  return value;
}

// Sequence, length and text, as the digest covers them.
Bytes covered(std::uint64_t sequence, std::string_view text) {
  Bytes out(12 + text.size());
  put_big_endian(std::span(out).first(8), sequence);
  put_big_endian(std::span(out).subspan(8, 4), text.size());
  std::ranges::copy(as_bytes(text), out.begin() + 12);
  return out;
}

struct Half {
  std::uint64_t sequence = 0;
  std::string text;
};

std::optional<Half> parse(BytesView half) {
  if (as_text(half.first(kMagic.size())) != kMagic) return std::nullopt;
  const auto sequence = big_endian(half.subspan(8, 8));
  const auto length = big_endian(half.subspan(16, 4));
  if (length > half.size() - kHead) return std::nullopt;
  Half out{.sequence = sequence, .text = std::string(as_text(half.subspan(kHead, length)))};
  const auto digest = crypto::sha256(BytesView(covered(sequence, out.text)));
  if (!std::ranges::equal(digest, half.subspan(20, 32))) return std::nullopt;
  return out;
}

// The open file, of the one worker.
class Halves {
 public:
  Halves(int file, std::string path) : file_(file), path_(std::move(path)) {}
  ~Halves() { ::close(file_); }
  Halves(const Halves&) = delete;
  Halves& operator=(const Halves&) = delete;

  Expected<std::string> read() {
    std::string text;
    for (const std::size_t index : {0U, 1U}) {
      Bytes bytes(kHalf);
      if (::pread(file_, bytes.data(), bytes.size(), static_cast<off_t>(index * kHalf)) !=
          static_cast<ssize_t>(kHalf))
        return system_failure("cannot be read", path_);
      auto half = parse(bytes);
      if (!half || (found_ && half->sequence <= sequence_)) continue;
      found_ = true;
      sequence_ = half->sequence;
      next_ = 1 - index;
      text = std::move(half->text);
    }
    return text;
  }

  // `caller` numbers what one process writes; the file numbers what all have written.
  Expected<void> write(std::uint64_t caller, const std::string& text) {
    if (caller <= caller_) return {};
    const auto body = covered(sequence_ + 1, text);
    const auto digest = crypto::sha256(BytesView(body));
    Bytes bytes;
    bytes.reserve(kHead + text.size());
    bytes.insert(bytes.end(), kMagic.begin(), kMagic.end());
    bytes.insert(bytes.end(), body.begin(), body.begin() + 12);
    bytes.insert(bytes.end(), digest.begin(), digest.end());
    bytes.insert(bytes.end(), body.begin() + 12, body.end());
    if (::pwrite(file_, bytes.data(), bytes.size(), static_cast<off_t>(next_ * kHalf)) !=
            static_cast<ssize_t>(bytes.size()) ||
        ::fdatasync(file_) != 0)
      return system_failure("cannot be written", path_);
    caller_ = caller;
    ++sequence_;
    next_ = 1 - next_;
    return {};
  }

 private:
  const int file_;
  const std::string path_;
  bool found_ = false;
  std::uint64_t sequence_ = 0;
  std::uint64_t caller_ = 0;
  std::size_t next_ = 0;
};

class AllocatedStopFile final : public broker::StopFile {
 public:
  AllocatedStopFile(std::shared_ptr<Halves> halves, std::string text)
      : halves_(std::move(halves)), text_(std::move(text)) {}

  std::size_t room() const override { return kHalf - kHead; }
  std::string text() const override { return text_; }
  Task<Expected<void>> write(std::uint64_t sequence, std::string text) override {
    const auto deadline = Loop::current().now() + kTimeout;
    auto written =
        co_await worker_.run([halves = halves_, sequence,
                              text = std::move(text)] { return halves->write(sequence, text); },
                             {.deadline = deadline, .cancel = {}});
    if (!written) co_return std::unexpected(std::move(written).error());
    co_return std::move(*written);
  }

 private:
  const std::shared_ptr<Halves> halves_;
  const std::string text_;
  Workers worker_{1, 64};
};

// With every byte written, so that no later write needs a block.
Expected<void> make(const std::string& path) {
  WRIT_TRY_VOID(create_private_file(path));
  const int file = ::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
  const Bytes zeros(2 * kHalf);
  const bool written =
      file >= 0 &&
      ::pwrite(file, zeros.data(), zeros.size(), 0) == static_cast<ssize_t>(zeros.size()) &&
      ::fsync(file) == 0;
  auto error = system_failure("cannot be made", path);
  if (file >= 0) ::close(file);
  if (written) return sync_parent(path);
  ::unlink(path.c_str());
  return error;
}

}  // namespace

Expected<std::unique_ptr<broker::StopFile>> open_stop_file(const std::string& path) {
  if (!identify(path)) {
    WRIT_TRY_VOID(make(path));
  }
  const int file = ::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  if (file < 0) return system_failure("cannot be opened", path);
  auto halves = std::make_shared<Halves>(file, path);
  struct stat status{};
  if (::fstat(file, &status) != 0 || status.st_size != static_cast<off_t>(2 * kHalf))
    return fail(Errc::invalid_input, "the file of stops has another size", path,
                "move it away: the server makes a new one");
  WRIT_TRY(auto text, halves->read());
  return std::make_unique<AllocatedStopFile>(std::move(halves), std::move(text));
}

}  // namespace writ::store
