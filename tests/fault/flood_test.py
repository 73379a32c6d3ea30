# SPDX-License-Identifier: Apache-2.0
"""Floods by an agent and by strangers are refused, each by a limit with a name (P37), and lists that are cut say so
(P34): what one agent asks buries no approver, what it holds is bounded before it is read, its runs are counted, and
half-sent requests of strangers make room for whole ones."""

import json
import pathlib
import secrets
import socket
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from processes import Acme, Billing, Server, must  # noqa: E402
from writ_client import request, wait_until  # noqa: E402

LIMITS = """
[limits]
questions_per_run = 3
questions_per_agent = 4
runs_per_agent = 4
strangers = 200
strangers_per_address = 100
"""
CALLS_PER_RUN = 64  # the default
MIB = 1 << 20


class BearerAcme(Acme):
    """Billing has opted into bearer tokens, so that a flood costs its sender no signatures."""

    def documents(self, billing_port):
        documents = super().documents(billing_port)
        self.agents["billing"].bearer = True
        documents["agents/billing.toml"] = documents["agents/billing.toml"].replace('"dpop"', '"bearer"')
        return documents


def raw(port, data):
    connection = socket.create_connection(("127.0.0.1", port), timeout=20)
    connection.sendall(data)
    return connection


def answer_of(connection):
    """The status and the problem of a raw answer; None where the connection waits."""
    connection.setblocking(False)
    try:
        data = connection.recv(65536)
    except BlockingIOError:
        return None
    except OSError:
        return 0, {}
    if not data:
        return 0, {}
    head, _, body = data.partition(b"\r\n\r\n")
    return int(head.split(b" ")[1]), json.loads(body) if body.startswith(b"{") else {}


