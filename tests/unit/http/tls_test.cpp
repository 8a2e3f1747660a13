// SPDX-License-Identifier: Apache-2.0
//
// HTTP/2 over TLS against a real nginx with a certificate of its own.
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

#include "support/child_process.h"
#include "support/temp_dir.h"
#include "support/web_server.h"
#include "unit/http/origin_client.h"

namespace lazymirror::testing {
namespace {

constexpr std::uint64_t kSize = 3'000'000;

// Of this process and all others: the port is ours alone.
int connections_to(unsigned port) {
  constexpr int kEstablished = 1;
  std::ifstream table("/proc/net/tcp");
  std::string line;
  int found = 0;
  while (std::getline(table, line)) {
    unsigned remote = 0, state = 0;
    const int got =
        std::sscanf(line.c_str(), " %*[0-9]: %*[0-9A-F]:%*x %*[0-9A-F]:%x %x", &remote, &state);
    found += got == 2 && remote == port && state == kEstablished ? 1 : 0;
  }
  return found;
}

class TlsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!Nginx::available()) GTEST_SKIP() << "nginx is not installed";
    std::string content(kSize, '\0');
    oracle_fill("/f", 1, 0, std::as_writable_bytes(std::span(content)));
    files_.write("root/f", content);
    files_.write("root/empty", "");
    for (int i = 0; i < 50; ++i) files_.write("root/d/" + std::to_string(i), "x");
    ASSERT_EQ(run_shell("find " + files_.path() + " -exec touch -d 2023-11-14 {} +").status, 0);
    ASSERT_EQ(run_shell("chmod 755 " + files_.path()).status, 0);
    make_certificate();
    port_ = free_port();
    nginx_ = std::make_unique<Nginx>(
        files_ / "root",
        "listen 127.0.0.1:" + std::to_string(port_) + " ssl http2;\nssl_certificate " + cert() +
            ";\nssl_certificate_key " + (files_ / "key.pem") +
            ";\nlocation = /to-http { return 302 http://127.0.0.1/f; }\n" + server_lines());
  }

  [[nodiscard]] virtual std::string server_lines() const { return ""; }

  void make_certificate() {
    const auto made = run_shell(
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=lazymirror-test "
        "-addext subjectAltName=IP:127.0.0.1 -keyout " +
        (files_ / "key.pem") + " -out " + cert());
    ASSERT_EQ(made.status, 0) << made.output;
  }

  std::string cert() const { return files_ / "cert.pem"; }

  OriginOptions options() const {
    OriginOptions options =
        OriginClient::options("https://127.0.0.1:" + std::to_string(port_) + "/");
    options.ca_file = cert();
    return options;
  }

  TempDir files_;
  unsigned port_ = 0;
  std::unique_ptr<Nginx> nginx_;
};

TEST_F(TlsTest, ALongRangeHasAConnectionOfItsOwn) {
  OriginClient client(options());
  EXPECT_EQ(fault_of(client.read("/f", {0, 1000}), {0, 1000}), "");
  EXPECT_EQ(connections_to(port_), 1);
  EXPECT_EQ(fault_of(client.read("/f", {0, kSize}), {0, kSize}), "");
  EXPECT_EQ(connections_to(port_), 2);
  EXPECT_EQ(fault_of(client.read("/f", {0, kSize}), {0, kSize}), "");
  EXPECT_EQ(fault_of(client.read("/f", {0, 1000}), {0, 1000}), "");
  EXPECT_EQ(connections_to(port_), 2);
}

TEST_F(TlsTest, WithOneConnectionEverythingSharesIt) {
  OriginOptions one = options();
  one.connections = 1;
  OriginClient client(std::move(one));
  EXPECT_EQ(fault_of(client.read("/f", {0, 1000}), {0, 1000}), "");
  EXPECT_EQ(fault_of(client.read("/f", {0, kSize}), {0, kSize}), "");
  EXPECT_EQ(connections_to(port_), 1);
}

TEST_F(TlsTest, RangesListingsAndProbesGoOverHttp2) {
  OriginClient client(options());
  EXPECT_EQ(client.origin().capacity(), 8u);
  const auto outcome = client.read("/f", {1000, 2'000'000});
  EXPECT_EQ(fault_of(outcome, {1000, 2'000'000}), "");
  EXPECT_TRUE(client.origin().health().http2);
  EXPECT_EQ(client.origin().capacity(), 9u);  // and one more with each answer
  EXPECT_EQ(client.probe("/f")->version, *outcome.sink->version);
  EXPECT_EQ(client.probe("/empty")->version.size, 0u);
  EXPECT_TRUE(client.probe("/d")->is_directory);
  const auto listing = client.list("/d/");
  ASSERT_TRUE(listing);
  EXPECT_NE(listing->body.find("href=\"49\""), std::string::npos);
}

