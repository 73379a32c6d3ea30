// SPDX-License-Identifier: Apache-2.0
#include "cli/user_key.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "base/encoding.h"
#include "cli/files.h"
#include "identity/principal.h"
#include "wire/canonical.h"

namespace writ::cli {
namespace {

constexpr std::string_view kType = "writ-user-key";
constexpr std::size_t kMaxFile = 16384;
constexpr std::size_t kMaxSealed = 4096;
constexpr std::string_view kNew = ".new-";

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-';
}

}  // namespace

std::string Identity::file_stem() const {
  auto host = server.substr(server.find("://") + 3);
  for (auto& c : host) {
    if (!is_plain(c)) c = '_';
  }
  return workspace + "." + user + "@" + host;
}

Expected<Identity> make_identity(const Url& server, std::string_view workspace,
                                 std::string_view user) {
  for (const auto& [name, what] : {std::pair{workspace, "workspace"}, std::pair{user, "user"}}) {
    if (identity::is_name(name)) continue;
    return fail(Errc::invalid_input, quoted_extract(name) + " is no name of a " + std::string(what),
                {}, "a name is a lower-case letter, then such letters, digits, - and _");
  }
  return Identity{
      .server = server.origin(), .workspace = std::string(workspace), .user = std::string(user)};
}

JsonObject UserKey::about() const {
  return {{"type", kType},           {"v", 1},
          {"server", owner_.server}, {"workspace", owner_.workspace},
          {"user", owner_.user},     {"public", public_.to_json()}};
}

Expected<UserKey> UserKey::generate(Identity owner, const SecretBytes& passphrase, Random& random,
                                    const crypto::PassphraseCost& cost) {
  return seal(std::move(owner), crypto::Es256PrivateKey::generate(), passphrase, random, cost);
}

Expected<UserKey> UserKey::seal(Identity owner, const crypto::Es256PrivateKey& key,
                                const SecretBytes& passphrase, Random& random,
                                const crypto::PassphraseCost& cost) {
  const jose::Jwk bare(key.public_key());
  UserKey out(std::move(owner), bare.with_kid(bare.thumbprint()));
  WRIT_TRY(out.sealed_,
           crypto::seal_with_passphrase(random, passphrase, key.to_pkcs8_der().reveal(),
                                        as_bytes(canonical_json(out.about())), cost));
  return out;
}

std::string UserKey::to_text() const {
  auto object = about();
  object["sealed"] = base64_encode(sealed_);
  return canonical_json(object) + '\n';
}

Expected<UserKey> UserKey::parse(std::string_view text) {
  WRIT_TRY(const auto object, parse_json_object(text, {.bytes = kMaxFile}));
  ObjectReader r(object);
  r.choice("type", {kType});
  r.integer("v", {.min = 1, .max = 1});
  Identity owner{
      .server = r.string("server"), .workspace = r.string("workspace"), .user = r.string("user")};
  const auto& jwk = r.value("public");
  const auto sealed = r.string("sealed", {.max = kMaxSealed});
  WRIT_TRY_VOID(r.finish());
  WRIT_TRY(auto key, jose::Jwk::from_json(jwk, {.algorithms = {jose::Algorithm::es256}}));
  UserKey out(std::move(owner), std::move(key));
  WRIT_TRY(out.sealed_, base64_decode(sealed));
  return out;
}

Expected<jose::Es256Signer> UserKey::open(const SecretBytes& passphrase) const {
  const auto der =
      crypto::open_with_passphrase(passphrase, sealed_, as_bytes(canonical_json(about())));
  if (!der) {
    if (der.error().code != Errc::unauthenticated) return std::unexpected(der.error());
    return fail(Errc::denied, "the passphrase does not open the key of " + owner_.user, {},
                "try again; a lost passphrase means a new key, enrolled with a new code");
  }
  WRIT_TRY(auto key, crypto::Es256PrivateKey::from_pkcs8_der(*der));
  jose::Es256Signer signer(std::move(key), public_.kid());
  if (!(signer.public_jwk() == public_))
    return fail(Errc::invalid_input, "the key file's two halves do not belong together");
  return signer;
}

std::filesystem::path user_key_path(const std::filesystem::path& home, const Identity& owner) {
  return home / "keys" / (owner.file_stem() + ".json");
}

namespace {

// The key in `path`, where it is one of `owner`.
Expected<UserKey> load_key_of(const std::filesystem::path& path, const Identity& owner) {
  WRIT_TRY(const auto text, read_private_file(path, kMaxFile));
  auto key = UserKey::parse(text.reveal_text());
  if (!key) {
    return fail(Errc::invalid_input, "not a key file of writ: " + key.error().message,
                path.string());
  }
  if (key->owner() != owner) {
    return fail(Errc::invalid_input,
                "this file holds the key of " + key->owner().user + " for " +
                    key->owner().workspace + " at " + key->owner().server,
                path.string());
  }
  return key;
}

}  // namespace

Expected<UserKey> load_user_key(const std::filesystem::path& home, const Identity& owner) {
  const auto path = user_key_path(home, owner);
  auto key = load_key_of(path, owner);
  if (key || key.error().code != Errc::not_found) return key;
  if (!PendingKeys(home, owner).all().empty()) {
    return fail(Errc::not_found, "the enrolment of your key is not finished: its answer was lost",
                path.string(), "run writ login again");
  }
  return fail(
      Errc::not_found,
      "there is no key of " + owner.user + " for " + owner.workspace + " at " + owner.server +
          " on this machine",
      path.string(),
      "ask an admin for a code (writ user invite " + owner.user + "), then: writ login … --code");
}

std::filesystem::path PendingKeys::path(const UserKey& key) const {
  return current_.parent_path() /
         (owner_.file_stem() + std::string(kNew) + key.public_jwk().thumbprint() + ".json");
}

std::vector<UserKey> PendingKeys::all() const {
  std::vector<std::pair<std::filesystem::file_time_type, UserKey>> found;
  std::error_code failed;
  const auto prefix = owner_.file_stem() + std::string(kNew);
  for (std::filesystem::directory_iterator at(current_.parent_path(), failed), end;
       !failed && at != end && found.size() < kMost; at.increment(failed)) {
    const auto name = at->path().filename().string();
    if (!name.starts_with(prefix) || !name.ends_with(".json")) continue;
    std::error_code unknown;
    const auto written = at->last_write_time(unknown);
    if (auto key = load_key_of(at->path(), owner_)) found.emplace_back(written, std::move(*key));
  }
  std::ranges::sort(found, std::ranges::greater(), &decltype(found)::value_type::first);
  std::vector<UserKey> out;
  out.reserve(found.size());
  for (auto& each : found) out.push_back(std::move(each.second));
  return out;
}

Expected<void> PendingKeys::keep(const UserKey& key) const {
  if (all().size() >= kMost) {
    return fail(Errc::too_large,
                "there are " + std::to_string(kMost) + " keys here whose enrolment was lost",
                current_.parent_path().string(),
                "sign in with one of them (writ login), or remove what you do not need");
  }
  return write_private_file(path(key), as_bytes(key.to_text()), Existing::keep);
}

Expected<void> PendingKeys::promote(const UserKey& key) const {
  return replace_file(path(key), current_, current_.string() + ".old");
}

Expected<void> PendingKeys::drop(const UserKey& key) const { return remove_file(path(key)); }

}  // namespace writ::cli
