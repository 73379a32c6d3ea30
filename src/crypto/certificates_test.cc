// SPDX-License-Identifier: Apache-2.0
#include "crypto/certificates.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace writ::crypto {
namespace {

using ::testing::HasSubstr;

// openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=test
constexpr std::string_view kCertificate =
    R"(-----BEGIN CERTIFICATE-----
MIIBdjCCARugAwIBAgIUAitc1niErtucw5Z6ecjxaGp0sZUwCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwEdGVzdDAgFw0yNjEyMDExMTUxNTlaGA8yMTI2MTEwNzExNTE1
OVowDzENMAsGA1UEAwwEdGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABFaJ
M18XL3A0gt3FI9BBWweDRsE0pHOYA2RuOYxA0Xq62ks6/Tapz0NQBh9ZPlXwKEt4
kjW37skCZNJ9ynvVKTCjUzBRMB0GA1UdDgQWBBTgjlxIX8ig6ZZGnCNbwpwS28xD
3TAfBgNVHSMEGDAWgBTgjlxIX8ig6ZZGnCNbwpwS28xD3TAPBgNVHRMBAf8EBTAD
AQH/MAoGCCqGSM49BAMCA0kAMEYCIQCOv9Px036ilkxun3Hk+to0kQGZvUad7PTZ
xinnPWX57AIhANddp1NdTwtlievBqAPOzwUjxWDMRNh4yd/S3MvqxubE
-----END CERTIFICATE-----)";
// Not a key of anything.
constexpr std::string_view kPrivateKey =
    "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n";

std::string text(int times) {
  std::string out = "# corporate root\n";
  for (int i = 0; i < times; ++i) out += std::string(kCertificate) + "\n";
  return out;
}

TEST(Certificates, EachBlockIsOneAndTheTextBetweenIsPassedOver) {
  const auto found = read_certificates(text(3) + "the end\n");
  ASSERT_TRUE(found) << found.error().to_string();
  ASSERT_EQ(found->size(), 3U);
  EXPECT_EQ((*found)[0], (*found)[2]);
}

TEST(Certificates, WhatIsNoCertificateIsRefused) {
  for (const auto& bad :
       {std::string(), std::string("no certificate"), std::string("/etc/ssl/ca.pem"),
        text(1) + "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n",
        text(1) + "-----BEGIN CERTIFICATE-----\n", std::string(kPrivateKey),
        text(1) + std::string(kPrivateKey)}) {
    const auto refused = read_certificates(bad);
    ASSERT_FALSE(refused) << bad;
    EXPECT_EQ(refused.error().code, Errc::invalid_input) << bad;
  }
  EXPECT_THAT(read_certificates(kPrivateKey).error().hint, HasSubstr("never a private key"));
}

TEST(Certificates, TheyAreBounded) {
  EXPECT_TRUE(read_certificates(text(4), {.count = 4}));
  EXPECT_EQ(read_certificates(text(5), {.count = 4}).error().code, Errc::too_large);
  EXPECT_EQ(read_certificates(text(1), {.bytes = 100}).error().code, Errc::too_large);
}

}  // namespace
}  // namespace writ::crypto