TEST_F(TlsTest, ManyProbesShareTheConnection) {
  OriginClient client(options());
  std::vector<std::future<std::string>> answers;
  for (int i = 0; i < 50; ++i) {
    std::promise<std::string> promise;
    answers.push_back(promise.get_future());
    client.origin().probe(
        client.url("/d/" + std::to_string(i)),
        std::chrono::steady_clock::now() + OriginClient::kLimit,
        [p = std::move(promise)](Result<ProbeReply> r) mutable {
          p.set_value(!r ? r.error().message : r->version.size == 1 ? "" : "wrong size");
        });
  }
  for (auto& answer : answers) EXPECT_EQ(answer.get(), "");
  EXPECT_EQ(connections_to(port_), 1);
}

TEST_F(TlsTest, ManyReadsAtOnceAllArriveWhole) {
  OriginClient client(options());
  std::vector<std::shared_ptr<CheckingSink>> sinks;
  for (std::uint64_t i = 0; i < 30; ++i) {
    sinks.push_back(client.start(client.request("/f", {i * 100'000, (i + 1) * 100'000})));
  }
  // Handles whose last use was a probe must serve content as well.
  EXPECT_TRUE(client.probe("/f"));
  for (std::uint64_t i = 0; i < 30; ++i) {
    const ReadOutcome outcome{sinks[i]->wait_for_end(), sinks[i]};
    EXPECT_EQ(fault_of(outcome, {i * 100'000, (i + 1) * 100'000}), "");
  }
}

// Starts so many short reads at once and waits for all of them.
void read_many(OriginClient& client, std::uint64_t count) {
  std::vector<std::shared_ptr<CheckingSink>> sinks;
  for (std::uint64_t i = 0; i < count; ++i) {
    const ByteRange range{i * 1'000, (i + 1) * 1'000};
    sinks.push_back(client.start(client.request("/f", range, Duration{120'000})));
  }
  for (std::uint64_t i = 0; i < count; ++i) {
    const ReadOutcome outcome{sinks[i]->wait_for_end(), sinks[i]};
    EXPECT_EQ(fault_of(outcome, {i * 1'000, (i + 1) * 1'000}), "");
  }
}

TEST_F(TlsTest, AServerOfManyStreamsIsAskedForAsManyAtOnce) {
  OriginClient client(options());
  EXPECT_TRUE(client.probe("/f"));
  read_many(client, 1'000);
  EXPECT_EQ(client.origin().capacity(), 100u);
  EXPECT_EQ(connections_to(port_), 1);
}

// Its answers last a second: what ends before the next is looked at takes no
// stream from anybody.
class FewStreamsTest : public TlsTest {
 protected:
  [[nodiscard]] std::string server_lines() const override {
    return "http2_max_concurrent_streams 4; limit_rate 900;";
  }
};

TEST_F(FewStreamsTest, NoMoreIsAskedForThanTheServerTakes) {
  OriginOptions few = options();
  few.connections = 2;
  OriginClient client(std::move(few));
  EXPECT_TRUE(client.probe("/f"));
  read_many(client, 30);
  EXPECT_LE(client.origin().capacity(), 16u) << "four on each connection, and some to find out";
  EXPECT_GE(client.origin().capacity(), 4u);
  EXPECT_LE(connections_to(port_), 2);
}

TEST_F(TlsTest, AnUnknownCertificateIsRefusedAtOnce) {
  OriginOptions strict = options();
  strict.ca_file.clear();
  strict.retry_delay = Duration{60'000};
  OriginClient client(std::move(strict));
  const auto begin = std::chrono::steady_clock::now();
  const auto outcome = client.read("/f", {0, 10});
  EXPECT_EQ(code_of(outcome), Errc::unreachable);
  EXPECT_NE(outcome.result.error().message.find("certificate"), std::string::npos);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(15));
}

TEST_F(TlsTest, ItIsAcceptedWhenTheUserInsists) {
  OriginOptions loose = options();
  loose.ca_file.clear();
  loose.insecure_tls = true;
  OriginClient client(std::move(loose));
  EXPECT_EQ(fault_of(client.read("/f", {0, 10}), {0, 10}), "");
}

TEST_F(TlsTest, ARedirectFromHttpsToHttpIsNotFollowed) {
  OriginClient client(options());
  const auto outcome = client.read("/to-http", {0, 10});
  EXPECT_EQ(code_of(outcome), Errc::bad_reply);
  EXPECT_NE(outcome.result.error().message.find("https to http"), std::string::npos);
}

}  // namespace
}  // namespace lazymirror::testing
