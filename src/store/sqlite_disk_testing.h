// SPDX-License-Identifier: Apache-2.0
// TestDisk: a SQLite VFS over the system's, on which the disk fills up, fsync fails or hangs, and
// the power goes. It knows for each file what is durable and what was written since the last sync;
// crash() gives what a disk may hold if the power goes now: all that was synced, and of the rest
// any sectors, in no order.
//
// Only files that are opened through it count. Thread-safe.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <sqlite3.h>

#include "base/bytes.h"
#include "base/check.h"

namespace writ::store {

class TestDisk {
 public:
  using Image = std::map<std::string, Bytes>;  // by the file's name without its folder

  explicit TestDisk(std::string name)
      : name_(std::move(name)), real_(sqlite3_vfs_find(nullptr)), vfs_(*real_) {
    vfs_.zName = name_.c_str();
    vfs_.pAppData = this;
    vfs_.szOsFile = static_cast<int>(sizeof(File)) + real_->szOsFile;
    vfs_.xOpen = &TestDisk::open;
    WRIT_CHECK(sqlite3_vfs_register(&vfs_, 0) == SQLITE_OK);
  }
  TestDisk(const TestDisk&) = delete;
  TestDisk& operator=(const TestDisk&) = delete;
  ~TestDisk() { sqlite3_vfs_unregister(&vfs_); }

  const std::string& name() const { return name_; }

