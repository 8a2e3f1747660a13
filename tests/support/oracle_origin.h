// SPDX-License-Identifier: Apache-2.0
//
// An HTTP/1.1 server for tests whose every byte is a function of path, version
// and offset, and never 0: a wrong byte, a zero from a hole, or a byte of
// another version is known at sight, without storing the truth. It serves
// nginx-style listings of the tree it is given, plays faults on demand, and
// counts what was asked of it, so that a test can assert that its fault was
// really met.
//
// Paths are decoded. In faults, counts and the log a directory's listing is
// "/a/", a request that is redirected there is "/a".
//
// Threads: all members are safe from any thread. Listens on 127.0.0.1, on a
// port of its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace lazymirror::testing {

// The truth: byte `offset` of version `version` of `path` ("/a/b", decoded).
[[nodiscard]] std::byte oracle_byte(const std::string& path, std::uint64_t version,
                                    std::uint64_t offset);
void oracle_fill(const std::string& path, std::uint64_t version, std::uint64_t offset,
                 std::span<std::byte> out);
// The offset within `bytes` of the first wrong byte, if any.
[[nodiscard]] std::optional<std::size_t> oracle_mismatch(const std::string& path,
                                                         std::uint64_t version,
                                                         std::uint64_t offset,
                                                         std::span<const std::byte> bytes);

enum class Fault {
  none,
  status,               // `value` is the status code (404, 403, 429, 500, 503)
  short_body,           // correct head, connection closed after `value` bytes
  wrong_content_range,  // 206 that starts `value` bytes too early (too late at 0), body to match
  wrong_total,          // 206 whose Content-Range total is off by `value`
  ignore_range,         // 200 with the whole file
  changed_validator,    // 206 with another ETag and Last-Modified (bytes of version + 1)
  gzip,  // Content-Encoding: gzip on whatever was asked; bytes that are not the content
  stall_before_head,  // accepts, then silence until the test ends or unstall()
  stall_in_body,      // the head and `value` bytes, then silence
  reset,              // RST in place of an answer
  reset_in_body,      // RST after `value` bytes
  redirect,           // 302 to `text`
  no_length,          // 200, chunked coding, no Content-Length
  raw,                // `text` verbatim as the whole answer, then close
};

struct FaultRule {
  Fault fault = Fault::none;
  std::uint64_t value = 0;
  // With initializers, so that designated ones may leave members out.
  std::string text{};
  std::string extra_header{};  // "Retry-After: 1"
  unsigned times = 1;          // how many matching requests it applies to; 0: all
  std::string method{};        // empty: any; "GET", "HEAD"
  bool ranged_only = false;    // only requests that carry Range
};

struct OracleFile {
  std::uint64_t size = 0;
  std::uint64_t version = 1;
  std::int64_t mtime = 1'700'000'000;  // seconds; Last-Modified
  bool etag = true;                    // strong, made of path, version and size
  bool last_modified = true;
};

struct OracleRequest {
  std::string method, target, path;  // target as sent, path decoded without query
  std::string range;                 // the Range header's value, empty if none
  std::vector<std::string> headers;  // "Name: value" as received
};

class OracleOrigin {
 public:
  OracleOrigin();  // listening when it returns
  ~OracleOrigin();
  OracleOrigin(const OracleOrigin&) = delete;
  OracleOrigin& operator=(const OracleOrigin&) = delete;

  [[nodiscard]] std::string url(const std::string& path = "/") const;  // http://127.0.0.1:PORT/...
  [[nodiscard]] unsigned port() const;

  // The tree. Parents are made as needed.
  void put(const std::string& path, OracleFile file);
  void put_directory(const std::string& path);
  void remove(const std::string& path);
  void touch_version(const std::string& path);  // next version: other bytes, ETag, time + 1 h
  // How listings look: exact sizes as nginx prints them; rounded as Apache
  // does; or names only, as Python's http.server.
  enum class Listing { exact, rounded, names_only };
  void set_listing(Listing style);
  void set_require_auth(const std::string& user, const std::string& password);
  void set_ranges(bool supported);  // false: 200 to everything, no Accept-Ranges
  void set_delay_ms(unsigned before_each_answer);

  void inject(const std::string& path, FaultRule rule);  // queued per path
  void clear_faults();
  void unstall();  // lets every stalled answer go on
  void stop();     // refuses and drops connections, as a dead host would
  void restart();  // listens again on the same port

  // What happened.
  [[nodiscard]] std::vector<OracleRequest> requests() const;
  [[nodiscard]] std::size_t count(const std::string& path, const std::string& method = "") const;
  [[nodiscard]] std::size_t faults_played() const;
  [[nodiscard]] std::size_t connections_accepted() const;
  [[nodiscard]] std::uint64_t body_bytes(const std::string& path) const;  // of content, sent
  void forget_requests();
  // Waits until `n` requests for `path` have arrived; false at the deadline.
  [[nodiscard]] bool wait_for_requests(const std::string& path, std::size_t n,
                                       unsigned timeout_ms = 60'000) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lazymirror::testing
