# SPDX-License-Identifier: Apache-2.0
"""The measured values: a record for each run, system and workload; medians."""
import dataclasses
import statistics


@dataclasses.dataclass(frozen=True, order=True)
class Run:
    """One origin: how it was asked, and how far away it was."""

    protocol: str  # "h2" or "h1"
    round_trip: int  # ms

    def __str__(self):
        protocol = {"h2": "HTTP/2 over TLS", "h1": "HTTP/1.1"}[self.protocol]
        return f"{protocol}, {self.round_trip} ms"


@dataclasses.dataclass
class Record:
    seconds: list = dataclasses.field(default_factory=list)
    cpu: list = dataclasses.field(default_factory=list)
    requests: list = dataclasses.field(default_factory=list)
    failures: list = dataclasses.field(default_factory=list)
    limit: float = 0  # was stopped after this many seconds

    def add(self, seconds, cpu):
        self.seconds.append(seconds)
        self.cpu.append(cpu)

    def fail(self, why, limit=0):
        self.failures.append(why)
        self.limit = max(self.limit, limit)

    def median(self):
        """None where it never ended well: one failure is not made good by other repetitions."""
        return statistics.median(self.seconds) if self.seconds and not self.failures else None

    def median_cpu(self):
        return statistics.median(self.cpu) if self.cpu else None

    def at_least(self):
        """A time that it took or did not keep within; None where it did not do the work."""
        return self.median() or self.limit or None

    def worst(self, count):
        """The most of a count of requests in any repetition."""
        return max((getattr(each, count) for each in self.requests), default=None)


class Results:
    def __init__(self):
        self.records = {}
        self.peaks = {}  # (run, system) -> MB
        self.run = None

    def record(self, system, workload):
        return self.records.setdefault((self.run, system.name, workload), Record())

    def keep_peak(self, system):
        key = (self.run, system.name)
        self.peaks[key] = max(self.peaks.get(key, 0), system.peak)

    def get(self, run, system, workload):
        return self.records.get((run, system, workload), Record())

    def runs(self):
        return list(dict.fromkeys(run for run, _, _ in self.records))

    def systems(self, run):
        return list(dict.fromkeys(system for each, system, _ in self.records if each == run))

    def as_json(self):
        return [{"protocol": run.protocol, "round_trip_ms": run.round_trip, "system": system,
                 "workload": workload, "median": record.median(), **dataclasses.asdict(record)}
                for (run, system, workload), record in self.records.items()]
