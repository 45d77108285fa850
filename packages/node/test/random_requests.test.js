// Random requests: what ours says of each, the official SDK says too. A failure names the seed, which `SEED` repeats.

import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, before, mock, test } from 'node:test';
import { pathToFileURL } from 'node:url';

import { createClerkClient as createOfficialClient } from '@clerk/backend';
import { createClerkClient } from '@verger/backend';

const REQUESTS = 1_500;
const TIMEOUT_MS = 120_000;

// The suite is a copy outside of the source tree.
const root = process.env.VERGER_SOURCES ? pathToFileURL(`${process.env.VERGER_SOURCES}/`) : new URL('../../../', import.meta.url);
const recorded = new URL('crates/client/tests/decision_tokens.json', root);
const { now_ms: now, jwt_key: jwtKey, tokens } = JSON.parse(readFileSync(recorded, 'utf8'));
const ALL = Object.values(tokens);
// Those that decide more than that a token is refused.
const LIKELY = ['valid', 'valid', 'expired', 'organization', 'early', 'future', 'pending', 'other_instance', 'no_issuer'];
const KEYS = [
  { publishableKey: 'pk_test_Y2xlcmsuZXhhbXBsZS5jb20k', suffix: 'l2OS3d9k' },
  { publishableKey: 'pk_live_Y2xlcmsuZXhhbXBsZS5jb20k', suffix: 'naoXFJnI' },
];

before(() => {
  mock.timers.enable({ apis: ['Date'], now });
  // The official SDK says what it thinks of broken handshakes and loops.
  for (const method of ['error', 'warn', 'log']) mock.method(console, method, () => {});
});
after(() => {
  mock.timers.reset();
  mock.restoreAll();
});

/** Draws from a seed (mulberry32). */
function drawing(seed) {
  let state = seed | 0;
  const below = n => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % n;
  };
  return { pick: list => list[below(list.length)], oneIn: n => below(n) === 0 };
}

function cookiesOf({ pick, oneIn }, suffix) {
  const cookies = {};
  const token = () => (oneIn(4) ? pick(ALL) : tokens[pick(LIKELY)]);
  for (const end of ['', `_${suffix}`]) {
    if (!oneIn(3)) cookies[`__session${end}`] = token();
    if (!oneIn(3)) {
      cookies[`__client_uat${end}`] = pick(['0', '1', '1794999000', '1794999990', '1795000000', 'abc', '17949 9', '']);
    }
    if (oneIn(2)) cookies[`__clerk_db_jwt${end}`] = `dvb${end}`;
  }
  if (oneIn(6)) cookies.__clerk_redirect_count = pick(['0', '1', '2', '3', 'x']);
  if (oneIn(12)) {
    const { handshake, handshake_signed_out, handshake_expired, handshake_tampered, template } = tokens;
    cookies.__clerk_handshake = pick([handshake, handshake_signed_out, handshake_expired, handshake_tampered, template, 'x']);
  }
  return Object.entries(cookies).map(([name, value]) => `${name}=${value}`);
}

function urlOf({ pick, oneIn }) {
  const query = [];
  if (oneIn(8)) query.push('__clerk_db_jwt=q');
  if (oneIn(12)) query.push(`__clerk_handshake=${pick([tokens.handshake, tokens.handshake_expired, tokens.handshake_tampered])}`);
  if (oneIn(8)) query.push(`__clerk_synced=${pick(['true', 'false', 'x'])}`);
  if (oneIn(10)) {
    query.push(`__clerk_redirect_url=${encodeURIComponent(pick(['https://s.example/x?y=1', 'http://127.0.0.1:3000/']))}`);
  }
  // As forms write it: the official SDK writes every query anew, ours only one that it takes something out of.
  if (oneIn(2)) query.push('a=b+c');
  const path = pick(['/', '/orgs/acme', '/orgs/other/x', '/me', '/a/b']);
  return `https://app.example.com${path}${query.length > 0 ? `?${query.join('&')}` : ''}`;
}

