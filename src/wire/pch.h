// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <boost/json.hpp>

#include "../../cmake/std_pch.h"
