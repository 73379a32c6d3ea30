// SPDX-License-Identifier: Apache-2.0
// room: gateway
// The input's first line is a secret, the rest a response. However it is cut, what comes out is the
// same, has nothing more to mask, and the secret is not in it, nor is a spelling of it that is put
// in anywhere. A text without anything like the secret comes out as it is.
#include <algorithm>
#include <memory>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/check.h"
#include "base/encoding.h"
#include "gateway/redactor.h"
#include "gateway/spelling_testing.h"

namespace {

using namespace writ;

using Plan = std::shared_ptr<const gateway::RedactionPlan>;

// Nothing where the stream is to be withheld.
std::optional<std::string> cut(const Plan& plan, std::string_view text, std::size_t size) {
  gateway::Redactor redactor;
  redactor.add(plan);
  Bytes out;
  for (std::size_t at = 0; at < text.size(); at += size) {
    redactor.push(as_bytes(text.substr(at, size)), out);
  }
  redactor.finish(out);
  WRIT_CHECK(redactor.held() == 0);
  if (redactor.unclear()) return std::nullopt;
  return to_text(out);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = as_text({data, size});
  const auto line = std::min(input.find('\n'), input.size());
  const auto key = input.substr(0, line);
  // As the vault takes them (vault::check_secret).
  if (key.size() < 16 || key.size() > 200) return 0;
  if (!std::ranges::all_of(key, [](char c) { return c > ' ' && c < 0x7f; })) return 0;
  auto text = std::string(input.substr(std::min(line + 1, input.size())));
  const auto plan = gateway::RedactionPlan::of(SecretBytes::copy_of(key));

  const auto whole = cut(plan, text, text.size() + 1);
  for (const std::size_t piece : {1, 2, 3, 7, 16}) WRIT_CHECK(cut(plan, text, piece) == whole);
  if (whole) {
    WRIT_CHECK(whole->find(key) == std::string::npos);
    WRIT_CHECK(whole->find(hex_encode(as_bytes(key))) == std::string::npos);
    WRIT_CHECK(whole->find(base64_encode(as_bytes(key))) == std::string::npos);
    WRIT_CHECK(cut(plan, *whole, whole->size() + 1) == *whole);
  }

  // The secret, put in anywhere, as an encoder of the table writes it.
  std::uint64_t seed = size;
  for (const auto byte : BytesView(data, size)) seed = seed * 31 + byte;
  gateway::Dice dice(seed);
  const auto& spellings = gateway::masked_spellings();
  const auto written = spellings[dice.below(spellings.size())].write(key, dice);
  text.insert(text.size() / 2, "\"" + written + "\"");
  const auto inserted = cut(plan, text, 5);
  WRIT_CHECK(inserted == cut(plan, text, text.size()));
  WRIT_CHECK(!inserted || !inserted->contains(written));
  return 0;
}
