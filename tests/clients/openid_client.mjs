// SPDX-License-Identifier: Apache-2.0
// openid-client 6 as an agent's own library: nothing here is made for Writ.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import * as jose from 'jose';
import * as oidc from 'openid-client';
import { ACCESS_TOKEN, JWT, Stage } from './stage.mjs';

let stage, planner, support, tokens;

before(async () => {
  stage = await Stage.set();
  planner = await stage.agent('planner');
  support = await stage.agent('support');
});
after(() => stage?.end());

const call = (agent, token, url, method = 'GET') =>
  oidc.fetchProtectedResource(agent.config, token, new URL(url), method, undefined, undefined, { DPoP: agent.DPoP });

test('RFC 8414: discovery', () => {
  const metadata = planner.config.serverMetadata();
  assert.equal(metadata.issuer, stage.url);
  assert.ok(metadata.grant_types_supported.includes('urn:ietf:params:oauth:grant-type:token-exchange'));
  assert.ok(metadata.dpop_signing_alg_values_supported.includes('ES256'));
});

test('RFC 8693 with RFC 9449: a token of Alice becomes a run', async () => {
  const given = await stage.person('alice', 'POST', '/v1/user-tokens', { agent: 'planner' });
  tokens = await stage.start(planner, given.json.token, JWT);
  assert.equal(tokens.token_type, 'dpop');
  assert.ok(tokens.refresh_token);
  assert.ok(tokens.expires_in <= 600);
});

test('RFC 9068: the token verifies with the published keys', async () => {
  const keys = jose.createRemoteJWKSet(new URL(planner.config.serverMetadata().jwks_uri));
  const { payload, protectedHeader } = await jose.jwtVerify(tokens.access_token, keys, {
    issuer: stage.url,
    audience: stage.tools,
    typ: 'at+jwt',
  });
  assert.equal(protectedHeader.alg, 'ES256');
  assert.equal(payload.client_id, 'acme/planner');
  assert.equal(payload.act.sub_profile, 'ai_agent');
  assert.ok(payload.cnf.jkt);
});

test('a protected call with DPoP', async () => {
  const answer = await call(planner, tokens.access_token, `${stage.tools}/v1/invoices/inv_1001`);
  assert.equal(answer.status, 200);
  assert.equal((await answer.json()).id, 'inv_1001');
});

test("failures.md 9: the token with another agent's key is refused", async () => {
  await assert.rejects(
    call(support, tokens.access_token, `${stage.tools}/v1/invoices/inv_1001`),
    (error) => error.code === 'OAUTH_WWW_AUTHENTICATE_CHALLENGE' && error.status === 401,
  );
});

test('P9: refresh, and the spent refresh token', async () => {
  const fresh = await oidc.refreshTokenGrant(
    planner.config,
    tokens.refresh_token,
    new URLSearchParams([
      ['resource', stage.tools],
      ['resource', `${stage.url}/v1`],
    ]),
    { DPoP: planner.DPoP },
  );
  assert.equal(fresh.token_type, 'dpop');
  assert.notEqual(fresh.refresh_token, tokens.refresh_token);
  assert.equal(jose.decodeJwt(fresh.access_token).run, jose.decodeJwt(tokens.access_token).run);
  tokens = { ...tokens, access_token: fresh.access_token, refresh_token: fresh.refresh_token };
});

test('P7: hand down and take over', async () => {
  const delegation = await stage.exchange(planner, {
    subject_token: tokens.access_token,
    subject_token_type: ACCESS_TOKEN,
    requested_token_type: JWT,
    authorization_details: JSON.stringify([
      { type: 'writ_delegation', agent: 'support', role: 'Triages refunds', step: 'triage' },
    ]),
  });
  assert.equal(delegation.issued_token_type, JWT);
  const parameters = { subject_token: delegation.access_token, subject_token_type: JWT, resource: stage.tools };
  const child = await stage.exchange(support, parameters);
  assert.equal(child.token_type, 'dpop');
  assert.notEqual(jose.decodeJwt(child.access_token).run, jose.decodeJwt(tokens.access_token).run);
  await assert.rejects(stage.exchange(support, parameters), (error) => error.error === 'invalid_grant');
});

test('RFC 7662: introspection, and of another agent nothing', async () => {
  const mine = await oidc.tokenIntrospection(planner.config, tokens.access_token);
  assert.equal(mine.active, true);
  assert.equal(mine.client_id, 'acme/planner');
  assert.deepEqual({ ...(await oidc.tokenIntrospection(support.config, tokens.access_token)) }, { active: false });
});

test('RFC 7009: revocation of the refresh token', async () => {
  await oidc.tokenRevocation(planner.config, tokens.refresh_token);
  await assert.rejects(
    oidc.refreshTokenGrant(planner.config, tokens.refresh_token, { resource: stage.tools }, { DPoP: planner.DPoP }),
    (error) => error.error === 'invalid_grant',
  );
});
