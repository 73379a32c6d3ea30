// SPDX-License-Identifier: Apache-2.0
// A running Writ with workspace acme, and its people and agents: what `writ demo --only-stage` leaves in its directory.
import { spawn } from 'node:child_process';
import { createHash, createPrivateKey, randomBytes, randomUUID, sign } from 'node:crypto';
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { createInterface } from 'node:readline';
import * as jose from 'jose';
import * as oidc from 'openid-client';

export const JWT = 'urn:ietf:params:oauth:token-type:jwt';
export const ID_TOKEN = 'urn:ietf:params:oauth:token-type:id_token';
export const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
export const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';

// RFC 8785 for values whose numbers are integers.
function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const members = Object.keys(value).sort().map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`);
  return `{${members.join(',')}}`;
}

export class Stage {
  static async set() {
    const directory = mkdtempSync(join(tmpdir(), 'writ-clients-'));
    const child = spawn(process.env.WRIT, ['demo', '--only-stage', '--json', '--dir', join(directory, 'demo')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const stage = new Stage(directory, child);
    for await (const line of createInterface({ input: child.stdout })) {
      const said = JSON.parse(line);
      if (said.held === false) throw new Error(`the stage: ${line}`);
      if (said.serving) {
        stage.serving = said.serving;
        stage.url = said.serving.url;
        return stage;
      }
    }
    stage.end();
    throw new Error('the demo ended before it served');
  }

  constructor(directory, child) {
    this.directory = directory;
    this.child = child;
  }

  async end() {
    const ended = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill('SIGTERM');
    await ended;
    rmSync(this.directory, { recursive: true, force: true });
  }

  // The workspace's files as they were applied.
  documents() {
    const root = this.serving.documents;
    const documents = {};
    const walk = (path) => {
      for (const name of readdirSync(path)) {
        const below = join(path, name);
        if (statSync(below).isDirectory()) walk(below);
        else documents[relative(root, below)] = readFileSync(below, 'utf8');
      }
    };
    walk(root);
    return documents;
  }

  // A request of a person, in the session that the demo left for the command line.
  async person(name, method, path, message) {
    const sessions = join(this.serving.home, 'sessions');
    const file = readdirSync(sessions).find((entry) => entry.startsWith(`acme.${name}@`));
    const { session, key } = JSON.parse(readFileSync(join(sessions, file), 'utf8'));
    const { d, ...jwk } = key;
    const url = this.url + path;
    const proof = await new jose.SignJWT({
      jti: randomUUID(),
      htm: method,
      htu: url,
      ath: createHash('sha256').update(session).digest('base64url'),
    })
      .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk: { kty: jwk.kty, crv: jwk.crv, x: jwk.x, y: jwk.y } })
      .setIssuedAt()
      .sign(await jose.importJWK(key, 'ES256'));
    const response = await fetch(url, {
      method,
      headers: { authorization: `DPoP ${session}`, dpop: proof, 'content-type': 'application/json' },
      body: message && JSON.stringify(message),
    });
    return { status: response.status, json: JSON.parse((await response.text()) || 'null') };
  }

  // As `writ apply`: looks at the difference, signs it with the admin's own key, and applies exactly that.
  async apply(documents) {
    const seen = await this.person('admin', 'POST', '/v1/apply', { documents, dry_run: true });
    if (seen.status !== 200) return seen;
    const { base, changes, digest } = seen.json;
    const who = await this.person('admin', 'GET', '/v1/session');
    const sha256 = (text) => createHash('sha256').update(text).digest('hex');
    const difference = sha256(canonical({ changes, tag: 'writ-difference-v1' }));
    const nonce = randomBytes(32).toString('base64url');
    const expiry = new Date(Date.now() + 300_000).toISOString();
    const statement = { base, difference, digest, expiry, nonce, tag: 'writ-apply-v1', workspace: who.json.workspace_id };
    const key = createPrivateKey({
      key: JSON.parse(readFileSync(join(this.serving.directory, 'people', 'admin.jwk'), 'utf8')),
      format: 'jwk',
    });
    const signature = sign('sha256', canonical(statement), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url');
    return this.person('admin', 'POST', '/v1/apply', {
      documents,
      base,
      signature: { difference, nonce, expiry, signature },
    });
  }

  // openid-client as this agent: its own key for private_key_jwt and for DPoP.
  async agent(name) {
    const jwk = JSON.parse(readFileSync(this.serving.agents[name], 'utf8'));
    const { d, key_ops, ...open } = jwk;
    const privateKey = await jose.importJWK(jwk, 'ES256');
    const publicKey = await jose.importJWK(open, 'ES256', { extractable: true });
    const config = await oidc.discovery(
      new URL(this.url),
      `acme/${name}`,
      undefined,
      oidc.PrivateKeyJwt({ key: privateKey, kid: jwk.kid }),
      { algorithm: 'oauth2', execute: [oidc.allowInsecureRequests] },
    );
    const DPoP = oidc.getDPoPHandle(config, { privateKey, publicKey });
    return { name, config, DPoP };
  }

  get tools() {
    return `${this.url}/tools/acme/billing`;
  }

  exchange(agent, parameters) {
    const form = new URLSearchParams();
    for (const [name, value] of Object.entries(parameters)) {
      for (const one of [value].flat()) form.append(name, one);
    }
    return oidc.genericGrantRequest(agent.config, EXCHANGE, form, { DPoP: agent.DPoP });
  }

  start(agent, subject_token, subject_token_type) {
    return this.exchange(agent, {
      subject_token,
      subject_token_type,
      authorization_details: JSON.stringify([
        { type: 'writ_run', workspace: 'acme', workflow: 'refund', step: 'plan', name: 'Refund of inv_1001' },
      ]),
      resource: [this.tools, `${this.url}/v1`],
    });
  }
}
