# SPDX-License-Identifier: Apache-2.0
"""The figures that the project asks of itself, against what was measured."""
import dataclasses

OURS = ["mount", "mount, cached", "watch"]


@dataclasses.dataclass
class Figure:
    run: object
    system: str
    text: str
    asked: str
    measured: str
    met: object  # None: was not measured


def native_of(system):
    return "native XFS" if system == "watch" else "native ext4"


class Judge:
    """The figures of one of our systems in one run."""

    def __init__(self, results, run, system, sizes):
        self.results = results
        self.run = run
        self.system = system
        self.sizes = sizes
        self.round_trip = run.round_trip / 1000

    def get(self, workload, system=None):
        return self.results.get(self.run, system or self.system, workload)

    def figure(self, text, asked, value, met, form="{:.2f}"):
        measured = form.format(value) if value is not None else "not measured"
        return Figure(self.run, self.system, text, asked, measured, met(value) if value is not None else None)

    def faster(self, workload, other, at_least):
        """Times faster than another system; a peer that was stopped counts with its limit."""
        ours, theirs = self.get(workload).median(), self.get(workload, other)
        value = theirs.at_least() / ours if ours and theirs.at_least() else None
        more = "more than " if theirs.median() is None else ""
        return self.figure(f"{workload}: times faster than {other}", f">= {at_least}", value,
                           lambda v: v >= at_least, more + "{:.1f}")

    def of_native(self, workload, at_least):
        ours, plain = self.get(workload).median(), self.get(workload, native_of(self.system)).median()
        value = plain / ours if ours and plain else None
        asked = f">= {at_least}" if at_least else "-"
        return self.figure(f"{workload}: part of native speed", asked, value,
                           lambda v: v >= at_least if at_least else None)

    def listing(self):
        """0.5 s plus what one stream of curl would take for the bytes of the listings."""
        ours, curl = self.get("cold ls -lR"), self.get("cold sequential", "curl").median()
        size = ours.worst("listing_bytes")
        allowed = 0.5 + size * curl / self.sizes.big if curl and size else None
        if self.round_trip == 0 or allowed is None:
            return []
        return [self.figure("cold ls -lR: seconds", f"<= {allowed:.2f}", ours.median(), lambda v: v <= allowed)]

    def cold(self):
        yield from self.listing()
        if self.round_trip > 0:
            for peer in ("rclone", "httpdirfs"):
                yield self.faster("cold ls -lR", peer, 10)
            for peer in ("rclone", "httpdirfs", "curl"):
                yield self.faster("cold tar, 1 reader", peer, 10)
            yield self.faster("cold tar, 8 readers", "rclone", 4)
            first = self.get("first byte in the middle").median()
            yield self.figure("first byte in the middle: round trips", "<= 1.1",
                              first and first / self.round_trip, lambda v: v <= 1.1)
        yield self.faster("cold sequential", "curl", 2 if self.round_trip > 0 else 0.9)

    def random(self):
        record = self.get("cold random 4 KiB")
        yield self.figure("cold random 4 KiB: content requests", "<= 105", record.worst("content"),
                          lambda v: v <= 105, "{:d}")
        size = record.worst("content_bytes")
        yield self.figure("cold random 4 KiB: MB", "<= 14", size and size / 1e6, lambda v: v <= 14)
        yield self.faster("cold random 4 KiB", "curl", 1)

    def again(self):
        requests = [self.get(workload).worst("content")
                    for workload in ("ls -lR after remount", "sequential after remount")]
        yield self.figure("remount: content requests", "0", None if None in requests else sum(requests),
                          lambda v: v == 0, "{:d}")
        yield self.of_native("ls -lR after remount", None)
        yield self.of_native("sequential after remount", 0.95 if self.system == "mount" else None)

    def warm(self):
        small = {"mount": 0.2, "mount, cached": 0.6}
        yield self.of_native("warm small files", small.get(self.system))
        yield self.of_native("warm sequential", {"mount": 0.95, "watch": 0.97}.get(self.system))
        yield self.of_native("warm random 4 KiB", {"mount": 0.85, "watch": 0.75}.get(self.system))
        yield self.of_native("warm find", None)

    def cost(self):
        ours, curl = self.get("cold sequential"), self.get("cold sequential", "curl")
        value = ours.median_cpu() / curl.median_cpu() if ours.median() and curl.median_cpu() else None
        yield self.figure("CPU seconds per cold GiB, to curl's", "<= 1.5", value, lambda v: v <= 1.5)
        yield self.figure("peak memory, MB", "< 100", self.results.peaks.get((self.run, self.system)),
                          lambda v: v < 100, "{:.0f}")

    def all(self):
        for part in (self.cold, self.random, self.again, self.warm, self.cost):
            yield from part()


def judge(results, sizes):
    return [figure for run in results.runs() for system in OURS if system in results.systems(run)
            for figure in Judge(results, run, system, sizes).all()]
