#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Figures of very large trees, by hand, as root:

    cmake --preset bench && cmake --build --preset bench
    chrt -r 5 tests/bench/scale_bench.py --build build/bench [--work DIR] [--json FILE] [--only NAME...]

The tree is made up by a server: 1,000,000 files in 10,101 directories. Trees in
place are watched on loop-mounted XFS images of their own, in a private mount
namespace. Every figure is an absolute one.

crawl_*      fetch --metadata -r of the whole; the largest resident set meanwhile, of
             both processes where there are two; then from a start to the first lookup
eviction_*   100,000 cached files and 30,000 more that come one after the other: how
             long the longest open and read of some that are in use takes meanwhile;
             sets the priorities itself: to be run without chrt
"""
import contextlib
import json
import os
import subprocess
import sys
import time

import harness
from harness import run

SHAPE = (100, 100, 100)
CACHED, FILE_SIZE = 1000, 4096  # directories of 100 files
NEW = 300  # further ones, for which room has to be made
READER = """
import os, random, sys, time
tree, chosen = sys.argv[1], random.Random(1)
paths = [f"{tree}/old{chosen.randrange(%d)}/some-file-of-usual-length-{chosen.randrange(100)}.tar.gz" for _ in range(500)]
longest = 0.0
while os.getppid() == int(sys.argv[2]) and not os.path.exists(sys.argv[3]):
    for path in paths:
        begin = time.monotonic()
        with open(path, "rb", buffering=0) as file:
            file.read(4096)
        longest = max(longest, time.monotonic() - begin)
    time.sleep(0.01)  # or the kernel stops it for the rest of each second (sched(7), real-time limits)
print(longest * 1000)
""" % CACHED


def children_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as children:
        return [int(child) for child in children.read().split()]


def status_of(pid):
    with open(f"/proc/{pid}/status") as status:
        return dict(line.split(":", 1) for line in status)


def peak_mb(pid):
    """Of the daemon, of keeper and worker together."""
    return sum(int(status_of(each)["VmHWM"].split()[0]) for each in [pid, *children_of(pid)]) * 1024 / 1e6


def favour(*pids):
    """Before all else that runs, but for the reader: what is measured is not the scheduler."""
    for pid in pids:
        run("chrt", "--all-tasks", "--rr", "--pid", "5", pid)


class ScaleBench(harness.Bench):
    def make_tree(self):
        self.generated = os.path.join(self.args.build, "tests/bench/generated_server")

    @contextlib.contextmanager
    def file_system(self):
        image, where = self.path("image"), self.path("fs")
        os.makedirs(where)
        run("truncate", "-s", "12G", image)
        run("mkfs.xfs", "-q", image, stdout=subprocess.DEVNULL)
        run("mount", "-o", "loop", image, where)
        try:
            yield os.path.join(where, "cache")
        finally:
            run("umount", where)
            os.unlink(image)

    def mounted(self, url, measure, *options):
        cache = self.path("cache")
        measure("mount", lambda: self.mount(url, *options, cache=cache))

    def watched(self, url, measure, *options):
        with self.file_system() as cache:
            measure("watch", lambda: self.watch(url, cache, *options))

    # --- the crawl ---

    def crawl(self, served):
        with self.server(self.generated, *SHAPE) as url:
            served(url, self.crawl_of)

    def crawl_mount(self):
        self.crawl(self.mounted)

    def crawl_watch(self):
        self.crawl(self.watched)

    def crawl_of(self, mode, serve):
        with serve() as (tree, _, pid):
            begin = time.monotonic()
            run(self.binary, "fetch", "--metadata", "-r", tree, stdout=subprocess.DEVNULL)
            self.put(f"{mode}: crawl, s", time.monotonic() - begin)
            self.put(f"{mode}: largest resident set, MB", peak_mb(pid))
            self.check_count(tree)
        last = f"d{SHAPE[0] - 1}/e{SHAPE[1] - 1}/some-file-of-usual-length-0.tar.gz"
        for _ in self.repeat():
            begin = time.monotonic()
            with serve() as (tree, *_):
                os.stat(os.path.join(tree, last))
                self.put(f"{mode}: start to the first lookup, s", time.monotonic() - begin)

    def check_count(self, tree):
        status = json.loads(run(self.binary, "status", "--json", tree, stdout=subprocess.PIPE).stdout)
        outer, inner, files = SHAPE
        if status["entries"] < outer + outer * inner + outer * inner * files:
            sys.exit(f"scale_bench: only {status['entries']} entries are known")

    # --- eviction ---

    def eviction_mount(self):
        self.eviction(self.mounted)

    def eviction_watch(self):
        self.eviction(self.watched)

    def eviction(self, served):
        sizes = [f"/old:{CACHED}x100:{FILE_SIZE}", f"/new:{NEW}x100:{FILE_SIZE}"]
        with self.oracle_origin(0, *sizes) as url:
            served(url, self.eviction_of, f"--cache-size={CACHED * 100 * FILE_SIZE + (8 << 20)}")

    def eviction_of(self, mode, serve):
        with serve() as (tree, _, pid):
            favour(pid, *children_of(pid))
            old = [os.path.join(tree, f"old{i}") for i in range(CACHED)]
            for at in range(0, CACHED, 100):
                run(self.binary, "fetch", "-r", *old[at:at + 100], stdout=subprocess.DEVNULL)
            for rep in self.repeat():
                self.put(f"{mode}: longest read of a cached file, nothing is evicted, ms", self.longest(tree, lambda: time.sleep(5)))
                self.put(f"{mode}: longest read of a cached file, others are evicted, ms", self.longest(tree, lambda: self.fetch_new(tree, rep)))
            status = json.loads(run(self.binary, "status", "--json", tree, stdout=subprocess.PIPE).stdout)
            self.put(f"{mode}: files evicted (no goal)", status["storage"]["evicted_files"])

    def fetch_new(self, tree, rep):
        share = NEW // self.args.reps
        new = [os.path.join(tree, f"new{i}") for i in range(rep * share, (rep + 1) * share)]
        run(self.binary, "fetch", "-r", *new, stdout=subprocess.DEVNULL)

    def longest(self, tree, meanwhile):
        done = self.path("done")
        reader = subprocess.Popen(["chrt", "-r", "6", sys.executable, "-c", READER, tree, str(os.getpid()), done],
                                  stdout=subprocess.PIPE, text=True)
        time.sleep(1)
        meanwhile()
        open(done, "w").close()
        return float(reader.communicate()[0])


GOALS = {}
for each in ("mount", "watch"):
    GOALS |= {
        f"{each}: largest resident set, MB": 400,
        f"{each}: start to the first lookup, s": 1,
        f"{each}: longest read of a cached file, others are evicted, ms": 50,
    }
FIGURES = ["crawl_mount", "crawl_watch", "eviction_mount", "eviction_watch"]

if __name__ == "__main__":
    if os.environ.setdefault("LAZYMIRROR_BENCH_MOUNTS", "shared") == "shared":
        os.environ["LAZYMIRROR_BENCH_MOUNTS"] = "private"
        os.execvp("unshare", ["unshare", "--mount", sys.executable, "-B", *sys.argv])
    harness.main(ScaleBench, __doc__, GOALS, FIGURES)
