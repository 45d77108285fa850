// Tokens of the server under test, in the unmodified SDK: what its own table says of each state.

import assert from 'node:assert/strict';
import { before, mock, test } from 'node:test';

import { createClerkClient, verifyToken } from '@clerk/backend';

import { claimsOf, configuration, signIn, states } from '../session-tokens.js';
import { assertRefused, clerkClient, secretKey, url } from '../support.js';

const TIMEOUT_MS = 60_000;
let publishableKey;
let jwtKey;
let signedIn;
let rows;

before(
  async () => {
    ({ publishableKey, jwtKey } = await configuration());
    ({ signedIn, rows } = await states());
  },
  { timeout: TIMEOUT_MS },
);

/** Does something a while later, for this process alone. */
async function later(ms, what) {
  if (!ms) return what();
  const real = Date.now;
  mock.method(Date, 'now', () => real() + ms);
  try {
    return await what();
  } finally {
    mock.restoreAll();
  }
}

const clients = () => ({
  'the key set': createClerkClient({ apiUrl: url, secretKey, publishableKey, telemetry: { disabled: true } }),
  'the PEM': createClerkClient({ apiUrl: url, secretKey, publishableKey, jwtKey, telemetry: { disabled: true } }),
});

const withToken = token => new Request('http://127.0.0.1:3000/', { headers: { authorization: `Bearer ${token}` } });

test('authenticateRequest, with the key set and with the PEM', { timeout: TIMEOUT_MS }, async () => {
  for (const [keys, client] of Object.entries(clients())) {
    for (const { name, token, laterMs, userId, reason, reasonWithKeySet } of rows) {
      const state = await later(laterMs, () => client.authenticateRequest(withToken(token)));
      const expected = (keys === 'the key set' && reasonWithKeySet) || reason;
      assert.equal(state.reason, expected, `${name}, with ${keys}: ${state.message}`);
      assert.equal(state.toAuth().userId, userId, `${name}, with ${keys}`);
    }
  }
});

test('what a token says of its session', { timeout: TIMEOUT_MS }, async () => {
  const state = await clients()['the PEM'].authenticateRequest(withToken(signedIn.token));
  const { userId, sessionId, sessionStatus, actor, orgId, factorVerificationAge } = state.toAuth();
  assert.deepEqual(
    { userId, sessionId, sessionStatus, actor, orgId },
    { userId: signedIn.userId, sessionId: signedIn.sessionId, sessionStatus: 'active', actor: undefined, orgId: undefined },
  );
  assert.ok(Array.isArray(factorVerificationAge) && factorVerificationAge.length === 2);
  const claims = claimsOf(signedIn.token);
  assert.deepEqual([claims.v, claims.exp - claims.iat, claims.iat - claims.nbf], [2, 60, 10]);
  assert.equal(claims.iss, `http://${Buffer.from(publishableKey.split('_')[2], 'base64').toString().replace('$', '')}`);
});

test('verifyToken, with the key set and with the PEM', { timeout: TIMEOUT_MS }, async () => {
  for (const keys of [{ secretKey, apiUrl: url }, { jwtKey }]) {
    for (const { name, token, laterMs, userId, reason, reasonWithKeySet } of rows) {
      // It verifies a token of a template too: it is asked about a token, not about who is signed in.
      const isGood = userId !== null || name.startsWith('template');
      const outcome = later(laterMs, () => verifyToken(token, keys));
      if (isGood) {
        assert.equal((await outcome).sub, userId ?? signedIn.userId, name);
        continue;
      }
      const expected = laterMs ? 'token-expired' : (!keys.jwtKey && reasonWithKeySet) || reason;
      await assert.rejects(outcome, { reason: expected }, name);
    }
  }
});

test('an authorized party is none where a token names none', { timeout: TIMEOUT_MS }, async () => {
  const state = await clients()['the PEM'].authenticateRequest(withToken(signedIn.token), {
    authorizedParties: ['http://127.0.0.1:3000'],
  });
  assert.equal(state.reason, 'token-invalid-authorized-parties');
});

test('a session that was revoked gives no more tokens', { timeout: TIMEOUT_MS }, async () => {
  const { sessionId } = await signIn();
  assert.equal((await clerkClient.sessions.revokeSession(sessionId)).status, 'revoked');
  await assertRefused(() => clerkClient.sessions.getToken(sessionId, ''), {
    status: 401,
    code: 'authentication_invalid',
    paramName: undefined,
  });
});

test('the clocks of application and server may be 4 seconds apart, and not 10', { timeout: TIMEOUT_MS }, async () => {
  const client = clients()['the PEM'];
  const { iat, exp } = claimsOf(signedIn.token);
  const at = async ms => {
    const state = await later(ms - Date.now(), () => client.authenticateRequest(withToken(signedIn.token)));
    return [state.status, state.reason];
  };
  // From the first moment of the token to the last.
  assert.deepEqual(await at(iat * 1000 - 4_000), ['signed-in', null]);
  assert.deepEqual(await at(exp * 1000 + 4_000), ['signed-in', null]);
  assert.deepEqual(await at(iat * 1000 - 10_000), ['signed-out', 'session-token-iat-in-the-future']);
  assert.deepEqual((await at(exp * 1000 + 10_000))[0], 'signed-out');
});

test('cookies of a browser are taken like the token alone', { timeout: TIMEOUT_MS }, async () => {
  const { iat } = claimsOf(signedIn.token);
  const cookies = [`__session=${signedIn.token}`, `__client_uat=${iat}`, '__clerk_db_jwt=dvb_1'];
  const headers = { cookie: cookies.join('; '), 'sec-fetch-dest': 'document' };
  const state = await clients()['the PEM'].authenticateRequest(new Request('http://127.0.0.1:3000/', { headers }));
  assert.deepEqual([state.status, state.reason], ['signed-in', null], state.message);
});