  // Bytes that may still be written; nullopt is no end.
  void set_free(std::optional<std::int64_t> bytes) {
    const std::lock_guard lock(mutex_);
    free_ = bytes;
  }
  void fail_syncs() {
    const std::lock_guard lock(mutex_);
    fail_syncs_ = true;
  }
  void hang_syncs(bool hang) {
    {
      const std::lock_guard lock(mutex_);
      hanging_ = hang;
    }
    changed_.notify_all();
  }
  // Until a sync hangs.
  void await_hanging_sync() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return hung_ > 0; });
  }
  // Called before every write and sync, by the thread that does it, with nothing locked.
  void before_each(std::function<void()> callback) { before_each_ = std::move(callback); }

  Image crash(std::mt19937_64& random) const {
    const std::lock_guard lock(mutex_);
    Image out;
    // Often all or nothing: these have bugs of their own.
    const auto mode = random() % 4;
    for (const auto& [name, stored] : files_) {
      auto bytes = stored.durable;
      for (const auto& change : stored.pending) {
        apply(bytes, change,
              [&] { return mode == 0 || (mode != 1 && random() % (mode == 2 ? 2 : 16) != 0); });
      }
      out[name] = std::move(bytes);
    }
    return out;
  }

 private:
  static constexpr std::size_t kSector = 512;

  struct Change {
    std::size_t at = 0;
    std::optional<Bytes> bytes;  // none: the file ends here
  };
  struct Stored {
    Bytes durable;
    std::vector<Change> pending;
  };
  struct File {
    sqlite3_file base;
    TestDisk* disk;
    Stored* stored;  // none for what is not looked at
    sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
  };

  template <typename Keep>
  static void apply(Bytes& bytes, const Change& change, Keep keep) {
    if (!change.bytes) {
      if (keep()) bytes.resize(change.at);
      return;
    }
    for (std::size_t begin = 0; begin < change.bytes->size();) {
      // To the end of the sector that it is in.
      const auto end =
          std::min(change.bytes->size(), ((change.at + begin) / kSector + 1) * kSector - change.at);
      if (keep()) {
        bytes.resize(std::max(bytes.size(), change.at + end));
        std::copy(change.bytes->begin() + static_cast<std::ptrdiff_t>(begin),
                  change.bytes->begin() + static_cast<std::ptrdiff_t>(end),
                  bytes.begin() + static_cast<std::ptrdiff_t>(change.at + begin));
      }
      begin = end;
    }
  }

  static File& of(sqlite3_file* file) { return *reinterpret_cast<File*>(file); }

  static int open(sqlite3_vfs* vfs, const char* path, sqlite3_file* base, int flags, int* out) {
    auto& disk = *static_cast<TestDisk*>(vfs->pAppData);
    auto& file = of(base);
    std::memset(&file, 0, static_cast<std::size_t>(vfs->szOsFile));
    file.disk = &disk;
    Bytes before;
    if (path != nullptr) {
      std::ifstream in(path, std::ios::binary);
      before.assign(std::istreambuf_iterator<char>(in), {});
    }
    const int code = disk.real_->xOpen(disk.real_, path, file.real(), flags, out);
    if (code != SQLITE_OK) return code;
    file.base.pMethods = &methods();
    if (path == nullptr) return code;
    const std::string name = path;
    const std::lock_guard lock(disk.mutex_);
    const auto [found, inserted] = disk.files_.try_emplace(name.substr(name.rfind('/') + 1));
    if (inserted) found->second.durable = std::move(before);
    file.stored = &found->second;
    return code;
  }

  static int write(sqlite3_file* base, const void* data, int size, sqlite3_int64 at) {
    auto& file = of(base);
    auto& disk = *file.disk;
    if (disk.before_each_) disk.before_each_();
    const std::lock_guard lock(disk.mutex_);
    if (disk.free_ && (*disk.free_ -= size) < 0) {
      disk.free_ = 0;
      return SQLITE_FULL;
    }
    if (file.stored != nullptr) {
      const auto* bytes = static_cast<const std::uint8_t*>(data);
      file.stored->pending.push_back({static_cast<std::size_t>(at), Bytes(bytes, bytes + size)});
    }
    return file.real()->pMethods->xWrite(file.real(), data, size, at);
  }

  static int truncate(sqlite3_file* base, sqlite3_int64 size) {
    auto& file = of(base);
    const std::lock_guard lock(file.disk->mutex_);
    if (file.stored != nullptr)
      file.stored->pending.push_back({static_cast<std::size_t>(size), std::nullopt});
    return file.real()->pMethods->xTruncate(file.real(), size);
  }

  static int sync(sqlite3_file* base, int flags) {
    auto& file = of(base);
    auto& disk = *file.disk;
    if (disk.before_each_) disk.before_each_();
    std::unique_lock lock(disk.mutex_);
    ++disk.hung_;
    disk.changed_.notify_all();
    disk.changed_.wait(lock, [&] { return !disk.hanging_; });
    --disk.hung_;
    if (disk.fail_syncs_) return SQLITE_IOERR_FSYNC;
    if (file.stored != nullptr) {
      for (const auto& change : std::exchange(file.stored->pending, {}))
        apply(file.stored->durable, change, [] { return true; });
    }
    return file.real()->pMethods->xSync(file.real(), flags);
  }

  static const sqlite3_io_methods& methods() {
    static const sqlite3_io_methods kMethods = [] {
      sqlite3_io_methods m{};
      m.iVersion = 2;
      m.xClose = [](sqlite3_file* f) { return of(f).real()->pMethods->xClose(of(f).real()); };
      m.xRead = [](sqlite3_file* f, void* data, int size, sqlite3_int64 at) {
        return of(f).real()->pMethods->xRead(of(f).real(), data, size, at);
      };
      m.xWrite = &TestDisk::write;
      m.xTruncate = &TestDisk::truncate;
      m.xSync = &TestDisk::sync;
      m.xFileSize = [](sqlite3_file* f, sqlite3_int64* size) {
        return of(f).real()->pMethods->xFileSize(of(f).real(), size);
      };
      m.xLock = [](sqlite3_file* f, int level) {
        return of(f).real()->pMethods->xLock(of(f).real(), level);
      };
      m.xUnlock = [](sqlite3_file* f, int level) {
        return of(f).real()->pMethods->xUnlock(of(f).real(), level);
      };
      m.xCheckReservedLock = [](sqlite3_file* f, int* out) {
        return of(f).real()->pMethods->xCheckReservedLock(of(f).real(), out);
      };
      m.xFileControl = [](sqlite3_file* f, int op, void* argument) {
        return of(f).real()->pMethods->xFileControl(of(f).real(), op, argument);
      };
      m.xSectorSize = [](sqlite3_file* f) {
        return of(f).real()->pMethods->xSectorSize(of(f).real());
      };
      m.xDeviceCharacteristics = [](sqlite3_file* f) {
        return of(f).real()->pMethods->xDeviceCharacteristics(of(f).real());
      };
      m.xShmMap = [](sqlite3_file* f, int page, int size, int extend, void volatile** out) {
        return of(f).real()->pMethods->xShmMap(of(f).real(), page, size, extend, out);
      };
      m.xShmLock = [](sqlite3_file* f, int offset, int count, int flags) {
        return of(f).real()->pMethods->xShmLock(of(f).real(), offset, count, flags);
      };
      m.xShmBarrier = [](sqlite3_file* f) { of(f).real()->pMethods->xShmBarrier(of(f).real()); };
      m.xShmUnmap = [](sqlite3_file* f, int remove) {
        return of(f).real()->pMethods->xShmUnmap(of(f).real(), remove);
      };
      return m;
    }();
    return kMethods;
  }

  const std::string name_;
  sqlite3_vfs* const real_;
  sqlite3_vfs vfs_;
  std::function<void()> before_each_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, Stored> files_;
  std::optional<std::int64_t> free_;
  bool fail_syncs_ = false;
  bool hanging_ = false;
  int hung_ = 0;
};

}  // namespace writ::store
