// SPDX-License-Identifier: Apache-2.0
#include "vault/credential.h"

#include <algorithm>
#include <iterator>

#include "base/check.h"
#include "base/encoding.h"

namespace writ::vault {
namespace {

constexpr std::size_t kMinSecret = 16;
constexpr std::size_t kMaxSecret = 16 * 1024;
constexpr seconds kMaxGrace = std::chrono::days(1);
constexpr std::int64_t kFormat = 1;
// In their grace, and the current one: so a record is bounded however often it is rotated.
constexpr std::size_t kMaxVersions = 16;
// In a record: once, those that were destroyed stayed in it.
constexpr std::size_t kMaxStoredVersions = 20'000;

// The current one stays, whatever it is: without it nothing says which number comes next.
void keep_if(std::vector<CredentialVersion>& versions, const auto& kept) {
  if (versions.empty()) return;
  const auto current = std::prev(versions.end());
  const auto gone = std::remove_if(versions.begin(), current,
                                   [&](const CredentialVersion& each) { return !kept(each); });
  versions.erase(gone, current);
}

CredentialVersion make_version(const SealingKey& key, Random& random, WorkspaceId workspace,
                               CredentialId id, std::uint64_t number, const SecretBytes& value,
                               TimePoint now) {
  return {.number = number,
          .sealed = key.seal(random, value.reveal(),
                             {.use = "credential",
                              .workspace = workspace,
                              .owner = id.to_string(),
                              .version = number}),
          .created = now,
          .destroy_at = std::nullopt};
}

}  // namespace

Origin Origin::of(const Url& url) { return {url.scheme, url.host, url.port}; }

std::string Origin::to_string() const { return scheme + "://" + host + ":" + std::to_string(port); }

Expected<void> check_secret(const SecretBytes& value) {
  if (value.size() < kMinSecret) {
    return fail(
        Errc::invalid_input,
        "a credential has at least 16 bytes: a shorter one could not be masked in responses");
  }
  if (value.size() > kMaxSecret) return fail(Errc::too_large, "a credential has at most 16 KiB");
  // Every byte is looked at whatever the ones before were.
  bool printable = true;
  for (const auto byte : value.reveal()) printable &= byte > 0x20 && byte < 0x7f;
  if (!printable) {
    return fail(Errc::invalid_input,
                "a credential is printable ASCII without spaces or line breaks", {},
                "pipe it without a trailing newline, as printf does");
  }
  return {};
}

Expected<Credential> new_credential(const SealingKey& key, Random& random, WorkspaceId workspace,
                                    CredentialId id, std::string name, Origin origin,
                                    const SecretBytes& value, TimePoint now) {
  WRIT_TRY_VOID(check_secret(value));
  Credential credential{.id = id,
                        .name = std::move(name),
                        .origin = std::move(origin),
                        .generation = 1,
                        .versions = {}};
  credential.versions.push_back(make_version(key, random, workspace, id, 1, value, now));
  return credential;
}

Expected<Credential> rotate(const SealingKey& key, Random& random, WorkspaceId workspace,
                            const Credential& credential, const SecretBytes& value, seconds grace,
                            bool same_account, TimePoint now) {
  WRIT_TRY_VOID(check_secret(value));
  if (grace < seconds(0) || grace > kMaxGrace) {
    return fail(Errc::invalid_input, "the grace of a rotation is from 0 seconds to a day");
  }
  WRIT_CHECK(!credential.versions.empty());
  Credential next = destroy_expired(credential, now);
  next.versions.back().destroy_at = now + grace;
  next.versions.push_back(make_version(key, random, workspace, credential.id,
                                       credential.current().number + 1, value, now));
  if (!same_account) ++next.generation;
  next = destroy_expired(next, now);
  if (next.versions.size() > kMaxVersions)
    next.versions.erase(next.versions.begin(), next.versions.end() - kMaxVersions);
  return next;
}

Credential destroy_expired(const Credential& credential, TimePoint now) {
  Credential next = credential;
  keep_if(next.versions, [&](const CredentialVersion& version) {
    return !version.destroyed() && (!version.destroy_at || now < *version.destroy_at);
  });
  return next;
}

Json Credential::to_json() const {
  JsonArray list;
  for (const auto& version : versions) {
    JsonObject item{{"number", static_cast<std::int64_t>(version.number)},
                    {"sealed", base64url_encode(version.sealed)},
                    {"created", to_unix_millis(version.created)}};
    if (version.destroy_at) item["destroy_at"] = to_unix_millis(*version.destroy_at);
    list.push_back(std::move(item));
  }
  return JsonObject{{"v", kFormat},
                    {"id", id.to_string()},
                    {"name", name},
                    {"scheme", origin.scheme},
                    {"host", origin.host},
                    {"port", std::int64_t{origin.port}},
                    {"generation", static_cast<std::int64_t>(generation)},
                    {"versions", std::move(list)}};
}

Expected<Credential> Credential::from_json(const Json& value) {
  ObjectReader r(value);
  Credential credential;
  r.integer("v", {.min = kFormat, .max = kFormat});
  const auto id_text = r.string("id");
  credential.name = r.string("name");
  credential.origin = {r.string("scheme"), r.string("host"),
                       static_cast<std::uint16_t>(r.integer("port", {.min = 1, .max = 65535}))};
  credential.generation = static_cast<std::uint64_t>(r.integer("generation", {.min = 1}));
  for (const auto& item : r.array("versions", {.min = 1, .max = kMaxStoredVersions})) {
    ObjectReader v(item, "/versions");
    CredentialVersion version{.number = static_cast<std::uint64_t>(v.integer("number", {.min = 1})),
                              .sealed = {},
                              .created = {},
                              .destroy_at = std::nullopt};
    const auto sealed = v.string("sealed", {.min = 0, .max = 2 * kMaxSecret});
    version.created = from_unix_millis(v.integer("created"));
    if (const auto at = v.optional_integer("destroy_at"))
      version.destroy_at = from_unix_millis(*at);
    WRIT_TRY_VOID(v.finish());
    WRIT_TRY(version.sealed, base64url_decode(sealed));
    credential.versions.push_back(std::move(version));
  }
  WRIT_TRY_VOID(r.finish());
  WRIT_TRY(credential.id, CredentialId::parse(id_text));
  keep_if(credential.versions, [](const CredentialVersion& each) { return !each.destroyed(); });
  return credential;
}

}  // namespace writ::vault