function headersOf({ pick, oneIn }) {
  const headers = {};
  if (!oneIn(4)) headers['sec-fetch-dest'] = pick(['document', 'document', 'iframe', 'empty']);
  if (oneIn(3)) headers.accept = pick(['text/html,*/*', 'application/json']);
  if (oneIn(4)) {
    const hosts = ['app.example.com/x', 's.example/', 'clerk.example.com/', 'accounts.example.com/', 'x.accounts.dev/'];
    headers.referer = oneIn(6) ? 'junk' : `https://${pick(hosts)}`;
  }
  if (oneIn(8)) headers['x-forwarded-host'] = pick(['pub.example.com', 'pub.example.com:8443, x']);
  if (oneIn(8)) headers['x-forwarded-proto'] = pick(['https', 'http,https']);
  if (oneIn(6)) headers.authorization = pick(['Bearer ', 'Bearer', '', 'Basic ']) + pick(ALL);
  return headers;
}

function optionsOf({ pick, oneIn }) {
  const options = {};
  if (oneIn(4)) {
    options.organizationSyncOptions = {
      organizationPatterns: ['/orgs/:slug', '/orgs/:slug/(.*)'],
      personalAccountPatterns: ['/me', '/me/(.*)'],
    };
  }
  if (oneIn(4)) {
    Object.assign(options, { isSatellite: true, domain: 'satellite.example', signInUrl: 'https://primary.example/sign-in' });
    if (oneIn(2)) options.satelliteAutoSync = true;
  }
  if (oneIn(6)) options.authorizedParties = [pick(['https://app.example.com', 'https://other.example'])];
  if (oneIn(8)) options.proxyUrl = pick(['/__clerk', 'https://proxy.example/c/']);
  return options;
}

/** Everything that an application sees of a state. */
async function seenOf(client, request, options) {
  let state;
  try {
    state = await client.authenticateRequest(request, options);
  } catch {
    return { status: 'error' };
  }
  const auth = state.toAuth();
  const { headers } = state;
  return {
    status: state.status,
    reason: state.reason,
    headers: ['location', 'cache-control', 'x-clerk-auth-status', 'x-clerk-auth-reason'].map(name => headers.get(name)),
    cookies: headers.getSetCookie(),
    userId: auth && auth.userId,
    sessionStatus: auth && auth.sessionStatus,
  };
}

test('what ours says of random requests, the official SDK says too', { timeout: TIMEOUT_MS }, async () => {
  const seed = Number(process.env.SEED ?? randomInt(2 ** 31));
  const draw = drawing(seed);
  const reasons = new Set();
  for (let at = 0; at < REQUESTS; at += 1) {
    const { publishableKey, suffix } = draw.pick(KEYS);
    const cookies = cookiesOf(draw, suffix);
    const url = urlOf(draw);
    const headers = { ...headersOf(draw), ...(cookies.length > 0 ? { cookie: cookies.join('; ') } : {}) };
    const options = optionsOf(draw);
    const method = draw.pick(['GET', 'GET', 'GET', 'POST']);
    // Nothing is asked of the API: nobody has a cookie for an exchange, or a nonce.
    const settings = { secretKey: 'sk_test_x', publishableKey, jwtKey, apiUrl: 'http://127.0.0.1:1', telemetry: { disabled: true } };
    const [official, ours] = await Promise.all(
      [createOfficialClient, createClerkClient].map(create =>
        seenOf(create(settings), new Request(url, { method, headers }), { ...options }),
      ),
    );
    const context = JSON.stringify({ seed, at, method, url, headers, options, publishableKey });
    assert.deepEqual(ours, official, context);
    reasons.add(`${ours.status} ${ours.reason}`);
  }
  // The requests reach into most of the table.
  assert.ok(reasons.size > 20, `${seed}: ${[...reasons]}`);
});
