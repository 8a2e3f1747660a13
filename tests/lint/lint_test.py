#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each check of lint.py finds the fault it is for, and nothing in its absence."""
import os
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lint  # noqa: E402

LAYERS = "room base:\nroom engine: base\nroom fuse: engine base\nheader fuse: fuse\n"


class LintTest(unittest.TestCase):
    def found(self, check, files):
        with tempfile.TemporaryDirectory() as root:
            for path, text in files.items():
                full = os.path.join(root, path)
                os.makedirs(os.path.dirname(full) or root, exist_ok=True)
                with open(full, "w", encoding="utf-8") as file:
                    file.write(text)
            return list(lint.CHECKS[check](lint.Tree(root)))

    def finds(self, check, bad, good):
        """`bad` and `good` are files; every file of `bad` must be named."""
        findings = "\n".join(self.found(check, bad))
        for path in bad:
            if path not in ("tests/lint/layers.txt", "tests/a_test.cpp", "src/said.cpp", "src/fuse/a.h"):
                self.assertIn(path, findings, check)
        self.assertEqual(self.found(check, good), [], check)

    def test_layers(self):
        def tree(path, line):
            return {"tests/lint/layers.txt": LAYERS, path: line + "\n"}
        up = 'src/common/base/a.h'
        self.finds("layers", tree(up, '#include "engine/engine.h"'),
                   tree("src/fuse/a.h", '#include "engine/engine.h"'))
        self.finds("layers", tree(up, "#include <fuse_lowlevel.h>"),
                   tree("src/fuse/a.h", "#include <fuse_lowlevel.h>"))
        self.finds("layers", tree(up, '#include "other.h"'), tree(up, '#include "base/other.h"'))
        self.finds("layers", tree("src/common/unheard/a.h", ""), tree(up, ""))

    def test_heavy_headers(self):
        line = "#include <spdlog/spdlog.h>\n"
        self.finds("heavy_headers", {"src/fuse/a.h": line}, {"src/fuse/a.cpp": line})

    def test_own_header(self):
        header = {"src/fuse/a.h": ""}
        self.finds("own_header", {"src/fuse/a.cpp": "#include <map>\n#include \"fuse/a.h\"\n", **header},
                   {"src/fuse/a.cpp": "#include \"fuse/a.h\"\n", "src/fuse/b.cpp": "#include <map>\n", **header})

    def test_close_calls(self):
        self.finds("close_calls", {"src/fuse/a.cpp": "void f() { ::close(fd); }\n", "src/fuse/b.cpp": "x = close(fd);\n"},
                   {"src/fuse/a.cpp": 'file.close(); // close(fd)\nauto s = "close(fd)";\n',
                    "src/fuse/b.cpp": "void A::close(int e) {}\n", "src/fuse/b.h": "  void close(int e);\n",
                    "src/common/base/unique_fd.h": "::close(old);\n"})

    def test_exits(self):
        self.finds("exits", {"src/fuse/a.cpp": "std::abort();\n", "src/fuse/b.cpp": "exit(status);\n"},
                   {"src/common/cli/a.cpp": "_exit(1);\n",
                    "src/fuse/a.cpp": "on_exit_(1);\nvoid Session::exit() {\n  exit();\n}\n"})

    def test_sleeps(self):
        self.finds("sleeps", {"tests/a.cpp": "std::this_thread::sleep_for(1s);\n"},
                   {"tests/bench/a.cpp": "usleep(1);\n", "tests/a.cpp": "// sleep(1)\n"})

    def test_skips(self):
        self.finds("skips", {"tests/a.cpp": "GTEST_SKIP();\n"},
                   {"tests/a.cpp": 'GTEST_SKIP() << "no FUSE";\n'})

    def test_left_overs(self):
        self.finds("left_overs", {"src/fuse/a.cpp": "// TO" + "DO\n"},
                   {"src/fuse/a.cpp": "// to do\n"})

    def test_machine_paths(self):
        self.finds("machine_paths", {"scripts/a": "cd /wor" + "k/main\n"},
                   {"scripts/a": "cd /home/work/main\n"})
        self.finds("machine_paths", {"scripts/a": "http://mirror.example/deb" + "ian\n"},
                   {"scripts/a": "http://mirror.example/pub\n"})

    def test_licence_lines(self):
        self.finds("licence_lines", {"src/fuse/a.cpp": "int a;\n"},
                   {"scripts/a": "#!/bin/sh\n# SPDX-License-Identifier: Apache-2.0\n"})

    def test_budgets(self):
        body = "  a();\n"
        self.finds("file_budget", {"src/fuse/a.cpp": "//\n" * 401},
                   {"src/fuse/a.cpp": "//\n" * 400})
        self.finds("function_budget", {"src/fuse/a.cpp": "void f(int a) {\n" + body * 59 + "}\n"},
                   {"src/fuse/a.cpp": "void f(int a) {\n" + body * 58 + "}\n"})
        self.finds("function_budget",
                   {"tests/a.cpp": "namespace x {\nTEST(A, B) {\n" + body * 100 + "}\n}\n"},
                   {"tests/a.cpp": "namespace x {\nclass A {\n" + "void f() { a(); }\n" * 80 + "};\n}\n"})
        self.finds("readme_budget", {"README.md": "\n" * 151}, {"README.md": "\n" * 150})

    def test_semantics(self):
        def tree(text):
            return {"docs/semantics.md": "# S\n\nAn introduction.\n\n## Read\n\n" + text,
                    "tests/a_test.cpp": "TEST_F(ReadTest, GivesBytes) {}\n"}
        proven = tree("Bytes. [tests: ReadTest.GivesBytes]\n")
        self.finds("semantics", tree("Bytes.\n"), proven)
        self.finds("semantics", tree("Bytes. [tests: ReadTest.GivesNothing]\n"), proven)

    def test_messages(self):
        def tree(text):
            return {"docs/troubleshooting.md": f"Message: `{text}`\n",
                    "src/said.cpp": 'f("cannot mount "\n  "on " + dir + ": busy");\n'}
        self.finds("messages", tree("cannot go on"), tree("cannot mount on … : busy"))

    def test_links(self):
        self.finds("links", {"README.md": "[a](docs/a.md)\n"},
                   {"README.md": "[a](docs/a.md#b) [c](https://example.org/)\n", "docs/a.md": ""})

    def test_every_check_is_tried_here_or_by_a_program(self):
        tried = {m[len("test_"):] for m in dir(self) if m.startswith("test_")}
        budgets = {"file_budget", "function_budget", "readme_budget"}
        self.assertEqual(set(lint.CHECKS) - tried - budgets, {"formatting", "manual"})


if __name__ == "__main__":
    unittest.main()
