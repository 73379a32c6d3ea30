// SPDX-License-Identifier: Apache-2.0
// print: the text of a parsed policy or expression. What is printed parses to an equal one.
#pragma once

#include <string>

#include "cedar/expr.h"
#include "cedar/policy.h"

namespace writ::cedar {

std::string print(const Expr& expr);
std::string print(const Template& policy);

}  // namespace writ::cedar
