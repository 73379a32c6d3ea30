// SPDX-License-Identifier: Apache-2.0
#include "broker/server_keys.h"

#include <algorithm>

#include "base/encoding.h"
#include "broker/entries.h"
#include "crypto/ed25519.h"
#include "crypto/es256.h"
#include "wire/canonical.h"

namespace writ::broker {
namespace {

// One signs, and those before it retire within days.
constexpr std::size_t kMaxTokenKeys = 100;

std::unexpected<Error> wrong_seal_key(std::string_view what) {
  return fail(Errc::denied,
              "the seal key does not open " + std::string(what) +
                  ": it is not the one under which this data was sealed, or the data was changed",
              "seal key", "start with the seal key that was made together with this data");
}

std::string log_key_id(WorkspaceId workspace) { return "log:" + workspace.to_string(); }

struct StoredLogKey {
  std::string origin;
  Bytes sealed;
};

Expected<StoredLogKey> parse_log_key(const Record& record) {
  WRIT_TRY(const auto json, parse_json(record.value));
  ObjectReader r(json);
  r.integer("v", {.min = 1, .max = 1});
  r.choice("use", {"log"});
  r.integer("created", {.min = 0});
  StoredLogKey out{.origin = r.string("origin"), .sealed = {}};
  const auto sealed = r.string("sealed");
  WRIT_TRY_VOID(r.finish());
  WRIT_TRY(out.sealed, base64url_decode(sealed));
  return out;
}

}  // namespace

struct ServerKeys::Stored {
  TokenKey key;
  Bytes sealed;
  std::uint64_t revision = 0;

