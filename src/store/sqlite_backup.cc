// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite_backup.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

#include "store/data_directory.h"
#include "store/sqlite_connection.h"

namespace writ::store {
namespace {

class RemovedAtEnd {
 public:
  explicit RemovedAtEnd(std::string path) : path_(std::move(path)) {}
  RemovedAtEnd(const RemovedAtEnd&) = delete;
  RemovedAtEnd& operator=(const RemovedAtEnd&) = delete;
  ~RemovedAtEnd() { ::unlink(path_.c_str()); }

 private:
  std::string path_;
};

std::unexpected<Error> already(const std::string& path) {
  return fail(Errc::conflict, "something stands there already", path,
              "name a path that does not exist");
}

}  // namespace

Expected<void> back_up(const std::string& database, const std::string& vfs,
                       const std::string& target) {
  if (identify(target)) return already(target);
  const auto unfinished = target + ".unfinished";
  WRIT_TRY_VOID(create_private_file(unfinished));
  const RemovedAtEnd removed(unfinished);
  {
    WRIT_TRY(const auto source, Connection::open(database, Connection::Mode::read_only, vfs));
    WRIT_TRY(const auto copy, Connection::open(unfinished, Connection::Mode::read_write, vfs));
    // Durable as a whole, at the end.
    WRIT_TRY_VOID(copy->execute("PRAGMA synchronous=OFF; PRAGMA journal_mode=MEMORY"));
    copy->checkpoint_on_close(false);
    WRIT_TRY_VOID(source->copy_to(*copy));
  }
  WRIT_TRY_VOID(sync_file(unfinished));
  // Unlike rename(), link() never replaces what came to stand there meanwhile.
  if (::link(unfinished.c_str(), target.c_str()) != 0) {
    if (errno == EEXIST) return already(target);
    return fail(Errc::unavailable,
                std::string("the copy cannot be put in its place: ") +
                    std::strerror(errno),  // NOLINT(concurrency-mt-unsafe)
                target);
  }
  return sync_parent(target);
}

}  // namespace writ::store
