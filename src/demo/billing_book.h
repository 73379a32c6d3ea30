// SPDX-License-Identifier: Apache-2.0
// BillingBook: the books of the demo's billing API: invoices, customers, what was previewed and
// what was paid back. In memory, for as long as the process lives. Amounts are integer minor units.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/random.h"
#include "wire/json.h"

namespace writ::demo {

struct Invoice {
  std::string id;
  std::string customer;
  std::int64_t amount = 0;
  std::string currency;
  std::string status;  // "open", "paid", "refunded"
  std::int64_t refunded = 0;
  std::string issued;  // a date
};

struct InvoiceQuery {
  std::optional<std::string> customer{};
  std::optional<std::string> status{};
  std::size_t limit = 100;
};

// What is asked for in a preview, and bound by it.
struct RefundTerms {
  std::string invoice;
  std::int64_t amount = 0;
  std::string currency;
  friend bool operator==(const RefundTerms&, const RefundTerms&) = default;
};

// The answer to a refund, and whether it is that of an earlier request with the same key.
struct RefundAnswer {
  JsonObject refund;
  bool repeated = false;
};

// Errors: not_found for what is not there, conflict where nothing is left to pay back,
// invalid_input where what is asked for does not fit the books. Of one thread. The clock and the
// random source outlive it.
class BillingBook {
 public:
  // Opens with the story's customers and invoices.
  BillingBook(const Clock& clock, Random& random);

  Expected<JsonObject> invoice(std::string_view id) const;
  JsonObject invoices(const InvoiceQuery& query) const;
  // Says what the refund would do. Changes no balance.
  Expected<JsonObject> preview(const RefundTerms& terms);
  // Pays back what a preview said, once for each key. Another refund under a used key is
  // invalid_input.
  Expected<RefundAnswer> refund(std::string_view key, std::string_view preview,
                                const RefundTerms& terms);
  // The customer and the invoices that belong to it.
  Expected<void> remove_customer(std::string_view id);

  // How many refunds were paid; what tests count.
  std::size_t refunds_paid() const { return paid_.size(); }
  std::int64_t amount_paid() const;

 private:
  struct Paid {
    RefundTerms terms;
    std::string preview;
    JsonObject answer;
  };
  Expected<Invoice*> find_refundable(const RefundTerms& terms);
  std::string new_id(std::string_view prefix);

  const Clock& clock_;
  Random& random_;
  std::map<std::string, std::string, std::less<>> customers_;  // by id: their names
  std::map<std::string, Invoice, std::less<>> invoices_;
  std::map<std::string, RefundTerms, std::less<>> previews_;
  std::map<std::string, Paid, std::less<>> paid_;  // by idempotency key
};

}  // namespace writ::demo
