// SPDX-License-Identifier: Apache-2.0
// Checkpoints (c2sp.org/tlog-checkpoint).
#include "audit/checkpoint.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "audit/fake_log.h"
#include "audit/tree.h"
#include "base/encoding.h"

namespace writ::audit {
namespace {

const std::string kRoot = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";

Checkpoint sample() {
  Checkpoint checkpoint{
      .origin = std::string(kFakeOrigin), .size = 20852163, .root = {}, .extensions = {}};
  checkpoint.root.fill(1);
  return checkpoint;
}

// Any text under a valid signature.
std::string signed_text(const std::string& text) {
  return fake_signer(std::string(kFakeOrigin)).sign(text).value();
}
Expected<SignedCheckpoint> open(const std::string& note) {
  return SignedCheckpoint::open(note, fake_signer(std::string(kFakeOrigin)).verifier());
}

TEST(Checkpoint, P21_its_text_is_that_of_the_specification) {
  auto checkpoint = sample();
  EXPECT_EQ(checkpoint_text(checkpoint).value(), "log.example/acme\n20852163\n" + kRoot + "\n");
  checkpoint.extensions = {"one", "two words"};
  EXPECT_EQ(checkpoint_text(checkpoint).value(),
            "log.example/acme\n20852163\n" + kRoot + "\none\ntwo words\n");
}

TEST(Checkpoint, P21_the_text_reads_back) {
  EXPECT_TRUE(rc::check("round trip", [] {
    auto checkpoint = sample();
    checkpoint.size = *rc::gen::inRange<std::uint64_t>(0, kMaxTreeSize);
    for (auto& byte : checkpoint.root) byte = *rc::gen::arbitrary<std::uint8_t>();
    checkpoint.extensions = *rc::gen::container<std::vector<std::string>>(
        rc::gen::nonEmpty(rc::gen::string<std::string>()));
    const auto text = checkpoint_text(checkpoint);
    if (text) RC_ASSERT(parse_checkpoint_text(*text).value() == checkpoint);
  }));
  for (const auto size : {std::uint64_t{0}, std::uint64_t{1}, kMaxTreeSize}) {
    auto checkpoint = sample();
    checkpoint.size = size;
    EXPECT_EQ(parse_checkpoint_text(*checkpoint_text(checkpoint)).value(), checkpoint);
  }
}

TEST(Checkpoint, P21_what_would_not_read_back_is_not_written) {
  for (const auto* bad : {"", "a\nb", "a\r", "a\tb", "\x1b[0m", "a\xff"}) {
    auto checkpoint = sample();
    checkpoint.origin = bad;
    EXPECT_EQ(checkpoint_text(checkpoint).error().code, Errc::invalid_input) << bad;
    checkpoint = sample();
    checkpoint.extensions = {"good", bad};
    EXPECT_EQ(checkpoint_text(checkpoint).error().code, Errc::invalid_input) << bad;
  }
  auto checkpoint = sample();
  checkpoint.size = kMaxTreeSize + 1;
  EXPECT_EQ(checkpoint_text(checkpoint).error().code, Errc::invalid_input);
}

// Each also under a valid signature: a key that signs nonsense makes no checkpoint of it.
TEST(Checkpoint, P21_malformed_texts_are_refused) {
  const auto with = [](const std::string& origin, const std::string& size, const std::string& root,
                       const std::string& rest = "") {
    return origin + "\n" + size + "\n" + root + "\n" + rest;
  };
  const std::string origin(kFakeOrigin);
  ASSERT_TRUE(parse_checkpoint_text(with(origin, "7", kRoot)));
  ASSERT_TRUE(open(signed_text(with(origin, "7", kRoot, "extension\n"))));
  for (const auto& bad : {
           origin + "\n",
           origin + "\n7\n",
           with("", "7", kRoot),
           with(origin, "", kRoot),
           with(origin, "07", kRoot),
           with(origin, "00", kRoot),
           with(origin, "+7", kRoot),
           with(origin, "-7", kRoot),
           with(origin, " 7", kRoot),
           with(origin, "7 ", kRoot),
           with(origin, "7.0", kRoot),
           with(origin, "7e0", kRoot),
           with(origin, "0x7", kRoot),
           with(origin, "seven", kRoot),
           with(origin, "9007199254740992", kRoot),      // 2^53
           with(origin, "18446744073709551616", kRoot),  // 2^64
           with(origin, "7", ""),
           with(origin, "7", "AQEB"),
           with(origin, "7", base64_encode(Bytes(31, 1))),
           with(origin, "7", base64_encode(Bytes(33, 1))),
           with(origin, "7", kRoot.substr(0, kRoot.size() - 1)),         // no padding
           with(origin, "7", kRoot.substr(0, kRoot.size() - 2) + "F="),  // spare bits
           with(origin, "7", kRoot + " "),
           with(origin, "7", kRoot, "\n"),
           with(origin, "7", kRoot, "one\n\ntwo\n"),
       }) {
    EXPECT_EQ(parse_checkpoint_text(bad).error().code, Errc::invalid_input) << bad;
    EXPECT_EQ(open(signed_text(bad)).error().code, Errc::invalid_input) << bad;
  }
  // These no note holds.
  for (const auto& bad :
       {std::string(), origin, origin + "\n7\n" + kRoot, with(origin, "7", kRoot, "tail"),
        with("a\rb", "7", kRoot), with("a\xff", "7", kRoot), with(origin, "7", kRoot, "a\tb\n")})
    EXPECT_EQ(parse_checkpoint_text(bad).error().code, Errc::invalid_input) << bad;
}

TEST(SignedCheckpoint, P21_what_was_signed_opens_with_the_pinned_key) {
  const auto signer = fake_signer(std::string(kFakeOrigin));
  const auto made = SignedCheckpoint::sign(sample(), signer);
  ASSERT_TRUE(made);
  const auto opened = SignedCheckpoint::open(made->note(), signer.verifier());
  ASSERT_TRUE(opened);
  for (const auto& checkpoint : {*made, *opened}) {
    EXPECT_EQ(checkpoint.checkpoint(), sample());
    EXPECT_EQ(checkpoint.origin(), kFakeOrigin);
    EXPECT_EQ(checkpoint.size(), sample().size);
    EXPECT_EQ(checkpoint.root(), sample().root);
    EXPECT_EQ(checkpoint.note(), made->note());
  }
}

TEST(SignedCheckpoint, P21_a_key_speaks_for_its_own_log_alone) {
  const auto signer = fake_signer(std::string(kFakeOrigin));
  auto other = sample();
  other.origin = "log.example/other";
  EXPECT_EQ(SignedCheckpoint::sign(other, signer).error().code, Errc::invalid_input);
  EXPECT_EQ(open(signed_text(checkpoint_text(other).value())).error().code, Errc::denied);
  EXPECT_FALSE(SignedCheckpoint::sign(
      {.origin = std::string(kFakeOrigin), .size = kMaxTreeSize + 1, .root = {}, .extensions = {}},
      signer));
}

TEST(SignedCheckpoint, P21_without_the_pinned_keys_signature_it_is_none) {
  const auto text = checkpoint_text(sample()).value();
  // Another key under the same name.
  EXPECT_EQ(open(fake_signer(std::string(kFakeOrigin), 2).sign(text).value()).error().code,
            Errc::unauthenticated);
  // The signature is looked at before the text is.
  EXPECT_EQ(open(fake_signer("stranger.example").sign("nonsense\n").value()).error().code,
            Errc::unauthenticated);
  EXPECT_EQ(open(text).error().code, Errc::invalid_input);
  EXPECT_EQ(open("").error().code, Errc::invalid_input);
}

TEST(SignedCheckpoint, P21_any_bit_flipped_and_it_does_not_open) {
  const auto note = signed_text(checkpoint_text(sample()).value());
  for (std::size_t bit = 0; bit < note.size() * 8; ++bit) {
    auto flipped = note;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_FALSE(open(flipped)) << "bit " << bit;
  }
}

}  // namespace
}  // namespace writ::audit
