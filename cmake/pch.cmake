# SPDX-License-Identifier: Apache-2.0
# Precompiled headers, each compiled once and shared by all rooms of its level: std for what stands on base
# alone, json above wire, asio above async and wire. A level holds only what such a room's own headers bring in
# anyway, so that a precompiled header hides no violation of the layers.
if(WRIT_TESTS)
  find_package(GTest REQUIRED)
endif()

function(writ_shared_pch name)
  file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/pch/${name}.cc CONTENT "// Gives ${name} something to compile.\n")
  add_library(${name} OBJECT EXCLUDE_FROM_ALL ${CMAKE_BINARY_DIR}/pch/${name}.cc)
  target_link_libraries(${name} PRIVATE writ_flags)
  target_precompile_headers(${name} PRIVATE ${ARGN})
endfunction()

foreach(level std json asio)
  writ_shared_pch(writ_pch_${level} ${CMAKE_SOURCE_DIR}/cmake/${level}_pch.h)
  if(WRIT_TESTS)
    writ_shared_pch(writ_pch_${level}_test
      ${CMAKE_SOURCE_DIR}/cmake/${level}_pch.h ${CMAKE_SOURCE_DIR}/cmake/test_pch.h)
    # Executables are compiled with -fPIE, and clang refuses a header that was precompiled with -fPIC.
    set_target_properties(writ_pch_${level}_test PROPERTIES POSITION_INDEPENDENT_CODE OFF)
    target_compile_options(writ_pch_${level}_test PRIVATE -fPIE)
    target_link_libraries(writ_pch_${level}_test PRIVATE GTest::gtest GTest::gmock)
  endif()
endforeach()
