# SPDX-License-Identifier: Apache-2.0
"""An upstream that fails (failures.md, Faults): what was not sent burns no approval (P15); what may have been done is
unknown and never done again (P16); a slow one holds up nobody else; an operator settles what is unknown."""

import pathlib
import secrets
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from processes import Acme, Billing, Server, must  # noqa: E402

REFUNDS = "/v1/refunds"


class FailingUpstream(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.work = tempfile.TemporaryDirectory(prefix="writ-upstream-")
        cls.key = "bk_" + secrets.token_urlsafe(24)
        cls.billing = Billing(cls.key)
        cls.server = Server(pathlib.Path(cls.work.name) / "server")
        cls.server.start()
        cls.acme = Acme(cls.server, cls.billing.port, cls.key)
        cls.acme.start_refund()
        cls.amount = 100

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.billing.stop()
        cls.work.cleanup()

    def approved(self):
        """A refund of its own that Bob has approved, with its key."""
        FailingUpstream.amount += 1
        terms, key = self.acme.preview(self.amount), "key-" + secrets.token_hex(4)
        asked = must(self.acme.refund(terms, key), 403)
        must(self.acme.people["bob"].decide(asked.json["approval"], ["finance"]), 200)
        return terms, key, asked.json["approval"]

    def phase(self, action):
        return must(self.acme.people["olivia"].get("/v1/actions/" + action), 200).json["phase"]

    def assert_unknown_for_ever(self, terms, key, paid):
        before = self.billing.state()["refunds"]
        answer = self.acme.refund(terms, key)
        self.assertEqual(answer.status, 502, answer)
        self.assertTrue(answer.json["type"].endswith("/outcome-unknown"), answer)
        self.assertIn("do not retry", answer.json["hint"])
        action = answer.json["action"]
        self.assertEqual(self.phase(action), "unknown")
        # The same again asks nobody and sends nothing.
        self.assertEqual(self.acme.refund(terms, key).status, 502)
        self.assertEqual(self.billing.state()["refunds"] - before, paid)
        return action

    def test_P16_an_error_after_the_deed_is_unknown_and_an_operator_settles_it(self):
        terms, key, _ = self.approved()
        self.billing.fault(method="POST", path=REFUNDS, kind="error", after=True)
        action = self.assert_unknown_for_ever(terms, key, paid=1)
        resolution = {"outcome": "done", "detail": "the billing API's books have it"}
        path = f"/v1/actions/{action}/resolve"
        self.assertIn(self.acme.people["alice"].call("POST", path, resolution).status, (403, 404))
        must(self.acme.people["admin"].call("POST", path, resolution), 200)
        settled = must(self.acme.refund(terms, key), 200).json
        self.assertEqual(settled["state"], "done")
        self.assertTrue(settled["resolved"])

    def test_P16_an_error_before_the_deed_is_unknown_too(self):
        terms, key, _ = self.approved()
        self.billing.fault(method="POST", path=REFUNDS, kind="error")
        self.assert_unknown_for_ever(terms, key, paid=0)

    def test_P16_a_response_that_is_cut_is_no_response(self):
        terms, key, _ = self.approved()
        self.billing.fault(method="POST", path=REFUNDS, kind="cut")
        self.assert_unknown_for_ever(terms, key, paid=1)

    def test_P15_a_refused_connection_burns_no_approval(self):
        terms, key, approval = self.approved()
        port = self.billing.port
        self.billing.stop()
        answer = self.acme.refund(terms, key)
        self.assertEqual(answer.status, 503, answer)
        self.assertTrue(answer.json["type"].endswith("/not-delivered"), answer)
        state = must(self.acme.people["bob"].get("/v1/approvals/" + approval), 200).json["state"]
        self.assertEqual(state, "approved")
        FailingUpstream.billing = Billing(self.key, port)
        # Its books are new, so the preview that it knew is gone: it fails there, and the approval is used.
        self.assertIn(self.acme.refund(terms, key).status, (201, 422))
        state = must(self.acme.people["bob"].get("/v1/approvals/" + approval), 200).json["state"]
        self.assertEqual(state, "claimed")

    def test_a_hanging_upstream_meets_its_deadline_and_holds_up_nobody(self):
        terms, key, _ = self.approved()
        self.billing.fault(method="POST", path=REFUNDS, kind="hang", after=True)
        began, ended = time.monotonic(), []
        caller = threading.Thread(target=lambda: ended.append((self.acme.refund(terms, key), time.monotonic())))
        caller.start()
        for _ in range(20):
            start = time.monotonic()
            must(self.acme.agents["billing"].call("GET", "/tools/acme/billing/v1/invoices/inv_1001"), 200)
            self.assertLess(time.monotonic() - start, 5)
        caller.join(40)
        answer, at = ended[0]
        self.assertEqual(answer.status, 502, answer)
        # examples/acme/tools/billing.toml: first_byte = "10s".
        self.assertGreater(at - began, 8)
        self.assertLess(at - began, 30)

    def test_a_trickling_response_arrives_whole(self):
        self.billing.fault(method="GET", path="/v1/invoices/inv_1003", kind="trickle", pause="5ms")
        answer = self.acme.agents["billing"].call("GET", "/tools/acme/billing/v1/invoices/inv_1003")
        self.assertEqual((answer.status, answer.json["id"]), (200, "inv_1003"))

    def test_a_read_that_is_cut_is_never_complete(self):
        self.billing.fault(method="GET", path="/v1/invoices/inv_1003", kind="cut")
        try:
            answer = self.acme.agents["billing"].call("GET", "/tools/acme/billing/v1/invoices/inv_1003")
            self.assertEqual(answer.status, 502, answer)
        except Exception as error:
            # It had begun: then its end is missing, for everybody to see.
            self.assertRegex(repr(error), "IncompleteRead|RemoteDisconnected|ConnectionReset")


if __name__ == "__main__":
    unittest.main(verbosity=2)
