// SPDX-License-Identifier: Apache-2.0
//
// READ: fill the range, read it from the cache, answer. While the fill waits
// for the network, no thread does: the job lies in the fill's completion.

#include <memory>

#include "base/byte_range.h"
#include "base/errno_map.h"
#include "base/log.h"
#include "fuse/filesystem.h"
#include "fuse/mount_arguments.h"

namespace lazymirror::fuse {
namespace {

// Bytes that were present when the fill ended can be evicted before they are
// read; more than a few times in a row is no coincidence.
constexpr unsigned kAttempts = 4;

struct ReadJob {
  std::shared_ptr<Filesystem> fs;
  std::shared_ptr<File> file;
  ByteRange range;
  RequestContext context;
  unsigned attempt = 1;
};

void fill(ReadJob job, Reply reply);
void answer_uncached(ReadJob job, Reply reply);

// The copy between the cache and the kernel: one buffer a thread, never
// cleared, because every byte that is sent was read into it first.
std::span<std::byte> read_buffer(std::size_t size) {
  thread_local const auto buffer = std::make_unique_for_overwrite<std::byte[]>(kMaxRead);
  return {buffer.get(), size};
}

void fail_read(const ReadJob& job, Reply reply, const Error& error) {
  reply.error(job.fs->logged_errno("read", job.file->id(), error));
}

void answer_from_cache(ReadJob job, Reply reply) {
  const auto buffer = read_buffer(job.range.size());
  // Where the kernel keeps the pages itself, the cache's own copy of them is a
  // waste. With passthrough it is what later opens read.
  const auto count = job.file->read(buffer, job.range.begin, !job.fs->passthrough);
  if (count) return reply.bytes(buffer.first(*count));
  if (count.error().code == Errc::busy && job.attempt++ < kAttempts) {
    return fill(std::move(job), std::move(reply));
  }
  if (count.error().code == Errc::busy) return answer_uncached(std::move(job), std::move(reply));
  fail_read(job, std::move(reply), count.error());
}

// The cache is full, or gives bytes back faster than they are read: straight
// from the origin, kept nowhere.
void answer_uncached(ReadJob job, Reply reply) {
  const auto parked = Parked::park(std::move(reply));
  if (parked == nullptr) return;
  const auto& [fs, file, range, context, attempt] = job;
  Engine& engine = fs->engine;
  const std::shared_ptr<File> opened = file;
  const ByteRange wanted = range;
  const RequestContext until = context;
  engine.read_uncached(opened, wanted, until,
                       [job = std::move(job),
                        ticket = parked->ticket()](Result<std::vector<std::byte>> bytes) mutable {
                         auto answer = ticket.take();
                         if (!answer) return;
                         if (!bytes) return fail_read(job, std::move(*answer), bytes.error());
                         if (bytes->size() != job.range.size()) {
                           return fail_read(job, std::move(*answer),
                                            {Errc::bad_reply, "the origin sent too little", 0});
                         }
                         answer->bytes(*bytes);
                       });
}

void on_filled(ReadJob job, Reply reply, const Result<>& filled) {
  if (filled) return answer_from_cache(std::move(job), std::move(reply));
  if (filled.error().code == Errc::no_space) {
    return answer_uncached(std::move(job), std::move(reply));
  }
  fail_read(job, std::move(reply), filled.error());
}

void fill(ReadJob job, Reply reply) {
  const auto parked = Parked::park(std::move(reply));
  if (parked == nullptr) return;
  const auto fs = job.fs;
  const auto file = job.file;
  const ByteRange range = job.range;
  const RequestContext context = job.context;
  const WaiterId waiter =
      fs->engine.fill(file, range, context,
                      [job = std::move(job), ticket = parked->ticket()](Result<> filled) mutable {
                        auto answer = ticket.take();
                        if (!answer) return;
                        if (is_serving_thread())
                          return on_filled(std::move(job), std::move(*answer), filled);
                        // Copying up to a megabyte twice is not for the engine's threads.
                        const auto pool = job.fs->repliers.lock();
                        pool->run([job = std::move(job), reply = std::move(*answer),
                                   filled = std::move(filled)]() mutable {
                          on_filled(std::move(job), std::move(reply), filled);
                        });
                      });
  parked->set_waiter(waiter);
}

void read_range(Filesystem& fs, Reply reply, std::shared_ptr<File> file, std::size_t size,
                std::uint64_t offset) {
  const ByteRange range = clipped(offset, std::min<std::size_t>(size, kMaxRead), file->size());
  if (range.empty()) return reply.bytes({});
  fill({fs.shared_from_this(), std::move(file), range, fs.context()}, std::move(reply));
}

// A node is one generation. The engine opens the current one only; an older one
// is what was read of it.
void read_opened(Filesystem& fs, Reply reply, NodeId node, const Attributes& attributes,
                 Result<std::shared_ptr<File>> file, std::size_t size, std::uint64_t offset) {
  if (file && (*file)->generation() == attributes.generation) {
    fs.recent.keep(node, *file);
    return read_range(fs, std::move(reply), std::move(*file), size, offset);
  }
  if (auto read_before = fs.recent.find(node)) {
    return read_range(fs, std::move(reply), std::move(read_before), size, offset);
  }
  reply.error(file ? ESTALE : fs.logged_errno("open", attributes.id, file.error()));
}

}  // namespace

void start_read(Filesystem& fs, Reply reply, NodeId node, const Attributes& attributes,
                std::shared_ptr<File> file, std::size_t size, std::uint64_t offset) {
  if (file != nullptr) return read_range(fs, std::move(reply), std::move(file), size, offset);
  auto opened = fs.engine.open(attributes.id);
  if (opened || opened.error().code != Errc::busy) {
    return read_opened(fs, std::move(reply), node, attributes, std::move(opened), size, offset);
  }
  // The node's size was known, the present generation's is not: ask.
  const auto parked = Parked::park(std::move(reply));
  if (parked == nullptr) return;
  fs.engine.attributes(
      attributes.id, fs.context(),
      [self = fs.shared_from_this(), ticket = parked->ticket(), node, attributes, size,
       offset](Result<Attributes> now) mutable {
        auto answer = ticket.take();
        if (!answer) return;
        if (!now) {
          return answer->error(self->logged_errno("read", attributes.id, now.error()));
        }
        read_opened(*self, std::move(*answer), node, attributes, self->engine.open(attributes.id),
                    size, offset);
      });
}

}  // namespace lazymirror::fuse
