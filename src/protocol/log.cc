// SPDX-License-Identifier: Apache-2.0
#include "protocol/log.h"

#include "base/encoding.h"

namespace writ::protocol {

JsonObject LogView::to_json() const {
  return {
      {"origin", origin}, {"key", key}, {"size", write_count(size)}, {"checkpoint", checkpoint}};
}

Expected<LogView> LogView::from_json(const Json& value, std::string pointer) {
  ObjectReader r(value, std::move(pointer));
  r.allow_unknown();
  LogView out;
  out.origin = r.string("origin");
  out.key = r.string("key");
  out.size = read_count(r, "size");
  out.checkpoint = read_text(r, "checkpoint");
  WRIT_TRY_VOID(r.finish());
  return out;
}

JsonObject LogLeaf::to_json() const {
  return {{"index", write_count(index)}, {"entry", entry}, {"leaf", hex_encode(leaf)}};
}

Expected<LogLeaf> LogLeaf::from_json(const Json& value, std::string pointer) {
  ObjectReader r(value, std::move(pointer));
  r.allow_unknown();
  LogLeaf out;
  out.index = read_count(r, "index");
  out.entry = r.string("entry", {.max = 65535});
  out.leaf = read_digest(r, "leaf");
  WRIT_TRY_VOID(r.finish());
  return out;
}

JsonObject LogLeaves::to_json() const { return {{"leaves", write_messages(leaves)}}; }

Expected<LogLeaves> LogLeaves::from_json(const Json& value, std::string pointer) {
  ObjectReader r(value, std::move(pointer));
  r.allow_unknown();
  const auto& leaves = r.array("leaves", {.max = kMaxLeaves});
  WRIT_TRY_VOID(r.finish());
  LogLeaves out;
  WRIT_TRY(out.leaves, read_messages<LogLeaf>(leaves, r.pointer("leaves")));
  return out;
}

}  // namespace writ::protocol
