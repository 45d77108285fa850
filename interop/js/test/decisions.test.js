// The official SDK against the decision table of our Rust SDK (crates/client/tests/decisions.json): both decide alike, row by row.
// No server is asked: keys, tokens and the time are those of the table, and so are the answers of the API.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { after, before, mock, test } from 'node:test';
import { pathToFileURL } from 'node:url';

import { createClerkClient } from '@clerk/backend';

// The suite may be a copy outside of the source tree.
const root = process.env.VERGER_SOURCES ? pathToFileURL(`${process.env.VERGER_SOURCES}/`) : new URL('../../../', import.meta.url);
const read = name => JSON.parse(readFileSync(new URL(`crates/client/tests/${name}`, root), 'utf8'));

const { now_ms: now, jwt_key: jwtKey, tokens } = read('decision_tokens.json');
const cases = read('decisions.json');
const PUBLISHABLE_KEYS = {
  development: { key: 'pk_test_Y2xlcmsuZXhhbXBsZS5jb20k', suffix: 'l2OS3d9k' },
  production: { key: 'pk_live_Y2xlcmsuZXhhbXBsZS5jb20k', suffix: 'naoXFJnI' },
};

let answers = [];
let api;

before(async () => {
  api = createServer((request, response) => {
    request.resume();
    const { status, body } = answers.shift() ?? { status: 500, body: '{}' };
    response.writeHead(status, { 'content-type': 'application/json' }).end(body);
  });
  await new Promise(resolve => api.listen(0, '127.0.0.1', resolve));
  mock.timers.enable({ apis: ['Date'], now });
  // It says what it thinks of broken handshakes.
  for (const method of ['error', 'warn', 'log']) mock.method(console, method, () => {});
});
after(() => {
  mock.timers.reset();
  mock.restoreAll();
  api.close();
  api.closeAllConnections();
});

const namesAndValues = (object, fill) => Object.entries(object).map(([name, value]) => [fill(name), fill(value)]);

for (const [index, one] of cases.entries()) {
  test(`${index}: row ${one.row}, ${one.environment}: ${one.name}`, async () => {
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
    const client = createClerkClient({
      secretKey: `sk_${one.environment === 'production' ? 'live' : 'test'}_x`,
      publishableKey: key,
      jwtKey,
      apiUrl: `http://127.0.0.1:${api.address().port}`,
      telemetry: { disabled: true },
    });
    const request = new Request(fill(one.url), { method: one.method, headers });
    let state;
    try {
      state = await client.authenticateRequest(request, one.options ?? {});
    } catch (error) {
      assert.equal(one.status, 'error', error.stack);
      return;
    }
    assert.deepEqual([state.status, state.reason], [one.status, one.reason], state.message ?? '');
    if (one.status !== 'handshake') {
      const signedIn = one.status === 'signed-in' && !one.pending;
      assert.equal(state.toAuth().userId !== null, signedIn);
    }
    if (one.location) assert.equal(state.headers.get('location'), fill(one.location));
    else if (one.status !== 'handshake') assert.equal(state.headers.get('location'), null);
    if (one.set_cookies) assert.deepEqual(state.headers.getSetCookie(), one.set_cookies.map(fill));
    assert.equal(answers.length, 0, 'the service was asked for all answers');
  });
}
