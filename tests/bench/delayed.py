#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Run a command at the client's end of a slow wire, by hand, as root:

    tests/bench/delayed.py --build build/bench --round-trip 40 [--www DIR] [COMMAND...]

The command (default: a shell) finds nginx over DIR at $HTTP_URL (HTTP/1.1) and
$HTTPS_URL (HTTP/2, CA in $CA_FILE); $ACCESS_LOG is its log: method, status,
bytes, protocol, target. Only the network is apart, so what is mounted there is
seen everywhere.
"""
import argparse
import os
import subprocess
import sys
import tempfile

from network import network
from origin import nginx


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True, help="the build directory, for delay_line")
    parser.add_argument("--round-trip", type=float, default=40, help="milliseconds")
    parser.add_argument("--www", default=".", help="the tree to serve")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    args = parser.parse_args()
    program = os.path.join(args.build, "tests/bench/delay_line")
    with tempfile.TemporaryDirectory(prefix="lazymirror-delayed.") as work:
        os.chmod(work, 0o755)
        with network(program, args.round_trip) as wire:
            with nginx(wire, os.path.join(work, "nginx"), os.path.abspath(args.www)) as origin:
                environment = os.environ | {"HTTP_URL": origin.http, "HTTPS_URL": origin.https,
                                            "CA_FILE": origin.ca, "ACCESS_LOG": origin.log_path}
                command = args.command or [os.environ.get("SHELL", "/bin/sh")]
                status = subprocess.run([*wire.client, *command], env=environment, check=False)
    sys.exit(status.returncode)


if __name__ == "__main__":
    main()
