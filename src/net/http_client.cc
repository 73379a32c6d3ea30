// SPDX-License-Identifier: Apache-2.0
#include "net/http_client.h"

#include <algorithm>
#include <list>
#include <unordered_set>
#include <utility>

#include "base/check.h"
#include "net/input_buffer.h"
#include "net/outgoing_head.h"

namespace writ::net {
namespace {

constexpr int kMaxInterim = 8;

// Whether two upstreams may share a connection: only if nothing differs.
bool same(const Upstream& a, const Upstream& b) {
  return a.scheme == b.scheme && a.host == b.host && a.port == b.port && a.binding == b.binding &&
         a.rules == b.rules && a.tls == b.tls;
}

std::string key_of(const Upstream& upstream) {
  return upstream.scheme + "://" + upstream.host + ":" + std::to_string(upstream.port);
}

}  // namespace

// The idle connections of one loop; of its thread.
class HttpClient::Pool {
 public:
  Pool(Loop& loop, const HttpClientOptions& options)
      : loop_(loop), options_(options), sweep_(loop.timers(), [this] { sweep(); }) {}

  // The exchanges of this loop, for as long as they live.
  void add(Exchange::State& exchange) { exchanges_.insert(&exchange); }
  void remove(Exchange::State& exchange) { exchanges_.erase(&exchange); }
  CancelToken cut_token() const { return cut_.token(); }
  void cut();

  Loop& loop() { return loop_; }
  BlockPool& blocks() { return blocks_; }
  const HttpClientOptions& options() const { return options_; }

  // A kept connection that is quiet, or an empty stream.
  Stream take(const Upstream& upstream) {
    const auto found = idle_.find(key_of(upstream));
    if (found == idle_.end()) return {};
    auto& list = found->second;
    for (auto at = list.begin(); at != list.end();) {
      if (!same(at->upstream, upstream)) {
        ++at;
        continue;
      }
      auto stream = std::move(at->stream);
      const bool fresh = loop_.now() < at->until;
      at = list.erase(at);
      --count_;
      if (fresh && stream.is_quiet()) return stream;
    }
    return {};
  }

  // What was connected before a forget() is never kept.
  std::uint64_t era() const { return era_; }
  void forget() {
    ++era_;
    idle_.clear();
    count_ = 0;
    sweep_.disarm();
  }

  // The newest first, so that the others can grow old and go.
  void keep(const Upstream& upstream, Stream stream, std::uint64_t era) {
    if (count_ >= options_.kept || era != era_) return;
    auto& list = idle_[key_of(upstream)];
    const auto mine = std::ranges::count_if(
        list, [&](const Idle& idle) { return same(idle.upstream, upstream); });
    if (static_cast<std::size_t>(mine) >= options_.kept_per_upstream) return;
    const auto until = loop_.now() + options_.keep_for;
    list.push_front(Idle{.upstream = upstream, .stream = std::move(stream), .until = until});
    if (count_++ == 0) sweep_.arm(until);
  }

 private:
  struct Idle {
    Upstream upstream;
    Stream stream;
    SteadyPoint until;
  };

  void sweep() {
    const auto now = loop_.now();
    auto next = Deadline::kNever;
    for (auto& [key, list] : idle_) {
      count_ -= list.remove_if([&](const Idle& idle) { return idle.until <= now; });
      for (const auto& idle : list) next = std::min(next, idle.until);
    }
    std::erase_if(idle_, [](const auto& entry) { return entry.second.empty(); });
    sweep_.arm(next);
  }

  Loop& loop_;
  const HttpClientOptions& options_;
  BlockPool blocks_;
  std::unordered_map<std::string, std::list<Idle>> idle_;
  std::size_t count_ = 0;
  std::uint64_t era_ = 0;
  std::unordered_set<Exchange::State*> exchanges_;
  CancelSource cut_;
  Deadline sweep_;
};

class Exchange::State {
 public:
  State(HttpClient::Pool& pool, Upstream upstream, Stream stream, bool reused,
        const ExchangeOptions& options, SteadyPoint end, std::uint64_t era)
      : pool_(pool),
        upstream_(std::move(upstream)),
        stream_(std::move(stream)),
        input_(pool.blocks()),
        timeouts_(options.timeouts),
        end_(end),
        era_(era),
        reused_(reused),
        peer_(stream_.peer().address()),
        // A reset, not only a stop: what the kernel has not sent yet does not leave either.
        cancelled_(options.cancel, pool.loop(), [this] { stream_.reset(); }) {
    pool_.add(*this);
  }

