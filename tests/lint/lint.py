#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks of the source tree that no compiler makes.

lint.py ROOT CHECK runs one check over the tree at ROOT and prints what it finds,
one line each; the exit status is 1 when it finds anything and 77 when it needs
a program that is not there. Every check is a function Tree -> findings, tried
on trees with and without the fault by lint_test.py.
"""
import os
import re
import shutil
import subprocess
import sys

MAX_FILE_LINES = 400
MAX_HEADER_LINES = 250
MAX_FUNCTION_LINES = 60
MAX_TEST_LINES = 100  # tables of cases among them
MAX_README_LINES = 150


class Missing(Exception):
    """A program that the check needs is not installed."""


class Tree:
    """The files of a checkout: path from the root -> text, read when asked for."""

    def __init__(self, root):
        self.root = root
        self.paths = sorted(p for p in self._list() if os.path.isfile(os.path.join(root, p)))

    def _list(self):
        git = subprocess.run(
            ["git", "-C", self.root, "ls-files", "-co", "--exclude-standard", "-z"],
            capture_output=True, check=False)
        if git.returncode == 0 and git.stdout:
            return git.stdout.decode().rstrip("\0").split("\0")
        found = []  # not a git checkout: a release archive
        for folder, folders, files in os.walk(self.root):
            folders[:] = [f for f in folders if f not in (".git", "build", ".deps", "__pycache__")]
            found += [os.path.relpath(os.path.join(folder, f), self.root) for f in files]
        return found

    def text(self, path):
        with open(os.path.join(self.root, path), encoding="utf-8", errors="replace") as file:
            return file.read()

    def matching(self, pattern):
        return [p for p in self.paths if re.search(pattern, p)]

    def sources(self, under="(src|tests)"):
        return self.matching(rf"^{under}/.*\.(cpp|h)$")


def code_only(text):
    """The text with comments and the contents of literals blanked, lines kept."""
    token = re.compile(
        r'//[^\n]*|/\*.*?\*/|R"(?P<d>[^(\s]*)\(.*?\)(?P=d)"|"(?:\\.|[^"\\\n])*"|'
        r"(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'", re.S)

    def blank(match):
        found = match.group(0)
        kept = "".join(c if c == "\n" else " " for c in found)
        return '"' + kept[1:-1] + '"' if found[0] in "\"'R" else kept

    return token.sub(blank, text)


def grep(tree, paths, pattern, message, strip=True):
    rule = re.compile(pattern)
    for path in paths:
        text = tree.text(path)
        for number, line in enumerate((code_only(text) if strip else text).split("\n"), 1):
            if rule.search(line):
                yield f"{path}:{number}: {message}"


# --- the rooms ---


def read_layers(tree):
    rooms, headers = {}, {}
    for line in tree.text("tests/lint/layers.txt").splitlines():
        match = re.match(r"(room|header) ([^\s:]+):(.*)", line)
        if match:
            (rooms if match[1] == "room" else headers)[match[2]] = set(match[3].split())
    return rooms, headers


def room_of(path):
    parts = path.split("/")
    if parts[1] == "common":
        return parts[2]
    return parts[1] if len(parts) > 2 else "main"


def layers(tree):
    rooms, headers = read_layers(tree)
    for path in tree.sources("src"):
        room = room_of(path)
        if room not in rooms:
            yield f"{path}: room {room} is not in layers.txt"
            continue
        for number, line in enumerate(tree.text(path).split("\n"), 1):
            own = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
            system = re.match(r"\s*#\s*include\s+<([^>]+)>", line)
            if own:
                other = own[1].split("/")[0]
                if "/" not in own[1] or other not in rooms:
                    yield f'{path}:{number}: "{own[1]}" does not name a room'
                elif other != room and other not in rooms[room]:
                    yield f"{path}:{number}: {room} may not include {other}"
            elif system:
                for prefix, allowed in headers.items():
                    if system[1].startswith(prefix) and room not in allowed:
                        yield f"{path}:{number}: <{system[1]}> is not for {room}"


def heavy_headers(tree):
    yield from grep(tree, [p for p in tree.sources("src") if p.endswith(".h")],
                    r"#\s*include\s+<(spdlog(?!/fmt/)|nlohmann|CLI)/", "slows down every includer",
                    strip=False)


def own_header(tree):
    """A source begins with its own header, which so compiles by itself."""
    for path in tree.sources("src"):
        header = re.sub(r"\.cpp$", ".h", path)
        if header == path or header not in tree.paths:
            continue
        first = re.search(r'^#\s*include\s+[<"](.*?)[>"]', tree.text(path), re.M)
        if not first or not header.endswith("/" + first[1]):
            yield f"{path}: does not include its own header first"


# --- habits ---


def close_calls(tree):
    paths = [p for p in tree.sources("src") if not p.endswith("base/unique_fd.h")]
    yield from grep(tree, paths, r"(?<![\w>:])::close\s*\(|(?<![\w.>~:])(?<!void )close\s*\(\s*[\w:]",
                    "close() outside UniqueFd")


def exits(tree):
    paths = [p for p in tree.sources("src") if room_of(p) not in ("main", "cli")
             and p != "src/fanotify/forked_child.cpp"]
    yield from grep(tree, paths,
                    r"(?<!\w)(?:std)?::(?:_?exit|abort|quick_exit|terminate)\s*\("
                    r"|(?<![\w.>:])(?:_exit\s*\(|exit\s*\(\s*\w|abort\s*\(\s*\)\s*;)",
                    "ends the process outside main and cli")


def sleeps(tree):
    paths = [p for p in tree.sources()
             if not p.startswith("tests/bench/") and p != "tests/support/waiting.cpp"]
    yield from grep(tree, paths, r"sleep_for|sleep_until|(?<!\w)(?:u|nano|clock_nano)?sleep\s*\(",
                    "sleeps; wait for an event (or see tests/support/waiting.h)")


def skips(tree):
    yield from grep(tree, tree.sources("tests"), r"GTEST_SKIP\(\)\s*;", "skips without a reason")


def left_overs(tree):
    words = "|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"])
    paths = tree.matching(r"^(src|tests|scripts|cmake|man|packaging)/|CMakeLists")
    yield from grep(tree, paths, rf"\b(?:{words})\b(?!\(#)", "left over", strip=False)


def machine_paths(tree):
    hosts = r"https?://[^ )]*/" + r"(?:debian|dists)(?:/|$)"
    folders = r"(?<![\w.])/" + r"(?:work|farm)/[a-z.]"
    paths = [p for p in tree.paths if not re.search(r"fixtures|corpus|\.png$", p)]
    yield from grep(tree, paths, f"{hosts}|{folders}", "names a machine or a mirror", strip=False)


def licence_lines(tree):
    paths = tree.sources() + tree.matching(r"^(scripts|\.ci)/[^/.]+$") + tree.matching(r"\.py$")
    for path in paths:
        if "SPDX-License-Identifier: Apache-2.0" not in "".join(tree.text(path).split("\n")[:2]):
            yield f"{path}: no SPDX line at the top"


# --- sizes ---


def function_lengths(text):
    """(name, first line, lines) of every function body, by its braces."""
    code = code_only(text)
    code = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", lambda m: re.sub(r"[^\n]", " ", m[0]), code,
                  flags=re.M)
    stack, statement, begin = [], "", 0
    line = 1
    for char in code:
        if char == "{":
            stack.append((statement.strip(), begin or line))
            statement, begin = "", 0
        elif char == "}" and stack:
            opener, first = stack.pop()
            name = function_name(opener)
            if name:
                yield name, first, line - first + 1
            statement, begin = "", 0
        elif char == ";":
            statement, begin = "", 0
        else:
            if not statement.strip():
                begin = line if not char.isspace() else 0
            statement += char
        line += char == "\n"


def function_name(opener):
    opener = re.sub(r"^(?:public|private|protected)\s*:", "", opener).strip()
    if re.match(r"(?:namespace|class|struct|enum|union|if|else|for|while|switch|do|try|catch|return"
                r"|case|default|extern)\b", opener) or "[" in opener.split("(")[0]:
        return None
    match = re.match(r"(?:template\s*<.*?>\s*)?[^()=]*?([\w:~]+|operator\W+)\s*\(", opener, re.S)
    return match[1] if match else None


def file_budget(tree):
    for path in tree.sources():
        lines = tree.text(path).count("\n")
        limit = MAX_HEADER_LINES if path.endswith(".h") else MAX_FILE_LINES
        if path.startswith("src/") and lines > limit:
            yield f"{path}: {lines} lines, at most {limit}"


def function_budget(tree):
    for path in tree.sources():
        for name, first, lines in function_lengths(tree.text(path)):
            limit = MAX_TEST_LINES if path.startswith("tests/") else MAX_FUNCTION_LINES
            if lines > limit:
                yield f"{path}:{first}: {name} has {lines} lines, at most {limit}"


def readme_budget(tree):
    lines = tree.text("README.md").count("\n")
    if lines > MAX_README_LINES:
        yield f"README.md: {lines} lines, at most {MAX_README_LINES}"


# --- documents ---


def tests_in(tree):
    found = set()
    for path in tree.sources("tests"):
        for match in re.finditer(r"\bTEST(?:_F|_P)?\(\s*(\w+)\s*,\s*(\w+)\s*\)", tree.text(path)):
            found.add(f"{match[1]}.{match[2]}")
    return found


def paragraphs(text):
    """(line number, text) of each paragraph, list item and table of a document."""
    number, block = 0, []
    for number, line in enumerate(text.split("\n") + [""], 1):
        if line.strip():
            block.append(line)
        elif block:
            yield number - len(block), "\n".join(block)
            block = []


def semantics(tree):
    """Each paragraph below a heading of docs/semantics.md names its tests."""
    path, known, proving = "docs/semantics.md", tests_in(tree), False
    for number, block in paragraphs(tree.text(path)):
        if block.startswith("#"):
            proving = proving or block.startswith("## ")
            continue
        if not proving:
            continue  # the introduction
        match = re.search(r"\[(?:tests?): ([^\]]+)\]\s*$", block)
        if not match:
            yield f"{path}:{number}: a paragraph without [tests: ...]"
            continue
        for name in re.split(r",\s*", match[1].replace("\n", " ").strip()):
            if name.strip() not in known:
                yield f"{path}:{number}: there is no test {name.strip()}"


def literals(text):
    """The string literals of a source, neighbouring ones joined."""
    joined = re.sub(r'"\s*\n?\s*"', "", text)
    return re.findall(r'"((?:\\.|[^"\\\n])*)"', joined)


def messages(tree):
    """Each message quoted in docs/troubleshooting.md stands in the sources."""
    path = "docs/troubleshooting.md"
    said = "\n".join(l.replace('\\"', '"') for p in tree.sources("src")
                     for l in literals(tree.text(p)))
    for number, line in enumerate(tree.text(path).split("\n"), 1):
        match = re.match(r"(?:\*\*Message\*\*|Message): `(.+)`", line)
        if match:
            for part in match[1].split("…"):
                if part.strip() and part.strip() not in said:
                    yield f"{path}:{number}: no source says '{part.strip()}'"


def links(tree):
    """Relative links of the documents lead to files."""
    for path in tree.matching(r"\.md$"):
        for match in re.finditer(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", tree.text(path)):
            target = os.path.normpath(os.path.join(os.path.dirname(path), match[1]))
            if not os.path.exists(os.path.join(tree.root, target)):
                yield f"{path}: {match[1]} does not exist"


# --- by other programs ---


def run(program, arguments):
    if not shutil.which(program):
        raise Missing(program)
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=False)


def formatting(tree):
    paths = [os.path.join(tree.root, p) for p in tree.sources()]
    done = run("clang-format-14", ["--dry-run", "--Werror", *paths])
    for path in sorted(set(re.findall(r"^(.*?):\d+:\d+: error", done.stderr, re.M))):
        yield f"{os.path.relpath(path, tree.root)}: not as clang-format-14 has it"
    if done.returncode and "error:" not in done.stderr:
        yield done.stderr


def manual(tree):
    for path in tree.matching(r"^man/.*\.\d$"):
        done = run("mandoc", ["-Tlint", "-Wwarning", os.path.join(tree.root, path)])
        yield from done.stdout.splitlines()


CHECKS = {check.__name__: check for check in (
    layers, heavy_headers, own_header, close_calls, exits, sleeps, skips, left_overs, machine_paths,
    licence_lines, file_budget, function_budget, readme_budget, semantics, messages, links,
    formatting, manual)}


def main(arguments):
    if len(arguments) != 2 or arguments[1] not in CHECKS:
        print("usage: lint.py ROOT " + "|".join(CHECKS), file=sys.stderr)
        return 2
    try:
        findings = list(CHECKS[arguments[1]](Tree(arguments[0])))
    except Missing as program:
        print(f"{program} is not installed (scripts/install-deps --tests)")
        return 1 if os.environ.get("LAZYMIRROR_CI") else 77
    print("\n".join(findings))
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
