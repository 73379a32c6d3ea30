// SPDX-License-Identifier: Apache-2.0
// Project Wycheproof's verdicts: what it calls invalid is refused, what it calls valid is accepted.
#include <functional>
#include <optional>

#include <gtest/gtest.h>

#include "base/testdata.h"
#include "crypto/aead.h"
#include "crypto/ed25519.h"
#include "crypto/es256.h"
#include "crypto/hash.h"
#include "crypto/wycheproof_testing.h"

namespace writ::crypto {
namespace {

using wycheproof::Node;

// Calls `accepts` for each test of each group that `takes_part`, and compares with the verdict; the
// files used here have no "acceptable" ones. Returns how many there were.
int check_verdicts(const Node& file, const std::function<bool(const Node& group)>& takes_part,
                   const std::function<bool(const Node& group, const Node& test)>& accepts) {
  int count = 0;
  for (const auto& group : file.at("testGroups").items) {
    if (!takes_part(group)) continue;
    for (const auto& test : group.at("tests").items) {
      const bool valid = test.text_of("result") == "valid";
      EXPECT_EQ(accepts(group, test), valid)
          << "tcId " << test.text_of("tcId") << ": " << test.text_of("comment");
      ++count;
    }
  }
  return count;
}

bool every_group(const Node&) { return true; }

std::optional<Node> load(const std::string& name) {
  const auto path = testing_data("vectors/wycheproof/" + name);
  return path ? std::optional(wycheproof::load(*path)) : std::nullopt;
}

#define SKIP_WITHOUT(file) \
  if (!(file)) GTEST_SKIP() << "the test data directory lacks these vectors"

// The files spell a coordinate as a signed big-endian number; the point has a fixed form.
TEST(Wycheproof, Es256VerdictsMatch) {
  const auto file = load("ecdsa_secp256r1_sha256_p1363_test.json");
  SKIP_WITHOUT(file);
  EXPECT_EQ(262, check_verdicts(*file, every_group, [](const Node& group, const Node& test) {
              const Bytes point = group.at("publicKey").bytes_of("uncompressed");
              const auto key = Es256PublicKey::from_xy(BytesView(point).subspan(1, 32),
                                                       BytesView(point).subspan(33));
              EXPECT_TRUE(key.has_value());
              return key && key->verify(test.bytes_of("msg"), test.bytes_of("sig"));
            }));
}

TEST(Wycheproof, Ed25519VerdictsMatch) {
  const auto file = load("ed25519_test.json");
  SKIP_WITHOUT(file);
  EXPECT_EQ(151, check_verdicts(*file, every_group, [](const Node& group, const Node& test) {
              const auto key = Ed25519PublicKey::from_raw(group.at("publicKey").bytes_of("pk"));
              return key && key->verify(test.bytes_of("msg"), test.bytes_of("sig"));
            }));
}

TEST(Wycheproof, AesGcmVerdictsMatch) {
  const auto file = load("aes_gcm_test.json");
  SKIP_WITHOUT(file);
  const auto ours = [](const Node& group) {
    return group.number_of("keySize") == 256 && group.number_of("ivSize") == 96 &&
           group.number_of("tagSize") == 128;
  };
  const int count = check_verdicts(*file, ours, [](const Node&, const Node& test) {
    const Bytes key = test.bytes_of("key");
    const Bytes nonce = test.bytes_of("iv");
    const Bytes context = test.bytes_of("aad");
    Bytes sealed = test.bytes_of("ct");
    const Bytes tag = test.bytes_of("tag");
    sealed.insert(sealed.end(), tag.begin(), tag.end());
    const auto opened = aead_detail::open_with_nonce(key, nonce, sealed, context);
    const auto plain = SecretBytes::copy_of(test.bytes_of("msg"));
    if (opened) {
      EXPECT_EQ(aead_detail::seal_with_nonce(key, nonce, plain.reveal(), context), sealed);
    }
    return opened && *opened == plain;
  });
  EXPECT_GE(count, 60);
}

TEST(Wycheproof, HkdfVerdictsMatch) {
  const auto file = load("hkdf_sha256_test.json");
  SKIP_WITHOUT(file);
  EXPECT_EQ(86, check_verdicts(*file, every_group, [](const Node&, const Node& test) {
              const auto size = static_cast<std::size_t>(test.number_of("size"));
              // The invalid ones ask for more than RFC 5869 allows: for us a caller's bug.
              if (size > 255 * 32) return false;
              const auto key = hkdf_sha256(test.bytes_of("ikm"), test.bytes_of("salt"),
                                           test.bytes_of("info"), size);
              return key == SecretBytes::copy_of(test.bytes_of("okm"));
            }));
}

TEST(Wycheproof, HmacVerdictsMatch) {
  const auto file = load("hmac_sha256_test.json");
  SKIP_WITHOUT(file);
  EXPECT_EQ(174, check_verdicts(*file, every_group, [](const Node& group, const Node& test) {
              const Digest mac = hmac_sha256(test.bytes_of("key"), test.bytes_of("msg"));
              const auto size = static_cast<std::size_t>(group.number_of("tagSize") / 8);
              return equal_constant_time(BytesView(mac).first(size), test.bytes_of("tag"));
            }));
}

}  // namespace
}  // namespace writ::crypto
