// SPDX-License-Identifier: Apache-2.0
// Parameters: the body of a request to an endpoint (RFC 6749 section 3.2 and appendix B): a form,
// strictly read. A parameter that stands there twice is refused, those apart that may (`resource`);
// one without a value is as good as absent; unknown ones are passed over.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/http_server.h"
#include "wire/url.h"

namespace writ::oauth {

struct ParameterLimits {
  std::size_t bytes = std::size_t{64} * 1024;
  std::size_t fields = 48;
};

class Parameters {
 public:
  // Errors: invalid_input, too_large. A query is refused: parameters there would be logged.
  static Task<Expected<Parameters>> read(net::ServerRequest& request, ParameterLimits limits = {});
  static Expected<Parameters> parse(std::string_view text, const ParameterLimits& limits = {});

  // The value, or nothing where it is absent or empty. Lives as long as this.
  std::optional<std::string_view> get(std::string_view name) const;
  // The same, where absence is an error at `name`.
  Expected<std::string> require(std::string_view name) const;
  std::vector<std::string> all(std::string_view name) const;

 private:
  explicit Parameters(Form form) : form_(std::move(form)) {}
  Form form_;
};

}  // namespace writ::oauth
