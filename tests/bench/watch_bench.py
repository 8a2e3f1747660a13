#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Figures of trees in place, by hand, as root:

    cmake --preset bench && cmake --build --preset bench
    nice -n -15 tests/bench/watch_bench.py --build build/bench [--work DIR] [--json FILE] [--only NAME...]

As mount_bench.py; every figure on a loop-mounted image of its own of ext4, XFS
and btrfs, in a private mount namespace. Marks are set on nothing else. The
native side is the same loop on another such image that nobody watches, the two
by turns. Whatever was read is compared with the origin's file afterwards.
"""
import contextlib
import filecmp
import os
import random
import subprocess
import sys
import time

import harness
from harness import run

FILE_SYSTEMS = ("ext4", "xfs", "btrfs")
CREATED = 20_000


class WatchBench(harness.Bench):
    def make_tree(self):
        self.make_big(random.Random(1))

    @contextlib.contextmanager
    def file_system(self, kind):
        image, where = self.path("image"), self.path("fs")
        os.makedirs(where)
        run("truncate", "-s", "4G", image)
        run(f"mkfs.{kind}", "-q", image, stdout=subprocess.DEVNULL)
        run("mount", "-o", "loop", image, where)
        try:
            yield where
        finally:
            run("umount", where)
            os.unlink(image)

    def check(self, ours, path="big.bin"):
        if not filecmp.cmp(ours, os.path.join(self.www, path), shallow=False):
            sys.exit(f"watch_bench: {ours} has wrong bytes")

    def warm(self):
        for kind in FILE_SYSTEMS:
            with self.file_system(kind) as where, self.file_system(kind) as unwatched, self.nginx() as url:
                plain = os.path.join(unwatched, "cache", "data", "big.bin")  # as deep as ours
                os.makedirs(os.path.dirname(plain))
                run("cp", os.path.join(self.www, "big.bin"), plain)
                with self.watch(url, os.path.join(where, "cache")) as (data, *_):
                    ours = f"{data}/big.bin"
                    self.check(ours)
                    os.sync()
                    for each in (ours, plain):  # pages as readahead makes them, not as they were written
                        self.read("evict", each)
                        self.check(each)
                    for rep in self.repeat():
                        for name, argv in self.loops():
                            self.compare(f"{kind}: complete file, {name}", rep, *argv, ours=ours, plain=plain)
                    self.check(ours)

    def loops(self):
        return [("sequential 128 KiB", ("seq", 131072)), ("random 4 KiB", ("rand", 4096, 200000, 1)),
                ("open and close", ("open", 50000))]

    def cold(self, url, kind):
        with self.file_system(kind) as where, self.watch(url, os.path.join(where, "cache")) as (data, *_):
            os.stat(f"{data}/big.bin")
            os.sync()
            speed = self.read("once", f"{data}/big.bin", 131072)
            self.check(f"{data}/big.bin")
            return speed

    def plain_download(self, url, kind):
        with self.file_system(kind) as where:
            return self.curl(url + "big.bin", os.path.join(where, "curl.out"))

    def cold_sequential(self):
        with self.nginx() as url:
            for kind in FILE_SYSTEMS:
                for rep in self.repeat():
                    order = [self.cold, self.plain_download] if rep % 2 == 0 else [self.plain_download, self.cold]
                    speeds = {way: way(url, kind) for way in order}
                    self.put(f"{kind}: cold sequential, to curl -o", speeds[self.cold], speeds[self.plain_download])

    def placeholders(self):
        with self.oracle_origin(0, f"/d/:1x{CREATED}:20000") as url:
            for rep in self.repeat():
                for kind in FILE_SYSTEMS:
                    with self.file_system(kind) as where, self.watch(url, os.path.join(where, "cache")) as (data, *_):
                        os.stat(f"{data}/d")
                        begin = time.monotonic()
                        names = os.listdir(f"{data}/d/0")
                        self.put(f"{kind}: placeholders made, a second", CREATED / (time.monotonic() - begin))
                        if sum(os.stat(f"{data}/d/0/{name}").st_size for name in names) != CREATED * 20000:
                            sys.exit("watch_bench: not all files are there")

    def start_up(self):
        for kind in FILE_SYSTEMS:
            with self.file_system(kind) as where, self.oracle_origin(0, "/dir-:400x250:1000") as url:
                cache = os.path.join(where, "cache")
                with self.watch(url, cache) as (data, *_):
                    self.find_all(data)
                for _ in self.repeat():
                    begin = time.monotonic()
                    with self.watch(url, cache) as (data, *_):
                        self.put(f"{kind}: start with 100,000 known entries, s", time.monotonic() - begin)
                with self.watch(url, cache) as (data, *_):
                    self.find_all(data)

    @staticmethod
    def find_all(data):
        found = run("find", data, "-type", "f", "-printf", "%s\\n", stdout=subprocess.PIPE).stdout
        if found != b"1000\n" * 100_000:
            sys.exit("watch_bench: find did not see all")

    def crowd(self):
        with self.nginx() as url:
            for _ in self.repeat():
                for kind in FILE_SYSTEMS:
                    with self.file_system(kind) as where, self.watch(url, os.path.join(where, "cache")) as (data, *_):
                        self.put(f"{kind}: 1,000 readers blocked at once, p99, s",
                                 self.read("crowd", f"{data}/big.bin", 1000, f"{self.www}/big.bin") / 1000)


GOALS = {}
for each in FILE_SYSTEMS:
    GOALS |= {
        f"{each}: complete file, sequential 128 KiB": 0.97,
        f"{each}: complete file, random 4 KiB": 0.75,
        f"{each}: complete file, open and close": 0.9,
        f"{each}: cold sequential, to curl -o": 0.8,
        f"{each}: placeholders made, a second": 5_000 if each == "xfs" else 10_000,
        f"{each}: start with 100,000 known entries, s": 1,
        f"{each}: 1,000 readers blocked at once, p99, s": 2,
    }
AT_LEAST = {f"{each}: placeholders made, a second" for each in FILE_SYSTEMS}
FIGURES = ["warm", "cold_sequential", "placeholders", "start_up", "crowd"]

if __name__ == "__main__":
    if os.environ.setdefault("LAZYMIRROR_BENCH_MOUNTS", "shared") == "shared":
        os.environ["LAZYMIRROR_BENCH_MOUNTS"] = "private"
        os.execvp("unshare", ["unshare", "--mount", sys.executable, *sys.argv])
    harness.main(WatchBench, __doc__, GOALS, FIGURES, AT_LEAST)
