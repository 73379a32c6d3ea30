// SPDX-License-Identifier: Apache-2.0
#include "demo/billing_api.h"

#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/encoding.h"
#include "base/fake_random.h"
#include "net/testing.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "tools/tool_server.h"
#include "wire/toml.h"

namespace writ::demo {
namespace {

using net::testing::RawSocket;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr std::string_view kKey = "key-of-the-billing-api-0001";

class BillingApiTest : public ::testing::Test {
 public:
  ~BillingApiTest() override {
    api_server_.reset();
    control_server_.reset();
    loops_.stop();
  }

 protected:
  BillingApiTest() {
    loops_.start();
    api_server_ =
        listen([this](auto& request, auto& response) { return api_.handle(request, response); });
    control_server_ = listen(
        [this](auto& request, auto& response) { return api_.handle_control(request, response); });
  }

  std::unique_ptr<net::HttpServer> listen(net::Handler handler) {
    return net::HttpServer::create(loops_, {.address = asio::ip::make_address("127.0.0.1")},
                                   std::move(handler), log_, metrics_)
        .value();
  }
  static std::string request(std::string_view line, std::string_view fields,
                             std::string_view body) {
    return std::string(line) +
           " HTTP/1.1\r\nHost: billing\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
           std::string(fields) + "\r\n" + std::string(body);
  }
  static std::string bearer(std::string_view key = kKey) {
    return "Authorization: Bearer " + std::string(key) + "\r\n";
  }
  std::string ask(std::string_view line, std::string_view body = {},
                  std::string_view fields = {}) const {
    auto socket = RawSocket::connect_to(api_server_->port());
    socket.send(request(line, bearer() + std::string(fields), body));
    return socket.read_response();
  }
  std::string control(std::string_view line, std::string_view body = {}) const {
    auto socket = RawSocket::connect_to(control_server_->port());
    socket.send(request(line, {}, body));
    return socket.read_response();
  }
  std::string preview(std::int64_t amount) const {
    const auto answer =
        ask("POST /v1/refund-previews", R"({"invoice":"inv_1001","amount":)" +
                                            std::to_string(amount) + R"(,"currency":"EUR"})");
    const auto at = answer.find("prv_");
    return at == std::string::npos ? answer : answer.substr(at, 20);
  }
  std::string refund(std::int64_t amount, std::string_view preview_id, std::string_view key) const {
    return ask("POST /v1/refunds",
               R"({"invoice":"inv_1001","amount":)" + std::to_string(amount) +
                   R"(,"currency":"EUR","preview_id":")" + std::string(preview_id) + "\"}",
               "Idempotency-Key: " + std::string(key) + "\r\n");
  }

