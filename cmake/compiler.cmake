# SPDX-License-Identifier: Apache-2.0
include(CheckPIESupported)
check_pie_supported()
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

add_library(writ_flags INTERFACE)
target_include_directories(writ_flags INTERFACE ${CMAKE_SOURCE_DIR}/src)
target_compile_options(writ_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wnon-virtual-dtor -Wold-style-cast
  -Wimplicit-fallthrough -Wextra-semi -Wsuggest-override -Werror
  -fstack-protector-strong -fno-omit-frame-pointer
  # For all, since some libraries ask for it and a precompiled header is shared only under equal flags.
  -pthread
  # Without this a precompiled header never hits in ccache.
  "$<$<COMPILE_LANGUAGE:CXX>:SHELL:-Xclang -fno-pch-timestamp>"
  $<$<CONFIG:Debug>:-g1> $<$<CONFIG:RelWithDebInfo>:-g1>)
target_compile_definitions(writ_flags INTERFACE
  BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_SEPARATE_COMPILATION
  $<$<CONFIG:Debug>:_GLIBCXX_ASSERTIONS> $<$<CONFIG:RelWithDebInfo>:_GLIBCXX_ASSERTIONS>)
if(WRIT_SANITIZE)
  target_compile_options(writ_flags INTERFACE -fsanitize=${WRIT_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(writ_flags INTERFACE -fsanitize=${WRIT_SANITIZE})
elseif(CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo")
  target_compile_options(writ_flags INTERFACE -fstack-clash-protection)
  target_compile_definitions(writ_flags INTERFACE _FORTIFY_SOURCE=2)
endif()
target_link_options(writ_flags INTERFACE -fuse-ld=mold -Wl,-z,relro,-z,now)

find_program(CCACHE ccache)
if(CCACHE)
  set(launcher ${CMAKE_COMMAND} -E env
    CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
endif()
