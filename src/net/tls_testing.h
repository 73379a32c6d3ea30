// SPDX-License-Identifier: Apache-2.0
// For tests: certificates made on the spot, as PEM files in a directory of their own.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/check.h"

namespace writ::net::testing {

class TestAuthority {
 public:
  TestAuthority() {
    std::string pattern = std::filesystem::temp_directory_path() / "writ-tls-XXXXXX";
    WRIT_CHECK(mkdtemp(pattern.data()) != nullptr);
    folder_ = pattern;
    certificate_ = make(nullptr, "CN", "CA:TRUE", nullptr, key_.get(), 3600);
    write_certificate(ca_file(), certificate_.get());
  }
  TestAuthority(const TestAuthority&) = delete;
  TestAuthority& operator=(const TestAuthority&) = delete;
  ~TestAuthority() { std::filesystem::remove_all(folder_); }

  std::string ca_file() const { return folder_ / "ca.pem"; }

  struct Files {
    std::string certificate;
    std::string key;
  };
  // `names` as OpenSSL writes them: "DNS:upstream.test,IP:127.0.0.1". It began an hour ago and ends
  // in `seconds_left`, which may be negative.
  // Without names it has none but its common name.
  Files issue(const std::string& names, long seconds_left = 3600,
              const char* common_name = "leaf") {
    const auto stem = (folder_ / std::to_string(++issued_)).string();
    const Files files{.certificate = stem + ".pem", .key = stem + ".key"};
    const KeyPtr key(EVP_EC_gen("P-256"), EVP_PKEY_free);
    const auto leaf = make(certificate_.get(), common_name, "CA:FALSE",
                           names.empty() ? nullptr : names.c_str(), key.get(), seconds_left);
    write_certificate(files.certificate, leaf.get());
    const FilePtr file(std::fopen(files.key.c_str(), "w"), std::fclose);
    WRIT_CHECK(PEM_write_PrivateKey(file.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr));
    return files;
  }
  // Puts the key under a passphrase, where it lies.
  static void encrypt(const std::string& key_file) {
    const FilePtr in(std::fopen(key_file.c_str(), "r"), std::fclose);
    const KeyPtr key(PEM_read_PrivateKey(in.get(), nullptr, nullptr, nullptr), EVP_PKEY_free);
    const FilePtr out(std::fopen(key_file.c_str(), "w"), std::fclose);
    const std::string passphrase = "a passphrase";
    WRIT_CHECK(PEM_write_PrivateKey(out.get(), key.get(), EVP_aes_256_cbc(),
                                    reinterpret_cast<const unsigned char*>(passphrase.data()),
                                    static_cast<int>(passphrase.size()), nullptr, nullptr) == 1);
  }

 private:
  using KeyPtr = std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)>;
  using CertificatePtr = std::unique_ptr<X509, void (*)(X509*)>;
  using FilePtr = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

  CertificatePtr make(X509* issuer, const char* name, const char* constraints, const char* names,
                      EVP_PKEY* key, long seconds_left) {
    CertificatePtr certificate(X509_new(), X509_free);
    X509_set_version(certificate.get(), X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), ++serial_);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), seconds_left);
    X509_set_pubkey(certificate.get(), key);
    auto* subject = X509_get_subject_name(certificate.get());
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
    X509_set_issuer_name(certificate.get(),
                         issuer != nullptr ? X509_get_subject_name(issuer) : subject);
    add(certificate.get(), NID_basic_constraints, constraints);
    if (names != nullptr) add(certificate.get(), NID_subject_alt_name, names);
    WRIT_CHECK(X509_sign(certificate.get(), key_.get(), EVP_sha256()) != 0);
    return certificate;
  }

  static void add(X509* certificate, int nid, const char* value) {
    const std::unique_ptr<X509_EXTENSION, void (*)(X509_EXTENSION*)> extension(
        X509V3_EXT_conf_nid(nullptr, nullptr, nid, value), X509_EXTENSION_free);
    WRIT_CHECK(extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1);
  }

  static void write_certificate(const std::string& path, X509* certificate) {
    const FilePtr file(std::fopen(path.c_str(), "w"), std::fclose);
    WRIT_CHECK(file != nullptr && PEM_write_X509(file.get(), certificate) == 1);
  }

  std::filesystem::path folder_;
  long serial_ = 0;
  int issued_ = 0;
  KeyPtr key_{EVP_EC_gen("P-256"), EVP_PKEY_free};
  CertificatePtr certificate_{nullptr, X509_free};
};

}  // namespace writ::net::testing
