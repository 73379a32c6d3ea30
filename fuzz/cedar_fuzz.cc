// SPDX-License-Identifier: Apache-2.0
// room: cedar
// The parser of policies: what parses prints to a text that parses to the same, and evaluates
// without a fault whatever it says.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/check.h"
#include "cedar/authorizer.h"
#include "cedar/printer.h"

namespace {

using namespace writ::cedar;

const Entities& entities() {
  static const Entities all =
      *Entities::create({{.uid = {"User", "a"},
                          .attributes = {{"n", 1}, {"r", Record{{"x", Record{{"y", true}}}}}},
                          .tags = {{"t", "v"}},
                          .parents = {{"Group", "g"}}},
                         {.uid = {"Group", "g"}, .attributes = {}, .tags = {}, .parents = {}}});
  return all;
}

const Template& only(const PolicySet& set) {
  WRIT_CHECK(set.policies().size() + set.templates().size() == 1);
  return set.templates().empty() ? set.policies().front()->body() : *set.templates().front();
}

void prints_what_it_parsed(const Template& policy) {
  const auto again = parse_policies(print(policy), "printed");
  WRIT_CHECK(again.has_value());
  WRIT_CHECK(only(*again) == policy);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // Escapes grow in print, so the text that is read is well below the limit.
  const auto set = parse_policies({reinterpret_cast<const char*>(data), size}, "fuzz",
                                  {.max_bytes = std::size_t{1} << 16});
  if (!set) {
    WRIT_CHECK(!set.error().message.empty() && set.error().where.starts_with("fuzz"));
    return 0;
  }
  for (const auto& policy : set->policies()) prints_what_it_parsed(policy->body());
  for (const auto& policy : set->templates()) prints_what_it_parsed(*policy);
  const Response response = authorize({.principal = {"User", "a"},
                                       .action = {"Action", "go"},
                                       .resource = {"Group", "g"},
                                       .context = {{"k", 5}, {"s", "text"}}},
                                      *set, entities());
  WRIT_CHECK(response.decision == Decision::deny ||
             (response.forbids.empty() && !response.permits.empty()));
  return 0;
}
