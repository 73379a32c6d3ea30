# SPDX-License-Identifier: Apache-2.0
"""A person who is disabled while their requests are under way does nothing more (P35): requests whose last byte is
held back, requests that trickle, and a disk that is full.

Runs against a release build too: WRIT=build/release/writ python3 tests/fault/held_back_test.py"""

import json
import os
import pathlib
import secrets
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from processes import Acme, Billing, Server, must  # noqa: E402

CAROL = '[users.carol]\ndisplay = "Carol Chen"\n'


class AcmeWithCarol(Acme):
    """Carol is an admin and an operator, as the one is who disables her."""

    def documents(self, billing_port):
        documents = super().documents(billing_port)
        text = documents["workspace.toml"]
        assert CAROL in text
        documents["workspace.toml"] = text.replace(CAROL, CAROL + 'roles = ["admin", "operator"]\n')
        return documents


class Held:
    """A request whose head the server has taken, and all of its body but the last `left` bytes."""

    def __init__(self, person, method, path, body, content_type="application/json", left=1):
        url = urllib.parse.urlsplit(person.url)
        self.rest = body[len(body) - left :]
        self.socket = socket.create_connection((url.hostname, url.port), timeout=20)
        head = [
            f"{method} {path} HTTP/1.1",
            f"Host: {url.netloc}",
            "Connection: close",
            "Authorization: DPoP " + person.session,
            "DPoP: " + person.session_key.dpop(method, person.url + path, person.session),
            "Content-Type: " + content_type,
            f"Content-Length: {len(body)}",
            "Expect: 100-continue",
        ]
        self.socket.sendall(("\r\n".join(head) + "\r\n\r\n").encode())
        proceed = self.socket.recv(4096)
        assert proceed.startswith(b"HTTP/1.1 100"), proceed
        self.socket.sendall(body[: len(body) - left])

    def send(self, count):
        piece, self.rest = self.rest[:count], self.rest[count:]
        try:
            self.socket.sendall(piece)
        except OSError:
            pass  # cut

    def status(self):
        answer = b""
        while True:
            try:
                piece = self.socket.recv(4096)
            except ConnectionResetError:
                piece = b""
            if not piece:
                break
            answer += piece
        self.socket.close()
        return int(answer.split(b" ", 2)[1]) if answer else 0