  SystemClock clock_;
  FakeRandom random_;
  observe::NullLog log_;
  observe::NullMetrics metrics_;
  LoopPool loops_{clock_, 1};
  BillingApi api_{SecretBytes::copy_of(kKey), clock_, random_};
  std::unique_ptr<net::HttpServer> api_server_;
  std::unique_ptr<net::HttpServer> control_server_;
};

TEST_F(BillingApiTest, WantsItsKeyOnEveryRequest) {
  for (const std::string& fields : {std::string(), bearer("another-key-of-some-length"),
                                    bearer("key"), std::string("Authorization: Basic eDp5\r\n")}) {
    auto socket = RawSocket::connect_to(api_server_->port());
    socket.send(request("GET /v1/invoices/inv_1001", fields, {}));
    EXPECT_THAT(socket.read_response(), StartsWith("HTTP/1.1 401 ")) << fields;
  }
  EXPECT_THAT(control("GET /state"), HasSubstr("\"unauthorized\":4"));
}

// Each operation that the example's document declares is one that this API has.
TEST_F(BillingApiTest, HasEveryOperationOfTheExample) {
  std::ifstream file(WRIT_SOURCE_DIR "/examples/acme/tools/billing.toml");
  std::stringstream text;
  text << file.rdbuf();
  const auto document = parse_toml(text.str(), "tools/billing.toml").value();
  const auto server =
      tools::parse_tool_server(document.value(), ServerId::make(clock_, random_), "billing");
  ASSERT_TRUE(server) << server.error().to_string();
  ASSERT_FALSE(server->operations().empty());
  for (const auto& operation : server->operations()) {
    std::string path;
    for (const auto& segment : operation.segments) {
      path += "/" + (!segment.argument                     ? segment.literal
                     : operation.name.contains("customer") ? std::string("cus_Contoso")
                                                           : std::string("inv_1001"));
    }
    const auto answer = ask(operation.method + " " + path, operation.method == "POST" ? "{}" : "");
    EXPECT_THAT(answer, Not(StartsWith("HTTP/1.1 404 "))) << operation.name;
    EXPECT_THAT(answer, Not(StartsWith("HTTP/1.1 401 "))) << operation.name;
  }
}

TEST_F(BillingApiTest, ARefundIsPaidOncePerKey) {
  const auto id = preview(12'000);
  ASSERT_THAT(id, StartsWith("prv_"));
  EXPECT_THAT(refund(12'000, id, "k1"), StartsWith("HTTP/1.1 201 "));
  const auto again = refund(12'000, id, "k1");
  EXPECT_THAT(again, StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(again, HasSubstr("Idempotency-Replayed: true"));
  EXPECT_THAT(refund(12'001, id, "k1"), StartsWith("HTTP/1.1 422 "));
  EXPECT_THAT(refund(12'001, id, "k2"), StartsWith("HTTP/1.1 422 "));
  EXPECT_THAT(refund(12'000, id, "k2"), StartsWith("HTTP/1.1 201 "));
  EXPECT_THAT(control("GET /state"), HasSubstr("\"refunds\":2,\"amount\":24000"));
}

TEST_F(BillingApiTest, NothingIsPaidBeyondTheInvoice) {
  EXPECT_THAT(preview(48'001), HasSubstr("more than is left"));
  const auto first = preview(48'000);
  const auto second = preview(48'000);
  EXPECT_THAT(refund(48'000, first, "k1"), StartsWith("HTTP/1.1 201 "));
  EXPECT_THAT(refund(48'000, second, "k2"), StartsWith("HTTP/1.1 409 "));
  EXPECT_THAT(ask("GET /v1/invoices/inv_1001"), HasSubstr("\"status\":\"refunded\""));
}

TEST_F(BillingApiTest, EchoesTheHeadersOfTheRequest) {
  EXPECT_THAT(ask("GET /v1/debug/headers"), HasSubstr(std::string("Bearer ") + std::string(kKey)));
}

TEST_F(BillingApiTest, ListsWhatIsAskedFor) {
  const auto paid = ask("GET /v1/invoices?customer=cus_Northwind&status=paid&limit=1");
  EXPECT_THAT(paid, HasSubstr("inv_1001"));
  EXPECT_THAT(paid, Not(HasSubstr("inv_1002")));
  EXPECT_THAT(ask("DELETE /v1/customers/cus_Northwind"), StartsWith("HTTP/1.1 204 "));
  EXPECT_THAT(ask("GET /v1/invoices/inv_1001"), StartsWith("HTTP/1.1 404 "));
}

TEST_F(BillingApiTest, GoesWrongAsAskedAndThenNoMore) {
  const auto id = preview(100);
  EXPECT_THAT(control("POST /faults", R"({"method":"POST","path":"/v1/refunds","kind":"error"})"),
              StartsWith("HTTP/1.1 204 "));
  EXPECT_THAT(refund(100, id, "k1"), StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(control("GET /state"), HasSubstr("\"refunds\":0"));

  EXPECT_THAT(control("POST /faults", R"({"method":"POST","path":"/v1/refunds","kind":"cut"})"),
              StartsWith("HTTP/1.1 204 "));
  auto socket = RawSocket::connect_to(api_server_->port());
  socket.send(request(
      "POST /v1/refunds", bearer() + "Idempotency-Key: k1\r\n",
      R"({"invoice":"inv_1001","amount":100,"currency":"EUR","preview_id":")" + id + "\"}"));
  const auto cut = socket.read_all();
  EXPECT_THAT(cut, StartsWith("HTTP/1.1 201 "));
  EXPECT_THAT(cut, Not(HasSubstr("}")));
  EXPECT_THAT(control("GET /state"), HasSubstr("\"refunds\":1"));

  EXPECT_THAT(control("POST /faults",
                      R"({"method":"GET","path":"/v1/invoices","kind":"trickle","pause":"1ms"})"),
              StartsWith("HTTP/1.1 204 "));
  EXPECT_THAT(ask("GET /v1/invoices"), HasSubstr("inv_1003"));

  control("POST /faults", R"({"method":"GET","path":"/v1/invoices","kind":"hang","times":9})");
  auto hanging = RawSocket::connect_to(api_server_->port());
  hanging.send(request("GET /v1/invoices", bearer(), {}));
  // Another request passes meanwhile, so the hanging one has been taken up or never will be.
  EXPECT_THAT(ask("GET /v1/invoices/inv_1002"), StartsWith("HTTP/1.1 200 "));
  EXPECT_TRUE(hanging.is_silent());
  hanging.close();
  EXPECT_THAT(control("DELETE /faults"), StartsWith("HTTP/1.1 204 "));
  EXPECT_THAT(ask("GET /v1/invoices"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(BillingApiTest, AMalformedFaultIsRefused) {
  EXPECT_THAT(control("POST /faults", R"({"method":"GET","path":"/","kind":"explode"})"),
              StartsWith("HTTP/1.1 422 "));
  EXPECT_THAT(control("POST /faults", "{"), StartsWith("HTTP/1.1 422 "));
  EXPECT_THAT(control("GET /faults"), StartsWith("HTTP/1.1 404 "));
}

}  // namespace
}  // namespace writ::demo
