#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The statistics and the report of scripts/bench, on invented results."""
import json
import os
import sys
import unittest
import xml.etree.ElementTree

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import chart  # noqa: E402
import figures  # noqa: E402
import report  # noqa: E402
from origin import Requests, count_requests  # noqa: E402
from results import Record, Results, Run  # noqa: E402
from tree import SIZES  # noqa: E402
from workloads import listed  # noqa: E402

FAR = Run("h2", 40)
SIZE = SIZES["full"]


class Named:
    def __init__(self, name, peak=0):
        self.name = name
        self.peak = peak


def results_of(run, values):
    """values: (system, workload) -> Record or a list of seconds."""
    results = Results()
    results.run = run
    for (system, workload), value in values.items():
        if isinstance(value, list):
            value = Record(seconds=value, cpu=[1.0] * len(value))
        results.records[(run, system, workload)] = value
    return results


def stopped(limit):
    record = Record()
    record.fail(f"more than {limit} s", limit)
    return record


class RecordTest(unittest.TestCase):
    def test_is_the_median_of_its_repetitions(self):
        self.assertEqual(Record(seconds=[3, 1, 2]).median(), 2)
        self.assertIsNone(Record().median())

    def test_one_failure_spoils_all_repetitions(self):
        record = Record(seconds=[1, 1])
        record.fail("wrong bytes")
        self.assertIsNone(record.median())
        self.assertIsNone(record.at_least())

    def test_took_at_least_the_time_after_which_it_was_stopped(self):
        self.assertEqual(stopped(30).at_least(), 30)
        self.assertIsNone(stopped(30).median())

    def test_gives_the_most_requests_of_any_repetition(self):
        record = Record(requests=[Requests(content=3), Requests(content=5), Requests(content=4)])
        self.assertEqual(record.worst("content"), 5)
        self.assertIsNone(Record().worst("content"))

    def test_the_highest_peak_of_a_run_is_kept(self):
        results = results_of(FAR, {})
        for peak in (20, 50, 30):
            results.keep_peak(Named("mount", peak))
        self.assertEqual(results.peaks, {(FAR, "mount"): 50})


class OriginTest(unittest.TestCase):
    def test_tells_listings_heads_and_content_apart(self):
        log = ["GET 200 1000 HTTP/2.0 /small/", "HEAD 200 0 HTTP/2.0 /big.bin",
               "GET 206 4096 HTTP/2.0 /big.bin", "GET 200 17 HTTP/1.1 /small/a file"]
        self.assertEqual(count_requests(log), Requests(listings=1, listing_bytes=1000, heads=1,
                                                       content=2, content_bytes=4113))


class WorkloadTest(unittest.TestCase):
    def test_two_listings_are_the_same_when_sizes_and_names_are(self):
        ours = "/mnt/d:\ntotal 5\n-r--r--r-- 1 root root 77  a b\ndrwxr-xr-x 2 root root 4096  e\n"
        plain = "/www/d:\ntotal 8\n-rw-r--r-- 1 user user 77  a b\n"
        self.assertEqual(listed(ours), listed(plain))
        self.assertNotEqual(listed(ours), listed(plain.replace("77", "78")))


class FigureTest(unittest.TestCase):
    def figure(self, values, text, run=FAR):
        found = [f for f in figures.judge(results_of(run, values), SIZE) if f.text == text]
        self.assertEqual(len(found), 1, text)
        return found[0]

    def test_compares_with_a_peer(self):
        figure = self.figure({("mount", "cold ls -lR"): [0.5], ("rclone", "cold ls -lR"): [4.0]},
                             "cold ls -lR: times faster than rclone")
        self.assertEqual((figure.measured, figure.met), ("8.0", False))

    def test_a_peer_that_was_stopped_counts_with_its_limit(self):
        figure = self.figure({("mount", "cold ls -lR"): [0.5], ("rclone", "cold ls -lR"): stopped(30)},
                             "cold ls -lR: times faster than rclone")
        self.assertEqual((figure.measured, figure.met), ("more than 60.0", True))

    def test_what_was_not_measured_is_not_met(self):
        figure = self.figure({("mount", "cold find"): [1]}, "cold ls -lR: times faster than rclone")
        self.assertEqual((figure.measured, figure.met), ("not measured", None))

    def test_native_speed_is_that_of_the_same_kind_of_file_system(self):
        values = {("watch", "warm sequential"): [0.1], ("native ext4", "warm sequential"): [0.05],
                  ("native XFS", "warm sequential"): [0.099]}
        figure = self.figure(values, "warm sequential: part of native speed")
        self.assertEqual((figure.measured, figure.met), ("0.99", True))

    def test_asks_of_the_loopback_only_what_makes_sense_there(self):
        near = Run("h2", 0)
        values = {("mount", "cold sequential"): [1.0], ("curl", "cold sequential"): [0.95]}
        self.assertTrue(self.figure(values, "cold sequential: times faster than curl", near).met)
        texts = [f.text for f in figures.judge(results_of(near, values), SIZE)]
        self.assertFalse([text for text in texts if "round trips" in text])

    def test_the_processor_is_compared_with_that_of_curl(self):
        values = {("mount", "cold sequential"): Record(seconds=[1], cpu=[3.0]),
                  ("curl", "cold sequential"): Record(seconds=[1], cpu=[1.5])}
        figure = self.figure(values, "CPU seconds per cold GiB, to curl's")
        self.assertEqual((figure.measured, figure.met), ("2.00", False))


class ReportTest(unittest.TestCase):
    values = {("mount", "cold sequential"): [2.0], ("curl", "cold sequential"): [5.0],
              ("rclone", "cold sequential"): stopped(30), ("httpdirfs", "cold sequential"): Record(failures=["died"])}

    def test_a_cell_has_the_median_and_the_ratio_to_the_mount(self):
        text = report.times(results_of(FAR, self.values), FAR)
        self.assertIn("| cold sequential | 2 s | 5 s (2.5) | > 30 s | failed: died |", text)

    def test_the_whole_is_markdown_and_json(self):
        results = results_of(FAR, self.values)
        self.assertIn("## HTTP/2 over TLS, 40 ms", report.markdown(results, SIZE, {"date": "today"}))
        document = json.loads(report.as_json(results, SIZE, {"date": "today"}))
        self.assertEqual(document["records"][0]["median"], 2.0)

    def test_the_chart_is_xml_with_a_bar_for_each_time(self):
        drawn = chart.svg(results_of(FAR, self.values), FAR)
        bars = [e for e in xml.etree.ElementTree.fromstring(drawn).iter() if e.get("rx")]
        self.assertEqual(len(bars), 3)
        self.assertIn("&gt; 30 s", drawn)


if __name__ == "__main__":
    unittest.main()
