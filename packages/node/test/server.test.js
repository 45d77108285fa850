// The server in the process: beginning, being many, beginning anew, ending.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';

import { verifyWebhook } from '@clerk/backend/webhooks';
import * as backend from '@verger/backend';

import { clientOf, number, refusal, start } from './support.js';

const TIMEOUT_MS = 30_000;

/** Runs a program beside this file; gives how it ended and what it printed. */
async function run(t, program, type = 'module') {
  const child = spawn(process.execPath, [`--input-type=${type}`, '--eval', program], {
    cwd: fileURLToPath(new URL('.', import.meta.url)),
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: TIMEOUT_MS,
    killSignal: 'SIGKILL',
  });
  t.after(() => child.kill('SIGKILL'));
  const exited = once(child, 'exit');
  let printed = '';
  for await (const chunk of child.stdout) printed += chunk;
  return { exited: await exited, printed: printed.trim() };
}

test('a server says where it is, and has nothing in it', async t => {
  const { verger, clerkClient } = await start(t);
  assert.match(verger.url, /^http:\/\/127\.0\.0\.1:[0-9]+$/);
  assert.match(verger.secretKey, /^sk_test_\w{43}$/);
  assert.match(verger.instanceId, /^ins_\w{27}$/);
  assert.deepEqual(verger.inbox(), []);
  assert.equal(await clerkClient.users.getCount(), 0);
});

test('twenty servers in one process do not see each other', { timeout: TIMEOUT_MS }, async t => {
  const servers = await Promise.all(Array.from({ length: 20 }, () => backend.startVerger()));
  t.after(() => Promise.all(servers.map(server => server.stop())));
  assert.equal(new Set(servers.map(server => server.url)).size, 20);
  assert.equal(new Set(servers.map(server => server.secretKey)).size, 20);
  // The same number in each: claims of one are nothing to another.
  const users = await Promise.all(
    servers.map(server => clientOf(server).users.createUser({ phoneNumber: [number(0)] })),
  );
  const [first, second] = servers;
  assert.equal((await refusal(clientOf(first).users.getUser(users[1].id))).status, 404);
  assert.equal(
    (await refusal(clientOf(first, { secretKey: second.secretKey }).users.getCount())).status,
    401,
    'the key of one does not open another',
  );
  const { users: ofFirst, phoneNumbers } = clientOf(first);
  const user = await ofFirst.createUser({ emailAddress: ['ada@example.com'] });
  const { id } = await phoneNumbers.createPhoneNumber({ userId: user.id, phoneNumber: '+14155552671' });
  const { id: verificationId } = await phoneNumbers.preparePhoneNumberVerification(id);
  assert.deepEqual(servers.map(server => server.inbox().length), [1, ...Array(19).fill(0)]);
  second.advanceClock(24 * 60 * 60 * 1000);
  const [{ code }] = first.inbox();
  const { status } = await phoneNumbers.attemptPhoneNumberVerification(id, { verificationId, code });
  assert.equal(status, 'verified', 'the clock of another does not move this one');
});

test('reset takes away users, messages and the time that passed, not the key', async t => {
  const { verger, clerkClient } = await start(t);
  const { users, phoneNumbers } = clerkClient;
  const user = await users.createUser({ emailAddress: ['ada@example.com'] });
  const { id } = await phoneNumbers.createPhoneNumber({ userId: user.id, phoneNumber: '+14155552671' });
  await phoneNumbers.preparePhoneNumberVerification(id);
  verger.advanceClock(24 * 60 * 60 * 1000);
  assert.ok((await users.createUser({ phoneNumber: [number(0)] })).createdAt > Date.now() + 60 * 60 * 1000);
  await verger.reset();
  assert.deepEqual(verger.inbox(), []);
  assert.equal(await users.getCount(), 0);
  const anew = await users.createUser({ phoneNumber: [number(0)] });
  assert.ok(Math.abs(anew.createdAt - Date.now()) < 60_000);
});

test('stop frees the port, and may be called again', async t => {
  const { verger, clerkClient } = await start(t);
  await clerkClient.users.getCount();
  await verger.stop();
  await verger.stop();
  const server = createServer();
  server.listen(Number(new URL(verger.url).port), '127.0.0.1');
  await once(server, 'listening');
  server.close();
  await once(server, 'close');
  const error = await refusal(clientOf(verger, { timeoutMs: 200 }).users.getCount());
  assert.equal(error.reason, 'connect');
  assert.equal(error.status, undefined);
  assert.deepEqual(error.errors.map(one => one.code), ['unexpected_error']);
  assert.ok(backend.isApiError(error));
});

test('a process ends with its program, with stop and without', { timeout: TIMEOUT_MS }, async t => {
  const program = stop => `
    import { createClerkClient, startVerger } from '@verger/backend';
    const verger = await startVerger();
    const clerkClient = createClerkClient({ secretKey: verger.secretKey, apiUrl: verger.url });
    console.log(await clerkClient.users.getCount());
    ${stop}`;
  for (const stop of ['await verger.stop();', '']) {
    assert.deepEqual(await run(t, program(stop)), { exited: [0, null], printed: '0' });
  }
});

