# SPDX-License-Identifier: Apache-2.0
"""The results as Markdown and JSON."""
import json

from figures import judge
from workloads import COLD, WARM

REFERENCE = "mount"
GIB = 1 << 30


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def seconds_text(seconds):
    if seconds < 0.001:
        return f"{seconds * 1e6:.0f} µs"
    return f"{seconds * 1000:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def cell(record, reference):
    """The median, and how many times the reference's it is."""
    if record.median() is None:
        if record.limit:
            return f"> {record.limit:g} s"
        return f"failed: {record.failures[0][:60]}" if record.failures else ""
    text = seconds_text(record.median())
    if reference.median() and reference is not record:
        text += f" ({record.median() / reference.median():.2g})"
    return text


def times(results, run):
    systems = [s for s in results.systems(run)]
    rows = []
    for workload in COLD + WARM:
        reference = results.get(run, REFERENCE, workload)
        cells = [cell(results.get(run, system, workload), reference) for system in systems]
        if any(cells):
            rows.append([workload, *cells])
    return table(["", *systems], rows)


def requests(results, run):
    """What each system asked of the origin; the most of any repetition."""
    rows = []
    for workload in COLD + WARM[-2:]:
        for system in results.systems(run):
            record = results.get(run, system, workload)
            if record.requests and not record.failures:
                counts = [str(record.worst(c)) for c in ("listings", "heads", "content")]
                rows.append([workload, system, *counts, f"{record.worst('content_bytes') / 1e6:.1f}"])
    return table(["workload", "system", "listings", "HEAD", "content", "content MB"], rows)


def costs(results, run, sizes):
    rows = []
    for system in results.systems(run):
        cpu = results.get(run, system, "cold sequential").median_cpu()
        peak = results.peaks.get((run, system))
        if cpu:
            rows.append([system, f"{cpu * GIB / sizes.big:.2f}", f"{peak:.0f}" if peak else ""])
    return table(["system", "CPU seconds per cold GiB", "peak memory of its processes, MB"], rows)


def figures(results, sizes):
    mark = {True: "yes", False: "**no**", None: ""}
    return table(["origin", "system", "figure", "asked", "measured", "met"],
                 [[str(f.run), f.system, f.text, f.asked, f.measured, mark[f.met]] for f in judge(results, sizes)])


def markdown(results, sizes, facts):
    parts = ["\n".join(f"- {name}: {value}" for name, value in facts.items())]
    for run in results.runs():
        parts += [f"## {run}", f"Medians; in brackets, times that of `{REFERENCE}`.", times(results, run),
                  "Requests at the origin:", requests(results, run), costs(results, run, sizes)]
    parts += ["## Figures", figures(results, sizes)]
    return "\n\n".join(parts) + "\n"


def as_json(results, sizes, facts):
    document = {"facts": facts, "records": results.as_json(),
                "figures": [vars(f) | {"run": str(f.run)} for f in judge(results, sizes)],
                "peak_megabytes": [{"run": str(run), "system": system, "value": value}
                                   for (run, system), value in results.peaks.items()]}
    return json.dumps(document, indent=1)
