// SPDX-License-Identifier: Apache-2.0
// Notes (c2sp.org/signed-note): P21's checkpoints and receipts are worth what these rules are.
#include "audit/note.h"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "audit/fake_log.h"
#include "base/encoding.h"

namespace writ::audit {
namespace {

constexpr std::string_view kDash = "\xe2\x80\x94 ";

// The worked example of golang.org/x/mod/sumdb/note, from which the specification comes.
constexpr std::string_view kKnownKey =
    "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
constexpr std::string_view kKnownText =
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n";
constexpr std::string_view kKnownSignature =
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=";

std::string line(std::string_view name, std::string_view base64) {
  return std::string(kDash) + std::string(name) + " " + std::string(base64) + "\n";
}
std::string known_note(std::string_view text = kKnownText, std::string_view name = "PeterNeumann") {
  return std::string(text) + "\n" + line(name, kKnownSignature);
}

// A signature line with any name, id and signature.
std::string line(std::string_view name, std::uint32_t id, BytesView signature) {
  Bytes bytes;
  for (const int shift : {24, 16, 8, 0}) bytes.push_back(static_cast<std::uint8_t>(id >> shift));
  bytes.insert(bytes.end(), signature.begin(), signature.end());
  return line(name, base64_encode(bytes));
}

// The signature lines of a note over `text`.
std::string signatures_of(std::string_view note, std::string_view text) {
  return std::string(note.substr(text.size() + 1));
}

Errc error_of(std::string_view note, const NoteLimits& limits = {}) {
  const auto parsed = UnverifiedNote::parse(note, limits);
  EXPECT_FALSE(parsed) << note;
  return parsed ? Errc::internal : parsed.error().code;
}

Expected<std::string> open(const NoteVerifier& verifier, std::string_view note) {
  WRIT_TRY(const auto parsed, UnverifiedNote::parse(note));
  return verifier.open(parsed);
}

TEST(Note, P21_the_key_id_is_that_of_the_specification) {
  // SHA-256(name || 0x0A || 0x01 || public key)[:4]; the specification's own verifier key.
  const auto key = base64_decode("6TJ5GubnqECkYWTJBHhkJtXngh3YspoA1hyucq/dTaQ=").value();
  EXPECT_EQ(note_key_id("example.com/foo", key), 0x530d903aU);
  EXPECT_EQ(note_key_id("example.com/bar", key), 0xc6fb2e3eU);
  constexpr std::string_view kText =
      "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
  const auto verifier = NoteVerifier::parse(kText);
  ASSERT_TRUE(verifier);
  EXPECT_EQ(verifier->name(), "example.com/foo");
  EXPECT_EQ(verifier->key_id(), 0x530d903aU);
  EXPECT_EQ(verifier->to_string(), kText);
}

TEST(Note, P21_a_note_that_another_program_signed_opens) {
  const auto verifier = NoteVerifier::parse(kKnownKey).value();
  EXPECT_EQ(open(verifier, known_note()).value(), kKnownText);
}

TEST(Note, P21_what_is_signed_here_is_the_very_note_that_others_sign) {
  // Ed25519 is deterministic: the example's published seed gives the example's bytes.
  const auto seed =
      hex_decode("810a1402d5146c8d84f2443330f54080ebf98ee17d9c74f6252fc5d5c7283173").value();
  auto key = crypto::Ed25519PrivateKey::from_seed(SecretBytes::copy_of(seed)).value();
  const auto signer = NoteSigner::create("PeterNeumann", std::move(key)).value();
  EXPECT_EQ(signer.verifier().to_string(), kKnownKey);
  EXPECT_EQ(signer.sign(kKnownText).value(), known_note());
}

TEST(Note, P21_altered_text_name_key_or_signature_does_not_open) {
  const auto verifier = NoteVerifier::parse(kKnownKey).value();
  EXPECT_EQ(open(verifier, known_note("If you think.\n")).error().code, Errc::unauthenticated);
  // The name belongs to the key: under another one it is nobody's signature.
  EXPECT_EQ(open(verifier, known_note(kKnownText, "EnochRoot")).error().code,
            Errc::unauthenticated);
  // Same name, another key.
  EXPECT_EQ(open(fake_signer("PeterNeumann").verifier(), known_note()).error().code,
            Errc::unauthenticated);
  // Same key, another name.
  const auto same_key = fake_signer("other.example").verifier();
  const auto signed_note = fake_signer("log.example").sign("text\n").value();
  EXPECT_EQ(open(same_key, signed_note).error().code, Errc::unauthenticated);
  // Any bit of the signature.
  const auto parsed = UnverifiedNote::parse(signed_note).value();
  const auto signer = fake_signer("log.example");
  EXPECT_TRUE(rc::check("a bit of the signature", [&] {
    auto signature = parsed.signatures().front().signature;
    const auto bit = *rc::gen::inRange<std::size_t>(0, signature.size() * 8);
    signature[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    const auto altered = "text\n\n" + line("log.example", signer.verifier().key_id(), signature);
    RC_ASSERT(open(signer.verifier(), altered).error().code == Errc::unauthenticated);
  }));
}

TEST(Note, P21_signatures_of_unknown_keys_are_ignored) {
  const auto signer = fake_signer("log.example");
  const std::string_view text = "text\n";
  const auto note = signer.sign(text).value();
  const auto id = signer.verifier().key_id();
  const Bytes nonsense(64, 7);
  const auto others = {line("witness.example", 1, nonsense),
                       line("log.example", id ^ 1, nonsense),  // our name
                       line("witness.example", id, nonsense),  // our id
                       line("pq.example", 9, Bytes(3000, 1)),
                       line("short.example", 9, Bytes(1, 1)),
                       signatures_of(fake_signer("witness.example", 2).sign(text).value(), text)};
  auto before = std::string(text) + "\n";
  auto after = note;
  for (const auto& other : others) {
    before += other;
    after += other;
  }
  before += signatures_of(note, text);
  EXPECT_EQ(open(signer.verifier(), before).value(), text);
  EXPECT_EQ(open(signer.verifier(), after).value(), text);
  // Of themselves they open nothing.
  for (const auto& other : others)
    EXPECT_EQ(open(signer.verifier(), std::string(text) + "\n" + other).error().code,
              Errc::unauthenticated);
}

TEST(Note, P21_a_second_signature_of_ours_that_fails_spoils_the_note) {
  const auto signer = fake_signer("log.example");
  const auto note = signer.sign("text\n").value();
  const auto good = signatures_of(note, "text\n");
  const auto bad = line("log.example", signer.verifier().key_id(), Bytes(64, 7));
  EXPECT_TRUE(open(signer.verifier(), note + good));
  EXPECT_EQ(open(signer.verifier(), note + bad).error().code, Errc::unauthenticated);
  EXPECT_EQ(open(signer.verifier(), "text\n\n" + bad + good).error().code, Errc::unauthenticated);
}

TEST(Note, P21_each_cosigner_opens_the_same_note) {
  const auto log = fake_signer("log.example");
  const auto witness = fake_signer("witness.example", 2);
  const auto note =
      log.sign("text\n").value() + signatures_of(witness.sign("text\n").value(), "text\n");
  EXPECT_EQ(open(log.verifier(), note).value(), "text\n");
  EXPECT_EQ(open(witness.verifier(), note).value(), "text\n");
  EXPECT_EQ(UnverifiedNote::parse(note)->signatures().size(), 2U);
}

TEST(Note, P21_malformed_notes_are_refused) {
  const auto good = line("a", "AAAAAAA=");
  ASSERT_TRUE(UnverifiedNote::parse("text\n\n" + good));
  for (const auto& bad : std::vector<std::string>{
           "",
           "\n",
           "text\n",
           "text\n\n",                    // no signatures
           "text\n" + good,               // no blank line
           "text\n\n" + good + "\n",      // the signatures are then text
           "text\n\n" + good + "tail\n",  // not a signature line
           "text\n\ntail\n" + good,       //
           "text\n\n- a AAAAAAA=\n",      // another dash
           "text\n\n\u2014a AAAAAAA=\n",
           "text\n\n" + std::string(kDash) + "a AAAAAAA=",  // the last line does not end
           "text\n\n" + std::string(kDash) + "a\n",         //
           "text\n\n" + std::string(kDash) + "\n",          //
           "text\n\n" + line("", "AAAAAAA="),               // no name
           "text\n\n" + line("a+b", "AAAAAAA="),            // '+' in the name
           "text\n\n" + line("a\xc2\xa0"
                             "b",
                             "AAAAAAA="),        // a space in the name
           "text\n\n" + line("a", ""),           //
           "text\n\n" + line("a", "AAAA"),       // shorter than a key id
           "text\n\n" + line("a", "AAAAAA=="),   // an id and no signature
           "text\n\n" + line("a", "AAAAAAA"),    // no padding
           "text\n\n" + line("a", "AAAAAAB="),   // spare bits
           "text\n\n" + line("a", "AAAAAAA= "),  //
           "text\n\n" + line("a", " AAAAAAA="),  //
           "text\n\n" + line("a", "AAAA_AA="),   // the other alphabet
           "te\txt\n\n" + good,                  // control characters
           "te\rxt\n\n" + good,
           "text\r\n\r\n" + good,
           "te\x1b[31mxt\n\n" + good,
           std::string("te\0xt\n\n", 7) + good,
           "te\xffxt\n\n" + good,  // not UTF-8
           "te\xc0\xafxt\n\n" + good,
           "te\xed\xa0\x80xt\n\n" + good})
    EXPECT_EQ(error_of(bad), Errc::invalid_input);
}

TEST(Note, P21_limits_stand_before_the_work) {
  const auto signature = line("a", "AAAAAAA=");
  std::string note = "text\n\n";
  for (int i = 0; i < 32; ++i) note += signature;
  EXPECT_TRUE(UnverifiedNote::parse(note));
  EXPECT_EQ(error_of(note + signature), Errc::too_large);
  EXPECT_TRUE(UnverifiedNote::parse(note, {.bytes = note.size()}));
  EXPECT_EQ(error_of(note, {.bytes = note.size() - 1}), Errc::too_large);
  EXPECT_EQ(error_of(std::string(65537, 'a')), Errc::too_large);
  EXPECT_EQ(error_of(note, {.signatures = 31}), Errc::too_large);
}

TEST(Note, P21_a_note_has_one_spelling) {
  EXPECT_TRUE(rc::check("what parses is written back", [] {
    // Near a note: a valid one with one byte replaced, inserted or taken out.
    auto note = fake_signer("log.example").sign("line\n\nline\n").value();
    const auto at = *rc::gen::inRange<std::size_t>(0, note.size());
    const auto byte = static_cast<char>(*rc::gen::inRange(0, 256));
    switch (*rc::gen::inRange(0, 3)) {
      case 0:
        note[at] = byte;
        break;
      case 1:
        note.insert(at, 1, byte);
        break;
      default:
        note.erase(at, 1);
    }
    if (const auto parsed = UnverifiedNote::parse(note)) RC_ASSERT(parsed->to_string() == note);
  }));
  const auto note = fake_signer("log.example").sign("line\n\n\nline\n\n").value();
  EXPECT_EQ(UnverifiedNote::parse(note)->unverified_text(), "line\n\n\nline\n\n");
  EXPECT_EQ(UnverifiedNote::parse(note)->to_string(), note);
}

TEST(Note, P21_only_a_text_that_reads_back_is_signed) {
  const auto signer = fake_signer("log.example");
  for (const std::string_view text : {"\n", "a\n", "a\n\n", "\n\na\n", "\xc3\xa8\n"}) {
    const auto note = signer.sign(text);
    ASSERT_TRUE(note) << text;
    EXPECT_EQ(open(signer.verifier(), *note).value(), text);
  }
  for (const std::string_view text :
       {"", "a", "a\nb", "a\r\n", "a\tb\n", "\x1b[0m\n", "a\xff\n", "\xed\xa0\x80\n"})
    EXPECT_EQ(signer.sign(text).error().code, Errc::invalid_input) << text;
  EXPECT_FALSE(signer.sign(std::string_view("\0\n", 2)));
}

TEST(Note, P21_key_names_have_no_spaces_controls_or_plus) {
  for (const auto* good : {"a", "log.example/acme", "caf\xc3\xa9", "a=b", "\xe2\x80\x94"})
    EXPECT_TRUE(is_key_name(good)) << good;
  for (const auto* bad : {"",
                          " ",
                          "a b",
                          "a ",
                          "a+b",
                          "+",
                          "a\nb",
                          "a\tb",
                          "\x1f",
                          "\xc2\x85",
                          "\xc2\xa0",
                          "\xe1\x9a\x80",
                          "\xe2\x80\x80",
                          "\xe2\x80\x85",
                          "\xe2\x80\x8a",
                          "\xe2\x80\xa8",
                          "\xe2\x80\xa9",
                          "\xe2\x80\xaf",
                          "\xe2\x81\x9f",
                          "\xe3\x80\x80",
                          "a\xff",
                          "\xc0\x80"}) {
    EXPECT_FALSE(is_key_name(bad)) << bad;
    const auto key = fake_signer("log.example").verifier();
    EXPECT_FALSE(NoteSigner::create(
        bad, crypto::Ed25519PrivateKey::from_seed(SecretBytes::copy_of(Bytes(32, 1))).value()));
  }
}

TEST(NoteVerifier, P21_a_pinned_key_has_one_spelling) {
  const auto text = fake_signer("log.example").verifier().to_string();
  ASSERT_EQ(NoteVerifier::parse(text)->to_string(), text);
  const auto replaced = [&](std::string_view what, std::string_view with) {
    auto changed = std::string(kKnownKey);
    return changed.replace(changed.find(what), what.size(), with);
  };
  ASSERT_TRUE(NoteVerifier::parse(replaced("c74f20a3", "c74f20a3")));
  for (const auto& bad :
       {std::string(), std::string("PeterNeumann"), std::string("PeterNeumann+c74f20a3"),
        std::string("PeterNeumann+c74f20a3+"), std::string(kKnownKey) + "\n",
        " " + std::string(kKnownKey),
        replaced("PeterNeumann", "EnochRoot"),  // the id is another name's
        replaced("PeterNeumann", ""), replaced("PeterNeumann", "Peter Neumann"),
        replaced("c74f20a3", "c74f20a4"), replaced("c74f20a3", "C74F20A3"),
        replaced("c74f20a3", "c74f20a300"), replaced("c74f20a3", ""),
        replaced("ARpc2", "ARpc3"),  // another key
        replaced("10TW", "10T"), replaced("10TW", "10TW==")})
    EXPECT_EQ(NoteVerifier::parse(bad).error().code, Errc::invalid_input) << bad;
  // A witness's key of type 0x04, and an unassigned type.
  EXPECT_EQ(NoteVerifier::parse(replaced("ARpc2", "BBpc2")).error().code, Errc::unsupported);
  EXPECT_EQ(NoteVerifier::parse(replaced("ARpc2", "/xpc2")).error().code, Errc::unsupported);
  // No key lies at the neutral point, though the id would be right for it.
  Bytes neutral(33, 0);
  neutral[0] = neutral[1] = 1;
  const auto id = note_key_id("a", BytesView(neutral).subspan(1));
  Bytes id_bytes;
  for (const int shift : {24, 16, 8, 0}) id_bytes.push_back(static_cast<std::uint8_t>(id >> shift));
  EXPECT_FALSE(NoteVerifier::parse("a+" + hex_encode(id_bytes) + "+" + base64_encode(neutral)));
}

}  // namespace
}  // namespace writ::audit
