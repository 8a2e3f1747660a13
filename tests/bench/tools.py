# SPDX-License-Identifier: Apache-2.0
"""What people do without a file system: curl and wget, over the same work."""
import os
import random
import resource
import shutil

import memory
from workloads import RANDOM_READS, Session, Wrong

PAGE = 4096


class Tool:
    """Stands where a System stands, though nothing is mounted."""

    reader = []

    def __init__(self, name, where, origin, protocol):
        self.name = name
        self.where = where
        self.origin = origin
        self.protocol = protocol
        self.peak = 0
        os.makedirs(where, exist_ok=True)

    def alive(self):
        return True

    def stop(self):
        shutil.rmtree(self.where, ignore_errors=True)

    def cpu(self):
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    def url(self, name):
        return self.origin.url(self.protocol) + name

    def curl(self):
        return [*self.origin.network.client, "curl", "-sS", "--fail", "--cacert", self.origin.ca]


class ToolSession(Session):
    """The cold workloads as far as a tool can do them."""

    def out(self, name="out"):
        return os.path.join(self.system.where, name)

    def same(self, name, path, begin=0, size=None):
        with open(self.tree.path(name), "rb") as truth, open(path, "rb") as got:
            truth.seek(begin)
            if truth.read(size if size else -1) != got.read():
                raise Wrong(f"{path} is not {name}")
        os.unlink(path)

    def sequential(self):
        seconds, _ = self.timed([*self.system.curl(), "-o", self.out(), self.system.url("big.bin")])
        self.same("big.bin", self.out())
        return seconds

    def config(self, transfers):
        """A file of options for curl: (name, out, lines), on one connection."""
        path = self.out("config")
        with open(path, "w", encoding="utf-8") as config:
            config.write("\nnext\n".join(
                f'url="{self.system.url(name)}"\noutput="{out}"\ncacert="{self.system.origin.ca}"\nsilent\nfail\n{lines}'
                for name, out, lines in transfers))
        return path

    def ranges(self, name, places):
        """Seconds in all, and of the last answer alone."""
        outs = [self.out(f"range{i}") for i in range(len(places))]
        config = self.config([(name, out, f'range="{at}-{at + PAGE - 1}"\nwrite-out="%{{time_total}}\\n"\n')
                              for out, at in zip(outs, places)])
        seconds, said = self.timed([*self.system.curl(), "-K", config])
        for out, at in zip(outs, places):
            self.same(name, out, at, PAGE)
        return seconds, float(said.split()[-1])

    def first_byte(self):
        """On a connection that the transfer before has made."""
        middle = self.tree.sizes.big // 2
        return self.ranges("middle.bin", [0, middle])[1]

    def at_random(self):
        rng = random.Random(1)
        places = [rng.randrange(self.tree.sizes.big // PAGE) * PAGE for _ in range(RANDOM_READS)]
        return self.ranges("random.bin", places)[0]

    def files(self, names, readers):
        shutil.rmtree(self.out("files"), ignore_errors=True)
        os.makedirs(self.out("files"))
        path = self.out("config")
        with open(path, "w", encoding="utf-8") as config:
            for i, name in enumerate(names):
                config.write(f'url="{self.system.url(name)}"\noutput="{self.out("files")}/{i}"\n')
        parallel = ["-Z", "--parallel-max", str(readers)] if readers > 1 else []
        seconds, _ = self.timed([*self.system.curl(), *parallel, "-K", path])
        for i, name in enumerate(names):
            self.same(name, self.out(f"files/{i}"))
        return seconds

    def cold(self):
        memory.have(4 * self.tree.sizes.big)
        self.measure("cold sequential", self.sequential)
        self.measure("first byte in the middle", self.first_byte)
        self.measure("cold random 4 KiB", self.at_random)
        self.measure("cold tar, 8 readers", lambda: self.files(self.tree.many_readers(), 8))
        self.measure("cold tar, 1 reader", lambda: self.files(self.tree.one_reader(), 1))

    def warm(self):
        """There is no second time."""


class WgetSession(ToolSession):
    """wget -i, one kept connection."""

    def wget(self, names):
        path = self.out("list")
        with open(path, "w", encoding="utf-8") as urls:
            urls.writelines(self.system.url(name) + "\n" for name in names)
        seconds, _ = self.timed([*self.system.origin.network.client, "wget", "-q", "-x", "-nH", "--ca-certificate",
                                 self.system.origin.ca, "-P", self.out("files"), "-i", path])
        for name in names:
            self.same(name, self.out(f"files/{name}"))
        return seconds

    def cold(self):
        memory.have(4 * self.tree.sizes.big)
        self.measure("cold sequential", lambda: self.wget(["big.bin"]))
        self.measure("cold tar, 1 reader", lambda: self.wget(self.tree.one_reader()))
