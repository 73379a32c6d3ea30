// SPDX-License-Identifier: Apache-2.0
#include "demo/billing_book.h"

#include <algorithm>
#include <array>

#include "wire/time_text.h"

namespace writ::demo {
namespace {

// More than any story asks for: a caller cannot make the process grow without end.
constexpr std::size_t kMostPreviews = 10'000;

JsonObject to_json(const Invoice& invoice) {
  return {{"id", invoice.id},         {"customer", invoice.customer},
          {"amount", invoice.amount}, {"currency", invoice.currency},
          {"status", invoice.status}, {"refunded", invoice.refunded},
          {"issued", invoice.issued}};
}

}  // namespace

BillingBook::BillingBook(const Clock& clock, Random& random) : clock_(clock), random_(random) {
  customers_ = {{"cus_Northwind", "Northwind Traders"}, {"cus_Contoso", "Contoso Ltd"}};
  for (Invoice& invoice : std::vector<Invoice>{
           {"inv_1001", "cus_Northwind", 48'000, "EUR", "paid", 0, "2026-10-02"},
           {"inv_1002", "cus_Northwind", 240'000, "EUR", "paid", 0, "2026-10-09"},
           {"inv_1003", "cus_Contoso", 7'500, "GBP", "open", 0, "2026-11-13"},
           {"inv_1004", "cus_Contoso", 1'200'000, "USD", "paid", 0, "2026-11-17"},
       }) {
    auto id = invoice.id;
    invoices_.emplace(std::move(id), std::move(invoice));
  }
}

std::string BillingBook::new_id(std::string_view prefix) {
  static constexpr std::string_view kAlphabet =
      "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  std::array<std::uint8_t, 16> bytes{};
  random_.fill(bytes);
  std::string id(prefix);
  for (const auto byte : bytes) id += kAlphabet[byte % kAlphabet.size()];
  return id;
}

Expected<JsonObject> BillingBook::invoice(std::string_view id) const {
  const auto found = invoices_.find(id);
  if (found == invoices_.end()) return fail(Errc::not_found, "no such invoice");
  return to_json(found->second);
}

JsonObject BillingBook::invoices(const InvoiceQuery& query) const {
  JsonArray list;
  for (const auto& [id, invoice] : invoices_) {
    if (list.size() >= query.limit) break;
    if (query.customer && *query.customer != invoice.customer) continue;
    if (query.status && *query.status != invoice.status) continue;
    list.push_back(to_json(invoice));
  }
  return {{"invoices", std::move(list)}};
}

Expected<Invoice*> BillingBook::find_refundable(const RefundTerms& terms) {
  const auto found = invoices_.find(terms.invoice);
  if (found == invoices_.end()) return fail(Errc::not_found, "no such invoice");
  auto& invoice = found->second;
  if (invoice.status == "refunded") {
    return fail(Errc::conflict, "the invoice has been refunded in full");
  }
  if (invoice.status != "paid") return fail(Errc::invalid_input, "the invoice has not been paid");
  if (terms.currency != invoice.currency) {
    return fail(Errc::invalid_input, "the invoice is in another currency");
  }
  if (terms.amount < 1 || terms.amount > invoice.amount - invoice.refunded) {
    return fail(Errc::invalid_input, "the amount is more than is left of the invoice");
  }
  return &invoice;
}

Expected<JsonObject> BillingBook::preview(const RefundTerms& terms) {
  WRIT_TRY(const auto* invoice, find_refundable(terms));
  if (previews_.size() >= kMostPreviews) previews_.clear();
  auto id = new_id("prv_");
  previews_.emplace(id, terms);
  return JsonObject{{"preview_id", std::move(id)},
                    {"invoice", terms.invoice},
                    {"amount", terms.amount},
                    {"currency", terms.currency},
                    {"left_after", invoice->amount - invoice->refunded - terms.amount}};
}

Expected<RefundAnswer> BillingBook::refund(std::string_view key, std::string_view preview,
                                           const RefundTerms& terms) {
  if (const auto earlier = paid_.find(key); earlier != paid_.end()) {
    if (earlier->second.terms != terms || earlier->second.preview != preview) {
      return fail(Errc::invalid_input, "this Idempotency-Key was used for another refund");
    }
    return RefundAnswer{.refund = earlier->second.answer, .repeated = true};
  }
  const auto seen = previews_.find(preview);
  if (seen == previews_.end() || seen->second != terms) {
    return fail(Errc::invalid_input, "there is no such preview of this refund");
  }
  WRIT_TRY(auto* invoice, find_refundable(terms));
  invoice->refunded += terms.amount;
  if (invoice->refunded == invoice->amount) invoice->status = "refunded";
  JsonObject answer{
      {"refund_id", new_id("rfd_")}, {"invoice", terms.invoice}, {"amount", terms.amount},
      {"currency", terms.currency},  {"status", "paid"},         {"at", format_time(clock_.now())}};
  paid_.emplace(std::string(key),
                Paid{.terms = terms, .preview = std::string(preview), .answer = answer});
  return RefundAnswer{.refund = std::move(answer)};
}

Expected<void> BillingBook::remove_customer(std::string_view id) {
  const auto found = customers_.find(id);
  if (found == customers_.end()) return fail(Errc::not_found, "no such customer");
  std::erase_if(invoices_, [&](const auto& entry) { return entry.second.customer == id; });
  customers_.erase(found);
  return {};
}

std::int64_t BillingBook::amount_paid() const {
  std::int64_t sum = 0;
  for (const auto& [key, paid] : paid_) sum += paid.terms.amount;
  return sum;
}

}  // namespace writ::demo
