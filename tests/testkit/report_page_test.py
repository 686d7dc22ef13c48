#!/usr/bin/env python3
"""The page of a report is well-formed: every tag that is opened is closed, in order, nothing is
loaded from elsewhere, and names that look like HTML stay text. The JSON counts the same."""
import json
import os
import re
import subprocess
import sys
import tempfile
from html.parser import HTMLParser
from pathlib import Path

PROGRAM = Path(os.environ["TILEWRIGHT_BUILD"]) / "tests" / "testkit_test"
EMPTY = {"meta", "br", "rect"}


class Page(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.count, self.problems, self.text = [], {}, [], ""

    def handle_starttag(self, tag, attrs):
        self.count[tag] = self.count.get(tag, 0) + 1
        if tag not in EMPTY:
            self.open.append(tag)
        self.problems += [f"<{tag} {name}={value}>" for name, value in attrs
                          if name in ("src", "href") or name.startswith("on")]

    def handle_startendtag(self, tag, attrs):
        self.count[tag] = self.count.get(tag, 0) + 1

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.problems.append(f"</{tag}> closes nothing")

    def handle_data(self, data):
        self.text += data


def main():
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([PROGRAM, "--gtest_filter=Report.AsHtml*"], cwd=folder, check=True,
                       stdout=subprocess.DEVNULL,
                       env={**os.environ, "TILEWRIGHT_TESTKIT_PAGES": folder})
        left = sorted(os.listdir(folder))
        html = Path(folder, "report.html").read_text(encoding="utf-8")
        report = json.loads(Path(folder, "report.json").read_text(encoding="utf-8"))
    page = Page()
    page.feed(html)
    page.close()

    problems = page.problems + [f"<{tag}> is not closed" for tag in page.open]
    if left != ["report.html", "report.json"]:
        problems.append(f"the test left {left}")
    failed = len(re.findall('<div class="failure">', html))
    if failed != report["failed"] or failed == 0:
        problems.append(f"{failed} failures are shown, {report['failed']} are counted")
    if page.count.get("script") or '<script>alert("&")</script>' not in page.text:
        problems.append("a name was not escaped")
    if page.count.get("svg", 0) < 3 or page.count.get("rect", 0) < 20:
        problems.append(f"pictures are missing: {page.count}")
    print("\n".join(problems) or f"{sum(page.count.values())} elements, {failed} failures shown")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
