# SPDX-License-Identifier: Apache-2.0
"""Writ's processes as tests run them: a server, the billing API, the demo. Each ends what it started."""

import atexit
import json
import os
import pathlib
import re
import signal
import subprocess
import time

from writ_client import EXAMPLES, WRIT, Agent, Person, free_port, is_ready, request, wait_until


def spawn(arguments, **options):
    """A process that does not outlive the tests, however they end: who runs them waits for its output to close."""
    process = subprocess.Popen(arguments, **options)

    def end():
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()

    atexit.register(end)
    return process


class Billing:
    """The demo's billing API; its key goes to it through a pipe."""

    def __init__(self, key, port=0):
        reader, writer = os.pipe()
        arguments = [WRIT, "demo", "--billing-api", "--billing-control", "--key-fd", str(reader)]
        self.process = spawn(
            [*arguments, "--port", str(port)], pass_fds=[reader], stdout=subprocess.PIPE, text=True
        )
        os.close(reader)
        os.write(writer, key.encode())
        os.close(writer)
        self.port = int(self.process.stdout.readline().rsplit(" ", 1)[1])
        self.control = int(self.process.stdout.readline().rsplit(" ", 1)[1])

    def state(self):
        return request("GET", f"http://127.0.0.1:{self.control}/state").json

    def fault(self, **fault):
        answer = request("POST", f"http://127.0.0.1:{self.control}/faults", body=json.dumps(fault))
        assert answer.status == 204, answer

    def stop(self):
        self.process.terminate()
        self.process.wait(20)
        self.process.stdout.close()


class Server:
    """`writ serve` on a directory of its own, made by `writ init`."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        made = subprocess.run(
            [WRIT, "init", "--dir", str(self.directory), "--listen", f"127.0.0.1:{self.port}"],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        self.founding_code = re.search(r"\b[0-9a-f]{40}\b", made).group(0)
        self.process = None

    def launch(self, **environment):
        with open(self.directory / "server.log", "ab") as log:
            self.process = spawn(
                [WRIT, "serve", "--config", str(self.directory / "writ.toml")],
                stdout=log,
                stderr=log,
                env=os.environ | environment,
            )

    def start(self, **environment):
        self.launch(**environment)
        wait_until("the server is ready", lambda: self.process.poll() is not None or is_ready(self.url))
        assert self.process.poll() is None, self.log()
        # A proof made before the server started is refused, and proofs tell whole seconds.
        time.sleep(1.05 - time.time() % 1)
        return self

    def log(self):
        return (self.directory / "server.log").read_text(errors="replace")[-4000:]

    def wait_for_end(self, limit=30):
        self.process.wait(limit)
        return self.process.returncode

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(30)

    def kill(self):
        self.process.kill()
        self.process.wait(30)


class Acme:
    """Workspace acme on a server, from examples/acme, with people and agents of the test's own."""

    def __init__(self, server, billing_port, key):
        self.server = server
        self.people = {
            name: Person(server.url, "acme", name) for name in ("admin", "alice", "bob", "carol", "olivia")
        }
        self.agents = {name: Agent(server.url, "acme", name) for name in ("planner", "support", "billing")}
        admin = self.people["admin"]
        must(admin.sign_in(server.founding_code), 201)
        must(admin.apply(self.documents(billing_port)), 200)
        must(
            admin.call(
                "POST",
                "/v1/credentials/billing-api-key?server=billing",
                body=key,
                content_type="application/octet-stream",
                signed=True,
            ),
            201,
        )
        for name, person in self.people.items():
            if person is not admin:
                code = must(admin.call("POST", f"/v1/users/{name}/invitations", {}, signed=True), 201, 200).json["code"]
                must(person.sign_in(code), 201)

    def documents(self, billing_port):
        root = EXAMPLES / "acme"
        documents = {str(path.relative_to(root)): path.read_text() for path in root.rglob("*") if path.is_file()}
        documents["tools/billing.toml"] = documents["tools/billing.toml"].replace(":8710", f":{billing_port}")
        for name, agent in self.agents.items():
            documents[f"agents/{name}.toml"] += agent.key_document()
        return documents

    def start_refund(self, name="Refund of inv_1001"):
        """A run of each agent, from the planner's for Alice down to billing's."""
        planner, support, billing = (self.agents[name] for name in ("planner", "support", "billing"))
        token = must(self.people["alice"].call("POST", "/v1/user-tokens", {"agent": "planner"}), 200, 201).json["token"]
        must(planner.start(token, "refund", "plan", name, "billing"), 200)
        down = must(planner.delegate("support", "Triages refunds", "triage"), 200).json["access_token"]
        must(support.take_over(down, "billing"), 200)
        down = must(support.delegate("billing", "Settles refunds", "settle"), 200).json["access_token"]
        must(billing.take_over(down, "billing"), 200)
        return billing

    def preview(self, amount, invoice="inv_1001"):
        terms = {"invoice": invoice, "amount": amount, "currency": "EUR"}
        answer = must(
            self.agents["billing"].call("POST", "/tools/acme/billing/v1/refund-previews", terms), 200
        )
        return terms | {"preview_id": answer.json["preview_id"]}

    def refund(self, terms, key, wait=None, timeout=60):
        headers = {"Idempotency-Key": key} | ({"Prefer": f"wait={wait}"} if wait else {})
        return self.agents["billing"].call("POST", "/tools/acme/billing/v1/refunds", terms, headers, timeout)


def must(answer, *statuses):
    if answer.status not in statuses:
        raise AssertionError(f"expected {statuses}, came {answer}")
    return answer
