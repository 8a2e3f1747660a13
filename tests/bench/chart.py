# SPDX-License-Identifier: Apache-2.0
"""The cold and warm times of one run as an SVG of bars, one panel per workload.

The axis of a panel is logarithmic: what is compared differs by a factor of a
thousand. Nothing but this file is needed to draw it.
"""
import math
from html import escape

from report import seconds_text
from workloads import COLD, WARM

COLOURS = {"mount": "#1565c0", "mount, cached": "#42a5f5", "watch": "#00897b", "rclone": "#ef6c00",
           "httpdirfs": "#c62828", "curl": "#757575", "wget": "#9e9e9e"}
OTHER = "#bdbdbd"
PANEL, LABEL, BARS, ROW, HEAD = 460, 110, 250, 18, 26
COLUMNS = 2


def decades(values):
    """The powers of ten around all values, at least one decade apart."""
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return low, max(high, low + 1)


class Panel:
    """One workload: (system, seconds, whether it was stopped there) from above to below."""

    def __init__(self, title, bars):
        self.title = title
        self.bars = bars
        self.low, self.high = decades([seconds for _, seconds, _ in bars])

    def height(self):
        return HEAD + ROW * len(self.bars) + 14

    def width_of(self, seconds):
        share = (math.log10(seconds) - self.low) / (self.high - self.low)
        return max(2, BARS * share)

    def draw(self, x, y):
        parts = [f'<text x="{x}" y="{y + 16}" class="title">{escape(self.title)}</text>']
        bottom = y + HEAD + ROW * len(self.bars)
        for power in range(self.low, self.high + 1):
            at = x + LABEL + BARS * (power - self.low) / (self.high - self.low)
            parts.append(f'<line x1="{at:.1f}" y1="{y + HEAD - 2}" x2="{at:.1f}" y2="{bottom}" class="grid"/>')
        for i, bar in enumerate(self.bars):
            parts += self.draw_bar(bar, x, y + HEAD + ROW * i)
        return parts

    def draw_bar(self, bar, x, y):
        system, seconds, stopped = bar
        width = self.width_of(seconds)
        text = ("> " if stopped else "") + seconds_text(seconds)
        return [f'<text x="{x + LABEL - 6}" y="{y + 12}" class="name">{escape(system)}</text>',
                f'<rect x="{x + LABEL}" y="{y + 2}" width="{width:.1f}" height="{ROW - 5}" rx="2" '
                f'fill="{COLOURS.get(system, OTHER)}"/>',
                f'<text x="{x + LABEL + width + 5:.1f}" y="{y + 12}" class="value">{escape(text)}</text>']


def panels(results, run):
    for workload in COLD + WARM:
        found = [(system, results.get(run, system, workload)) for system in results.systems(run)]
        bars = [(system, record.at_least(), record.median() is None) for system, record in found
                if record.at_least()]
        if bars:
            yield Panel(workload, bars)


STYLE = """text { font: 12px sans-serif; fill: #222 } .head { font-size: 16px; font-weight: bold }
.title { font-size: 13px; font-weight: bold } .name { text-anchor: end } .value { fill: #555 }
.grid { stroke: #e0e0e0; stroke-width: 1 }"""


def svg(results, run):
    parts, below = [], [44] * COLUMNS
    for panel in panels(results, run):
        column = below.index(min(below))
        parts += panel.draw(16 + column * PANEL, below[column])
        below[column] += panel.height()
    width, height = 16 + COLUMNS * PANEL, max(below) + 8
    head = f"Seconds, {run} round trip; shorter is better, each line is a factor of ten"
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">',
        f"<style>{STYLE}</style>", f'<rect width="{width}" height="{height}" fill="#fff"/>',
        f'<text x="16" y="26" class="head">{escape(head)}</text>', *parts, "</svg>", ""])