test('twenty servers take at most 200 MiB', { timeout: TIMEOUT_MS }, async t => {
  const program = `
    import { createClerkClient, startVerger } from '@verger/backend';
    const before = process.memoryUsage.rss();
    const servers = [];
    for (let n = 0; n < 20; n++) {
      const verger = await startVerger();
      servers.push(verger);
      const { users, phoneNumbers } = createClerkClient({ secretKey: verger.secretKey, apiUrl: verger.url });
      const user = await users.createUser({ phoneNumber: ['+12025550100'] });
      await phoneNumbers.updatePhoneNumber(user.phoneNumbers[0].id, { verified: false });
    }
    console.log(Math.round((process.memoryUsage.rss() - before) / 1024 / 1024));
    await Promise.all(servers.map(server => server.stop()));`;
  const { exited, printed } = await run(t, program);
  assert.deepEqual(exited, [0, null]);
  assert.ok(Number(printed) > 0 && Number(printed) <= 200, `${printed} MiB`);
});

test('an application receives webhooks on loopback that the official verifier takes', { timeout: TIMEOUT_MS }, async t => {
  const { verger, clerkClient } = await start(t);
  const received = [];
  const receiver = createServer(async (request, response) => {
    const body = Buffer.concat(await request.toArray());
    received.push(new Request('http://application.test/', { method: 'POST', headers: request.headers, body }));
    response.end();
    receiver.emit('webhook');
  });
  receiver.listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  t.after(() => receiver.close().closeAllConnections());
  const created = await fetch(`${verger.url}/verger/v1/webhook_endpoints`, {
    method: 'POST',
    headers: { authorization: `Bearer ${verger.secretKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ url: `http://127.0.0.1:${receiver.address().port}/`, events: ['user.created'] }),
  });
  assert.equal(created.status, 200);
  const { secret } = await created.json();
  const told = once(receiver, 'webhook');
  const user = await clerkClient.users.createUser({ phoneNumber: [number(0)] });
  await told;
  assert.equal(received.length, 1);
  const event = await verifyWebhook(received[0].clone(), { signingSecret: secret });
  assert.equal(event.type, 'user.created');
  assert.equal(event.data.id, user.id);
  await assert.rejects(verifyWebhook(received[0], { signingSecret: `whsec_${'A'.repeat(32)}` }));
});

test('a server of which only the URL is kept goes on', { timeout: TIMEOUT_MS }, async t => {
  const program = `
    import { setFlagsFromString } from 'node:v8';
    import { runInNewContext } from 'node:vm';
    import { startVerger } from '@verger/backend';
    const { url } = await startVerger();
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc');
    for (let n = 0; n < 5; n++) {
      collect();
      await new Promise(setImmediate);
    }
    console.log((await fetch(url + '/v1/users')).status);`;
  assert.deepEqual(await run(t, program), { exited: [0, null], printed: '401' });
});

test('both kinds of module give the same', { timeout: TIMEOUT_MS }, async t => {
  const required = createRequire(import.meta.url)('@verger/backend');
  assert.deepEqual(Object.keys(required).sort(), Object.keys(backend).sort());
  for (const name of Object.keys(backend)) assert.equal(required[name], backend[name]);
  const program = `
    const { createClerkClient } = require('@verger/backend');
    const { isClerkAPIResponseError } = require('@verger/backend/errors');
    console.log(typeof createClerkClient, typeof isClerkAPIResponseError);`;
  assert.deepEqual(await run(t, program, 'commonjs'), { exited: [0, null], printed: 'function function' });
});

test('the test in the README passes as it stands there', { timeout: TIMEOUT_MS }, async t => {
  const readme = await readFile(new URL('package/README.md', import.meta.url), 'utf8');
  const [, program] = readme.match(/^```js\n([^]*?)^```$/m) ?? assert.fail('the README has no example');
  assert.ok(program.includes('startVerger()') && program.includes('assert.equal('));
  assert.deepEqual(await run(t, program), { exited: [0, null], printed: '' });
});

test('a worker may end in the middle of a call', { timeout: TIMEOUT_MS }, async t => {
  const { verger, clerkClient } = await start(t);
  const program = `
    const { workerData, parentPort } = require('node:worker_threads');
    const { createClerkClient } = require('@verger/backend');
    const clerkClient = createClerkClient(workerData);
    for (let n = 0; n < 16; n++) clerkClient.users.getCount();
    clerkClient.users.getCount().then(() => { parentPort.postMessage('answered'); process.exit(3); });`;
  const worker = new Worker(program, {
    eval: true,
    workerData: { secretKey: verger.secretKey, apiUrl: verger.url },
  });
  const exited = once(worker, 'exit');
  assert.deepEqual(await once(worker, 'message'), ['answered']);
  assert.deepEqual(await exited, [3]);
  assert.equal(await clerkClient.users.getCount(), 0, 'the process goes on');
});
