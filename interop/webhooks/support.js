// What every test here needs: the API of the server, and an endpoint on loopback that keeps what it is told.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createServer } from 'node:http';

const { VERGER_URL: url, VERGER_SECRET_KEY: secretKey, VERGER_PYTHON: python, VERGER_VERIFY: verifier } = process.env;
if (!url || !secretKey || !python || !verifier) {
  throw new Error('run `cargo xtask interop webhooks`, which starts the server and sets everything up');
}

const PATIENCE_MS = 20_000;

/** One call of the API; anything but a success fails the test. */
export async function call(method, path, body) {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: { authorization: `Bearer ${secretKey}`, 'content-type': 'application/json' },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const answer = await response.json();
  assert.equal(response.status, 200, JSON.stringify(answer));
  return answer;
}

/** An endpoint that keeps every webhook as it came: `headers` and the text of the `body`. */
export async function startReceiver() {
  const webhooks = [];
  const waiting = [];
  const server = createServer((request, response) => {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      webhooks.push({ headers: request.headers, body: Buffer.concat(chunks).toString('utf8') });
      waiting.shift()?.();
      response.end('ok');
    });
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${server.address().port}/webhooks`,
    async next() {
      if (webhooks.length === 0) {
        await new Promise((done, fail) => {
          const timer = setTimeout(() => fail(new Error('no webhook in time')), PATIENCE_MS);
          waiting.push(() => {
            clearTimeout(timer);
            done();
          });
        });
      }
      return webhooks.shift();
    },
    stop: () =>
      new Promise((done) => {
        server.closeAllConnections();
        server.close(done);
      }),
  };
}

/** What the verifier of PyPI says about each: `good` or `refused`. */
export function verifyInPython(webhooks) {
  const input = webhooks.map((webhook) => JSON.stringify(webhook)).join('\n');
  return execFileSync(python, ['-B', verifier], { input, encoding: 'utf8' }).trim().split('\n');
}
