# SPDX-License-Identifier: Apache-2.0
"""Canary (I5, failures.md 11 and 23): after the whole story, with debug logs on, the billing key is in no file,
database, WAL, log, metric, core or response, in no encoding that hides nothing."""

import base64
import json
import os
import pathlib
import resource
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from processes import spawn  # noqa: E402
from writ_client import WRIT, request, wait_until  # noqa: E402


def forms(key):
    """The key's bytes as they are and as encodings would show them, at each alignment."""
    found = {key, key.hex().encode(), key.hex().upper().encode()}
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for before in range(3):
            text = encode(b"\0" * before + key)
            # Only the characters that depend on the key alone.
            found.add(text[(8 * before + 5) // 6 : (8 * (before + len(key))) // 6])
    quoted = urllib.parse.quote(key, safe="")
    found |= {quoted.encode(), urllib.parse.quote(key).encode(), "".join(f"%{byte:02X}" for byte in key).encode()}
    found.add("".join(f"\\u{byte:04x}" for byte in key).encode())
    return found


class Canary(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.work = tempfile.TemporaryDirectory(prefix="writ-canary-")
        cls.root = pathlib.Path(cls.work.name)
        # A key whose encodings differ from it.
        cls.key = b"bk/" + base64.b64encode(secrets.token_bytes(24)) + b"+/~"
        reader, writer = os.pipe()
        os.write(writer, cls.key)
        os.close(writer)
        cls.demo = spawn(
            [WRIT, "demo", "--json", "--debug", "--dir", str(cls.root / "demo"), "--key-fd", str(reader)],
            pass_fds=[reader],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=cls.root,
            # Cores are wanted: that there is none, or none with the key, is the server's own doing.
            preexec_fn=lambda: resource.setrlimit(
                resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2
            ),
        )
        os.close(reader)
        cls.told = []
        cls.serving = None
        for line in cls.demo.stdout:
            cls.told.append(line)
            said = json.loads(line) if line.startswith(b"{") else {}
            if "serving" in said:
                cls.serving = said["serving"]
                break
        assert cls.serving, b"".join(cls.told[-5:]).decode(errors="replace")

    @classmethod
    def tearDownClass(cls):
        cls.demo.terminate()
        cls.demo.wait(30)
        cls.demo.stdout.close()
        cls.work.cleanup()

    def assert_absent(self, where, data):
        for form in forms(self.key):
            self.assertFalse(form in data, f"the key, as {form[:12]!r}…, is in {where}")

    def test_0_the_search_finds_what_there_is(self):
        for before in range(5):
            data = os.urandom(before) + self.key + os.urandom(4)
            for text in (data, base64.b64encode(data), base64.urlsafe_b64encode(data), data.hex().encode()):
                self.assertTrue(any(form in text for form in forms(self.key)), (before, text))

    def test_1_the_whole_story_was_told_and_held(self):
        steps = [json.loads(line) for line in self.told]
        self.assertFalse([step for step in steps if step.get("held") is False])
        # The search below would find nothing in an empty place either.
        self.assertGreater(len(steps), 40)

    def test_2_no_response_or_output_has_it(self):
        self.assert_absent("the demo's output", b"".join(self.told))
        answers = (self.root / "demo" / "logs" / "answers.log").read_bytes()
        self.assertTrue(b"Bearer [redacted]" in answers, "the echo's answer is not among them")
        self.assertGreater(answers.count(b"\nDate: "), 60)
        self.assert_absent("an answer", answers)

    def test_3_no_metric_has_it(self):
        answer = request("GET", self.serving["url"] + "/metrics")
        self.assertEqual(answer.status, 200)
        self.assertIn(b"writ_", answer.body)
        self.assert_absent("/metrics", answer.body)

    def test_4_no_file_database_wal_or_log_has_it(self):
        files = [path for path in self.root.rglob("*") if path.is_file()]
        names = {path.name for path in files}
        self.assertLessEqual({"server.log", "answers.log"}, names)
        self.assertTrue(any(name.endswith("-wal") for name in names), names)
        # Debug logs are on: a malformed request is among what they tell.
        port = int(self.serving["url"].rsplit(":", 1)[1])
        with socket.create_connection(("127.0.0.1", port)) as raw:
            raw.sendall(b"GET / HTTP/1.1\r\n\r\n")
            while raw.recv(4096):
                pass
        log = self.root / "demo" / "logs" / "server.log"
        wait_until("the log tells of it", lambda: "http.refused" in log.read_text(errors="replace"))
        for path in files:
            self.assert_absent(path, path.read_bytes())

    def test_5_arguments_and_environment_have_it_not(self):
        for pid in (self.demo.pid, self.serving["server_pid"], self.serving["billing_pid"]):
            for name in ("cmdline", "environ"):
                try:
                    data = pathlib.Path(f"/proc/{pid}/{name}").read_bytes()
                except PermissionError:
                    continue  # not dumpable, so not ours to read either
                self.assert_absent(f"/proc/{pid}/{name}", data)

    def test_6_a_crash_of_the_server_leaves_no_core_with_it(self):
        limits = pathlib.Path(f"/proc/{self.serving['server_pid']}/limits").read_text()
        self.assertRegex(limits, r"Max core file size +0 +0 ", "the server has given up its cores by itself")
        pattern = pathlib.Path("/proc/sys/kernel/core_pattern").read_text().strip()
        before = set(self.root.rglob("*"))
        began = time.time()
        os.kill(self.serving["server_pid"], signal.SIGABRT)
        wait_until("the demo ends with its server", lambda: self.demo.poll() is not None)
        cores = set(self.root.rglob("*")) - before
        if pattern.startswith("/"):
            cores |= {
                path
                for path in pathlib.Path(pattern).parent.glob("*core*")
                if path.is_file() and path.stat().st_mtime >= began
            }
        for path in cores:
            if path.is_file():
                self.assert_absent(path, path.read_bytes())


if __name__ == "__main__":
    unittest.main(verbosity=2)
