// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <boost/json.hpp>

#include "std_pch.h"
