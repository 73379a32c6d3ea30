// SPDX-License-Identifier: Apache-2.0
#include "api/approval_page.h"

#include "api/asked.h"
#include "base/encoding.h"
#include "base/id.h"
#include "crypto/hash.h"
#include "net/answer.h"

namespace writ::api {
namespace {

constexpr std::string_view kStyle =
    "body{font:1.05rem/1.6 system-ui,sans-serif;margin:0;color:#1c2430;background:#f5f6f8}"
    "main{max-width:42rem;margin:4rem auto;padding:2.5rem;background:#fff;"
    "border:1px solid #d9dee5;border-radius:.75rem}"
    "h1{font-size:1.5rem;margin:0 0 1rem}"
    "pre{background:#1c2430;color:#f5f6f8;padding:1rem 1.25rem;border-radius:.5rem;"
    "white-space:pre-wrap;overflow-wrap:anywhere}"
    "code{font-family:ui-monospace,monospace;font-size:.95em}"
    "p.small{color:#566173;font-size:.95rem}"
    "@media(max-width:42rem){main{margin:0;padding:1.5rem;border:0;border-radius:0}}"
    "@media(prefers-color-scheme:dark){body{background:#10151c;color:#e6e9ee}"
    "main{background:#1a212b;border-color:#2c3644}pre{background:#0b0f14}"
    "p.small{color:#9aa5b5}}";

std::string page(std::string_view id) {
  std::string out =
      "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
      "<title>Approval</title><style>";
  out += kStyle;
  out +=
      "</style></head><body><main><h1>An agent asks for approval</h1>"
      "<p>Members of the groups that are asked decide with the command line, which shows the exact "
      "action and signs the answer with their own key:</p><pre><code>writ approve ";
  out += id;
  out += "\nwrit deny ";
  out += id;
  out +=
      "</code></pre><p>What waits for you is listed by <code>writ approvals</code>; sign in first "
      "with <code>writ login</code>.</p>"
      "<p class=\"small\">This page is the same for every approval and shows nothing about it. "
      "Opening it decides nothing.</p></main></body></html>\n";
  return out;
}

}  // namespace

Task<void> send_approval_page(net::ServerRequest& request, net::ServerResponse& response,
                              std::string_view) {
  constexpr std::string_view kPrefix = "/approvals/";
  // The canonical text of an id alone: nothing of the path that is not one reaches the page.
  const auto id = ApprovalId::parse(net::path_of(request.target()).substr(kPrefix.size()));
  if (!id || (request.method() != "GET" && request.method() != "HEAD")) {
    co_await net::send_problem(response, not_here());
    co_return;
  }
  static const std::string policy =
      "default-src 'none'; style-src 'sha256-" + base64_encode(crypto::sha256(kStyle)) +
      "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
  Fields fields;
  (void)fields.add("Content-Security-Policy", policy);
  (void)fields.add("Referrer-Policy", "no-referrer");
  const auto text = page(id->to_string());
  co_await net::send_bytes(response, 200, "text/html; charset=utf-8", as_bytes(text),
                           std::move(fields));
}

}  // namespace writ::api
