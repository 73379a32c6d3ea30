// SPDX-License-Identifier: Apache-2.0
// room: audit
// What an auditor reads of strangers: notes, checkpoints, keys, tile paths, tiles, bundles,
// entries, receipts. Each has one spelling: what parses is what is written of it.
#include <algorithm>

#include "audit/checkpoint.h"
#include "audit/entry.h"
#include "audit/receipt.h"
#include "audit/tile.h"
#include "base/check.h"

namespace {

using namespace writ;
using namespace writ::audit;

const NoteSigner& signer() {
  static const NoteSigner signer =
      NoteSigner::create("fuzz",
                         *crypto::Ed25519PrivateKey::from_seed(SecretBytes::copy_of(Bytes(32, 7))))
          .value();
  return signer;
}

void check_note(std::string_view text) {
  const auto note = UnverifiedNote::parse(text);
  if (note) {
    WRIT_CHECK(note->to_string() == text);
    if (const auto opened = signer().verifier().open(*note)) {
      WRIT_CHECK(*opened == note->unverified_text());
    }
    if (const auto checkpoint = parse_checkpoint_text(note->unverified_text())) {
      WRIT_CHECK(checkpoint_text(*checkpoint) == note->unverified_text());
    }
    (void)SignedCheckpoint::open(text, signer().verifier());
  }
  if (const auto key = NoteVerifier::parse(text)) WRIT_CHECK(key->to_string() == text);
}

void check_tiles(BytesView bytes) {
  const auto text = as_text(bytes);
  if (const auto id = parse_tile_path(text)) WRIT_CHECK(tile_path(*id) == text);
  if (const auto id = parse_bundle_path(text)) WRIT_CHECK(bundle_path(*id) == text);
  if (const auto hashes = parse_tile(bytes))
    WRIT_CHECK(std::ranges::equal(build_tile(*hashes), bytes));
  for (const unsigned width : {1U, 2U, 256U}) {
    if (const auto entries = parse_bundle(bytes, width)) {
      WRIT_CHECK(entries->size() == width);
      WRIT_CHECK(std::ranges::equal(build_bundle(*entries).value(), bytes));
    }
  }
  if (const auto frontier = Frontier::parse(bytes)) {
    WRIT_CHECK(std::ranges::equal(frontier->serialize(), bytes));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const BytesView bytes{data, size};
  check_note(as_text(bytes));
  check_tiles(bytes);
  if (const auto entry = Entry::parse(bytes)) WRIT_CHECK(entry->text() == as_text(bytes));
  if (const auto receipt = Receipt::parse(as_text(bytes))) {
    const auto again = Receipt::parse(receipt->to_json());
    WRIT_CHECK(again && again->to_json() == receipt->to_json());
    (void)receipt->verify(signer().verifier());
  }
  return 0;
}