  ~State() {
    pool_.remove(*this);
    cancelled_.reset();
    const bool unused = phase_ == Phase::ready && !sent_;
    const bool clean = complete() && keep_alive_ && !early_ && !surplus();
    if ((unused || clean) && stream_.is_quiet()) {
      pool_.keep(upstream_, std::move(stream_), era_);
    } else {
      stream_.close();
    }
  }

  Task<Expected<void>> send(OutgoingRequest request, BytesView body) {
    WRIT_CHECK(phase_ == Phase::ready);
    const bool expects_body =
        request.method == "POST" || request.method == "PUT" || request.method == "PATCH";
    WRIT_CO_TRY(const auto head,
                encode(request, !body.empty() || expects_body
                                    ? "Content-Length: " + std::to_string(body.size()) + "\r\n"
                                    : ""));
    const BytesView pieces[] = {head.reveal(), body};
    WRIT_CO_TRY_VOID(co_await write(pieces, "the request"));
    phase_ = Phase::body_sent;
    co_return Expected<void>{};
  }

  Task<Expected<void>> send_head(OutgoingRequest request, std::optional<std::uint64_t> length) {
    WRIT_CHECK(phase_ == Phase::ready);
    WRIT_CO_TRY(const auto head,
                encode(request, length ? "Content-Length: " + std::to_string(*length) + "\r\n"
                                       : "Transfer-Encoding: chunked\r\n"));
    declared_ = length;
    const BytesView pieces[] = {head.reveal()};
    WRIT_CO_TRY_VOID(co_await write(pieces, "the request's head"));
    phase_ = Phase::head_sent;
    co_return Expected<void>{};
  }

  Task<Expected<void>> send_body(BytesView piece) {
    WRIT_CHECK(phase_ == Phase::head_sent);
    // An empty chunk would end the body.
    if (piece.empty()) co_return Expected<void>{};
    note_early_response();
    if (declared_) {
      if (piece.size() > *declared_) {
        co_return broken("more body was given than the request declared");
      }
      *declared_ -= piece.size();
      const BytesView pieces[] = {piece};
      co_return co_await write(pieces, "the request's body");
    }
    char line[20];
    const auto size =
        static_cast<std::size_t>(std::snprintf(line, sizeof line, "%zx\r\n", piece.size()));
    const BytesView pieces[] = {as_bytes(std::string_view(line, size)), piece, as_bytes("\r\n")};
    co_return co_await write(pieces, "the request's body");
  }

  Task<Expected<void>> finish_body() {
    WRIT_CHECK(phase_ == Phase::head_sent);
    note_early_response();
    if (declared_.value_or(0) != 0) co_return broken("less body was given than was declared");
    if (!declared_) {
      const BytesView pieces[] = {as_bytes("0\r\n\r\n")};
      WRIT_CO_TRY_VOID(co_await write(pieces, "the request's body"));
    }
    phase_ = Phase::body_sent;
    co_return Expected<void>{};
  }

  Task<Expected<ResponseHead>> receive_head() {
    WRIT_CHECK(phase_ == Phase::body_sent || phase_ == Phase::head_sent);
    if (phase_ == Phase::head_sent) early_ = true;
    const auto deadline = std::min(now() + timeouts_.head, end_);
    for (int interim = 0;;) {
      HeadScanner scanner(pool_.options().response);
      std::optional<std::size_t> size;
      while (!size) {
        const auto text = as_text(input_.unread());
        auto scanned = scanner.scan(text);
        if (!scanned) co_return broken("the response is malformed: " + scanned.error().reason);
        size = *scanned;
        if (!size) {
          WRIT_CO_TRY_VOID(co_await fill(deadline, "the response's head", early_, false));
        }
      }
      auto parsed = parse_response(as_text(input_.unread()).substr(0, *size), method_,
                                   pool_.options().response);
      if (!parsed) co_return broken("the response is malformed: " + parsed.error().reason);
      input_.consume(*size);
      if (parsed->head.status < 200) {
        if (++interim > kMaxInterim) co_return broken("too many interim responses");
        continue;
      }
      keep_alive_ = parsed->keep_alive;
      decoder_ = BodyDecoder(parsed->body);
      phase_ = Phase::head_received;
      co_return std::move(parsed->head);
    }
  }

