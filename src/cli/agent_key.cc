// SPDX-License-Identifier: Apache-2.0
#include "cli/agent_key.h"

#include "cli/files.h"
#include "identity/principal.h"
#include "jose/private_jwk.h"
#include "wire/toml.h"

namespace writ::cli {
namespace {

constexpr std::size_t kMaxDocument = std::size_t{1} << 20;
constexpr std::size_t kMaxKey = 4096;

}  // namespace

std::string keys_block(const jose::Jwk& key) {
  std::string out = "[[keys]]\n";
  // Values of a public JWK of ours are base64url and names: nothing that TOML would have escaped.
  for (const auto& member : key.to_json())
    out += std::string(text_of(member)) + " = \"" +
           std::string(text_of(member.value().get_string())) + "\"\n";
  return out;
}

Expected<std::string> add_key(std::string_view document, const std::string& filename,
                              const jose::Jwk& key) {
  WRIT_TRY(const auto before, parse_toml(document, filename));
  const auto block = keys_block(key);
  std::string out(document);
  if (!out.empty() && !out.ends_with('\n')) out += '\n';
  out += (out.empty() ? "" : "\n") + block;

  auto wanted = before.object();
  if (!wanted.contains("keys")) wanted["keys"] = JsonArray();
  if (!wanted["keys"].is_array())
    return fail(Errc::invalid_input, "\"keys\" must be an array of keys", before.place("/keys"));
  wanted["keys"].get_array().emplace_back(key.to_json());
  const auto after = parse_toml(out, filename);
  if (!after || after->object() != wanted) {
    return fail(Errc::conflict, "a key cannot be added to this document at its end", filename,
                "add it yourself, as:\n" + block);
  }
  return out;
}

Expected<MadeKey> make_agent_key(const std::string& name, const std::filesystem::path& directory,
                                 const std::filesystem::path& out) {
  if (!identity::is_name(name)) {
    return fail(Errc::invalid_input, quoted_extract(name) + " is no name of an agent", {},
                "a name is a lower-case letter, then such letters, digits, - and _");
  }
  const auto document = directory / "agents" / (name + ".toml");
  auto text = read_file(document, kMaxDocument);
  if (!text && text.error().code == Errc::not_found) {
    return fail(
        Errc::not_found, "there is no such agent here", document.string(),
        "name the workspace's directory with --dir DIR, and write agents/" + name + ".toml first");
  }
  if (!text) return std::unexpected(text.error());

  const auto key = crypto::Es256PrivateKey::generate();
  const jose::Jwk bare(key.public_key());
  const auto jwk = bare.with_kid(bare.thumbprint());
  WRIT_TRY(const auto changed, add_key(*text, document.string(), jwk));
  if (const auto kept =
          write_private_file(out, jose::write_private_jwk(key, jwk.kid()).reveal(), Existing::keep);
      !kept) {
    if (kept.error().code != Errc::conflict) return std::unexpected(kept.error());
    return fail(Errc::conflict, "there is a file of this name, which may hold a key in use",
                out.string(), "name another one for the new key with --out FILE");
  }
  if (const auto written = write_file(document, as_bytes(changed)); !written) {
    (void)remove_file(out);
    return std::unexpected(written.error());
  }
  return MadeKey{.key_file = out, .document = document, .kid = jwk.kid()};
}

Expected<jose::Es256Signer> load_agent_key(const std::filesystem::path& file) {
  WRIT_TRY(const auto text, read_private_file(file, kMaxKey));
  auto key = jose::read_private_jwk(text);
  if (!key) return fail(key.error().code, key.error().message, file.string(), key.error().hint);
  return key;
}

}  // namespace writ::cli
