// SPDX-License-Identifier: Apache-2.0
// oidc-provider 9 as a real identity provider: a person signs in there, and the ID token becomes a run.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import * as jose from 'jose';
import * as oidc from 'openid-client';
import Provider from 'oidc-provider';
import { ID_TOKEN, Stage } from './stage.mjs';

const REDIRECT = 'http://127.0.0.1:9/callback';
let stage, planner, support, issuer, server;

before(async () => {
  stage = await Stage.set();
  server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  issuer = `http://127.0.0.1:${server.address().port}`;
  const { privateKey } = await jose.generateKeyPair('RS256', { extractable: true });
  const client = (client_id) => ({
    client_id,
    redirect_uris: [REDIRECT],
    token_endpoint_auth_method: 'none',
    response_types: ['code'],
    grant_types: ['authorization_code'],
    application_type: 'native',
  });
  const provider = new Provider(issuer, {
    clients: [client('writ-acme-planner'), client('writ-acme-support')],
    jwks: { keys: [{ ...(await jose.exportJWK(privateKey)), alg: 'RS256', use: 'sig', kid: 'idp-1' }] },
    cookies: { keys: ['a key for the cookies of one test'] },
  });
  server.on('request', provider.callback());

  const documents = stage.documents();
  documents['workspace.toml'] =
    documents['workspace.toml'].replace(
      '[users.alice]\n',
      '[users.alice]\nprovider = "corp"\nsubject = "00u-alice"\n',
    ) +
    `\n[providers.corp]\nissuer = "${issuer}"\nalgorithms = ["RS256"]\nallow_addresses = ["127.0.0.1/32"]\n` +
    'client_ids = { planner = "writ-acme-planner", support = "writ-acme-support" }\n';
  const applied = await stage.apply(documents);
  assert.equal(applied.status, 200, JSON.stringify(applied.json));
  planner = await stage.agent('planner');
  support = await stage.agent('support');
});
after(async () => {
  server?.close();
  server?.closeAllConnections();
  await stage?.end();
});

// Signs in as a browser would: the provider's own pages, their forms and cookies.
async function signIn(client_id, login) {
  const config = await oidc.discovery(new URL(issuer), client_id, undefined, oidc.None(), {
    execute: [oidc.allowInsecureRequests],
  });
  const verifier = oidc.randomPKCECodeVerifier();
  let url = oidc.buildAuthorizationUrl(config, {
    redirect_uri: REDIRECT,
    scope: 'openid',
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  });
  const jar = new Map();
  let form;
  for (let hop = 0; hop < 20 && !url.href.startsWith(REDIRECT); ++hop) {
    const response = await fetch(url, {
      redirect: 'manual',
      method: form ? 'POST' : 'GET',
      body: form,
      headers: { cookie: [...jar].map(([name, value]) => `${name}=${value}`).join('; ') },
    });
    form = undefined;
    for (const cookie of response.headers.getSetCookie()) {
      const [name, value] = cookie.split(';')[0].split('=');
      if (value) jar.set(name, value);
      else jar.delete(name);
    }
    const location = response.headers.get('location');
    if (location) {
      url = new URL(location, url);
      continue;
    }
    const page = await response.text();
    const prompt = /name="prompt" value="(\w+)"/.exec(page)?.[1];
    assert.ok(prompt, `no form at ${url}: ${response.status} ${page.slice(0, 300)}`);
    form = new URLSearchParams(prompt === 'login' ? { prompt, login, password: 'any' } : { prompt });
    url = new URL(/action="([^"]+)"/.exec(page)[1], url);
  }
  return oidc.authorizationCodeGrant(config, url, { pkceCodeVerifier: verifier });
}

const refused = (error) => ['invalid_grant', 'invalid_request'].includes(error.error);

test("P6: an ID token of Alice becomes the planner's run", async () => {
  const { id_token } = await signIn('writ-acme-planner', '00u-alice');
  const tokens = await stage.start(planner, id_token, ID_TOKEN);
  const claims = jose.decodeJwt(tokens.access_token);
  assert.match(claims.sub, /^usr_/);
  assert.match(claims.run, /^run_/);
});

test("P6, failures.md 12: an ID token made for the planner's client is refused to support", async () => {
  const { id_token } = await signIn('writ-acme-planner', '00u-alice');
  await assert.rejects(stage.start(support, id_token, ID_TOKEN), refused);
});

test('P10: somebody whom the workspace does not name is refused', async () => {
  const { id_token } = await signIn('writ-acme-planner', '00u-mallory');
  await assert.rejects(stage.start(planner, id_token, ID_TOKEN), refused);
});

test('an ID token that was changed is refused', async () => {
  const { id_token } = await signIn('writ-acme-planner', '00u-alice');
  const [header, payload, signature] = id_token.split('.');
  const claims = JSON.parse(Buffer.from(payload, 'base64url'));
  const changed = Buffer.from(JSON.stringify({ ...claims, sub: '00u-bob' })).toString('base64url');
  await assert.rejects(stage.start(planner, `${header}.${changed}.${signature}`, ID_TOKEN), refused);
});
