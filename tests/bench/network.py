# SPDX-License-Identifier: Apache-2.0
"""Client and server in network namespaces of their own, a round trip apart.

The namespaces belong to one delay_line process and have no names, so runs do
not meet and nothing is left behind: every program started in them ends with
the one that started it (setpriv --pdeathsig).
"""
import contextlib
import subprocess

SERVER_ADDRESS = "10.99.0.2"


class Network:
    """Two prefixes for command lines: who runs `client + argv` is the client."""

    def __init__(self, client, server, round_trip_ms):
        dies_with_us = ["setpriv", "--pdeathsig", "KILL"]
        self.client = [*dies_with_us, "nsenter", f"--net={client}"]
        self.server = [*dies_with_us, "nsenter", f"--net={server}"]
        self.round_trip = round_trip_ms / 1000


@contextlib.contextmanager
def network(program, round_trip_ms):
    """A wire with this round trip; `program` is the built delay_line."""
    line = subprocess.Popen([program, str(round_trip_ms)], stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, text=True)
    try:
        ends = line.stdout.readline().split()
        if len(ends) != 2:
            raise RuntimeError("the delay line does not start; this needs root and /dev/net/tun")
        yield Network(*ends, round_trip_ms)
    finally:
        line.stdin.close()
        line.wait()
