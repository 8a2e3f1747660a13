# SPDX-License-Identifier: Apache-2.0
"""Memory that the machine really has.

A virtual machine's free memory may be its host's just now (balloon, free page
reporting); each page then costs several microseconds when it is first used,
for whichever system that happens to be. So it is had beforehand.
"""
import mmap

POPULATE_WRITE = 23  # madvise(2), Linux 5.14


def available():
    with open("/proc/meminfo", encoding="ascii") as info:
        return next(int(line.split()[1]) * 1024 for line in info if line.startswith("MemAvailable:"))


def have(size):
    """That many bytes at most, of what is free; they are free again afterwards."""
    size = min(size, available() // 2)
    with mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as pages:
        try:
            pages.madvise(POPULATE_WRITE)
        except OSError:
            for at in range(0, size, mmap.PAGESIZE):
                pages[at] = 1
