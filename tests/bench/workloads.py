# SPDX-License-Identifier: Apache-2.0
"""What is measured: each workload is timed, and what it read is compared.

A Session runs the workloads over one System, in an order in which each finds
what it needs: cold ones on a fresh cache with nothing read before it but
listings, warm ones on what the cold ones have read.
"""
import collections
import contextlib
import os
import signal
import subprocess
import tarfile
import time

import memory
from systems import Died

COLD = ["cold find", "cold ls -lR", "cold sequential", "first byte in the middle",
        "cold random 4 KiB", "cold tar, 1 reader", "cold tar, 8 readers"]
WARM = ["warm sequential", "warm random 4 KiB", "warm small files", "warm find",
        "ls -lR after remount", "sequential after remount"]
RANDOM_READS, WARM_RANDOM_READS, WARM_PASSES = 100, 20_000, 3


class Wrong(Exception):
    """A system showed something that is not so."""


class TooSlow(Exception):
    pass


def run(argv, limit, **keywords):
    """Its output; the whole process group ends when the limit is reached."""
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               start_new_session=True, **keywords)
    try:
        out, error = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired as late:
        os.killpg(process.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=5)  # one that waits for a stuck daemon ends with the daemon only
        raise TooSlow from late
    if process.returncode != 0:
        raise Wrong(f"{argv[-1]}: {error.strip()[-300:]}")
    return out


def listed(text):
    """The multiset of (size, name) of the files in what ls -lR printed."""
    rows = (line.split(None, 5) for line in text.splitlines() if line.startswith("-"))
    return collections.Counter((row[4], row[5]) for row in rows)


def check_tar(path, tree, names):
    left = set(names)
    with tarfile.open(path) as archive:
        for member in archive:
            if member.isfile():
                with open(tree.path(member.name), "rb") as truth:
                    if truth.read() != archive.extractfile(member).read():
                        raise Wrong(f"{member.name} in a tar")
                left.discard(member.name)
    if left:
        raise Wrong(f"{len(left)} files are not in the tar")


class Session:
    def __init__(self, system, tree, results, tools, limit):
        self.system = system
        self.tree = tree
        self.results = results
        self.reader = tools.reader
        self.scratch = tools.scratch
        self.say = tools.say
        self.limit = limit
        self.broken = False
        self.starts_left = 2

    # --- the frame ---

    def measure(self, workload, action):
        """`action` returns seconds; what it asked of the origin is counted. Whether it went well."""
        if self.broken:
            return False
        origin = self.system.origin
        if origin:
            origin.count()
        cpu = self.system.cpu()
        record = self.results.record(self.system, workload)
        try:
            record.add(action(), self.system.cpu() - cpu)
            if origin:
                record.requests.append(origin.count())
        except TooSlow:
            record.fail(f"more than {self.limit} s", self.limit)
        except (Wrong, Died, OSError, ValueError) as error:
            record.fail(str(error))
        self.broken = not self.system.alive()
        if self.broken:
            record.fail("its daemon ended")
        said = "; ".join(record.failures) or f"{record.seconds[-1]:.3g} s"
        self.say(f"  {workload}: {said}")
        return not record.failures

    def restart(self, fresh):
        self.system.stop()
        self.broken = self.starts_left == 0
        if self.broken:
            return
        try:
            self.system.start(fresh)
        except Died as error:
            self.broken = True
            self.starts_left -= 1
            self.results.record(self.system, "start").fail(str(error))

    def timed(self, argv, **keywords):
        begin = time.monotonic()
        out = run([*self.system.reader, *argv], self.limit, **keywords)
        return time.monotonic() - begin, out

    def path(self, name=""):
        return os.path.join(self.system.root(), name)

    def read(self, mode, name, *rest):
        """A loop of checked_read, which compares by itself."""
        return float(run([*self.system.reader, self.reader, mode, self.tree.path(name), self.path(name),
                          *map(str, rest)], self.limit))

    def list_of(self, name, names):
        path = os.path.join(self.scratch, name)
        with open(path, "w", encoding="utf-8") as out:
            out.writelines(f"{each}\n" for each in names)
        return path

    # --- the workloads ---

    def find(self):
        seconds, out = self.timed(["find", self.path("small"), "-type", "f", "-printf", "small/%P %s\\n"])
        truth = sorted(f"{name} {os.path.getsize(self.tree.path(name))}" for name in self.tree.names)
        if sorted(out.splitlines()) != truth:
            raise Wrong("find shows another tree")
        return seconds

    def ls(self):
        seconds, out = self.timed(["ls", "-lR", "--time-style=+", self.path("small")])
        if listed(out) != listed(run(["ls", "-lR", "--time-style=+", self.tree.path("small")], 600)):
            raise Wrong("ls -lR shows another tree")
        return seconds

    def tar(self, names, readers):
        shares = [names[i * len(names) // readers:(i + 1) * len(names) // readers] for i in range(readers)]
        outs = [os.path.join(self.scratch, f"out{i}.tar") for i in range(readers)]
        commands = [f"tar -cf - -C {self.path()} -T {self.list_of(f'tar{i}', share)} > {out} & pids=\"$pids $!\""
                    for i, (share, out) in enumerate(zip(shares, outs))]
        script = "\n".join([*commands, "for pid in $pids; do wait $pid || exit 1; done"])
        try:
            seconds, _ = self.timed(["sh", "-c", script])
            for share, out in zip(shares, outs):
                check_tar(out, self.tree, share)
        finally:
            for out in outs:
                if os.path.exists(out):
                    os.unlink(out)
        return seconds

    def small(self, threads, passes):
        names = self.tree.warm(self.system.warm_files)
        seconds = self.read("files", "", self.list_of("small", names), threads, passes)
        return seconds * self.tree.sizes.warm / len(names)

    def cold(self):
        self.restart(fresh=True)
        self.measure("cold find", self.find)
        self.restart(fresh=True)
        self.measure("cold ls -lR", self.ls)
        if self.broken:
            self.restart(fresh=True)
        self.measure("(list the root)", lambda: self.timed(["ls", "-l", self.path()])[0])
        memory.have(4 * self.tree.sizes.big)
        self.measure("cold sequential", lambda: self.read("seq", "big.bin", 1))
        self.measure("first byte in the middle", lambda: self.read("first", "middle.bin", 5))
        self.measure("cold random 4 KiB", lambda: self.read("random", "random.bin", RANDOM_READS, 1))
        # In this order: a reader that stops leaves guesses unused, and fewer are made for a while.
        self.measure("cold tar, 8 readers", lambda: self.tar(self.tree.many_readers(), 8))
        self.measure("cold tar, 1 reader", lambda: self.tar(self.tree.one_reader(), 1))

    def warm(self):
        if self.broken:
            self.restart(fresh=False)
        fetched = self.measure("(fetch for the warm ones)", lambda: self.small(16, 1))
        self.measure("warm sequential", lambda: self.read("seq", "big.bin", WARM_PASSES))
        self.measure("warm random 4 KiB", lambda: self.read("random", "big.bin", WARM_RANDOM_READS, WARM_PASSES))
        if fetched:
            self.measure("warm small files", lambda: self.small(1, WARM_PASSES))
        self.measure("warm find", self.find)
        self.restart(fresh=False)
        self.measure("ls -lR after remount", self.ls)
        self.measure("sequential after remount", lambda: self.read("seq", "big.bin", WARM_PASSES))
