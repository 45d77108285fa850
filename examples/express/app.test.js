import { once } from 'node:events';

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

test('the verification of a number is taken back', async () => {
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
