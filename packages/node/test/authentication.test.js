// Who made a request: ours against the decision table, and against the official SDK in what it makes of a token.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { after, before, mock, test } from 'node:test';
import { pathToFileURL } from 'node:url';

import { createClerkClient as createOfficialClient, verifyToken as officialVerifyToken } from '@clerk/backend';
import { TokenVerificationError, createClerkClient, verifyToken } from '@verger/backend';

// The suite is a copy outside of the source tree.
const root = process.env.VERGER_SOURCES ? pathToFileURL(`${process.env.VERGER_SOURCES}/`) : new URL('../../../', import.meta.url);
const read = name => JSON.parse(readFileSync(new URL(`crates/client/tests/${name}`, root), 'utf8'));

const { now_ms: now, jwt_key: jwtKey, tokens } = read('decision_tokens.json');
const cases = read('decisions.json');
const PUBLISHABLE_KEYS = {
  development: { key: 'pk_test_Y2xlcmsuZXhhbXBsZS5jb20k', suffix: 'l2OS3d9k' },
  production: { key: 'pk_live_Y2xlcmsuZXhhbXBsZS5jb20k', suffix: 'naoXFJnI' },
};
const publishableKey = PUBLISHABLE_KEYS.production.key;

let answers = [];
let api;
let apiUrl;

before(async () => {
  api = createServer((request, response) => {
    request.resume();
    const { status, body } = answers.shift() ?? { status: 500, body: '{}' };
    response.writeHead(status, { 'content-type': 'application/json' }).end(body);
  });
  await new Promise(resolve => api.listen(0, '127.0.0.1', resolve));
  apiUrl = `http://127.0.0.1:${api.address().port}`;
  mock.timers.enable({ apis: ['Date'], now });
});
after(() => {
  mock.timers.reset();
  api.close();
  api.closeAllConnections();
});

const namesAndValues = (object, fill) => Object.entries(object).map(([name, value]) => [fill(name), fill(value)]);

/** What a row says of a state. */
function check(one, state, fill) {
  assert.deepEqual([state.status, state.reason], [one.status, one.reason], state.message ?? '');
  if (one.status === 'handshake') assert.equal(state.toAuth(), null);
  else assert.equal(state.toAuth().userId !== null, one.status === 'signed-in' && !one.pending);
  if (one.location) assert.equal(state.headers.get('location'), fill(one.location));
  else if (one.status !== 'handshake') assert.equal(state.headers.get('location'), null);
  if (one.set_cookies) assert.deepEqual(state.headers.getSetCookie(), one.set_cookies.map(fill));
}

test('each row of the decision table leads where it says', async () => {
  for (const one of cases) {
    const { key, suffix } = PUBLISHABLE_KEYS[one.environment];
    const fill = text =>
      Object.entries(tokens).reduce(
        (text, [name, token]) => text.replaceAll(`{${name}}`, token),
        text.replaceAll('{suffix}', suffix),
      );
    answers = (one.answers ?? []).map(({ status, body }) => ({ status, body: fill(JSON.stringify(body)) }));
    const headers = new Headers(namesAndValues(one.headers, fill));
    const cookies = namesAndValues(one.cookies, fill).map(([name, value]) => `${name}=${value}`);
    if (cookies.length > 0) headers.set('cookie', cookies.join('; '));
    const clerkClient = createClerkClient({ secretKey: 'sk_test_x', publishableKey: key, jwtKey, apiUrl });
    const request = new Request(fill(one.url), { method: one.method, headers });
    let state;
    try {
      state = await clerkClient.authenticateRequest(request, one.options);
    } catch (error) {
      if (one.status !== 'error') throw new Error(`row ${one.row}: ${one.name}`, { cause: error });
      continue;
    }
    try {
      check(one, state, fill);
    } catch (error) {
      throw new Error(`row ${one.row}, ${one.environment}: ${one.name}`, { cause: error });
    }
  }
});

/** What both make of the request with this token. */
async function both(token, ask) {
  const options = { secretKey: 'sk_live_x', publishableKey, jwtKey, telemetry: { disabled: true } };
  const request = () => new Request('https://app.example.com/', { headers: { authorization: `Bearer ${token}` } });
  const states = [createOfficialClient(options), createClerkClient(options)].map(client =>
    client.authenticateRequest(request()),
  );
  return Promise.all((await Promise.all(states)).map(ask));
}

const withoutFunctions = auth => Object.fromEntries(Object.entries(auth).filter(([, value]) => typeof value !== 'function'));

