#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The same work through lazymirror, through what people would use instead, and on plain files.

Origins: nginx, HTTP/2 over TLS (default options) and HTTP/1.1 (--connections 32),
a round trip away. Everything that is read is compared with the truth. Writes
results.md, results.json and a chart for each origin into the output directory.
"""
import argparse
import contextlib
import dataclasses
import os
import platform
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time

import chart
import report
from network import network
from origin import nginx
from results import Results, Run
from systems import Httpdirfs, Mount, Native, Rclone, UserMount, Watch
from tools import Tool, ToolSession, WgetSession
from tree import SIZES, Tree
from workloads import Session

MODES = ["passthrough", "cached", "watch"]
PEERS = ["rclone", "httpdirfs", "curl", "wget"]
QUICK_LIMIT, FULL_LIMIT = 20, 600


@dataclasses.dataclass
class Programs:
    lazymirror: str
    delay_line: str
    reader: str
    scratch: str
    say: object  # tells what was measured, as it comes


MKFS = {"xfs": ["mkfs.xfs", "-q"], "ext4": ["mkfs.ext4", "-q", "-F", "-N", "600000", "-E", "lazy_itable_init=0"]}


@contextlib.contextmanager
def fresh_image(kind, work, name, size):
    """A file system of its own. Permission events are asked for on nothing else; and ext4 is slow to make
    files for some minutes after others were deleted, whoever did that (recently_deleted(), fs/ext4/ialloc.c)."""
    image, where = os.path.join(work, f"{name}.img"), os.path.join(work, name)
    os.makedirs(where)
    subprocess.run(["truncate", "-s", size, image], check=True)
    subprocess.run([*MKFS[kind], image], check=True)
    subprocess.run(["mount", "-o", "loop", image, where], check=True)
    try:
        yield where
    finally:
        subprocess.run(["umount", where], check=False)
        os.unlink(image)


@contextlib.contextmanager
def fuse_for_all(work):
    """Users may open /dev/fuse, as they may nearly everywhere; in this mount namespace."""
    if os.stat("/dev/fuse").st_mode & 0o006 == 0o006:
        yield
        return
    node = os.path.join(work, "fuse")
    os.mknod(node, stat.S_IFCHR | 0o666, os.stat("/dev/fuse").st_rdev)
    os.chmod(node, 0o666)
    subprocess.run(["mount", "--bind", node, "/dev/fuse"], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "/dev/fuse"], check=False)


class Benchmark:
    def __init__(self, args, work):
        self.args = args
        self.facts = machine(args)
        self.work = work
        scratch = os.path.join(work, "scratch")
        os.makedirs(scratch)
        os.chmod(scratch, 0o777)  # the unprivileged reader writes here too
        tests = os.path.join(args.build, "tests/bench")
        self.programs = Programs(os.path.join(args.build, "lazymirror"), os.path.join(tests, "delay_line"),
                                 os.path.join(tests, "checked_read"), scratch, self.say)
        self.results = Results()
        self.caches = work
        self.say("making the tree")
        self.tree = Tree(os.path.join(work, "www"), SIZES[args.sizes])

    def say(self, text):
        print(f"bench: {time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)

    def save(self):
        facts = {**self.facts, "load when it ended": f"{os.getloadavg()[0]:.1f}"}
        write(self.results, SIZES[self.args.sizes], facts, self.args.output)

    def place(self, name):
        return os.path.join(self.work, name)

    def home(self, name):
        return os.path.join(self.caches, name)

    def native(self, xfs):
        sides = [Native("native ext4", self.tree.root, self.tree)]
        if "watch" in self.args.modes:
            sides.append(Native("native XFS", os.path.join(xfs["native"], "www"), self.tree))
        return [(side, Session) for side in sides]

    def ours(self, origin, protocol, xfs):
        binary, rest = self.programs.lazymirror, (self.tree, origin, protocol)
        make = {"passthrough": lambda: Mount(binary, "passthrough", "mount", self.home("mount"), *rest),
                "cached": lambda: UserMount(binary, "cached", "mount, cached", self.home("user"), *rest),
                "watch": lambda: Watch(binary, "watch", os.path.join(xfs["watch"], "home"), *rest)}
        return [(make[mode](), Session) for mode in self.args.modes]

    def peers(self, origin, protocol):
        rest = (self.tree, origin, protocol)
        make = {"rclone": lambda: (Rclone("rclone", self.home("rclone"), *rest), Session),
                "httpdirfs": lambda: (Httpdirfs("httpdirfs", self.home("httpdirfs"), *rest), Session),
                "curl": lambda: (Tool("curl", self.place("curl"), origin, protocol), ToolSession),
                "wget": lambda: (Tool("wget", self.place("wget"), origin, protocol), WgetSession)}
        return [make[peer]() for peer in self.args.peers]

    def measure(self, system, session_class, limit):
        session = session_class(system, self.tree, self.results, self.programs, limit)
        try:
            session.cold()
            session.warm()
        finally:
            system.stop()
            self.results.keep_peak(system)

    def limit(self, system):
        return self.args.limit if system.name in PEERS else FULL_LIMIT

    def one_run(self, run, xfs):
        self.results.run = run
        with network(self.programs.delay_line, run.round_trip) as wire:
            with nginx(wire, self.place(f"nginx-{run.protocol}-{run.round_trip}"), self.tree.root) as origin:
                for repetition in range(self.args.repetitions):
                    # A peer that takes a minute is slow enough to be measured once.
                    systems = [*self.native(xfs), *self.ours(origin, run.protocol, xfs)]
                    systems += self.peers(origin, run.protocol) if repetition == 0 else []
                    for system, session in systems:
                        self.say(f"{run}, repetition {repetition + 1}: {system.name}")
                        self.measure(system, session, self.limit(system))

    def all_runs(self):
        with contextlib.ExitStack() as stack:
            stack.enter_context(fuse_for_all(self.work))
            self.caches = stack.enter_context(fresh_image("ext4", self.work, "caches", "24G"))
            xfs = {}
            if "watch" in self.args.modes:
                xfs = {name: stack.enter_context(fresh_image("xfs", self.work, name, "8G"))
                       for name in ("native", "watch")}
                shutil.copytree(self.tree.root, os.path.join(xfs["native"], "www"))
            for protocol in self.args.protocols:
                for round_trip in self.args.latency:
                    self.one_run(Run(protocol, round_trip), xfs)
                    self.save()


def first_line(*argv):
    try:
        return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.splitlines()[0]
    except (OSError, subprocess.CalledProcessError, IndexError):
        return "not here"


def machine(args):
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        model = next((line.split(":")[1].strip() for line in info if line.startswith("model name")), "?")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    congestion = first_line("cat", "/proc/sys/net/ipv4/tcp_congestion_control")
    facts = {"date": time.strftime("%Y-%m-%d %H:%M"),
             "machine": f"{os.cpu_count()} x {model}, {memory:.0f} GiB, Linux {platform.release()}, TCP {congestion}",
             "load when it began": f"{os.getloadavg()[0]:.1f}",
             "lazymirror": first_line(os.path.join(args.build, "lazymirror"), "--version"),
             "nginx, curl": f"{first_line('dpkg-query', '-Wf', '${Version}', 'nginx')}, {first_line('curl', '--version')}"}
    if "rclone" in args.peers:
        facts["rclone"] = f"{first_line('rclone', 'version')} {' '.join(Rclone.OPTIONS)}"
    if "httpdirfs" in args.peers:
        version = first_line("dpkg-query", "-Wf", "${Version}", "httpdirfs")
        facts["httpdirfs"] = f"{version} {' '.join(Httpdirfs.OPTIONS)}"
    return facts


def write(results, sizes, facts, output):
    os.makedirs(output, exist_ok=True)
    files = {"results.md": report.markdown(results, sizes, facts), "results.json": report.as_json(results, sizes, facts)}
    for run in results.runs():
        files[f"chart-{run.protocol}-{run.round_trip}ms.svg"] = chart.svg(results, run)
    for name, text in files.items():
        with open(os.path.join(output, name), "w", encoding="utf-8") as out:
            out.write(text)


def list_of(choices, kind=str):
    def parse(text):
        values = [kind(each) for each in text.split(",") if each]
        for value in values:
            if choices and value not in choices:
                raise argparse.ArgumentTypeError(f"'{value}' is none of {', '.join(map(str, choices))}")
        return values
    return parse


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--modes", type=list_of(MODES), default=MODES, help=f"of ours: {','.join(MODES)}")
    parser.add_argument("--peers", type=list_of(PEERS), default=PEERS, help=f"{','.join(PEERS)}, or '' for none")
    parser.add_argument("--protocols", type=list_of(["h2", "h1"]), help="h2,h1")
    parser.add_argument("--latency", type=list_of(None, int), help="round trips in ms: 0,40,100")
    parser.add_argument("--sizes", choices=SIZES, default="full", help="full: 512 MiB and 20,000 files; tiny: to try it")
    parser.add_argument("--repetitions", type=int, help="of ours; peers are measured once")
    parser.add_argument("--quick", action="store_true", help="HTTP/2 at 40 ms, once, peers stopped after "
                        f"{QUICK_LIMIT} s: less than ten minutes")
    parser.add_argument("--limit", type=int, help=f"seconds after which a peer is stopped: {FULL_LIMIT}")
    parser.add_argument("--output", default="build/bench-results", help="a directory for the results")
    parser.add_argument("--work", default="/var/tmp", help="a directory on the file system to measure (ext4)")
    parser.add_argument("--build", default="build/bench", help=argparse.SUPPRESS)
    args = parser.parse_args()
    args.protocols = args.protocols or (["h2"] if args.quick else ["h2", "h1"])
    args.latency = args.latency or ([40] if args.quick else [0, 40, 100])
    args.limit = args.limit or (QUICK_LIMIT if args.quick else FULL_LIMIT)
    args.repetitions = args.repetitions or (1 if args.quick else 3)
    args.build = os.path.abspath(args.build)
    return args


def end_in_order(*_):
    """Once: a second signal (timeout(1) sends two) would break the cleaning up off."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit("bench: ended")


def main():
    args = arguments()
    signal.signal(signal.SIGTERM, end_in_order)
    with tempfile.TemporaryDirectory(prefix="lazymirror-bench.", dir=args.work) as work:
        os.chmod(work, 0o755)
        benchmark = Benchmark(args, work)
        try:
            benchmark.all_runs()
        finally:
            benchmark.save()
    with open(os.path.join(args.output, "results.md"), encoding="utf-8") as text:
        print(text.read())


if __name__ == "__main__":
    main()