  Task<Expected<std::optional<BytesView>>> receive() {
    WRIT_CHECK(phase_ == Phase::head_received);
    input_.consume(std::exchange(used_, 0));
    for (;;) {
      if (decoder_.done()) co_return std::nullopt;
      if (input_.empty()) {
        const auto deadline = std::min(now() + timeouts_.idle, end_);
        WRIT_CO_TRY_VOID(co_await fill(deadline, "the response's body", true, true));
        if (decoder_.done()) co_return std::nullopt;
      }
      auto step = decoder_.step(input_.unread());
      if (!step) co_return broken("the response is malformed: " + step.error().message);
      if (!step->data.empty()) {
        used_ = step->consumed;
        co_return step->data;
      }
      input_.consume(step->consumed);
    }
  }

  Task<Expected<Bytes>> receive_all(std::size_t limit) {
    Bytes all;
    for (;;) {
      WRIT_CO_TRY(const auto piece, co_await receive());
      if (!piece) co_return all;
      if (piece->size() > limit - all.size()) {
        co_return fail(Errc::too_large,
                       "the response's body is larger than " + std::to_string(limit) + " bytes",
                       where());
      }
      all.insert(all.end(), piece->begin(), piece->end());
    }
  }

  void abort() { stream_.reset(); }
  bool complete() const { return phase_ == Phase::head_received && decoder_.done(); }
  bool sent() const { return sent_; }
  bool reused() const { return reused_; }
  const Address& peer() const { return peer_; }

 private:
  enum class Phase : std::uint8_t { ready, head_sent, body_sent, head_received };

  SteadyPoint now() const { return pool_.loop().now(); }
  std::string where() const { return key_of(upstream_); }
  bool surplus() const { return input_.unread().size() > used_; }
  Errc code() const { return sent_ ? Errc::unknown_outcome : Errc::unavailable; }

  std::unexpected<Error> broken(std::string message) {
    stream_.close();
    return fail(code(), std::move(message), where());
  }

  Expected<SecretBytes> encode(const OutgoingRequest& request, const std::string& framing) {
    method_ = request.method;
    return encode_head(request, framing);
  }

  // A response that comes before the request has ended: readable, but the connection is not used
  // again, since the two sides may disagree on where the next request begins.
  void note_early_response() {
    if (stream_.has_input()) early_ = true;
  }

  Task<Expected<void>> write(std::span<const BytesView> pieces, std::string_view what) {
    if (deaf_) co_return Expected<void>{};
    if (stream_.interrupted()) {
      co_return std::unexpected(to_error(IoResult{.end = IoEnd::interrupted, .bytes = 0}, code(),
                                         where(), "being sent " + std::string(what)));
    }
    const bool sent_before = std::exchange(sent_, true);
    const auto deadline = std::min(now() + timeouts_.idle, end_);
    const auto written = co_await stream_.write(pieces, deadline, &early_);
    if (written.ok()) co_return Expected<void>{};
    // On a plain socket no byte means none; a TLS record may have left without being counted.
    if (written.bytes == 0 && upstream_.scheme != "https") sent_ = sent_before;
    if (written.end == IoEnd::failed && sent_ && stream_.has_input()) {
      // The upstream has closed its ears and perhaps said why: receive_head() tells.
      early_ = deaf_ = true;
      co_return Expected<void>{};
    }
    auto error = to_error(written, code(), where(), "being sent " + std::string(what));
    stream_.close();
    co_return std::unexpected(std::move(error));
  }

  Task<Expected<void>> fill(SteadyPoint deadline, std::string_view what, bool eager, bool in_body) {
    const auto space = input_.space();
    const auto received = co_await stream_.read(space, deadline, eager);
    if (received.ok()) {
      input_.produced(received.bytes);
      co_return Expected<void>{};
    }
    if (received.end == IoEnd::closed && in_body && decoder_.end_of_input()) {
      co_return Expected<void>{};
    }
    auto error = to_error(received, code(), where(), "sending " + std::string(what));
    stream_.close();
    co_return std::unexpected(std::move(error));
  }

