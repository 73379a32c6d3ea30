// SPDX-License-Identifier: Apache-2.0
#include "base/secret_bytes.h"

#include <type_traits>

#include <gtest/gtest.h>

namespace writ {
namespace {

static_assert(!std::is_copy_constructible_v<SecretBytes>);
static_assert(!std::is_copy_assignable_v<SecretBytes>);
static_assert(std::is_nothrow_move_constructible_v<SecretBytes>);

TEST(SecretBytes, AFreedSecretIsWiped) {
  const std::uint8_t* place = nullptr;
  {
    const auto secret = SecretBytes::copy_of("correct horse battery staple");
    place = secret.reveal().data();
  }
  // The block belongs to the free list of SecretBytes' memory, which is never unmapped.
  for (int i = 0; i < 28; ++i) EXPECT_EQ(place[i], 0);
}

TEST(SecretBytes, MovingLeavesNothingBehind) {
  auto a = SecretBytes::copy_of("one");
  auto b = std::move(a);
  EXPECT_TRUE(a.empty());  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(b.reveal_text(), "one");
  auto c = SecretBytes::copy_of("two");
  c = std::move(b);
  EXPECT_EQ(c.reveal_text(), "one");
  EXPECT_TRUE(b.empty());  // NOLINT(bugprone-use-after-move)
}

TEST(SecretBytes, ComparesByContent) {
  EXPECT_EQ(SecretBytes::copy_of("same"), SecretBytes::copy_of("same"));
  EXPECT_FALSE(SecretBytes::copy_of("same") == SecretBytes::copy_of("sane"));
  EXPECT_FALSE(SecretBytes::copy_of("same") == SecretBytes::copy_of("same!"));
  EXPECT_EQ(SecretBytes(), SecretBytes());
}

TEST(SecretBytes, TruncateWipesTheRest) {
  auto secret = SecretBytes::copy_of("keep-drop");
  const auto* place = secret.reveal().data();
  secret.truncate(4);
  EXPECT_EQ(secret.reveal_text(), "keep");
  EXPECT_EQ(place[5], 0);
}

}  // namespace
}  // namespace writ
