# SPDX-License-Identifier: Apache-2.0
"""People and agents of a workspace as the tests play them, written from docs/protocol.md and not from Writ's own
code: HTTP from the standard library, ES256 from the openssl command.

A failed request is an Answer like any other; only what cannot happen raises.
"""

import base64
import hashlib
import http.client
import json
import os
import pathlib
import secrets
import subprocess
import tempfile
import time
import urllib.parse

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
JWT_TYPE = "urn:ietf:params:oauth:token-type:jwt"
ACCESS_TYPE = "urn:ietf:params:oauth:token-type:access_token"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def canonical(value):
    """RFC 8785 for values whose numbers are integers and whose names are ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def fresh():
    """A nonce, and an expiry in five minutes."""
    at = time.gmtime(time.time() + 300)
    return b64url(secrets.token_bytes(32)), time.strftime("%Y-%m-%dT%H:%M:%S.000Z", at)


class Key:
    """A P-256 key; its private half lies in a file for as long as this object."""

    def __init__(self):
        self._file = tempfile.NamedTemporaryFile(suffix=".pem")
        pem = subprocess.run(
            ["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
            check=True,
            capture_output=True,
        ).stdout
        self._file.write(pem)
        self._file.flush()
        der = subprocess.run(
            ["openssl", "pkey", "-pubout", "-outform", "DER"], input=pem, check=True, capture_output=True
        ).stdout
        point = der[-64:]
        self.jwk = {"kty": "EC", "crv": "P-256", "x": b64url(point[:32]), "y": b64url(point[32:])}
        self.thumbprint = b64url(hashlib.sha256(canonical(self.jwk).encode()).digest())

    def sign(self, message):
        """64 bytes, r || s, from openssl's DER."""
        der = subprocess.run(
            ["openssl", "dgst", "-sha256", "-sign", self._file.name], input=message, check=True, capture_output=True
        ).stdout
        numbers, at = [], 2
        for _ in range(2):
            size = der[at + 1]
            numbers.append(der[at + 2 : at + 2 + size].lstrip(b"\0").rjust(32, b"\0"))
            at += 2 + size
        return b"".join(numbers)

    def jwt(self, type_, claims, header=None):
        head = {"alg": "ES256", "typ": type_} | (header if header is not None else {"kid": self.thumbprint})
        text = b64url(json.dumps(head).encode()) + "." + b64url(json.dumps(claims).encode())
        return text + "." + b64url(self.sign(text.encode()))

    def dpop(self, method, url, token=None):
        claims = {
            "jti": secrets.token_urlsafe(16),
            "htm": method,
            "htu": url.split("?")[0],
            "iat": int(time.time()),
        }
        if token is not None:
            claims["ath"] = b64url(hashlib.sha256(token.encode()).digest())
        return self.jwt("dpop+jwt", claims, {"jwk": self.jwk})


class Answer:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.status} {self.body[:600]!r}>"


def request(method, url, headers=None, body=None, timeout=60):
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)
    try:
        target = parts.path + ("?" + parts.query if parts.query else "")
        if isinstance(body, str):
            body = body.encode()
        connection.request(method, target, body, headers or {})
        response = connection.getresponse()
        return Answer(response.status, dict((k.lower(), v) for k, v in response.getheaders()), response.read())
    finally:
        connection.close()


