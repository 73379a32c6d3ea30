// SPDX-License-Identifier: Apache-2.0
// BodyScreen: what of a response's body goes on to the agent. Decides whether the credential can be
// looked for in it at all, from its head and its first bytes, and masks what it finds (P18). Where
// no credential was injected, or the operation redacts nothing, every byte passes.
//
// Withheld are
//   a content coding: compressed bytes cannot be searched
//   a charset in which ASCII characters are not their bytes, and one that is unknown
//   text that begins with the mark of UTF-16 or UTF-32
//   a compressed container under a type that is text; under its own type it passes
//   a body of which the redactor cannot tell (redactor.h)
//
// Only bytes that may be the beginning of such a container or mark are held back, at most ten.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/bytes.h"
#include "gateway/redactor.h"
#include "net/http_message.h"

namespace writ::gateway {

enum class Withheld : std::uint8_t { no, coding, charset, container, unclear };

// For the agent and the record: a sentence without a full stop.
std::string_view reason(Withheld withheld);

// Of one response, whose redactor outlives it. Not thread-safe.
class BodyScreen {
 public:
  BodyScreen(const net::ResponseHead& head, Redactor& redactor);

  // What the head alone says.
  Withheld head() const { return head_; }

  // Appends to `out` what may leave. Once withheld, the body stays so, and what was appended by the
  // same call is not to be used.
  Withheld push(BytesView piece, Bytes& out);
  Withheld finish(Bytes& out);

 private:
  Withheld redact(BytesView piece, Bytes& out);

  Redactor& redactor_;
  Withheld head_ = Withheld::no;
  bool opening_ = false;  // the first bytes are still to be seen
  Bytes first_;
};

}  // namespace writ::gateway
