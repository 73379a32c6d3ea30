# SPDX-License-Identifier: Apache-2.0
"""The story once more, by the commands alone, as an admin, an agent's developer, an approver and an auditor type them;
with their exit statuses. The approver's passphrase is typed at a terminal (P20)."""

import json
import os
import pathlib
import pty
import select
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from processes import spawn  # noqa: E402
from writ_client import WRIT  # noqa: E402


class Commands(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory(prefix="writ-commands-")
        cls.work = pathlib.Path(cls.temporary.name)
        cls.demo = spawn(
            [WRIT, "demo", "--only-stage", "--json", "--dir", str(cls.work / "demo")],
            stdout=subprocess.PIPE,
            text=True,
        )
        for line in cls.demo.stdout:
            said = json.loads(line)
            assert said.get("held", True), line
            if "serving" in said:
                cls.serving = said["serving"]
                break
        cls.environment = os.environ | {"WRIT_HOME": cls.serving["home"]}

    @classmethod
    def tearDownClass(cls):
        cls.demo.terminate()
        cls.demo.wait(30)
        cls.demo.stdout.close()
        cls.temporary.cleanup()

    def writ(self, *words, status=0, home=None):
        """Standard output of a command, which must end with `status`."""
        environment = self.environment | ({"WRIT_HOME": str(home)} if home else {})
        ran = subprocess.run([WRIT, *words], cwd=self.work, env=environment, capture_output=True, text=True, timeout=60)
        self.assertEqual(ran.returncode, status, f"writ {' '.join(words)}\n{ran.stdout[-2000:]}\n{ran.stderr[-2000:]}")
        return ran.stdout

    def at_terminal(self, typed, *words):
        """What a command shows on its terminal, where `typed` is typed when it asks; and its exit status."""
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(self.work)
            os.execvpe(WRIT, ["writ", *words], self.environment)
        shown, answered, end = b"", 0, time.monotonic() + 30
        while time.monotonic() < end:
            if not select.select([terminal], [], [], 1)[0]:
                continue
            try:
                some = os.read(terminal, 4096)
            except OSError:
                break
            if not some:
                break
            shown += some
            if shown.count(b"Passphrase of") > answered:
                # What is typed before the terminal stops showing it is thrown away.
                time.sleep(0.3)
                os.write(terminal, typed.encode() + b"\n")
                answered += 1
        else:
            os.kill(pid, signal.SIGKILL)
        status = os.waitpid(pid, 0)[1]
        os.close(terminal)
        return shown.decode(errors="replace"), os.waitstatus_to_exitcode(status)

    def agent(self, name, *words, status=0):
        return self.writ("agent", *words, "--agent", name, "--key", self.serving["agents"][name], status=status)

    def call(self, *words, status=0):
        return self.agent("billing", "call", *words, "--token", "billing.json", status=status)

    def test_the_story(self):
        self.start_runs()
        self.refuse_and_ask()
        self.approve()
        self.look_back()
        self.verify()
        self.revoke()

    def start_runs(self):
        self.writ("run", "token", "--agent", "planner", "--out", "alice.token", "--user", "alice")
        start = ["--workflow", "refund", "--step", "plan", "--name", "By commands", "--for", "billing", "--for", "v1"]
        self.agent("planner", "token", "start", "--subject-token", "alice.token", *start, "--out", "planner.json")
        self.assertEqual((self.work / "planner.json").stat().st_mode & 0o777, 0o600)
        for above, below, step in (("planner", "support", "triage"), ("support", "billing", "settle")):
            self.agent(
                above, "token", "hand-down", "--token", f"{above}.json", "--to", below, "--role", f"{below}'s part",
                "--step", step, "--out", f"{below}.delegation",
            )  # fmt: skip
            self.agent(
                below, "token", "take-over", "--token", f"{below}.delegation", "--for", "billing", "--for", "v1",
                "--out", f"{below}.json",
            )  # fmt: skip
        # Single use (P7).
        self.agent("billing", "token", "take-over", "--token", "billing.delegation", "--for", "billing", status=1)
        runs = json.loads(self.writ("run", "list", "--json", "--user", "olivia"))["runs"]
        self.assertEqual({run["agent"] for run in runs}, {"planner", "support", "billing"})
        self.runs = {run["agent"]: run["id"] for run in runs}

    def refuse_and_ask(self):
        invoice = json.loads(self.call("GET", "/tools/acme/billing/v1/invoices/inv_1001"))
        self.assertEqual(invoice["id"], "inv_1001")
        self.call("DELETE", "/tools/acme/billing/v1/customers/cus_Contoso", status=1)
        terms = {"invoice": "inv_1001", "amount": 3_300, "currency": "EUR"}
        preview = json.loads(
            self.call("POST", "/tools/acme/billing/v1/refund-previews", "--data", json.dumps(terms))
        )["preview_id"]
        self.refund = [
            "POST", "/tools/acme/billing/v1/refunds", "--data", json.dumps(terms | {"preview_id": preview}),
            "--idempotency-key", "by-commands",
        ]  # fmt: skip
        asked = json.loads(self.call(*self.refund, status=1))
        self.approval = asked["approval"]

    def approve(self):
        listed = json.loads(self.writ("approvals", "--json", "--user", "bob"))["approvals"]
        self.assertIn(self.approval, [approval["id"] for approval in listed])
        # P20: never without a terminal.
        self.assertEqual(self.approve_without_terminal(), 1)
        shown, status = self.at_terminal("not the passphrase", "approve", self.approval, "--user", "bob")
        self.assertNotEqual(status, 0, shown)
        shown, status = self.at_terminal(self.serving["passphrase"], "approve", self.approval, "--user", "bob")
        self.assertEqual(status, 0, shown)
        # failures.md 24: what is approved is what is shown, whole.
        self.assertIn("arguments.amount: 3300", shown)
        paid = json.loads(self.call(*self.refund))
        self.assertEqual(paid["status"], "paid")
        again = json.loads(self.call(*self.refund))
        self.assertEqual(again["state"], "done")
        self.action = again["action"]

    def approve_without_terminal(self):
        ran = subprocess.run(
            ["setsid", WRIT, "approve", self.approval, "--user", "bob"],
            env=self.environment,
            input=self.serving["passphrase"] + "\n",
            capture_output=True,
            text=True,
            timeout=60,
        )
        return 1 if ran.returncode != 0 else 0

    def look_back(self):
        tree = self.writ("trace", self.runs["planner"], "--user", "olivia")
        for word in ("planner", "support", "billing.refund.execute", "bob"):
            self.assertIn(word, tree)
        trace = json.loads(self.writ("trace", self.runs["planner"], "--json", "--user", "olivia"))
        self.assertEqual(trace["children"][0]["children"][0]["id"], self.runs["billing"])
        answers = json.loads(self.writ("explain", self.action, "--json", "--user", "olivia"))["answers"]
        self.assertEqual(len(answers), 7)
        self.writ("explain", "act_00000000000000000000000000", "--user", "olivia", status=1)

    def verify(self):
        self.writ("audit", "verify", "--user", "olivia")
        self.writ("audit", "prove", self.action, "--out", "receipt.json", "--user", "olivia")
        self.writ("audit", "verify", "--receipt", "receipt.json", "--user", "olivia")
        self.writ("audit", "checkpoint", "--out", "saved", "--user", "olivia")
        self.writ("audit", "export", "log", "--user", "olivia")
        # Offline: with the server's key remembered and the checkpoint that was saved.
        self.writ("audit", "verify", "--dir", "log", "--checkpoint", "saved")
        leaves = self.work / "log" / "leaves" / "0.json"
        text = leaves.read_text()
        leaves.write_text(text.replace("billing.refund.execute", "billing.refund.excecute", 1))
        self.assertNotEqual(leaves.read_text(), text)
        said = self.writ("audit", "verify", "--dir", "log", "--checkpoint", "saved", status=4)
        self.assertIn("leaf ", said)
        receipt = json.loads((self.work / "receipt.json").read_text())
        (self.work / "receipt.json").write_text(json.dumps(receipt | {"index": receipt["index"] + 1}))
        self.writ("audit", "verify", "--receipt", "receipt.json", "--user", "olivia", status=4)

    def revoke(self):
        self.writ("revoke", self.runs["planner"], "--reason", "done", "--user", "olivia", status=1)
        self.writ("revoke", self.runs["planner"], "--reason", "done", "--user", "admin")
        self.call("GET", "/tools/acme/billing/v1/invoices/inv_1001", status=1)
        self.agent("billing", "token", "refresh", "--token", "billing.json", "--for", "billing", status=1)

    def test_apply_says_what_changes_and_where_a_document_is_wrong(self):
        documents = pathlib.Path(self.serving["documents"])
        self.writ("apply", str(documents), "--user", "admin")
        self.writ("apply", str(documents), "--user", "olivia", status=1)
        workflow = documents / "workflows" / "refund.toml"
        text = workflow.read_text()
        try:
            workflow.write_text(text.replace('life = "1h"', 'life = "2h"'))
            answer = json.loads(self.writ("apply", str(documents), "--dry-run", "--json", "--user", "admin"))
            self.assertTrue(answer["changes"])
            workflow.write_text(text.replace('life = "1h"', 'lief = "1h"'))
            ran = subprocess.run(
                [WRIT, "apply", str(documents), "--user", "admin"], env=self.environment, capture_output=True, text=True
            )
            self.assertEqual(ran.returncode, 1)
            self.assertRegex(ran.stdout + ran.stderr, r"workflows/refund\.toml:\d+:\d+")
        finally:
            workflow.write_text(text)
        unchanged = json.loads(self.writ("apply", str(documents), "--dry-run", "--json", "--user", "admin"))
        self.assertEqual(unchanged["changes"], [])

    def test_exit_statuses(self):
        self.writ("trace", status=2)
        self.writ("nonsense", status=2)
        empty = self.work / "empty"
        empty.mkdir()
        self.writ("run", "list", status=3, home=empty)
        self.writ("--help")
        self.writ("doctor", "--user", "admin")


if __name__ == "__main__":
    unittest.main(verbosity=2)