  const std::string& id() const { return key.signer->public_jwk().kid(); }
};

std::string ServerKeys::to_record(const Stored& stored) const {
  JsonObject out{{"v", 1},
                 {"use", "token"},
                 {"created", to_unix_millis(stored.key.created)},
                 {"sealed", base64url_encode(stored.sealed)}};
  if (stored.key.retires) out["retires"] = to_unix_millis(*stored.key.retires);
  return canonical_json(out);
}

Expected<ServerKeys::Stored> ServerKeys::read(const Record& record) const {
  WRIT_TRY(const auto json, parse_json(record.value));
  ObjectReader r(json);
  r.integer("v", {.min = 1, .max = 1});
  r.choice("use", {"token"});
  Stored out;
  out.revision = record.revision;
  out.key.created = from_unix_millis(r.integer("created", {.min = 0}));
  if (const auto retires = r.optional_integer("retires", {.min = 0}))
    out.key.retires = from_unix_millis(*retires);
  const auto sealed = r.string("sealed");
  WRIT_TRY_VOID(r.finish());
  WRIT_TRY(out.sealed, base64url_decode(sealed));
  const auto pkcs8 = seal_key_.open_signing_key(out.sealed, record.id);
  if (!pkcs8) return wrong_seal_key("the token key " + record.id);
  WRIT_TRY(auto key, crypto::Es256PrivateKey::from_pkcs8_der(*pkcs8));
  out.key.signer = std::make_shared<const jose::Es256Signer>(std::move(key));
  if (out.id() != record.id)
    return fail(Errc::invalid_input, "the token key is another one than its id says", record.id);
  return out;
}

ServerKeys::Stored ServerKeys::make() const {
  auto key = crypto::Es256PrivateKey::generate();
  const auto pkcs8 = key.to_pkcs8_der();
  Stored out;
  out.key = {.signer = std::make_shared<const jose::Es256Signer>(std::move(key)),
             .created = clock_.now(),
             .retires = std::nullopt};
  out.sealed = seal_key_.seal_signing_key(random_, pkcs8.reveal(), out.id());
  return out;
}

// In order of age, the one that signs last.
Task<Expected<std::vector<ServerKeys::Stored>>> ServerKeys::stored_token_keys() const {
  WRIT_CO_TRY(const auto records,
              co_await server_->list(RecordKind::signing_key, {}, kMaxTokenKeys));
  std::vector<Stored> out;
  for (const auto& record : records) {
    WRIT_CO_TRY(auto stored, read(record));
    out.push_back(std::move(stored));
  }
  std::ranges::sort(out, {}, [](const Stored& stored) {
    return std::tuple(!stored.key.retires.has_value(), stored.key.created, stored.id());
  });
  co_return out;
}

Task<Expected<std::vector<TokenKey>>> ServerKeys::token_keys() {
  WRIT_CO_TRY(auto all, co_await stored_token_keys());
  const auto now = clock_.now();
  Unit unit;
  std::vector<TokenKey> keys;
  for (const auto& stored : all) {
    if (stored.key.retires && *stored.key.retires <= now) {
      unit.erases.push_back({RecordKind::signing_key, stored.id(), stored.revision});
    } else {
      keys.push_back(stored.key);
    }
  }
  if (all.empty()) {
    const auto made = make();
    unit.puts.push_back({RecordKind::signing_key, made.id(), 0, to_record(made)});
    keys.push_back(made.key);
  }
  if (keys.empty() || keys.back().retires) {
    co_return fail(Errc::conflict, "the store has token keys, and none of them signs",
                   "signing_key", "restore the store from a backup");
  }
  if (!unit.puts.empty() || !unit.erases.empty()) {
    WRIT_CO_TRY_VOID(co_await server_->commit(std::move(unit)));
  }
  co_return keys;
}

Task<Expected<void>> ServerKeys::rotate_token_key(TokenKeys& keys, milliseconds overlap) {
  WRIT_CO_TRY(auto all, co_await stored_token_keys());
  if (all.empty() || all.back().key.retires)
    co_return fail(Errc::conflict, "the store has no token key that signs", "signing_key");
  const auto made = make();
  const auto retires = clock_.now() + overlap;
  auto& before = all.back();
  before.key.retires = retires;
  Unit unit;
  unit.puts.push_back({RecordKind::signing_key, before.id(), before.revision, to_record(before)});
  unit.puts.push_back({RecordKind::signing_key, made.id(), 0, to_record(made)});
  WRIT_CO_TRY_VOID(co_await server_->commit(std::move(unit)));
  keys.rotate(made.key, retires);
  co_return Expected<void>();
}

Task<Expected<bool>> ServerKeys::rotate_token_key_older_than(TokenKeys& keys, milliseconds age,
                                                             milliseconds overlap) {
  WRIT_CO_TRY(const auto all, co_await stored_token_keys());
  if (!all.empty() && clock_.now() - all.back().key.created < age) co_return false;
  WRIT_CO_TRY_VOID(co_await rotate_token_key(keys, overlap));
  co_return true;
}

Task<Expected<std::shared_ptr<const audit::NoteSigner>>> ServerKeys::log_signer(
    LiveWorkspace& workspace, std::string_view authority) {
  const auto owner = log_key_id(workspace.id());
  auto& store = workspace.store();
  WRIT_CO_TRY(auto record, co_await store.get(RecordKind::signing_key, std::string(kLogKeyRecord)));
  if (!record) {
    WRIT_CO_TRY(const auto published, co_await store.latest_checkpoint());
    if (published) {
      co_return fail(Errc::conflict, "the log has signed checkpoints, and its key is gone", owner,
                     "restore the store from a backup");
    }
    auto key = crypto::Ed25519PrivateKey::generate(random_);
    const auto pkcs8 = key.to_pkcs8_der();
    auto origin = std::string(authority) + "/log/" + workspace.version()->name();
    WRIT_CO_TRY(const auto signer, audit::NoteSigner::create(origin, std::move(key)));
    const EntryWriter writer(workspace.id(), workspace.data_key(), clock_, random_);
    auto opened = writer.entry(audit::Kind::log_opened);
    opened.set("origin", origin)
        .set("key", signer.verifier().to_string())
        .set("store", kStoreOfLog);
    Unit unit;
    unit.puts.push_back(
        {RecordKind::signing_key, std::string(kLogKeyRecord), 0,
         canonical_json(JsonObject{{"v", 1},
                                   {"use", "log"},
                                   {"origin", origin},
                                   {"created", to_unix_millis(clock_.now())},
                                   {"sealed", base64url_encode(seal_key_.seal_signing_key(
                                                  random_, pkcs8.reveal(), owner))}})});
    unit.appends.push_back(EntryWriter::append(opened, {}));
    auto committed = co_await store.commit(std::move(unit));
    // Somebody else was faster: theirs is the key.
    if (!committed && !is_revision_conflict(committed.error(), RecordKind::signing_key))
      co_return std::unexpected(std::move(committed).error());
    WRIT_CO_TRY(record, co_await store.get(RecordKind::signing_key, std::string(kLogKeyRecord)));
    if (!record) co_return fail(Errc::internal, "the key of a log that was just stored is gone");
  }
  co_return read_log_signer(seal_key_, workspace.id(), *record);
}

Expected<std::shared_ptr<const audit::NoteSigner>> read_log_signer(const vault::SealKey& seal_key,
                                                                   WorkspaceId workspace,
                                                                   const Record& record) {
  WRIT_TRY(auto stored, parse_log_key(record));
  const auto pkcs8 = seal_key.open_signing_key(stored.sealed, log_key_id(workspace));
  if (!pkcs8) return wrong_seal_key("the key of the log " + stored.origin);
  WRIT_TRY(auto key, crypto::Ed25519PrivateKey::from_pkcs8_der(*pkcs8));
  WRIT_TRY(auto signer, audit::NoteSigner::create(std::move(stored.origin), std::move(key)));
  return std::make_shared<const audit::NoteSigner>(std::move(signer));
}

}  // namespace writ::broker
