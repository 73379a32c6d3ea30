# SPDX-License-Identifier: Apache-2.0
"""What must survive kill -9 and a restart: an open question (failures.md, Faults), a revocation, and everything that is
good once (failures.md 8): client assertions, proofs, delegation and refresh tokens. A database that is restored from an
older backup signs nothing (P21)."""

import concurrent.futures
import json
import pathlib
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from processes import Acme, Billing, Server, must  # noqa: E402
from writ_client import ASSERTION_TYPE, EXCHANGE, JWT_TYPE, WRIT, request, wait_until  # noqa: E402


class Restart(unittest.TestCase):
    def setUp(self):
        self.work = tempfile.TemporaryDirectory(prefix="writ-restart-")
        self.key = "bk_" + secrets.token_urlsafe(24)
        self.billing = Billing(self.key)
        self.server = Server(pathlib.Path(self.work.name) / "server")
        self.server.start()
        self.acme = Acme(self.server, self.billing.port, self.key)

    def tearDown(self):
        self.server.stop()
        self.billing.stop()
        self.work.cleanup()

    def kill_and_start(self):
        self.server.kill()
        self.server.start()

    def test_an_open_question_survives_with_its_commitment_and_expiry(self):
        self.acme.start_refund()
        terms = self.acme.preview(1_500)
        approval = must(self.acme.refund(terms, "k"), 403).json["approval"]
        bob = self.acme.people["bob"]
        before = must(bob.get("/v1/approvals/" + approval), 200).json
        self.kill_and_start()
        after = must(bob.get("/v1/approvals/" + approval), 200).json
        for member in ("state", "commitment", "salt", "statement", "expires", "nonce", "groups"):
            self.assertEqual(after[member], before[member], member)
        must(bob.decide(approval, ["finance"]), 200)
        self.kill_and_start()
        must(self.acme.refund(terms, "k"), 201)
        self.kill_and_start()
        self.assertEqual(must(self.acme.refund(terms, "k"), 200).json["state"], "done")
        self.assertEqual(self.billing.state()["refunds"], 1)

    def test_I4_a_revocation_holds_after_a_crash(self):
        billing = self.acme.start_refund()
        run = self.acme.agents["planner"].run()
        revoked = must(self.acme.people["admin"].call("POST", f"/v1/runs/{run}/revoke", {"reason": "x"}), 200).json
        self.assertEqual(len(revoked["revoked"]), 3)
        self.kill_and_start()
        for agent in self.acme.agents.values():
            answer = agent.call("GET", "/tools/acme/billing/v1/invoices/inv_1001")
            self.assertIn(answer.status, (401, 403), answer)
            self.assertEqual(must(agent.refresh("billing"), 400).json["error"], "invalid_grant")
        self.assertEqual(self.billing.state()["requests"], {})
        self.assertIn(billing.name, self.acme.agents)

    def test_P7_P8_what_is_good_once_is_spent_after_a_crash_too(self):
        planner = self.acme.agents["planner"]
        token = must(self.acme.people["alice"].call("POST", "/v1/user-tokens", {"agent": "planner"}), 200).json["token"]
        url = self.server.url + "/oauth/token"
        details = {"type": "writ_run", "workspace": "acme", "workflow": "refund", "step": "plan", "name": "n"}
        form = [
            ("grant_type", EXCHANGE),
            ("subject_token", token),
            ("subject_token_type", JWT_TYPE),
            ("authorization_details", json.dumps([details])),
            *planner.resources("billing"),
        ]
        assertion, proof = planner.assertion(), planner.key.dpop("POST", url)

        def send(assertion, proof):
            both = [("client_assertion_type", ASSERTION_TYPE), ("client_assertion", assertion)]
            headers = {"Content-Type": "application/x-www-form-urlencoded", "DPoP": proof}
            return request("POST", url, headers, urllib.parse.urlencode(form + both))

        planner._keep(must(send(assertion, proof), 200))
        down = must(planner.delegate("support", "r", "triage"), 200).json["access_token"]
        support = self.acme.agents["support"]
        must(support.take_over(down, "billing"), 200)
        for crash in (False, True):
            if crash:
                self.kill_and_start()
            # 401 for a client that is not proved, 400 for a proof that is not fresh.
            self.assertEqual(send(assertion, planner.key.dpop("POST", url)).status, 401)
            self.assertEqual(send(planner.assertion(), proof).status, 400)
            self.assertEqual(support.take_over(down, "billing").status, 400)

    def test_failures_8_of_many_uses_of_one_refresh_token_one_succeeds_and_the_family_ends(self):
        billing = self.acme.start_refund()
        spent = billing.refresh_token

        def use(_):
            form = [("grant_type", "refresh_token"), ("refresh_token", spent), *billing.resources("billing")]
            return billing.ask("/oauth/token", form)

        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            answers = list(pool.map(use, range(20)))
        good = [answer for answer in answers if answer.status == 200]
        self.assertLessEqual(len(good), 1, good)
        billing.refresh_token = good[0].json["refresh_token"] if good else spent
        self.assertEqual(billing.refresh("billing").status, 400)

    def test_P21_a_database_from_an_older_backup_signs_nothing(self):
        backup = pathlib.Path(self.work.name) / "backup.db"
        config = str(self.server.directory / "writ.toml")
        subprocess.run([WRIT, "backup", "--config", config, str(backup)], check=True, capture_output=True)
        self.acme.start_refund()
        self.server.stop()
        data = self.server.directory / "data"
        for old in data.glob("*.db*"):
            old.unlink()
        shutil.copy(backup, data / "writ.db")
        self.server.launch()
        url = self.server.url
        wait_until("it has looked", lambda: b"starting" not in request("GET", url + "/readyz").body)
        ready = request("GET", url + "/readyz")
        self.assertEqual(ready.status, 503, ready)
        self.assertIn("log", ready.body.decode())
        # Nothing that would have to be recorded is done.
        time.sleep(1.05 - time.time() % 1)  # as Server.start() says
        invited = self.acme.people["admin"].call("POST", "/v1/users/bob/invitations", {}, signed=True)
        self.assertEqual(invited.status, 503, invited)


if __name__ == "__main__":
    unittest.main(verbosity=2)
