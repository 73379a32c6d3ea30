// SPDX-License-Identifier: Apache-2.0
// room: gateway
// The redactor on 1 MiB of what upstreams answer, in pieces of 64 KiB as they come from a socket,
// with one secret of 40 characters and every spelling looked for. bytes_per_second is of one core.
#include <cstdint>
#include <random>
#include <string>

#include <benchmark/benchmark.h>

#include "base/bytes.h"
#include "base/encoding.h"
#include "gateway/redactor.h"

namespace writ::gateway {
namespace {

constexpr std::size_t kSize = std::size_t{1} << 20;
constexpr std::size_t kPiece = std::size_t{64} << 10;
constexpr std::string_view kSecret = "sk_live_4eC39HqLyjWDarjtT1zdp7dc8Gk2QmXw";

using Engine = std::mt19937_64;

std::string random_bytes(Engine& engine, std::size_t size) {
  std::string out(size, '\0');
  for (auto& c : out) c = static_cast<char>(engine() & 0xFF);
  return out;
}

std::string words(Engine& engine, std::size_t count) {
  static constexpr std::string_view kWords[] = {
      "invoice", "customer", "the",      "of",      "service", "plan",   "monthly", "is",
      "paid",    "refunded", "2026",     "account", "task",    "review", "address", "and",
      "London",  "shipping", "discount", "risk",    "for",     "status", "usage",   "as"};
  std::string out;
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) out += ' ';
    out += kWords[engine() % std::size(kWords)];
  }
  return out;
}

// A list of invoices as an API answers it: ids, numbers, times, URLs, sentences, some escapes.
std::string json(Engine& engine, bool inner) {
  const std::string quote = inner ? "\\\"" : "\"";
  std::string out = inner ? "{\"text\":\"[" : "[";
  while (out.size() < kSize) {
    const auto field = [&](std::string_view name, std::string_view value, bool text = true) {
      out += quote;
      out += name;
      out += quote + ":";
      if (text) out += quote;
      out += value;
      if (text) out += quote;
      out += ',';
    };
    out += "{";
    field("id", "in_" + base64url_encode(as_bytes(random_bytes(engine, 18))));
    field("trace", hex_encode(as_bytes(random_bytes(engine, 16))));
    field("amount", std::to_string(engine() % 1'000'000), false);
    field("balance", std::to_string(engine() % 10'000) + "." + std::to_string(engine() % 100),
          false);
    field("created", "2026-0" + std::to_string(1 + engine() % 9) + "-11T09:30:12.481Z");
    field("url", "https://api.example.com/v1/invoices?after=" + std::to_string(engine() % 9999) +
                     "&expand=lines");
    field("description", words(engine, 12));
    field("note", inner ? "say \\\\\\\"" + words(engine, 3) + "\\\\\\\"\\\\n"
                        : "say \\\"" + words(engine, 3) + "\\\"\\n\\u00e9t\\u00e9");
    field("paid", engine() % 2 == 0 ? "true" : "false", false);
    out += quote + "lines" + quote + ":[1,2,3]},\n";
  }
  return out;
}

std::string html(Engine& engine) {
  std::string out = "<!doctype html><html><body>\n";
  while (out.size() < kSize) {
    out += "  <p class=\"note\" id='n" + std::to_string(engine() % 999) + "'>" + words(engine, 20) +
           " &amp; &quot;" + words(engine, 2) + "&quot;&nbsp;</p>\n";
  }
  return out;
}

std::string base64_lines(Engine& engine) {
  std::string out;
  while (out.size() < kSize) out += base64_encode(as_bytes(random_bytes(engine, 57))) + "\n";
  return out;
}

void redact(benchmark::State& state, const std::string& text) {
  const auto body = as_bytes(text).first(kSize);
  const auto plan = RedactionPlan::of(SecretBytes::copy_of(kSecret));
  Bytes out;
  out.reserve(kPiece * 2);
  for (auto _ : state) {
    Redactor redactor;
    redactor.add(plan);
    for (std::size_t at = 0; at < body.size(); at += kPiece) {
      out.clear();
      redactor.push(body.subspan(at, kPiece), out);
      benchmark::DoNotOptimize(out.data());
    }
    out.clear();
    redactor.finish(out);
    if (redactor.count() != 0 || redactor.unclear()) state.SkipWithError("found what is not there");
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(body.size()));
}

template <typename Make>
void add(const char* name, const Make& make) {
  benchmark::RegisterBenchmark(name,
                               [text = make()](benchmark::State& state) { redact(state, text); });
}

const int kRegistered = [] {
  Engine engine(7);
  add("json", [&] { return json(engine, false); });
  add("random_bytes", [&] { return random_bytes(engine, kSize); });
  add("json_in_a_json_string", [&] { return json(engine, true); });
  add("html", [&] { return html(engine); });
  add("base64_in_lines", [&] { return base64_lines(engine); });
  add("zeros", [&] { return std::string(kSize, '\0'); });
  benchmark::RegisterBenchmark("plan_of_a_secret", [](benchmark::State& state) {
    const auto secret = SecretBytes::copy_of(kSecret);
    for (auto _ : state) benchmark::DoNotOptimize(RedactionPlan::of(secret));
  });
  return 0;
}();

}  // namespace
}  // namespace writ::gateway