class Person:
    """A user with a key of their own and, once signed in, a session."""

    def __init__(self, url, workspace, name):
        self.url, self.workspace, self.name = url, workspace, name
        self.key = Key()
        self.session_key = None
        self.session = None

    def sign_in(self, code=None):
        """Enrols the key too where a code is given."""
        self.session_key = Key()
        who, now = f"{self.workspace}/{self.name}", int(time.time())
        claims = {
            "iss": who,
            "sub": who,
            "aud": self.url,
            "jti": secrets.token_urlsafe(16),
            "iat": now,
            "exp": now + 60,
            "cnf": {"jkt": self.session_key.thumbprint},
        }
        message = {
            "workspace": self.workspace,
            "user": self.name,
            "assertion": self.key.jwt("writ-login+jwt", claims),
        }
        if code is not None:
            message |= {"code": code, "key": self.key.jwk}
        answer = request(
            "POST",
            self.url + "/v1/sessions",
            {"Content-Type": "application/json"},
            json.dumps(message),
        )
        if answer.status == 201:
            self.session = answer.json["session"]
        return answer

    def call(self, method, path, message=None, body=None, content_type="application/json", signed=False):
        """With `signed`, also by this person's own key (P40)."""
        url = self.url + path
        headers = {
            "Authorization": "DPoP " + self.session,
            "DPoP": self.session_key.dpop(method, url, self.session),
        }
        if message is not None:
            body = canonical(message)
        if signed:
            headers["Writ-Signature"] = self.signature(method, path, body or "{}")
        if body is not None:
            headers["Content-Type"] = content_type
        return request(method, url, headers, body)

    def get(self, path):
        return self.call("GET", path)

    def workspace_id(self):
        return self.get("/v1/session").json["workspace_id"]

    def signature(self, method, target, body):
        nonce, expiry = fresh()
        salt = secrets.token_bytes(32)
        workspace_id = self.workspace_id()
        asked = {
            "body": hashlib.sha256(body if isinstance(body, bytes) else body.encode()).hexdigest(),
            "method": method,
            "tag": "writ-route-v1",
            "target": target,
            "workspace": workspace_id,
        }
        digest = hashlib.sha256(canonical(asked).encode()).digest()
        statement = {
            "commitment": hashlib.sha256(salt + digest).hexdigest(),
            "decision": "approve",
            "expiry": expiry,
            "groups": [],
            "nonce": nonce,
            "subject": "route",
            "tag": "writ-approval-v2",
            "workspace": workspace_id,
        }
        signature = b64url(self.key.sign(canonical(statement).encode()))
        return f"nonce={nonce}; expiry={expiry}; salt={b64url(salt)}; signature={signature}"

    def apply(self, documents):
        """As `writ apply`: looks at the difference, signs it where it widens, and applies exactly that (P40)."""
        seen = self.call("POST", "/v1/apply", {"documents": documents, "dry_run": True})
        if seen.status != 200 or not seen.json["changed"]:
            return seen
        message = {"documents": documents, "base": seen.json["base"]}
        if any(change["effect"] == "widens" for change in seen.json["changes"]):
            nonce, expiry = fresh()
            shown = canonical({"changes": seen.json["changes"], "tag": "writ-difference-v1"})
            difference = hashlib.sha256(shown.encode()).hexdigest()
            statement = {
                "base": seen.json["base"],
                "difference": difference,
                "digest": seen.json["digest"],
                "expiry": expiry,
                "nonce": nonce,
                "tag": "writ-apply-v1",
                "workspace": self.workspace_id(),
            }
            signature = b64url(self.key.sign(canonical(statement).encode()))
            message["signature"] = {
                "difference": difference,
                "expiry": expiry,
                "nonce": nonce,
                "signature": signature,
            }
        return self.call("POST", "/v1/apply", message)

    def decide(self, approval, groups, decision="approve", workspace_id=None):
        """Signs the commitment that the approval's own statement and salt give (P20)."""
        view = self.get("/v1/approvals/" + approval).json
        workspace_id = workspace_id or self.get("/v1/session").json["workspace_id"]
        digest = hashlib.sha256(view["statement"].encode()).digest()
        commitment = hashlib.sha256(bytes.fromhex(view["salt"]) + digest).hexdigest()
        statement = {
            "approval": approval,
            "commitment": commitment,
            "decision": decision,
            "expiry": view["expires"],
            "groups": sorted(groups),
            "nonce": view["nonce"],
            "subject": "action",
            "tag": "writ-approval-v2",
            "workspace": workspace_id,
        }
        message = {
            "decision": decision,
            "commitment": commitment,
            "groups": sorted(groups),
            "nonce": view["nonce"],
            "expiry": view["expires"],
            "signature": b64url(self.key.sign(canonical(statement).encode())),
        }
        return self.call("POST", f"/v1/approvals/{approval}/decisions", message)


