// SPDX-License-Identifier: Apache-2.0
#include "net/stream.h"

#include <boost/asio/post.hpp>
#include <gtest/gtest.h>

#include "net/testing.h"

namespace writ::net {
namespace {

using testing::RawListener;

class StreamTest : public ::testing::Test {
 public:
  StreamTest() { loops_.start(); }
  ~StreamTest() override { loops_.stop(); }

  Stream connect(Loop& loop) {
    const asio::ip::tcp::endpoint peer(asio::ip::make_address("127.0.0.1"), listener_.port());
    Socket socket(loop.executor());
    socket.connect(peer);
    socket.non_blocking(true);
    const int descriptor = socket.native_handle();
    return {loop, std::move(socket), peer, plain_transport(descriptor)};
  }

  SystemClock clock_;
  LoopPool loops_{clock_, 1};
  RawListener listener_;
};

// A stream lets the loop's others take their turn every now and then: whatever the number of
// operations before, what interrupts it in that turn is the last that it hears of.
TEST_F(StreamTest, I4_NoByteFollowsAnInterruptionThatComesWithinAnotherTurn) {
  constexpr int kTurns = 130;
  std::vector<testing::RawSocket> peers;
  const auto accept = [&] { peers.push_back(listener_.accept()); };
  int seen = 0;
  for (int before = 0; before < kTurns; ++before) {
    run_on(loops_.at(0),
           [](StreamTest& test, int count, int& interruptions,
              std::function<void()> connected) -> Task<void> {
             auto& loop = Loop::current();
             auto stream = test.connect(loop);
             connected();
             const BytesView one[] = {as_bytes("x")};
             for (int i = 0; i < count; ++i) {
               const auto written = co_await stream.write(one, Deadline::kNever);
               EXPECT_TRUE(written.ok());
             }
             bool interrupted = false;
             asio::post(loop.executor(), [&] {
               interrupted = true;
               stream.interrupt();
             });
             const BytesView secret[] = {as_bytes("secret")};
             const auto written = co_await stream.write(secret, Deadline::kNever);
             if (interrupted) {
               ++interruptions;
               EXPECT_EQ(written.end, IoEnd::interrupted) << count;
               EXPECT_EQ(written.bytes, 0U) << count;
             }
             co_await asio::post(loop.executor(), use_task);
           }(*this, before, seen, accept));
    const auto arrived = peers.back().read_all();
    EXPECT_EQ(arrived.starts_with(std::string(static_cast<std::size_t>(before), 'x')), true);
  }
  EXPECT_GT(seen, 0) << "no interruption came within a turn, so this shows nothing";
}

TEST_F(StreamTest, NoByteIsTakenAfterAnInterruptionThatComesWithinAnotherTurn) {
  constexpr int kTurns = 130;
  int seen = 0;
  for (int before = 0; before < kTurns; ++before) {
    std::optional<testing::RawSocket> peer;
    run_on(loops_.at(0),
           [](StreamTest& test, int count, int& interruptions,
              std::optional<testing::RawSocket>& other) -> Task<void> {
             auto& loop = Loop::current();
             auto stream = test.connect(loop);
             other.emplace(test.listener_.accept());
             EXPECT_TRUE(other->send(std::string(static_cast<std::size_t>(count) + 1, 'x')));
             std::array<std::uint8_t, 1> one{};
             for (int i = 0; i < count; ++i) {
               const auto received = co_await stream.read(one, Deadline::kNever);
               EXPECT_TRUE(received.ok());
             }
             bool interrupted = false;
             asio::post(loop.executor(), [&] {
               interrupted = true;
               stream.interrupt();
             });
             const auto received = co_await stream.read(one, Deadline::kNever);
             if (interrupted) {
               ++interruptions;
               EXPECT_EQ(received.end, IoEnd::interrupted) << count;
               EXPECT_EQ(received.bytes, 0U) << count;
             }
             co_await asio::post(loop.executor(), use_task);
           }(*this, before, seen, peer));
  }
  EXPECT_GT(seen, 0) << "no interruption came within a turn, so this shows nothing";
}

}  // namespace
}  // namespace writ::net
