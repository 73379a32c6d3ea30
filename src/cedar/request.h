// SPDX-License-Identifier: Apache-2.0
// Request: who wants to do what with which resource, and the circumstances.
#pragma once

#include "cedar/entity_uid.h"
#include "cedar/value.h"

namespace writ::cedar {

struct Request {
  EntityUid principal;
  EntityUid action;
  EntityUid resource;
  Record context;
};

}  // namespace writ::cedar
