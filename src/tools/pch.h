// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <boost/json.hpp>
#include <re2/re2.h>

#include "../../cmake/std_pch.h"
