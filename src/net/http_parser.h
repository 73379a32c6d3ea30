// SPDX-License-Identifier: Apache-2.0
// HTTP/1.1 parsing: llhttp reads heads, and a validator of ours refuses what llhttp lets pass and
// two programs might read differently (failures.md 16, 17). Bodies are framed here, not by llhttp,
// which accepts chunk data without its CRLF.
//
// Refused in requests, all with 400 unless said: bare CR or LF, folded lines, empty names, white
// space before a colon; missing or repeated Host; Content-Length that is repeated, empty, a list or
// no number; Transfer-Encoding that is not exactly "chunked", or with Content-Length, or on
// HTTP/1.0; repeated or comma-joined Authorization or DPoP; targets not in origin-form; CONNECT,
// Upgrade; versions other than 1.0 and 1.1 (505). Pure; each parser is of one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"
#include "net/http_message.h"

namespace writ::net {

struct HeadLimits {
  std::size_t bytes = 65536;  // of the whole head
  std::size_t fields = 100;
  std::size_t target = 8192;
};

// Why a message is refused: the status for a request, and the reason for the sender to mend it.
struct Refusal {
  int status = 400;
  std::string reason;
};

struct ParsedRequest {
  RequestHead head;
  Framing body;
  bool keep_alive = false;
  bool expects_continue = false;
};

struct ParsedResponse {
  ResponseHead head;
  Framing body;
  bool keep_alive = false;
};

// Finds the end of a head in bytes that arrive in pieces. Remembers how far it has looked.
class HeadScanner {
 public:
  explicit HeadScanner(const HeadLimits& limits) : limit_(limits.bytes) {}

  // `received` is all that has come since the head's first byte. The size of the head with its
  // empty line; nothing while it is incomplete; a refusal as soon as it cannot become a head.
  std::expected<std::optional<std::size_t>, Refusal> scan(std::string_view received);

 private:
  std::size_t limit_;
  std::size_t looked_ = 0;
  std::size_t line_ = 0;  // where the current line begins
};

// `head` ends with its empty line.
std::expected<ParsedRequest, Refusal> parse_request(std::string_view head,
                                                    const HeadLimits& limits = {});
// `to_method`: of the request that it answers, since a response to HEAD has no body.
std::expected<ParsedResponse, Refusal> parse_response(std::string_view head,
                                                      std::string_view to_method,
                                                      const HeadLimits& limits = {});

// Takes a body out of the bytes of a connection, by its framing.
class BodyDecoder {
 public:
  // No body.
  BodyDecoder() : BodyDecoder(Framing{}) {}
  explicit BodyDecoder(Framing framing);

  struct Step {
    std::size_t consumed = 0;  // of the input, framing included
    BytesView data;            // a view into the input
  };
  // Consumes up to one contiguous piece; call again with the rest until nothing is consumed.
  // invalid_input for malformed chunks, extensions or trailers.
  Expected<Step> step(BytesView input);
  bool done() const { return state_ == State::done; }
  // The peer has closed: whether the body may end here.
  Expected<void> end_of_input();

 private:
  enum class State : std::uint8_t {
    length,
    until_close,
    chunk_size,
    chunk_size_lf,
    chunk_data,
    chunk_data_cr,
    chunk_data_lf,
    trailer_start,
    trailer_line,
    trailer_lf,
    end_lf,
    done,
  };
  Expected<void> framing_byte(std::uint8_t byte);

  State state_;
  std::uint64_t remaining_ = 0;
  unsigned size_digits_ = 0;
  std::size_t trailer_bytes_ = 0;
  bool trailer_named_ = false;
};

}  // namespace writ::net
