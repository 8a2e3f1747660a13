#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Figures of the FUSE mount, by hand, as root:

    cmake --preset bench && cmake --build --preset bench
    tests/bench/mount_bench.py --build build/bench [--work DIR] [--json FILE] [--only NAME...]

Every figure is a ratio to the plain tool or to plain files on the same file
system in the same repetition, or an absolute count; medians of --reps. DIR
must lie on the file system that is to be measured. Prints Markdown; --json
keeps the raw values. Exit status 1 when a goal is missed.
"""
import os
import shutil
import subprocess
import sys

import harness
from harness import run


class MountBench(harness.Bench):
    def warm_passthrough(self):
        with self.nginx() as url, self.mount(url, "--io=passthrough") as (mnt, cache, _):
            big, plain = f"{mnt}/big.bin", f"{cache}/data/big.bin"
            self.read("seq", big, 131072)
            self.read("seq", plain, 131072)
            tree = os.path.join(self.www, "tree")
            self.ls(f"{mnt}/tree"), self.ls(tree)
            for rep in self.repeat():
                self.compare("warm passthrough, sequential 128 KiB", rep, "seq", 131072, ours=big, plain=plain)
                self.compare("warm passthrough, random 4 KiB", rep, "rand", 4096, 50000, rep, ours=big, plain=plain)
                self.compare("warm passthrough, mmap", rep, "mmap", ours=big, plain=plain)
                self.put("warm passthrough, second ls -lR", self.ls(f"{mnt}/tree"), self.ls(tree))
            self.put("warm passthrough, small files (no goal)", self.first_then(mnt), self.read("small", self.list, tree))

    def first_then(self, mnt):
        self.read("small", self.list, f"{mnt}/tree")
        return self.read("small", self.list, f"{mnt}/tree")

    def warm_cached(self):
        tree = os.path.join(self.www, "tree")
        with self.nginx() as url, self.mount(url, "--io=cached") as (mnt, _, _):
            self.read("small", self.list, f"{mnt}/tree")
            self.read("small", self.list, tree)
            self.ls(f"{mnt}/tree"), self.ls(tree)
            self.read("seq", f"{mnt}/big.bin", 131072)
            for _ in self.repeat():
                self.put("warm cached, 10,000 small files", self.read("small", self.list, f"{mnt}/tree"), self.read("small", self.list, tree))
                self.put("warm cached, second ls -lR (no goal)", self.ls(f"{mnt}/tree"), self.ls(tree))
                self.put("warm cached, sequential 128 KiB (no goal)", self.read("seq", f"{mnt}/big.bin", 131072),
                         self.read("seq", os.path.join(self.www, "big.bin"), 131072))

    def cold(self, url, io):
        os.sync()
        with self.mount(url, f"--io={io}") as (mnt, cache, _):
            os.stat(f"{mnt}/big.bin")
            speed = self.read("once", f"{mnt}/big.bin", 131072)
        shutil.rmtree(cache)
        return speed

    def cold_sequential(self):
        with self.nginx() as url:
            self.curl(url + "big.bin")
            for io in ("passthrough", "cached"):
                for _ in self.repeat():
                    plain = self.curl(url + "big.bin")
                    self.put(f"cold sequential, {io}, to curl -o", self.cold(url, io), plain)

    def first_byte(self):
        delay = 40
        with self.oracle_origin(delay, f"/d/big.bin:{1 << 30}") as url:
            for io in ("passthrough", "cached"):
                for _ in self.repeat():
                    with self.mount(url, f"--io={io}") as (mnt, cache, _):
                        os.listdir(f"{mnt}/d")
                        self.put(f"first byte in the middle, {io}, ms beyond one round trip",
                                 self.read("first", f"{mnt}/d/big.bin", 15) - delay)
                    shutil.rmtree(cache)

    def cold_find(self):
        with self.nginx() as url:
            before = sum(1 for _ in open(self.access_log))
            with self.mount(url + "tree/") as (mnt, _, _):
                found = run("find", mnt, "-type", "f", "-printf", "%s\\n", stdout=subprocess.PIPE).stdout
            if found.count(b"\n") != 20_000:
                sys.exit("mount_bench: find did not see all")
            self.put("cold find, 200 directories, requests", sum(1 for _ in open(self.access_log)) - before)

    def memory(self):
        with self.oracle_origin(0, "/dir-:400x250:1000") as url, self.mount(url) as (mnt, _, pid):
            found = run("find", mnt, "-type", "f", "-printf", "%s\\n", stdout=subprocess.PIPE).stdout
            if found.count(b"\n") != 100_000:
                sys.exit("mount_bench: find did not see all")
            with open(f"/proc/{pid}/status") as status:
                rss = next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
            self.put("RSS with 100,000 known entries, MB", rss * 1024 / 1e6)


GOALS = {  # at least, for ratios; at most, for absolute figures
    "warm passthrough, sequential 128 KiB": 0.95,
    "warm passthrough, random 4 KiB": 0.85,
    "warm passthrough, mmap": 0.9,
    "warm passthrough, second ls -lR": 1.0,
    "warm cached, 10,000 small files": 0.6,
    "cold sequential, passthrough, to curl -o": 0.8,
    "cold sequential, cached, to curl -o": 0.8,
    "first byte in the middle, passthrough, ms beyond one round trip": 5,
    "first byte in the middle, cached, ms beyond one round trip": 5,
    "cold find, 200 directories, requests": 205,
    "RSS with 100,000 known entries, MB": 60,
}
FIGURES = ["warm_passthrough", "warm_cached", "cold_sequential", "first_byte", "cold_find", "memory"]


if __name__ == "__main__":
    harness.main(MountBench, __doc__, GOALS, FIGURES)
