# SPDX-License-Identifier: Apache-2.0
"""The tree that the benchmark serves, which is also the truth it compares with."""
import dataclasses
import os
import random

MIB = 1 << 20


@dataclasses.dataclass(frozen=True)
class Sizes:
    big: int            # of big.bin, middle.bin and random.bin
    directories: int    # of 100 small files each
    tar: int            # small files read by each tar workload
    warm: int           # small files opened by the warm workload


SIZES = {"full": Sizes(512 * MIB, 200, 2_000, 10_000),
         "tiny": Sizes(8 * MIB, 8, 200, 400)}
FILES_PER_DIRECTORY = 100


class Tree:
    """`small/dir-DDD/file-FFF.dat` and three big files under `root`."""

    def __init__(self, root, sizes):
        self.root = root
        self.sizes = sizes
        rng = random.Random(1)
        self.names = [f"small/dir-{d:03d}/file-{f:03d}.dat"
                      for d in range(sizes.directories) for f in range(FILES_PER_DIRECTORY)]
        for name in self.names:
            os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
            self._write(name, [rng.randbytes(rng.randint(200, 16384))])
        for name in ("big.bin", "middle.bin", "random.bin"):
            self._write(name, (rng.randbytes(MIB) for _ in range(sizes.big // MIB)))

    def path(self, name):
        return os.path.join(self.root, name)

    def _write(self, name, blocks):
        with open(self.path(name), "wb") as out:
            out.writelines(blocks)

    # Each workload has files of its own, or the second would find the first's.

    def one_reader(self):
        return self.names[:self.sizes.tar]

    def many_readers(self):
        return self.names[self.sizes.tar:2 * self.sizes.tar]

    def warm(self, count):
        return self.names[self.sizes.tar:][:count]
