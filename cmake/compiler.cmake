# How our code is compiled: warnings, hardening, sanitizers, the compiler cache.

# Warnings for our own code only; errors in CI (-DLAZYMIRROR_WERROR=ON).
add_library(lm_warnings INTERFACE)
target_compile_options(lm_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Woverloaded-virtual
  $<$<BOOL:${LAZYMIRROR_WERROR}>:-Werror>)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # Wrong about std::string in optimised code (GCC bug 105651, mended in 13).
  target_compile_options(lm_warnings INTERFACE -Wno-restrict)
endif()
target_compile_definitions(lm_warnings INTERFACE _GNU_SOURCE _FILE_OFFSET_BITS=64)

if(LAZYMIRROR_HARDENING)
  # -pie at the link; the compile side follows CMAKE_POSITION_INDEPENDENT_CODE.
  include(CheckPIESupported)
  check_pie_supported(LANGUAGES CXX)
  add_compile_options(-fstack-protector-strong -fstack-clash-protection)
  add_compile_definitions(_FORTIFY_SOURCE=2 _GLIBCXX_ASSERTIONS)
  if(CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
    add_compile_options(-fcf-protection)
  endif()
  add_link_options(-Wl,-z,relro,-z,now -Wl,-z,noexecstack)
endif()

if(LAZYMIRROR_SANITIZE)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # gcc(1): -fsanitize makes this one report what is not so.
    target_compile_options(lm_warnings INTERFACE -Wno-maybe-uninitialized)
  endif()
  add_compile_options(-fsanitize=${LAZYMIRROR_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${LAZYMIRROR_SANITIZE})
  if(LAZYMIRROR_SANITIZE MATCHES "undefined")
    # Without this UBSan prints and goes on, and a test stays green.
    add_compile_options(-fno-sanitize-recover=undefined)
  endif()
endif()

find_program(LAZYMIRROR_CCACHE ccache)
if(LAZYMIRROR_CCACHE AND NOT DEFINED CMAKE_CXX_COMPILER_LAUNCHER)
  # Sources have absolute names in the debugging information, so that an object
  # made in one build directory serves in another.
  set(CMAKE_CXX_COMPILER_LAUNCHER env CCACHE_NOHASHDIR=1)
  execute_process(COMMAND test -w "$ENV{HOME}" RESULT_VARIABLE _no_home)
  if(_no_home AND NOT DEFINED ENV{CCACHE_DIR})
    # Where HOME is no place to write to, ccache would make it or fail: build
    # machines name one that is not to exist.
    list(APPEND CMAKE_CXX_COMPILER_LAUNCHER "CCACHE_DIR=${CMAKE_SOURCE_DIR}/build/ccache")
  endif()
  list(APPEND CMAKE_CXX_COMPILER_LAUNCHER "${LAZYMIRROR_CCACHE}")
endif()

# The tests are some sixty statically linked programs: a quick linker is worth
# minutes. Releases are linked by the compiler's own.
find_program(LAZYMIRROR_MOLD mold)
if(LAZYMIRROR_MOLD AND NOT LAZYMIRROR_HARDENING)
  add_link_options(-fuse-ld=mold)
endif()
