#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""scripts/run-tests forgives a failed attempt seldom, and never in silence."""
import importlib.machinery
import importlib.util
import io
import os
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
PROGRAM = os.path.join(ROOT, "scripts/run-tests")
LOADER = importlib.machinery.SourceFileLoader("run_tests", PROGRAM)
run_tests = importlib.util.module_from_spec(importlib.util.spec_from_loader("run_tests", LOADER))
LOADER.exec_module(run_tests)

SUMMARY = ["100% tests passed, 0 tests failed out of 9", "", "Total Test time (real) =   1.06 sec"]


def attempt(number, result, *said):
    return [f"      Start {number}: t.{number}  # GetParam() = A b",
            f"1/9 Test #{number}: t.{number}  # GetParam() = A b .......{result}   0.10 sec", *said]


def judged(lines, status=0):
    out = io.StringIO()
    status = run_tests.judge(run_tests.Log(lines + SUMMARY), status, out)
    return status, out.getvalue()


class JudgeTest(unittest.TestCase):
    def test_nothing_is_said_of_a_run_in_which_all_passed_at_once(self):
        self.assertEqual(judged(attempt(1, "   Passed") + attempt(2, "***Skipped", "no loop devices")), (0, ""))

    def test_who_needed_a_second_attempt_is_named_with_what_the_first_said(self):
        status, said = judged(attempt(1, "***Failed", "1 is not 2") + attempt(1, "   Passed"))
        self.assertEqual(status, 0)
        self.assertIn("1 is not 2", said)
        self.assertIn("Needed a second attempt: t.1  # GetParam() = A b\n", said)
        self.assertTrue(said.endswith("\n".join(SUMMARY) + "\n"))

    def test_what_another_test_said_is_not_taken_for_it(self):
        _, said = judged(attempt(1, "***Timeout", "mine") + attempt(2, "   Passed", "another's"))
        self.assertIn("mine", said)
        self.assertNotIn("another's", said)

    def test_a_test_that_failed_twice_fails_the_run_and_did_not_need_the_second(self):
        status, said = judged(attempt(1, "***Failed", "a") + attempt(1, "***Exception: SegFault", "b"), 8)
        self.assertEqual(status, 8)
        self.assertIn("Needed a second attempt: none", said)
        self.assertIn("b", said)

    def test_more_than_a_few_are_a_failure(self):
        def run(count):
            return sum((attempt(n, "***Failed") + attempt(n, "   Passed") for n in range(count)), [])
        self.assertEqual(judged(run(run_tests.MOST))[0], 0)
        self.assertEqual(judged(run(run_tests.MOST + 1))[0], 1)

    def test_a_report_of_a_sanitizer_is_never_forgiven(self):
        for report in ("WARNING: ThreadSanitizer: data race (pid=1)", "==1==ERROR: AddressSanitizer: heap",
                       "==1==ERROR: LeakSanitizer: detected", "a.cpp:1:2: runtime error: overflow"):
            self.assertEqual(judged(attempt(1, "***Failed", report) + attempt(1, "   Passed"))[0], 1)


class RunTest(unittest.TestCase):
    """With ctest itself, whose words the program reads."""

    def run_of(self, command):
        with tempfile.TemporaryDirectory() as directory:
            with open(os.path.join(directory, "CMakeLists.txt"), "w", encoding="utf-8") as file:
                file.write("cmake_minimum_required(VERSION 3.25)\nproject(x NONE)\nenable_testing()\n"
                           f"add_test(NAME it COMMAND sh -c [[{command}]])\n")
            with open(os.path.join(directory, "CMakePresets.json"), "w", encoding="utf-8") as file:
                file.write('{"version": 6, "configurePresets": [{"name": "p", "binaryDir": "b"}], "testPresets":'
                           '[{"name": "p", "configurePreset": "p", "output": {"outputOnFailure": true}}]}')
            subprocess.run(["cmake", "--preset", "p"], cwd=directory, check=True, capture_output=True)
            return subprocess.run([PROGRAM, "p"], cwd=directory, capture_output=True, text=True, check=False)

    def test_a_second_attempt_that_passes(self):
        done = self.run_of("test -e flag || { touch flag; echo the first; false; }")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("Needed a second attempt: it\n", done.stdout)
        self.assertEqual(done.stdout.count("the first"), 2)

    def test_a_second_attempt_that_fails(self):
        done = self.run_of("echo always; false")
        self.assertEqual(done.returncode, 8, done.stdout)
        self.assertIn("The following tests FAILED", done.stdout)

    def test_passing_at_once(self):
        done = self.run_of("true")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertEqual(done.stdout.count("100% tests passed"), 1)


if __name__ == "__main__":
    unittest.main()
