import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import { createClerkClient, startVerger } from '@verger/backend';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import { createApp } from './app.js';

let verger, clerkClient, listening, url;

beforeAll(async () => {
  verger = await startVerger();
  clerkClient = createClerkClient({ secretKey: verger.secretKey, apiUrl: verger.url });
  listening = createApp(clerkClient).listen(0, '127.0.0.1');
  await once(listening, 'listening');
  url = `http://127.0.0.1:${listening.address().port}`;
});

beforeEach(() => verger.reset());

afterAll(async () => {
  listening.close();
  await verger.stop();
});

function unverify(id) {
  return fetch(`${url}/support/phone_numbers/${id}/unverify`, { method: 'POST' });
}

test('a number is marked as unverified', async () => {
  const user = await clerkClient.users.createUser({ phoneNumber: ['+12025550100'] });
  const [{ id, verification }] = user.phoneNumbers;
  expect(verification.status).toBe('verified');

  const response = await unverify(id);
  expect(response.status).toBe(200);
  expect(await response.json()).toEqual({ id, verified: false });
  expect((await clerkClient.phoneNumbers.getPhoneNumber(id)).verification).toBeNull();
});

test('a number that is not there is not found', async () => {
  expect(await clerkClient.users.getCount()).toBe(0);
  expect((await unverify('idn_000000000000000000000000000')).status).toBe(404);
});

test('the program says where it listens, and works there', async () => {
  const program = spawn(process.execPath, [fileURLToPath(new URL('server.js', import.meta.url))], {
    env: { ...process.env, PORT: '0', VERGER_SECRET_KEY: verger.secretKey, VERGER_URL: verger.url },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const [printed] = await once(program.stdout, 'data');
    const [, address] = String(printed).match(/^listening on (http:\/\/127\.0\.0\.1:[0-9]+)\n$/);
    const response = await fetch(`${address}/support/phone_numbers/idn_none/unverify`, { method: 'POST' });
    expect(response.status).toBe(404);
  } finally {
    program.kill();
  }
});
