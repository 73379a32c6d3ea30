# SPDX-License-Identifier: Apache-2.0
"""kill -9 at each labelled step of a call, then a restart (failures.md, Faults): an approval is consumed at most once
(I1), no byte leaves before a durable intent (I2), no acknowledged record is lost (I3), every intent ends (I6)."""

import base64
import os
import pathlib
import secrets
import signal
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from processes import Acme, Billing, Server, must  # noqa: E402
from writ_client import WRIT, merkle_root  # noqa: E402

STEPS = ["dial", "claim", "intent", "first-byte", "last-byte", "outcome", "reply"]
# From which step on the refund may have reached the billing API.
SENT = {"last-byte", "outcome", "reply"}
# Whether the intent was durable when the process died.
RECORDED = {"first-byte", "last-byte", "outcome", "reply"}


class KillAtEachStep(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.work = tempfile.TemporaryDirectory(prefix="writ-kill-")
        cls.key = "bk_" + secrets.token_urlsafe(24)
        cls.billing = Billing(cls.key)
        cls.server = Server(pathlib.Path(cls.work.name) / "server")
        cls.server.start()
        cls.acme = Acme(cls.server, cls.billing.port, cls.key)

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.billing.stop()
        cls.work.cleanup()

    def leaves(self):
        """Every entry, by index."""
        olivia, entries = self.acme.people["olivia"], []
        while True:
            some = must(olivia.get(f"/v1/log/leaves?from={len(entries)}&count=256"), 200).json["leaves"]
            if not some:
                return entries
            entries += [leaf["entry"] for leaf in some]

    def check_signed(self, entries):
        """The latest checkpoint is of these very entries."""
        note = must(self.acme.people["olivia"].get("/v1/log"), 200).json["checkpoint"].split("\n")
        size = int(note[1])
        self.assertGreater(size, 0)
        root = merkle_root((entries if size <= len(entries) else self.leaves())[:size])
        self.assertEqual(base64.b64decode(note[2]), root)

    def check(self, step):
        acme, server, billing = self.acme, self.server, self.billing
        amount = 1_000 + STEPS.index(step)
        key = f"kill-{step}"
        acme.start_refund(f"Killed at {step}")
        terms = acme.preview(amount)
        asked = acme.refund(terms, key)
        self.assertEqual(asked.status, 403, asked)
        approval = asked.json["approval"]
        must(acme.people["bob"].decide(approval, ["finance"]), 200, 201)
        paid_before = billing.state()["refunds"]
        entries_before = self.leaves()

        server.stop()
        server.start(WRIT_DIE_AT=step)
        try:
            answer = acme.refund(terms, key, timeout=20)
            self.fail(f"the server should have died and answered {answer}")
        except OSError:
            pass
        except Exception as error:  # a cut answer
            self.assertIn("IncompleteRead", repr(error))
        self.assertEqual(server.wait_for_end(), -signal.SIGKILL, "it did not die where it should")
        paid = billing.state()["refunds"] - paid_before
        if step not in SENT:
            self.assertEqual(paid, 0, "I2: a byte left before its time")

        server.start()
        for name in ("olivia", "bob"):
            must(acme.people[name].sign_in(), 201)
        # I3: what was there is there, in its order.
        entries = self.leaves()
        self.assertEqual(entries[: len(entries_before)], entries_before)
        self.check_signed(entries)

        # The same call again: the known action, or the approval is still there to be used once.
        again = acme.refund(terms, key)
        total = billing.state()["refunds"] - paid_before
        self.assertLessEqual(total, 1, "I1: paid twice")
        if step in RECORDED:
            # I6: the intent has ended, in done or unknown, and is never done again.
            self.assertIn(again.status, (200, 502), again)
            self.assertEqual(total, paid)
            action = again.json["action"]
            state = must(acme.people["olivia"].get("/v1/actions/" + action), 200).json
            self.assertIn(state["phase"], ("done", "unknown", "failed"))
            if step == "reply":
                self.assertEqual(state["phase"], "done")
            if paid == 1:
                self.assertIn(state["phase"], ("done", "unknown"))
        elif again.status == 201:
            self.assertEqual(total, 1)
        else:
            # I1 allows that the approval died with the process; then nothing was paid.
            self.assertEqual((again.status, total), (403, 0), again)
        view = must(acme.people["bob"].get("/v1/approvals/" + approval), 200).json
        self.assertIn(view["state"], ("approved", "claimed"))
        third = acme.refund(terms, key)
        self.assertNotEqual(third.status, 201, "the approval was used twice")
        self.assertEqual(billing.state()["refunds"] - paid_before, total)

    def test_the_server_dies_and_the_promises_hold(self):
        for step in STEPS:
            with self.subTest(step):
                self.check(step)


def can_die():
    """Whether this build dies where it is told: one for production does not."""
    with tempfile.TemporaryDirectory() as work:
        server = Server(pathlib.Path(work) / "server")
        try:
            ran = subprocess.run(
                [WRIT, "serve", "--config", str(server.directory / "writ.toml")],
                env=os.environ | {"WRIT_DIE_AT": "no step"},
                capture_output=True,
                timeout=5,
            )
        except subprocess.TimeoutExpired:
            return False
        return ran.returncode == 1


if __name__ == "__main__":
    if not can_die():
        print("skipped: this build has no WRIT_DIE_AT")
        sys.exit(77)
    unittest.main(verbosity=2)
