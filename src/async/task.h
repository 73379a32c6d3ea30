// SPDX-License-Identifier: Apache-2.0
// Task: a coroutine of ours, Asio's awaitable with the executor spelled out. A type-erased executor
// costs a fifth of a request, so it appears nowhere.
//
// A Task starts when it is awaited or spawned (loop.h), runs on one loop from its start to its end,
// and lets no exception out.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace writ {

namespace asio = boost::asio;

using Executor = asio::io_context::executor_type;

template <typename T>
using Task = asio::awaitable<T, Executor>;

// The completion token for Asio's own operations within a Task.
inline constexpr asio::use_awaitable_t<Executor> use_task{};

}  // namespace writ
