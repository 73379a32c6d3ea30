// SPDX-License-Identifier: Apache-2.0
// The inside of http_server.h: what belongs to a loop of the server, to a connection, and to one
// request on it. Each is of its loop's thread.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include <boost/intrusive/list.hpp>

#include "net/http_server.h"
#include "net/input_buffer.h"
#include "net/stream.h"

namespace writ::net {

// What all loops share.
struct ServerShared {
  ServerOptions options;
  Handler handler;
  observe::Log& log;
  observe::Counter& refused;
  observe::Counter& overflowed;
  observe::Counter& turned_away;
  observe::Gauge& open;
  observe::Counter* responses[6];  // by the status's first digit

  // Connections whose task has not ended.
  std::mutex mutex;
  std::condition_variable ended;
  std::size_t count = 0;
  // For connections from now on; options.tls says for good whether there is TLS. Under mutex.
  std::shared_ptr<const TlsServerContext> tls;
  Strangers strangers;
};

struct ServerLoop;

class ServerConnection : public boost::intrusive::list_base_hook<
                             boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
 public:
  ServerConnection(std::shared_ptr<ServerLoop> home, Stream stream);

  // Serves until the connection ends.
  Task<void> run();
  // No further request: at once where none runs.
  void end_when_idle();
  // The running request too.
  void cut();

 private:
  friend class ServerCall;

  Task<void> serve();
  Task<bool> serve_one();
  // The next request's head; nothing when the connection is to end.
  Task<std::optional<ParsedRequest>> read_request();
  Task<void> refuse(const Refusal& refusal);
  // Lets the client read what was sent: closing with bytes unread would reset the connection.
  Task<void> linger();
  SteadyPoint in(milliseconds time) const;
  const ServerLimits& limits() const;

  std::shared_ptr<ServerLoop> home_;
  Stream stream_;
  InputBuffer input_;
  Strangers::Place place_;
  ServerCall* call_ = nullptr;
  bool idle_ = false;
  bool unread_ = false;  // bytes of a request were left behind
};

// What the connections of one loop share.
struct ServerLoop {
  Loop& loop;
  std::shared_ptr<ServerShared> shared;
  BlockPool blocks;
  boost::intrusive::list<ServerConnection, boost::intrusive::constant_time_size<false>> connections;
  bool stopping = false;
  std::int64_t date_second = 0;
  std::string date;

  // The Date field's value for now (RFC 9110 section 5.6.7), formatted once a second.
  const std::string& date_now();
};

class ServerCall {
 public:
  ServerCall(ServerConnection& connection, ParsedRequest request);
  ~ServerCall();
  ServerCall(const ServerCall&) = delete;
  ServerCall& operator=(const ServerCall&) = delete;

  // Runs the handler and ends the response. Whether another request may follow.
  Task<bool> run();
  void cancel() {
    if (gone_) gone_->cancel();
  }

  const ParsedRequest& request() const { return request_; }
  const asio::ip::tcp::endpoint& peer() const { return connection_.stream_.peer(); }
  bool is_tls() const { return connection_.home_->shared->options.tls != nullptr; }
  Loop& loop() const { return connection_.home_->loop; }

  Task<Expected<std::optional<BytesView>>> read();
  Task<Expected<Bytes>> read_all(std::size_t limit);
  void refuse_body(Error why);
  CancelToken gone();
  void known() { connection_.place_.leave(); }

  Expected<void> begin(int status, const Fields& fields, std::optional<std::uint64_t> length);
  Task<Expected<void>> write(BytesView piece);
  Task<Expected<void>> flush();
  Task<Expected<void>> finish();
  void cut();
  int status() const { return status_; }

 private:
  std::unexpected<Error> read_failed(Error error);
  Task<Expected<void>> write_pieces(std::span<const BytesView> pieces);
  // Waits for more of the body, as long as it comes fast enough.
  Task<Expected<void>> receive();
  // Room in the pool of strangers for what is kept of the body, where the sender is one.
  Expected<void> keep(std::uint64_t bytes);
  void watch();
  void drop_body();

  ServerConnection& connection_;
  ParsedRequest request_;

  BodyDecoder decoder_;
  std::uint64_t body_bytes_ = 0;
  std::size_t used_ = 0;  // of the input, by the piece handed out last
  SteadyPoint body_deadline_{};
  // Of the window under way: how long the body was waited for, and what came.
  SteadyPoint::duration waited_{};
  std::uint64_t came_ = 0;
  std::optional<Error> read_error_;
  std::optional<CancelSource> gone_;

  int status_ = 0;
  std::string head_;  // not sent yet
  Framing framing_;
  std::uint64_t left_ = 0;  // of a declared length
  bool bodyless_ = false;   // HEAD and the like: pieces are dropped
  bool finished_ = false;
  bool keep_alive_ = false;
};

// RFC 9110 section 5.6.7: "Fri, 02 Jan 2026 03:04:05 GMT".
std::string http_date(std::int64_t unix_seconds);

// A problem document with only what the status says, and `detail`.
std::string problem_json(int status, std::string_view detail);

// The head of a response, with its empty line. `connection_fields` ends in CRLF where not empty.
std::string response_head(int status, const Fields& fields, std::string_view date,
                          std::string_view connection_fields);

}  // namespace writ::net