  HttpClient::Pool& pool_;
  Upstream upstream_;
  Stream stream_;
  InputBuffer input_;
  ClientTimeouts timeouts_;
  SteadyPoint end_;
  std::uint64_t era_;
  bool reused_;
  Address peer_;

  Phase phase_ = Phase::ready;
  std::string method_;
  std::optional<std::uint64_t> declared_;  // what is left of a declared length
  BodyDecoder decoder_;
  std::size_t used_ = 0;  // of the input, by the piece handed out last
  bool sent_ = false;
  bool early_ = false;
  bool deaf_ = false;
  bool keep_alive_ = false;
  CancelRegistration cancelled_;
};

void HttpClient::Pool::cut() {
  cut_.cancel();
  forget();
  // One that is interrupted may end at once, and others with it.
  const std::vector<Exchange::State*> all(exchanges_.begin(), exchanges_.end());
  for (auto* exchange : all) {
    if (exchanges_.contains(exchange)) exchange->abort();
  }
}

Exchange::Exchange(std::unique_ptr<State> state) : state_(std::move(state)) {}
Exchange::Exchange(Exchange&&) noexcept = default;
Exchange& Exchange::operator=(Exchange&&) noexcept = default;
Exchange::~Exchange() = default;

const Address& Exchange::peer() const { return state_->peer(); }
bool Exchange::reused() const { return state_->reused(); }
bool Exchange::sent() const { return state_->sent(); }
bool Exchange::complete() const { return state_->complete(); }
void Exchange::abort() { state_->abort(); }

Task<Expected<void>> Exchange::send(OutgoingRequest request, BytesView body) {
  return state_->send(std::move(request), body);
}
Task<Expected<void>> Exchange::send_head(OutgoingRequest request,
                                         std::optional<std::uint64_t> length) {
  return state_->send_head(std::move(request), length);
}
Task<Expected<void>> Exchange::send_body(BytesView piece) { return state_->send_body(piece); }
Task<Expected<void>> Exchange::finish_body() { return state_->finish_body(); }
Task<Expected<ResponseHead>> Exchange::receive_head() { return state_->receive_head(); }
Task<Expected<std::optional<BytesView>>> Exchange::receive() { return state_->receive(); }
Task<Expected<Bytes>> Exchange::receive_all(std::size_t limit) {
  return state_->receive_all(limit);
}

HttpClient::HttpClient(LoopPool& loops, Dialer& dialer, HttpClientOptions options)
    : dialer_(dialer), options_(options) {
  for (std::size_t i = 0; i < loops.size(); ++i) {
    pools_.emplace(&loops.at(i), std::make_unique<Pool>(loops.at(i), options_));
  }
}

HttpClient::HttpClient(Loop& loop, Dialer& dialer, HttpClientOptions options)
    : dialer_(dialer), options_(options) {
  pools_.emplace(&loop, std::make_unique<Pool>(loop, options_));
}

HttpClient::~HttpClient() = default;

Task<Expected<Exchange>> HttpClient::connect(Upstream upstream, ExchangeOptions options) {
  auto& loop = Loop::current();
  auto& pool = *pools_.at(&loop);
  const auto now = loop.now();
  const auto end = now + options.timeouts.total;
  const auto cut = pool.cut_token();
  if (options.cancel.cancelled() || cut.cancelled())
    co_return fail(Errc::unavailable, "cancelled before connecting");

  const auto era = pool.era();
  auto stream = pool.take(upstream);
  const bool reused = static_cast<bool>(stream);
  if (!reused) {
    const auto connect_by = std::min(now + options.timeouts.connect, end);
    CancelSource either;
    either.follow(options.cancel);
    either.follow(cut);
    WRIT_CO_TRY(stream, co_await dialer_.dial(upstream,
                                              {.deadline = connect_by, .cancel = either.token()}));
    if (cut.cancelled()) co_return fail(Errc::unavailable, "cancelled while connecting");
  }
  co_return Exchange(std::make_unique<Exchange::State>(pool, std::move(upstream), std::move(stream),
                                                       reused, options, end, era));
}

void HttpClient::cut() {
  for (auto& [loop, pool] : pools_) {
    pool->loop().post([each = pool.get()] { each->cut(); });
  }
}

void HttpClient::forget_connections() {
  for (auto& [loop, pool] : pools_) {
    pool->loop().post([each = pool.get()] { each->forget(); });
  }
}

}  // namespace writ::net
