// SPDX-License-Identifier: Apache-2.0
#include "vault/vault.h"

namespace writ::vault {

Expected<Opened> open(const action::RecordedAction& action, const Credential& credential,
                      const SealingKey& data_key) {
  const auto& proposed = action.proposed();
  const action::Account account{credential.id, credential.generation};
  if (proposed.account() != account) {
    return fail(
        Errc::denied,
        "the action was decided for another account than that of credential " + credential.name);
  }
  if (Origin::of(proposed.server().url()) != credential.origin) {
    return fail(Errc::denied, "credential " + credential.name + " belongs to " +
                                  credential.origin.to_string() + " and may go nowhere else");
  }
  const auto& version = credential.current();
  if (version.destroyed())
    return fail(Errc::internal, "the current version of a credential has no value");
  auto value = data_key.open(version.sealed, {.use = "credential",
                                              .workspace = proposed.call().run().workspace,
                                              .owner = credential.id.to_string(),
                                              .version = version.number});
  if (!value) return fail(Errc::internal, value.error().message);
  return Opened{std::move(*value), version.number};
}

}  // namespace writ::vault
