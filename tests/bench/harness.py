# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks share: a tree behind nginx, daemons, comparisons, the table."""
import argparse
import contextlib
import json
import os
import platform
import random
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

BIG = 512 << 20
SMALL_FILES = 10_000


def run(*argv, **kw):
    return subprocess.run([str(a) for a in argv], check=True, **kw)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_until(done, what, seconds=30):
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end:
            sys.exit(f"bench: {what}")
        time.sleep(0.01)


def is_shown(data):
    # os.path.ismount() does not know bind mounts.
    with open("/proc/self/mountinfo") as mounts:
        shown = any(line.split()[4] == data for line in mounts)
    return shown and os.stat(data).st_mode & 0o777 == 0o755


class Bench:
    def __init__(self, args):
        self.args = args
        self.binary = os.path.join(args.build, "lazymirror")
        self.helper = os.path.join(args.build, "tests/bench/read_bench")
        self.oracle = os.path.join(args.build, "tests/bench/oracle_server")
        self.work = tempfile.mkdtemp(prefix="lazymirror-bench.", dir=args.work)
        self.www = os.path.join(self.work, "www")
        self.results = {}
        self.serial = 0

    # --- parts ---

    def read(self, *argv):
        return float(run(self.helper, *argv, stdout=subprocess.PIPE, text=True).stdout)

    def path(self, name):
        self.serial += 1
        return os.path.join(self.work, f"{name}{self.serial}")

    def make_tree(self):
        """200 directories of 100 files; the first 10,000 files are small ones to be read."""
        rng = random.Random(1)
        names = []
        for d in range(200):
            directory = os.path.join(self.www, "tree", f"dir-{d:03d}")
            os.makedirs(directory)
            for f in range(100):
                name = f"dir-{d:03d}/file-{f:03d}.dat"
                with open(os.path.join(self.www, "tree", name), "wb") as out:
                    out.write(rng.randbytes(rng.randint(200, 16384)))
                names.append(name)
        self.list = os.path.join(self.work, "small.list")
        with open(self.list, "w") as out:
            out.writelines(f"{n}\n" for n in names[:SMALL_FILES])
        self.make_big(rng)

    def make_big(self, rng):
        os.makedirs(self.www, exist_ok=True)
        with open(os.path.join(self.www, "big.bin"), "wb") as out:
            for _ in range(BIG >> 20):
                out.write(rng.randbytes(1 << 20))

    @contextlib.contextmanager
    def nginx(self):
        port, home = free_port(), self.path("nginx")
        os.makedirs(home)
        temp = "".join(f"{k}_temp_path {home}/{k};" for k in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        with open(f"{home}/conf", "w") as out:
            out.write(f"""daemon off; master_process off; pid {home}/pid; error_log {home}/error.log;
events {{ }} http {{ {temp} access_log {home}/access.log; sendfile on; keepalive_requests 1000000;
default_type application/octet-stream;
server {{ listen 127.0.0.1:{port}; root {self.www}; autoindex on; }} }}""")
        server = subprocess.Popen(["/usr/sbin/nginx", "-p", home, "-e", f"{home}/error.log", "-c", f"{home}/conf"])
        try:
            wait_until(lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0, "nginx does not start")
            self.access_log = f"{home}/access.log"
            yield f"http://127.0.0.1:{port}/"
        finally:
            server.terminate()
            server.wait()

    @contextlib.contextmanager
    def server(self, *argv):
        """One of ours: its URL is what it says first, and its input's end is its own."""
        server = subprocess.Popen([*map(str, argv)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            yield server.stdout.readline().strip()
        finally:
            server.stdin.close()
            server.wait()

    def oracle_origin(self, delay_ms, *files):
        return self.server(self.oracle, delay_ms, *files)

    @contextlib.contextmanager
    def daemon(self, argv, is_up):
        with open(os.path.join(self.work, "lazymirror.log"), "a") as log:
            daemon = subprocess.Popen([self.binary, *argv], stdout=log, stderr=log)
        try:
            wait_until(lambda: is_up() or daemon.poll() is not None, "it does not start")
            if daemon.poll() is not None:
                sys.exit("bench: lazymirror ended:\n" + open(log.name).read())
            yield daemon
        finally:
            daemon.terminate()
            try:
                daemon.wait(30)
            except subprocess.TimeoutExpired:
                daemon.kill()

    @contextlib.contextmanager
    def mount(self, url, *options, cache=None):
        mnt = self.path("mnt")
        cache = cache or self.path("cache")
        os.makedirs(mnt)
        argv = ["mount", "--foreground", f"--cache-location={cache}", *options, url, mnt]
        try:
            with self.daemon(argv, lambda: os.path.ismount(mnt)) as daemon:
                os.listdir(mnt)
                yield mnt, cache, daemon.pid
        finally:
            if os.path.ismount(mnt):
                subprocess.run(["umount", "-l", mnt])

    @contextlib.contextmanager
    def watch(self, url, cache, *options):
        data = os.path.join(cache, "data")
        argv = ["watch", "--foreground", *options, url, cache]
        with self.daemon(argv, lambda: is_shown(data)) as daemon:
            yield data, cache, daemon.pid

    def put(self, figure, ours, plain=None):
        self.results.setdefault(figure, []).append((ours, plain))

    def compare(self, figure, rep, *argv, ours, plain):
        """The same loop over both, by turns first: the second finds warmer caches."""
        order = [ours, plain] if rep % 2 == 0 else [plain, ours]
        speeds = {where: self.read(argv[0], where, *argv[1:]) for where in order}
        self.put(figure, speeds[ours], speeds[plain])

    def repeat(self):
        return range(self.args.reps)

    def ls(self, path):
        begin = time.monotonic()
        run("ls", "-lR", path, stdout=subprocess.DEVNULL)
        return 1 / (time.monotonic() - begin)

    def curl(self, url, out=None):
        out = out or self.path("curl")
        os.sync()
        begin = time.monotonic()
        run("curl", "-sf", "-o", out, url)
        seconds = time.monotonic() - begin
        os.unlink(out)
        return BIG / 1e6 / seconds


def summarise(results, goals, at_least):
    rows = []
    for figure, values in results.items():
        ratio = values[0][1] is not None
        each = [ours / plain if ratio else ours for ours, plain in values]
        median = statistics.median(each)
        goal = goals.get(figure)
        more = ratio or figure in at_least
        met = goal is None or (median >= goal if more else median <= goal)
        rows.append({"figure": figure, "median": round(median, 3), "goal": goal, "met": met, "more": more,
                     "least": round(min(each), 3), "most": round(max(each), 3), "values": values})
    return rows


def print_table(rows):
    print("| figure | median | range | goal | |\n|---|---|---|---|---|")
    for r in rows:
        sign = ">=" if r["more"] else "<="
        goal = f"{sign} {r['goal']}" if r["goal"] is not None else ""
        print(f"| {r['figure']} | {r['median']} | {r['least']} - {r['most']} | {goal} | {'' if r['met'] else 'MISSED'} |")


def main(bench_class, doc, goals, figures, at_least=frozenset()):
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True, help="the build directory")
    parser.add_argument("--work", default="/var/tmp", help="a directory on the file system to measure")
    parser.add_argument("--json", help="write the raw values here")
    parser.add_argument("--reps", type=int, default=5)
    parser.add_argument("--only", nargs="*", choices=figures, default=figures)
    args = parser.parse_args()
    bench = bench_class(args)
    try:
        bench.make_tree()
        for name in args.only:
            print(f"... {name}", file=sys.stderr, flush=True)
            getattr(bench, name)()
    finally:
        shutil.rmtree(bench.work, ignore_errors=True)
    rows = summarise(bench.results, goals, at_least)
    print(f"{platform.platform()}, {os.cpu_count()} cores, medians of {args.reps}\n")
    print_table(rows)
    if args.json:
        with open(args.json, "w") as out:
            json.dump(rows, out, indent=1)
    sys.exit(0 if all(r["met"] for r in rows) else 1)
