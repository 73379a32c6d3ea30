// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "net/http_parser.h"

namespace writ::net {
namespace {

constexpr unsigned kMaxSizeDigits = 15;
constexpr std::size_t kMaxTrailerBytes = 8192;

std::unexpected<Error> malformed(const char* what) {
  return fail(Errc::invalid_input, what, "chunked body");
}

int hex_value(std::uint8_t byte) {
  if (byte >= '0' && byte <= '9') return byte - '0';
  if (byte >= 'a' && byte <= 'f') return byte - 'a' + 10;
  if (byte >= 'A' && byte <= 'F') return byte - 'A' + 10;
  return -1;
}

}  // namespace

BodyDecoder::BodyDecoder(Framing framing) : state_(State::done) {
  switch (framing.kind) {
    case Framing::Kind::none:
      break;
    case Framing::Kind::length:
      remaining_ = framing.length;
      if (remaining_ > 0) state_ = State::length;
      break;
    case Framing::Kind::chunked:
      state_ = State::chunk_size;
      break;
    case Framing::Kind::until_close:
      state_ = State::until_close;
      break;
  }
}

Expected<BodyDecoder::Step> BodyDecoder::step(BytesView input) {
  Step step;
  while (step.consumed < input.size() && state_ != State::done) {
    const auto rest = input.subspan(step.consumed);
    if (state_ == State::until_close) {
      return Step{.consumed = input.size(), .data = rest};
    }
    if (state_ == State::length || state_ == State::chunk_data) {
      step.data = rest.first(std::min<std::uint64_t>(remaining_, rest.size()));
      step.consumed += step.data.size();
      remaining_ -= step.data.size();
      if (remaining_ == 0) {
        state_ = state_ == State::length ? State::done : State::chunk_data_cr;
      }
      return step;
    }
    WRIT_TRY_VOID(framing_byte(rest.front()));
    ++step.consumed;
  }
  return step;
}

// chunked-body of RFC 9112 section 7.1, without extensions: nobody needs them, and they are read
// in too many ways. Trailers are checked for their shape, bounded, and dropped.
Expected<void> BodyDecoder::framing_byte(std::uint8_t byte) {
  switch (state_) {
    case State::chunk_size:
      if (const int digit = hex_value(byte); digit >= 0) {
        if (++size_digits_ > kMaxSizeDigits) return malformed("a chunk's size is too long");
        remaining_ = remaining_ << 4 | static_cast<unsigned>(digit);
        return {};
      }
      if (size_digits_ == 0) return malformed("a chunk has no size");
      if (byte == ';') return malformed("chunk extensions are not accepted");
      if (byte != '\r') return malformed("a chunk's size is malformed");
      state_ = State::chunk_size_lf;
      return {};
    case State::chunk_size_lf:
      if (byte != '\n') return malformed("a chunk's size is not followed by CRLF");
      state_ = remaining_ == 0 ? State::trailer_start : State::chunk_data;
      size_digits_ = 0;
      return {};
    case State::chunk_data_cr:
      if (byte != '\r') return malformed("a chunk's data is not followed by CRLF");
      state_ = State::chunk_data_lf;
      return {};
    case State::chunk_data_lf:
      if (byte != '\n') return malformed("a chunk's data is not followed by CRLF");
      state_ = State::chunk_size;
      return {};
    case State::trailer_start:
      if (byte == '\r') {
        state_ = State::end_lf;
        return {};
      }
      if (byte <= ' ' || byte == ':' || byte >= 0x7f) return malformed("a trailer is malformed");
      trailer_named_ = false;
      state_ = State::trailer_line;
      [[fallthrough]];
    case State::trailer_line:
      if (++trailer_bytes_ > kMaxTrailerBytes) return malformed("the trailers are too long");
      if (byte == '\r') {
        if (!trailer_named_) return malformed("a trailer has no colon");
        state_ = State::trailer_lf;
        return {};
      }
      if ((byte < ' ' && byte != '\t') || byte == 0x7f) return malformed("a trailer is malformed");
      if (byte == ':') trailer_named_ = true;
      return {};
    case State::trailer_lf:
      if (byte != '\n') return malformed("a trailer's line has no CRLF");
      state_ = State::trailer_start;
      return {};
    case State::end_lf:
      if (byte != '\n') return malformed("the end has no CRLF");
      state_ = State::done;
      return {};
    case State::length:
    case State::until_close:
    case State::chunk_data:
    case State::done:
      break;
  }
  return fail(Errc::internal, "a byte of data taken for framing");
}

Expected<void> BodyDecoder::end_of_input() {
  if (state_ == State::until_close) state_ = State::done;
  if (state_ == State::done) return {};
  return fail(Errc::invalid_input, "the body was cut before its end");
}

}  // namespace writ::net
