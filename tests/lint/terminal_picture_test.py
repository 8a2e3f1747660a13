#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""scripts/terminal-picture shows what a terminal would."""
import importlib.machinery
import importlib.util
import os
import sys
import unittest
import xml.etree.ElementTree

sys.dont_write_bytecode = True
ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
LOADER = importlib.machinery.SourceFileLoader("picture", os.path.join(ROOT, "scripts/terminal-picture"))
picture = importlib.util.module_from_spec(importlib.util.spec_from_loader("picture", LOADER))
LOADER.exec_module(picture)


def shown(text, columns=20):
    terminal = picture.Terminal(columns)
    terminal.feed(text)
    return picture.text_of(terminal).split("\n")


class TerminalTest(unittest.TestCase):
    def test_lines(self):
        self.assertEqual(shown("a\r\nb\r\n"), ["a", "b", ""])
        self.assertEqual(shown("a\nb"), ["a", " b"])
        self.assertEqual(shown("a\tb\bc"), ["a       c"])
        self.assertEqual(shown("12345678", columns=5), ["12345", "678"])

    def test_a_line_is_written_again(self):
        self.assertEqual(shown("fetching 10 %\rfetching 9 %\x1b[K\r\nx"), ["fetching 9 %", "x"])
        self.assertEqual(shown("long line\r\x1b[Kdone"), ["done"])
        self.assertEqual(shown("abc\x1b[2K"), [""])
        self.assertEqual(shown("abc\r\x1b[C\x1b[1Kx"), [" xc"])

    def test_the_cursor_moves(self):
        self.assertEqual(shown("a\r\nb\x1b[1Ac\x1b[Bd"), ["ac", "b d"])
        self.assertEqual(shown("abcd\x1b[3Dx\x1b[4Gy"), ["axcy"])
        self.assertEqual(shown("\x1b[9Ax"), ["x"])

    def test_what_is_not_known_is_not_shown(self):
        self.assertEqual(shown("\x1b]0;title\x07a\x1b[?25lb\x1b=c"), ["abc"])

    def test_colours(self):
        terminal = picture.Terminal()
        terminal.feed("a\x1b[1;32mb\x1b[0mc  ")
        self.assertEqual(terminal.picture(), [(("a", None), ("b", 2), ("c", None))])


class PictureTest(unittest.TestCase):
    FRAMES = [(1.0, [(("$ x", None),)]),
              (2.0, [(("$ x", None),), (("10 %", None),)]),
              (3.0, [(("$ x", None),), (("done <&>", None),)])]

    def test_rows_live_from_one_frame_to_another(self):
        self.assertEqual(picture.lives(self.FRAMES),
                         [[(1.0, None, (("$ x", None),))],
                          [(2.0, 3.0, (("10 %", None),)), (3.0, None, (("done <&>", None),))]])

    def test_the_end_is_shown_without_animation(self):
        root = xml.etree.ElementTree.fromstring(picture.svg(self.FRAMES))
        texts = [t for t in root.iter("{http://www.w3.org/2000/svg}text") if t.get("visibility") != "hidden"]
        self.assertEqual(["".join(t.itertext()) for t in texts], ["$ x", "done <&>"])

    def test_the_layout_does_not_depend_on_the_figures(self):
        other = [(seconds, [tuple((text.replace("10", "99"), c) for text, c in row) for row in rows])
                 for seconds, rows in self.FRAMES]
        self.assertEqual(picture.svg(other).replace("99", "10"), picture.svg(self.FRAMES))

    def test_of_many_frames_the_last_is_kept(self):
        self.assertEqual(picture.some_of(list(range(10)), 4), [1, 4, 6, 9])
        self.assertEqual(picture.some_of([1, 2], 4), [1, 2])

    def test_the_one_in_the_documents_is_whole(self):
        xml.etree.ElementTree.parse(os.path.join(ROOT, "docs/terminal.svg"))


if __name__ == "__main__":
    unittest.main()
