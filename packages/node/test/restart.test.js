// A server that is started anew while a client has connections that rest: the next call is none the slower for it.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { createClerkClient } from '@verger/backend';

const SECRET_KEY = 'sk_test_restarted';
const CALL_MS_MAX = 100;
const TIMEOUT_MS = 60_000;

/** A server at this address; its URL, and how to end it. */
async function startServer(t, listen) {
  const args = ['dev', '--ephemeral', '--format', 'json', '--listen', listen];
  const server = spawn(process.env.VERGER_BINARY, args, {
    env: { ...process.env, VERGER_SECRET_KEY: SECRET_KEY },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  t.after(() => server.kill('SIGKILL'));
  let line = '';
  for await (const chunk of server.stdout) {
    line += chunk;
    if (line.includes('\n')) break;
  }
  const end = async signal => {
    const exited = once(server, 'exit');
    server.kill(signal);
    await exited;
  };
  return { url: JSON.parse(line).url, end };
}

/** How long a call takes, in milliseconds. */
async function measured(clerkClient) {
  const started = performance.now();
  // The demo user.
  assert.equal(await clerkClient.users.getCount(), 1);
  return performance.now() - started;
}

const skip = !process.env.VERGER_BINARY && 'VERGER_BINARY is not set';

describe('the first call after a restart is as fast as any', { skip, concurrency: true, timeout: TIMEOUT_MS }, () => {
  for (const signal of ['SIGTERM', 'SIGKILL']) {
    for (const restMs of [0, 50, 5_000]) {
      test(`${signal}, ${restMs} ms`, async t => {
        const first = await startServer(t, '127.0.0.1:0');
        const clerkClient = createClerkClient({ secretKey: SECRET_KEY, apiUrl: first.url });
        // Several connections rest.
        await Promise.all(Array.from({ length: 4 }, () => measured(clerkClient)));
        await first.end(signal);
        await sleep(restMs);
        const { url } = await startServer(t, new URL(first.url).host);
        assert.equal(url, first.url);
        // On a busy machine also a client without a past may take longer.
        const freshMs = await measured(createClerkClient({ secretKey: SECRET_KEY, apiUrl: url }));
        const tookMs = await measured(clerkClient);
        assert.ok(tookMs <= Math.max(CALL_MS_MAX, 3 * freshMs), `${tookMs} ms, a new client ${freshMs} ms`);
      });
    }
  }
});

test('a call to a server that is gone fails as soon as that of a new client', { skip, timeout: TIMEOUT_MS }, async t => {
  const server = await startServer(t, '127.0.0.1:0');
  const clerkClient = createClerkClient({ secretKey: SECRET_KEY, apiUrl: server.url });
  await measured(clerkClient);
  await server.end('SIGTERM');
  const started = performance.now();
  const error = await clerkClient.users.getCount().catch(error => error);
  assert.equal(error.reason, 'connect', error.message);
  // Four attempts, with up to 100, 200 and 400 ms between them.
  assert.equal(error.attempts, 4);
  assert.ok(performance.now() - started < 2_000);
});
