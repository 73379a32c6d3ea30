#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docs/protocol.md says which tests hold each rule: every rule is there, and each file named bears its number."""

import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
LATER = ["P33", "P34", "P35", "P36", "P37", "P38", "P39", "P40", "P48"]
RULES = [f"P{number}" for number in range(1, 29)] + LATER + [f"I{number}" for number in range(1, 7)]


def table():
    """Rule → the files that its row names."""
    rows = {}
    for line in (ROOT / "docs" / "protocol.md").read_text().splitlines():
        if match := re.match(r"\| ([PI]\d+) \| .* \| (.*) \|$", line):
            rows[match.group(1)] = re.findall(r"`([^`]+)`", match.group(2))
    return rows


class Rules(unittest.TestCase):
    def test_every_rule_has_a_row_with_a_test(self):
        rows = table()
        self.assertEqual(sorted(rows), sorted(RULES))
        for rule, files in rows.items():
            self.assertTrue(files, f"{rule} names no test")

    def test_each_file_bears_the_number(self):
        for rule, files in table().items():
            for name in files:
                path = ROOT / name if (ROOT / name).exists() else ROOT / "src" / name
                self.assertTrue(path.exists(), f"{rule}: {name} is not there")
                found = re.search(rf"(?<![0-9A-Za-z]){rule}(?![0-9])", path.read_text())
                self.assertTrue(found, f"{rule}: {name} does not bear it")


if __name__ == "__main__":
    unittest.main()
