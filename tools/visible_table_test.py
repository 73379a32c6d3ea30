#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""src/wire/visible_table.h holds no character that hides, joins, reorders or is not assigned, by this Python's Unicode."""

import importlib.machinery
import importlib.util
import pathlib
import re
import unicodedata
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
HEADER = (ROOT / "src" / "wire" / "visible_table.h").read_text()
# Digits of other scripts are looked for by their value, so that a new one is found too.
OTHER_NUMBERS = {"²", "³", "¹", "¼", "½", "¾", "〇"}


def table():
    pairs = re.findall(r"\{0x([0-9A-F]+), 0x([0-9A-F]+)\}", HEADER)
    return [(int(first, 16), int(last, 16)) for first, last in pairs]


def characters():
    return [chr(code) for first, last in table() for code in range(first, last + 1)]


class VisibleTable(unittest.TestCase):
    def test_its_ranges_are_sorted_and_apart(self):
        ranges = table()
        self.assertGreater(len(ranges), 50)
        for (_, last), (first, _) in zip(ranges, ranges[1:]):
            self.assertLess(last + 1, first)

    def test_no_mark_control_separator_or_unassigned_character(self):
        wrong = [hex(ord(c)) for c in characters() if c != " " and unicodedata.category(c)[0] in "MCZ"]
        self.assertEqual(wrong, [])

    def test_nothing_joins(self):
        self.assertEqual([hex(ord(c)) for c in characters() if unicodedata.combining(c)], [])
        jamo = [hex(ord(c)) for c in characters() if "HANGUL" in unicodedata.name(c) and not (
            0xAC00 <= ord(c) <= 0xD7A3 or 0x3131 <= ord(c) <= 0x318E)]
        self.assertEqual(jamo, [])
        self.assertEqual([hex(ord(c)) for c in characters() if "FILLER" in unicodedata.name(c)], [])

    def test_everything_runs_from_left_to_right(self):
        kinds = {unicodedata.bidirectional(c) for c in characters()}
        self.assertEqual(kinds - {"L", "EN", "ES", "ET", "CS", "ON", "WS"}, set())

    def test_digits_are_those_of_ascii(self):
        wrong = [hex(ord(c)) for c in characters() if unicodedata.category(c)[0] == "N" and not c.isascii()]
        self.assertEqual(set(wrong) - {hex(ord(c)) for c in OTHER_NUMBERS}, set())

    def test_it_is_what_the_tool_prints(self):
        loader = importlib.machinery.SourceFileLoader("visible_table", str(ROOT / "tools" / "visible_table"))
        spec = importlib.util.spec_from_loader("visible_table", loader)
        tool = importlib.util.module_from_spec(spec)
        loader.exec_module(tool)
        if f"version {unicodedata.unidata_version}." not in HEADER:
            self.skipTest(f"this Python has Unicode {unicodedata.unidata_version}")
        self.assertEqual(tool.header(), HEADER)


if __name__ == "__main__":
    unittest.main()
