// SPDX-License-Identifier: Apache-2.0
// One-time codes: 160 random bits in hexadecimal, by which a person enrols a first key. The store
// has their hash alone, as the id of the enrolment's record. The exact bytes count: with a space
// added it is another code (failures.md 28).
#pragma once

#include <string>

#include "base/random.h"
#include "base/secret_bytes.h"

namespace writ::broker {

// Text of 40 characters.
SecretBytes make_code(Random& random);
// Hexadecimal SHA-256. What is looked up is the hash, so how long that takes tells nothing of any
// code that is stored.
std::string code_id(const SecretBytes& code);
// The same for a session's text.
std::string secret_id(const SecretBytes& secret);

}  // namespace writ::broker
