// SPDX-License-Identifier: Apache-2.0
// room: gateway
// The input's first line is a secret, the rest a response. However it is cut, what comes out is the
// same, and the secret is not in it; a text without anything like the secret comes out as it is.
#include <algorithm>
#include <string>

#include "base/bytes.h"
#include "base/check.h"
#include "base/encoding.h"
#include "gateway/redactor.h"

namespace {

using namespace writ;

std::string cut(const SecretBytes& secret, std::string_view text, std::size_t size) {
  gateway::Redactor redactor;
  redactor.add(secret);
  Bytes out;
  for (std::size_t at = 0; at < text.size(); at += size) {
    redactor.push(as_bytes(text.substr(at, size)), out);
  }
  redactor.finish(out);
  WRIT_CHECK(redactor.held() == 0);
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
  const auto secret = SecretBytes::copy_of(key);

  const auto whole = cut(secret, text, text.size() + 1);
  WRIT_CHECK(whole.find(key) == std::string::npos);
  WRIT_CHECK(whole.find(hex_encode(as_bytes(key))) == std::string::npos);
  WRIT_CHECK(whole.find(base64_encode(as_bytes(key))) == std::string::npos);
  for (const std::size_t piece : {1, 2, 3, 7, 16}) WRIT_CHECK(cut(secret, text, piece) == whole);

  // The secret, put in anywhere.
  const auto at = text.size() / 2;
  text.insert(at, key);
  const auto inserted = cut(secret, text, 5);
  WRIT_CHECK(inserted.find(key) == std::string::npos);
  WRIT_CHECK(inserted == cut(secret, text, text.size()));
  return 0;
}
