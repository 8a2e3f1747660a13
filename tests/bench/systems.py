# SPDX-License-Identifier: Apache-2.0
"""The systems under test: each shows the origin's tree at a path.

A System is started on an empty cache or on the one that it left, and says what
its processes used. Clients run with `reader` before their command line, in the
user's shoes who may read the mount.
"""
import os
import subprocess
import tempfile
import time

NOBODY = ["setpriv", "--pdeathsig", "TERM", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
START_LIMIT = 60
STOP_LIMIT = 30
BIG_BLOCKS = 2048  # of 512 bytes
WATCH_LIMIT = "3600"  # seconds; nothing that holds permission events runs for longer


class Died(Exception):
    pass


def _stat_fields(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
        return stat.read().rsplit(")", 1)[1].split()


def _family(pid):
    """The process and what it started."""
    pids = [pid]
    for each in pids:
        try:
            with open(f"/proc/{each}/task/{each}/children", encoding="utf-8") as children:
                pids += [int(child) for child in children.read().split()]
        except OSError:
            pass
    return pids


def is_mounted(path):
    """By the mount table: not everybody may look into the mount, and a view has its parent's device."""
    with open("/proc/self/mounts", encoding="utf-8") as mounts:
        return any(line.split(" ")[1] == path for line in mounts)


def cpu_seconds(pid):
    """Of the process and its children that live."""
    ticks = 0
    for each in _family(pid):
        try:
            fields = _stat_fields(each)
            ticks += int(fields[11]) + int(fields[12])
        except OSError:
            pass
    return ticks / os.sysconf("SC_CLK_TCK")


def peak_megabytes(pid):
    total = 0
    for each in _family(pid):
        try:
            with open(f"/proc/{each}/status", encoding="utf-8") as status:
                total += sum(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
        except OSError:
            pass
    return total * 1024 / 1e6


def _drop_pages(path):
    fd = os.open(path, os.O_RDONLY)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(fd)


class System:
    """What all have in common; `where` is a directory of the system's own."""

    warm_files = 10_000
    reader = []

    def __init__(self, name, where, tree, origin=None, protocol=None):
        self.name = name
        self.where = where
        self.cache = os.path.join(where, "cache")
        self.truth = tree.root
        self.origin = origin
        self.protocol = protocol
        self.process = None
        self.peak = 0
        os.makedirs(where, exist_ok=True)

    @property
    def url(self):
        return self.origin.url(self.protocol)

    # --- what differs ---

    def command(self):
        raise NotImplementedError

    def root(self):
        return os.path.join(self.where, "mnt")

    def is_up(self):
        return is_mounted(self.root())

    # --- life ---

    def start(self, fresh):
        if fresh:
            self.clear()
        self.make_places()
        with open(os.path.join(self.where, "log"), "a", encoding="utf-8") as log:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log)
        end = time.monotonic() + START_LIMIT
        while not self.is_up():
            if self.process.poll() is not None or time.monotonic() > end:
                raise Died(f"{self.name} does not start, see {log.name}")
            time.sleep(0.01)

    def make_places(self):
        for path in (self.root(), self.cache):
            os.makedirs(path, exist_ok=True)

    def clear(self):
        """The old cache is put aside, without its big files' bytes: ext4 looks at every inode that
        went within the last minute whenever it makes one (recently_deleted(), fs/ext4/ialloc.c)."""
        if not os.path.isdir(self.cache):
            return
        aside = tempfile.mkdtemp(prefix="old.", dir=self.where)
        os.rename(self.cache, os.path.join(aside, "cache"))
        for place, _, names in os.walk(aside):
            for path in (os.path.join(place, name) for name in names):
                if os.lstat(path).st_blocks > BIG_BLOCKS:
                    os.truncate(path, 0)

    def alive(self):
        return self.process.poll() is None

    def cpu(self):
        return cpu_seconds(self.process.pid)

    def stop(self):
        if not self.process:
            return
        self.peak = max(self.peak, peak_megabytes(self.process.pid))
        self.process.terminate()
        try:
            self.process.wait(STOP_LIMIT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None
        if self.is_up():
            subprocess.run(["umount", "-l", self.root()], check=False)


class Native(System):
    """Plain files: no daemon, nothing to wait for."""

    def __init__(self, name, root, tree):
        super().__init__(name, root, tree)

    def root(self):
        return self.where

    def start(self, fresh):
        """Cold is the data only: the kernel's names cannot be dropped for one tree."""
        if fresh:
            os.sync()
            for folder, _, files in os.walk(self.root()):
                for name in files:
                    _drop_pages(os.path.join(folder, name))

    def alive(self):
        return True

    def cpu(self):
        return 0

    def stop(self):
        pass


class Mount(System):
    """lazymirror mount, by root."""

    def __init__(self, binary, io, *rest):
        super().__init__(*rest)
        self.binary = binary
        self.io = io

    def options(self):
        return ["--foreground", f"--cacert={self.origin.ca}",
                *(["--connections=32"] if self.protocol == "h1" else [])]

    def command(self):
        return [*self.origin.network.client, self.binary, "mount", *self.options(), f"--io={self.io}",
                f"--cache-location={self.cache}", self.url, self.root()]


class UserMount(Mount):
    """lazymirror mount by somebody without privileges."""

    reader = NOBODY

    def make_places(self):
        super().make_places()
        for path in (self.where, self.root(), self.cache):
            os.chown(path, 65534, 65534)

    def command(self):
        client = len(self.origin.network.client)
        return [*super().command()[:client], *NOBODY, *super().command()[client:]]


class Watch(Mount):
    """lazymirror watch; `where` lies on a file system of its own."""

    def __init__(self, binary, *rest):
        super().__init__(binary, None, *rest)

    def root(self):
        return os.path.join(self.cache, "data")

    def is_up(self):
        return is_mounted(self.root()) and os.stat(self.root()).st_mode & 0o777 == 0o755

    def make_places(self):
        """The daemon makes its data directory itself."""

    def command(self):
        return [*self.origin.network.client, "timeout", WATCH_LIMIT, self.binary, "watch",
                *self.options(), self.url, self.cache]


class Rclone(System):
    OPTIONS = ["--read-only", "--vfs-cache-mode", "full", "--dir-cache-time", "24h", "--poll-interval", "0",
               "--attr-timeout", "1h", "--vfs-cache-max-age", "24h", "--checkers", "64", "--transfers", "16",
               "--vfs-read-chunk-size", "1M", "--vfs-read-ahead", "64M", "--buffer-size", "16M"]
    warm_files = 1_000

    def command(self):
        return [*self.origin.network.client, "rclone", "mount", ":http:", self.root(), "--config", "/dev/null",
                "--http-url", self.url, "--ca-cert", self.origin.ca, "--cache-dir", self.cache, *self.OPTIONS]


class Httpdirfs(System):
    OPTIONS = ["--cache", "--max-conns", "32", "--no-range-check",
               "-o", "kernel_cache,entry_timeout=3600,attr_timeout=3600"]
    warm_files = 1_000

    def command(self):
        return [*self.origin.network.client, "httpdirfs", "-f", *self.OPTIONS, "--cacert", self.origin.ca,
                "--cache-location", self.cache, self.url, self.root()]