class Floods(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.work = tempfile.TemporaryDirectory(prefix="writ-flood-")
        cls.key = "bk_" + secrets.token_urlsafe(24)
        cls.billing = Billing(cls.key)
        cls.server = Server(pathlib.Path(cls.work.name) / "server")
        with open(cls.server.directory / "writ.toml", "a") as config:
            config.write(LIMITS)
        cls.server.start()
        cls.acme = BearerAcme(cls.server, cls.billing.port, cls.key)
        cls.acme.start_refund()
        cls.amount = 100

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.billing.stop()
        cls.work.cleanup()

    def refused(self, answer, limit, status=429):
        self.assertEqual(answer.status, status, answer)
        self.assertEqual(answer.json["limit"], limit, answer)
        self.assertGreaterEqual(int(answer.headers["retry-after"]), 1)

    def resident(self):
        for line in pathlib.Path(f"/proc/{self.server.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise AssertionError("no VmRSS")

    def ask(self):
        """A refund that needs an approval: a question to finance."""
        Floods.amount += 1
        return self.acme.refund(self.acme.preview(self.amount), "key-" + secrets.token_hex(8))

    def test_1_P37_one_agent_cannot_bury_the_approvers(self):
        for _ in range(3):
            must(self.ask(), 403)
        self.refused(self.ask(), "questions_per_run")
        # Another run is no way around it.
        self.acme.start_refund()
        must(self.ask(), 403)
        self.refused(self.ask(), "questions_per_agent")
        bob = self.acme.people["bob"]
        first = must(bob.get("/v1/approvals?limit=3"), 200).json
        self.assertEqual((len(first["approvals"]), first["more"]), (3, True))
        rest = must(bob.get("/v1/approvals?limit=3&cursor=" + first["cursor"]), 200).json
        self.assertEqual((len(rest["approvals"]), rest["more"]), (1, False))
        self.assertNotIn("statement", rest["approvals"][0])
        whole = must(bob.get("/v1/approvals/" + rest["approvals"][0]["id"]), 200).json
        self.assertIn("arguments", json.loads(whole["statement"]))

    def test_2_P37_a_call_takes_its_share_before_its_body_is_read(self):
        agent, before = self.acme.agents["billing"], self.resident()
        head = (
            "POST /tools/acme/billing/v1/refund-previews HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Authorization: Bearer {agent.token}\r\nContent-Type: application/json\r\n"
            "Content-Length: 60000\r\n\r\n{"
        ).encode()
        flood = [raw(self.server.port, head) for _ in range(300)]
        try:
            answers = []
            wait_until(
                "the rest is refused",
                lambda: answers.extend(a for a in map(answer_of, flood) if a and a[0]) or
                len(answers) >= 300 - CALLS_PER_RUN,
            )
            self.assertEqual({status for status, _ in answers}, {429})
            self.assertLessEqual(
                {problem["limit"] for _, problem in answers}, {"calls_per_run", "call_bytes_per_agent"}
            )
            self.assertLess(self.resident() - before, 64 * MIB)
            # People are served meanwhile.
            must(self.acme.people["bob"].get("/v1/approvals"), 200)
        finally:
            for connection in flood:
                connection.close()
        wait_until(
            "the places are given back",
            lambda: agent.call("GET", "/tools/acme/billing/v1/invoices/inv_1001").status == 200,
        )

    def test_3_P37_half_sent_requests_of_strangers_make_room(self):
        before = self.resident()
        flood = [raw(self.server.port, b"POST /oauth/token HTTP/1.1\r\nHost: x\r\nX-Filler: " + b"a" * 3000)
                 for _ in range(1500)]
        try:
            # Whoever sends a whole request is served.
            for _ in range(20):
                self.assertEqual(request("GET", self.server.url + "/healthz").status, 200)
            must(self.acme.people["bob"].get("/v1/session"), 200)
            open_ones = lambda: sum(answer_of(connection) is None for connection in flood)  # noqa: E731
            wait_until("the others were sent away", lambda: open_ones() <= 100)
            self.assertLess(self.resident() - before, 64 * MIB)
        finally:
            for connection in flood:
                connection.close()

    def test_4_P37_living_runs_are_counted_and_the_living_are_listed_first(self):
        planner, refused = self.acme.agents["planner"], None
        for _ in range(5):
            token = must(
                self.acme.people["alice"].call("POST", "/v1/user-tokens", {"agent": "planner"}), 200, 201
            ).json["token"]
            answer = planner.start(token, "refund", "plan", "One of many", "billing")
            if answer.status != 200:
                refused = answer
                break
        self.assertIsNotNone(refused)
        self.refused(refused, "runs_per_agent")
        olivia, admin = self.acme.people["olivia"], self.acme.people["admin"]
        living = must(olivia.get("/v1/runs?state=living"), 200).json["runs"]
        latest = [run for run in living if run["name"] == "One of many"][:1]
        must(admin.call("POST", f"/v1/runs/{latest[0]['id']}/revoke", {"reason": "room"}), 200)
        # There is room again.
        must(planner.start(token, "refund", "plan", "One of many", "billing"), 200)
        seen, target = [], "/v1/runs?limit=2"
        while True:
            page = must(olivia.get(target), 200).json
            seen += [run["state"] for run in page["runs"]]
            if not page["more"]:
                break
            target = "/v1/runs?limit=2&cursor=" + page["cursor"]
        self.assertEqual(seen, sorted(seen, key=lambda state: state != "running"))
        self.assertIn("revoked", seen)

    def test_5_P37_a_body_that_trickles_ends(self):
        agent = self.acme.agents["billing"]
        head = (
            "POST /tools/acme/billing/v1/refund-previews HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Authorization: Bearer {agent.token}\r\nContent-Type: application/json\r\n"
            "Content-Length: 60000\r\n\r\n"
        ).encode()
        slow = raw(self.server.port, head)
        began = time.monotonic()
        slow.settimeout(5)
        try:
            while time.monotonic() - began < 25:
                slow.sendall(b" ")
                time.sleep(1)
                answer = answer_of(slow)
                slow.setblocking(True)
                if answer is not None:
                    break
            else:
                self.fail("it went on for 25 s")
        except OSError:
            pass  # closed
        slow.close()
        self.assertLess(time.monotonic() - began, 20)


if __name__ == "__main__":
    unittest.main(verbosity=2)
