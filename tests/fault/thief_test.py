# SPDX-License-Identifier: Apache-2.0
"""A thief of the disk, who can write to data/ and anchor/ and has no seal key (P36). Both attacks once made a server
ready: one with a log that nobody signed, one with an admin whom nobody made.

    WRIT=build/release/writ python3 tests/fault/thief_test.py
"""

import hashlib
import json
import pathlib
import secrets
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from processes import Acme, Billing, Server, must, spawn  # noqa: E402
from writ_client import WRIT, Key, canonical, request, wait_until  # noqa: E402


class Thief(unittest.TestCase):
    def setUp(self):
        self.work = tempfile.TemporaryDirectory(prefix="writ-thief-")
        key = "bk_" + secrets.token_urlsafe(24)
        self.addCleanup(self.work.cleanup)
        self.billing = Billing(key)
        self.addCleanup(self.billing.stop)
        self.server = Server(pathlib.Path(self.work.name) / "server")
        self.addCleanup(self.server.stop)
        self.server.start()
        self.acme = Acme(self.server, self.billing.port, key)
        self.acme.start_refund()
        self.server.stop()
        self.data = self.server.directory / "data"
        self.anchor = self.server.directory / "anchor"

    def rows(self):
        return sqlite3.connect(self.data / "writ.db", isolation_level=None)

    def expect_never_ready(self, *arguments):
        """Refused at the start, or 503 from /readyz; nothing new begins. Returns what was said."""
        with open(self.server.directory / "server.log", "ab") as log:
            self.server.process = spawn(
                [WRIT, "serve", "--config", str(self.server.directory / "writ.toml"), *arguments],
                stdout=log,
                stderr=log,
            )
        url = self.server.url

        def settled():
            if self.server.process.poll() is not None:
                return True
            return b"starting" not in request("GET", url + "/readyz").body

        wait_until("it has looked", settled)
        if self.server.process.poll() is None:
            answer = request("GET", url + "/readyz")
            self.assertEqual(answer.status, 503, answer)
        else:
            self.assertNotEqual(self.server.process.returncode, 0)
        self.server.stop()
        return self.server.log()

    def rewrite_log(self, rows):
        """Every entry says that somebody else did it, with leaf hashes that fit."""
        for key, entry in rows.execute("SELECT key, entry FROM log").fetchall():
            forged = entry.replace('"by_name":"admin"', '"by_name":"carol"')
            leaf = hashlib.sha256(b"\0" + forged.encode()).digest()
            rows.execute("UPDATE log SET entry = ?, leaf = ? WHERE key = ?", (forged, leaf, key))

    def test_P36_a_rewritten_log_without_its_checkpoints_tiles_and_anchor_is_not_signed(self):
        rows = self.rows()
        self.rewrite_log(rows)
        rows.execute("DELETE FROM checkpoint")
        rows.execute("DELETE FROM tile")
        rows.close()
        for note in self.anchor.glob("*.checkpoint"):
            note.unlink()
        self.expect_never_ready()
        self.expect_never_ready("--accept-anchor")
        self.assertEqual(list(self.anchor.glob("*.checkpoint")), [])

    def test_P36_a_key_that_was_put_into_the_record_of_an_admin_is_not_believed(self):
        own = Key()
        rows = self.rows()
        changed = 0
        for workspace, id_, value in rows.execute(
            "SELECT workspace, id, value FROM record WHERE kind = 'user'"
        ).fetchall():
            record = json.loads(value)
            if "key" in record:
                record["key"] = own.jwk
                rows.execute(
                    "UPDATE record SET value = ? WHERE workspace = ? AND kind = 'user' AND id = ?",
                    (canonical(record), workspace, id_),
                )
                changed += 1
        rows.close()
        self.assertGreater(changed, 1)
        self.expect_never_ready()
        self.server.launch()
        wait_until("it has looked", lambda: b"starting" not in request("GET", self.server.url + "/readyz").body)
        admin = self.acme.people["admin"]
        admin.key = own
        self.assertNotEqual(admin.sign_in().status, 201)

    def test_P36_a_store_without_its_macs_is_not_one_of_release_0_1(self):
        rows = self.rows()
        for statement in (
            "ALTER TABLE record DROP COLUMN mac",
            "ALTER TABLE log DROP COLUMN mac",
            "DROP TABLE state",
            "DROP TABLE release",
            "PRAGMA user_version = 1",
        ):
            rows.execute(statement)
        rows.close()
        self.expect_never_ready()

    def test_P36_a_store_that_is_gone_is_not_a_new_one(self):
        shutil.rmtree(self.data)
        self.assertIn("no store", self.expect_never_ready())
        self.assertFalse((self.data / "writ.db").exists())

    def test_P36_the_restore_of_the_manual_works(self):
        self.server.start()
        backup = pathlib.Path(self.work.name) / "backup.db"
        config = str(self.server.directory / "writ.toml")
        subprocess.run([WRIT, "backup", "--config", config, str(backup)], check=True, capture_output=True)
        must(self.acme.people["admin"].sign_in(), 201)
        self.server.stop()  # 1
        for old in self.data.glob("writ.db*"):  # 2
            old.unlink()
        shutil.copy(backup, self.data / "writ.db")
        self.assertIn("restored from an older backup", self.expect_never_ready())  # 3, 4
        self.expect_never_ready("--accept-anchor")
        for note in self.anchor.glob("*.checkpoint"):  # 5
            note.rename(pathlib.Path(self.work.name) / note.name)
        with open(self.server.directory / "server.log", "ab") as log:
            self.server.process = spawn(
                [WRIT, "serve", "--config", config, "--accept-anchor"], stdout=log, stderr=log
            )
        wait_until("ready", lambda: request("GET", self.server.url + "/readyz").status == 200)
        self.server.stop()
        self.server.start()


if __name__ == "__main__":
    unittest.main(verbosity=2)