test('a state and what toAuth() gives are the same in every field', async () => {
  for (const name of ['valid', 'pending', 'organization', 'audience', 'no_azp', 'expired', 'template', 'no_token']) {
    const [official, ours] = await both(tokens[name], state => {
      const { message, headers, ...fields } = withoutFunctions(state);
      const auths = [state.toAuth(), state.toAuth({ treatPendingAsSignedOut: false })].map(withoutFunctions);
      const names = ['x-clerk-auth-status', 'x-clerk-auth-reason'];
      return { fields, auths, headers: names.map(one => headers.get(one)), hasMessage: Boolean(message) };
    });
    assert.deepEqual(ours, official, name);
  }
});

test('has() answers what the official one answers', async () => {
  const asked = [
    {},
    { role: 'org:admin' },
    { role: 'admin' },
    { role: 'org:member' },
    { role: 1 },
    { role: 'admin', permission: 'org:docs:read' },
    { permission: 'org:docs:read' },
    { feature: 'docs' },
    { plan: 'free' },
    { feature: 'x:docs' },
    ...['strict_mfa', 'strict', 'moderate', 'lax', 'none'].map(reverification => ({ reverification })),
    { reverification: { level: 'first_factor', afterMinutes: 1 } },
    { reverification: { level: 'second_factor', afterMinutes: 0 } },
    { reverification: { level: 'no_factor', afterMinutes: 1 } },
    { role: 'admin', reverification: 'strict' },
  ];
  for (const name of ['valid', 'organization', 'expired']) {
    const [official, ours] = await both(tokens[name], state => asked.map(params => state.toAuth().has(params)));
    assert.deepEqual(ours, official, name);
  }
});

test('getToken() gives the token of the request', async () => {
  const [official, ours] = await both(tokens.valid, state => state.toAuth().getToken());
  assert.deepEqual([official, ours], [tokens.valid, tokens.valid]);
});

test('verifyToken refuses for the reason of the official one', async () => {
  for (const [name, token] of Object.entries(tokens)) {
    // Theirs takes anything that is signed; ours wants a token of a session or of a template.
    if (['machine', 'handshake', 'handshake_signed_out', 'handshake_expired', 'handshake_tampered'].includes(name)) continue;
    const outcome = verify => verify(token, { jwtKey }).catch(error => error.reason);
    const [official, ours] = await Promise.all([officialVerifyToken, verifyToken].map(outcome));
    assert.deepEqual(ours, official, name);
  }
  await assert.rejects(verifyToken(tokens.expired, { jwtKey }), error => {
    return error instanceof TokenVerificationError && error.reason === 'token-expired';
  });
  await assert.rejects(verifyToken(tokens.valid, { jwtKey, authorizedParties: ['https://example.com'] }), {
    reason: 'token-invalid-authorized-parties',
  });
  await assert.rejects(verifyToken(undefined, { jwtKey }), { reason: 'token-invalid' });
  await assert.rejects(verifyToken(tokens.valid, {}), /needs the JWT key/);
});

test('a request of Node itself is authenticated', async t => {
  const clerkClient = createClerkClient({ publishableKey, jwtKey });
  const server = createServer(async (request, response) => {
    const { status, reason } = await clerkClient.authenticateRequest(request);
    response.end(JSON.stringify({ status, reason }));
  });
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const ask = async headers => (await fetch(`http://127.0.0.1:${server.address().port}/a?b=c`, { headers })).json();
  assert.deepEqual(await ask({ authorization: `Bearer ${tokens.valid}` }), { status: 'signed-in', reason: null });
  assert.deepEqual(await ask({ cookie: `__session=${tokens.valid}` }), {
    status: 'signed-out',
    reason: 'session-token-but-no-client-uat',
  });
});

test('options that make no sense are told', async () => {
  const request = new Request('https://app.example.com/');
  const ask = (options, more) => createClerkClient(options).authenticateRequest(request, more);
  await assert.rejects(ask({}), /needs the JWT key/);
  await assert.rejects(ask({ jwtKey: 'no key' }), /not in PEM/);
  await assert.rejects(ask({ jwtKey }), /publishable key/);
  await assert.rejects(ask({ jwtKey, publishableKey: 'pk_live_x' }), /publishable key/);
  await assert.rejects(ask({ jwtKey, publishableKey }, { acceptsToken: 'm2m_token' }), /machines/);
  await assert.rejects(ask({ jwtKey, publishableKey }, { authorizedParties: 'x' }), /wrong type/);
});
