# Writes the header OUT with COMMIT, or else the commit of the checkout SOURCE,
# or else the one that git archive wrote into the archive, or none; touches the
# file only when it changes.
cmake_minimum_required(VERSION 3.25)
set(commit "${COMMIT}")
find_program(GIT git)
if(NOT commit AND GIT AND EXISTS ${SOURCE}/.git)
  execute_process(COMMAND ${GIT} -C ${SOURCE} rev-parse --short=12 HEAD
    OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
endif()
if(NOT commit)
  file(STRINGS ${SOURCE}/cmake/commit.txt commit REGEX "^[0-9a-f]+$" LIMIT_COUNT 1)
  string(SUBSTRING "${commit}" 0 12 commit)
endif()
file(CONFIGURE OUTPUT ${OUT} @ONLY
  CONTENT "namespace lazymirror::cli {\ninline constexpr const char* kGitCommit = \"\@commit\@\";\n}\n")