class Agent:
    """An agent with its key and, once it has a run, the run's tokens."""

    def __init__(self, url, workspace, name):
        self.url, self.workspace, self.name = url, workspace, name
        self.client_id = f"{workspace}/{name}"
        self.key = Key()
        self.token = None
        self.refresh_token = None
        self.bearer = False  # whether it is declared with sender = "bearer" and proves nothing

    def key_document(self):
        return "\n[[keys]]\n" + "".join(f'{name} = "{value}"\n' for name, value in self.key.jwk.items())

    def assertion(self):
        now = int(time.time())
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": self.url,
            "jti": secrets.token_urlsafe(16),
            "iat": now,
            "exp": now + 60,
        }
        return self.key.jwt("JWT", claims)

    def ask(self, path, form):
        url = self.url + path
        form = [*form, ("client_assertion_type", ASSERTION_TYPE), ("client_assertion", self.assertion())]
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if not self.bearer:
            headers["DPoP"] = self.key.dpop("POST", url)
        return request("POST", url, headers, urllib.parse.urlencode(form))

    def _keep(self, answer):
        if answer.status == 200:
            self.token = answer.json["access_token"]
            self.refresh_token = answer.json.get("refresh_token")
        return answer

    def resources(self, server):
        return [
            ("resource", f"{self.url}/tools/{self.workspace}/{server}"),
            ("resource", f"{self.url}/v1"),
        ]

    def start(self, subject_token, workflow, step, name, server, subject_type=JWT_TYPE, **scope):
        details = {"type": "writ_run", "workspace": self.workspace, "workflow": workflow, "step": step, "name": name}
        return self._keep(
            self.ask(
                "/oauth/token",
                [
                    ("grant_type", EXCHANGE),
                    ("subject_token", subject_token),
                    ("subject_token_type", subject_type),
                    ("authorization_details", json.dumps([details | scope])),
                    *self.resources(server),
                ],
            )
        )

    def delegate(self, agent, role, step, **scope):
        details = {"type": "writ_delegation", "agent": agent, "role": role, "step": step}
        return self.ask(
            "/oauth/token",
            [
                ("grant_type", EXCHANGE),
                ("subject_token", self.token),
                ("subject_token_type", ACCESS_TYPE),
                ("requested_token_type", JWT_TYPE),
                ("authorization_details", json.dumps([details | scope])),
            ],
        )

    def take_over(self, delegation_token, server):
        return self._keep(
            self.ask(
                "/oauth/token",
                [
                    ("grant_type", EXCHANGE),
                    ("subject_token", delegation_token),
                    ("subject_token_type", JWT_TYPE),
                    *self.resources(server),
                ],
            )
        )

    def refresh(self, server):
        return self._keep(
            self.ask(
                "/oauth/token",
                [("grant_type", "refresh_token"), ("refresh_token", self.refresh_token), *self.resources(server)],
            )
        )

    def call(self, method, path, message=None, headers=None, timeout=60):
        url = self.url + path
        own = {"Authorization": ("Bearer " if self.bearer else "DPoP ") + self.token}
        if not self.bearer:
            own["DPoP"] = self.key.dpop(method, url, self.token)
        headers = own | (headers or {})
        body = None
        if message is not None:
            body = json.dumps(message)
            headers["Content-Type"] = "application/json"
        return request(method, url, headers, body, timeout)

    def run(self):
        payload = self.token.split(".")[1]
        return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["run"]


def merkle_root(entries):
    """RFC 6962 section 2.1."""
    if not entries:
        return hashlib.sha256(b"").digest()
    if len(entries) == 1:
        return hashlib.sha256(b"\0" + entries[0].encode()).digest()
    half = 1
    while half * 2 < len(entries):
        half *= 2
    return hashlib.sha256(b"\1" + merkle_root(entries[:half]) + merkle_root(entries[half:])).digest()


def free_port():
    """A port that is free, below those that Linux gives to outgoing connections: none of them takes it meanwhile."""
    import random
    import socket

    for _ in range(100):
        port = random.SystemRandom().randrange(20_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise OSError("no free port on 127.0.0.1")


def wait_until(what, condition, limit=30):
    end = time.monotonic() + limit
    while time.monotonic() < end:
        try:
            if condition():
                return
        except OSError:
            pass
        time.sleep(0.05)
    raise TimeoutError(f"{what}: not within {limit} s")


def is_ready(url):
    return request("GET", url + "/readyz", timeout=5).status == 200


EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples"
WRIT = os.environ.get("WRIT", "writ")