class HeldBack(unittest.TestCase):
    def setUp(self):
        self.work = tempfile.TemporaryDirectory(prefix="writ-held-")
        self.addCleanup(self.work.cleanup)
        self.key = "bk_" + secrets.token_urlsafe(24)
        self.billing = Billing(self.key)
        self.addCleanup(self.billing.stop)

    def begin(self, directory):
        self.server = Server(directory)
        self.server.start()
        self.addCleanup(self.server.stop)
        self.acme = AcmeWithCarol(self.server, self.billing.port, self.key)
        return self.acme.people["admin"], self.acme.people["carol"]

    def apply_with_accomplice(self):
        documents = self.acme.documents(self.billing.port)
        documents["workspace.toml"] += '\n[users.accomplice]\nroles = ["admin", "operator"]\n'
        return json.dumps({"documents": documents, "dry_run": False}).encode()

    def attacks(self, carol, left=1):
        octets = "application/octet-stream"
        run = self.acme.agents["planner"].run()
        return {
            "rotate": Held(
                carol, "POST", "/v1/credentials/billing-api-key/rotate?account=same", b"sk_test_of_carol_0123456789", octets, left
            ),
            "apply": Held(carol, "POST", "/v1/apply", self.apply_with_accomplice(), left=left),
            "enable": Held(carol, "POST", "/v1/users/carol/enable", b"{      }", left=left),
            "disable": Held(carol, "POST", "/v1/users/admin/disable", b"{      }", left=left),
            "invite": Held(carol, "POST", "/v1/users/bob/invitations", b"{      }", left=left),
            "revoke": Held(carol, "POST", f"/v1/runs/{run}/revoke", b'{"reason":"mine"}', left=left),
        }

    def check_that_nothing_was_done(self, admin):
        workspace = must(admin.get("/v1/workspace"), 200).json
        users = {user["name"]: user for user in workspace["users"]}
        self.assertTrue(users["carol"]["disabled"])
        self.assertFalse(users["admin"]["disabled"])
        self.assertNotIn("accomplice", users)
        self.assertEqual([each["version"] for each in workspace["credentials"]], [1])
        run = must(admin.get("/v1/runs/" + self.acme.agents["planner"].run()), 200).json
        self.assertEqual(run["state"], "running")
        olivia, kinds = self.acme.people["olivia"], []
        while True:
            rows = must(olivia.get(f"/v1/log/leaves?from={len(kinds)}&count=256"), 200).json["leaves"]
            if not rows:
                break
            kinds += [json.loads(row["entry"]) for row in rows]
        by_carol = [entry["kind"] for entry in kinds if entry.get("by_name") == "carol"]
        self.assertEqual([kind for kind in by_carol if kind not in ("session.opened", "control.refused")], [])
        # Once for the session that has ended, however many requests were under way on it.
        self.assertEqual(by_carol.count("control.refused"), 1)

    def test_the_last_byte_is_held_back(self):
        admin, carol = self.begin(pathlib.Path(self.work.name) / "server")
        self.acme.start_refund()
        held = self.attacks(carol)
        must(admin.call("POST", "/v1/users/carol/disable", {}), 200)
        for request in held.values():
            request.send(1)
        self.assertEqual({name: request.status() for name, request in held.items()}, dict.fromkeys(held, 401))
        self.check_that_nothing_was_done(admin)

    def test_what_trickles_is_cut(self):
        admin, carol = self.begin(pathlib.Path(self.work.name) / "server")
        self.acme.start_refund()
        held = self.attacks(carol, left=5)
        must(admin.call("POST", "/v1/users/carol/disable", {}), 200)
        began = time.monotonic()
        for _ in range(3):
            for request in held.values():
                request.send(1)
            time.sleep(0.1)
        # Answered though two bytes are missing: the server does not wait for them.
        self.assertEqual({name: request.status() for name, request in held.items()}, dict.fromkeys(held, 401))
        self.assertLess(time.monotonic() - began, 15)
        self.check_that_nothing_was_done(admin)

    @unittest.skipIf(os.geteuid() != 0, "a disk of its own, to fill it, takes root")
    def test_on_a_full_disk_a_user_is_disabled_and_a_restart_keeps_it(self):
        disk = pathlib.Path(self.work.name) / "disk"
        disk.mkdir()
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=24m", "none", str(disk)], capture_output=True, check=False
        )
        if mounted.returncode != 0:
            self.skipTest("no mounts here: " + mounted.stderr.decode())
        self.addCleanup(lambda: subprocess.run(["umount", "-l", str(disk)], check=False))
        admin, carol = self.begin(disk / "server")
        self.acme.start_refund()
        filler = disk / "filler"
        with open(filler, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"x" * 4096)
            except OSError:
                pass
        # What is allocated already may still take some units.
        for _ in range(2000):
            if admin.call("POST", "/v1/user-tokens", {"agent": "planner"}).status == 503:
                break
        else:
            self.fail("the disk did not get full")
        answer = must(admin.call("POST", "/v1/users/carol/disable", {}), 503)
        self.assertEqual(answer.json["type"].rsplit("/", 1)[1], "stopped-not-recorded", answer)
        self.assertEqual(answer.json["kept"], "file", answer)
        self.assertEqual(carol.get("/v1/session").status, 401)

        self.server.kill()
        self.server.launch()
        for _ in range(200):
            try:
                status = carol.get("/v1/session").status
            except OSError:
                status = 0
            if status not in (0, 503):
                break
            time.sleep(0.1)
        self.assertEqual(status, 401)
        filler.unlink()
        for _ in range(100):
            time.sleep(0.2)
            answer = self.acme.people["olivia"].get("/v1/log/leaves?from=0&count=256")
            if answer.status == 503:  # in a server's first second no proof is judged
                continue
            rows = must(answer, 200).json["leaves"]
            if any(json.loads(row["entry"])["kind"] == "user.disabled" for row in rows):
                return
        self.fail("the stop was not recorded once there was room")


if __name__ == "__main__":
    unittest.main()
