# Everything comes from the distribution (scripts/install-deps); a newer
# libfuse may stand in .deps/fuse3 of the source tree.
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(CURL 7.84 REQUIRED)      # header API, curl_easy_header(3)
find_package(OpenSSL REQUIRED)        # libcurl's own TLS library; checksums for verify
find_package(LibXml2 REQUIRED)
find_package(SQLite3 3.35 REQUIRED)   # RETURNING
find_package(spdlog REQUIRED)
find_package(CLI11 REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(tl-expected REQUIRED)
find_library(ISAL_LIBRARY isal REQUIRED)  # CRC32C
find_path(ISAL_INCLUDE_DIR isa-l/crc.h REQUIRED)

set(LAZYMIRROR_FUSE_PREFIX "${PROJECT_SOURCE_DIR}/.deps/fuse3" CACHE PATH
  "A libfuse newer than the system's, if there is one here")
if(EXISTS "${LAZYMIRROR_FUSE_PREFIX}/lib/pkgconfig/fuse3.pc")
  set(ENV{PKG_CONFIG_PATH} "${LAZYMIRROR_FUSE_PREFIX}/lib/pkgconfig:$ENV{PKG_CONFIG_PATH}")
endif()
pkg_check_modules(FUSE3 REQUIRED IMPORTED_TARGET fuse3>=3.14)
pkg_check_modules(CAP_NG REQUIRED IMPORTED_TARGET libcap-ng)
pkg_check_modules(SECCOMP REQUIRED IMPORTED_TARGET libseccomp)
