// Applications that are written for the hosted service, with nothing changed in them: the environment alone says where the
// API is.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { clerkClient, createUser, freshNumber, phoneNumberOf, secretKey, url, useAreaCodes } from '../support.js';

useAreaCodes(900);

const TIMEOUT_MS = 30_000;

/** Starts a program with nothing of this process's environment but PATH; gives its first line. */
async function start(t, program) {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    env: {
      PATH: process.env.PATH,
      CLERK_SECRET_KEY: secretKey,
      CLERK_API_URL: url,
      // Any that is well-formed: it names the front end, which Verger does not have yet.
      CLERK_PUBLISHABLE_KEY: `pk_test_${Buffer.from('verger.example.com$').toString('base64')}`,
      CLERK_TELEMETRY_DISABLED: '1',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  let text = '';
  for await (const chunk of child.stdout) {
    text += chunk;
    if (text.includes('\n')) break;
  }
  return text.trim();
}

/** A user with a verified number: the ids of both. */
async function userWith(number) {
  const user = await createUser({ phoneNumber: [number] });
  const { id, verification } = phoneNumberOf(user, number);
  assert.equal(verification.status, 'verified');
  return { userId: user.id, phoneNumberId: id };
}

test('an application on @clerk/express, with its middleware', { timeout: TIMEOUT_MS }, async t => {
  const address = await start(
    t,
    `import { clerkClient, clerkMiddleware, getAuth } from '@clerk/express';
     import express from 'express';

     const app = express();
     app.use(clerkMiddleware());
     app.get('/me', (request, response) => response.json({ userId: getAuth(request).userId }));
     app.get('/users/:id', async (request, response) => {
       const { id, phoneNumbers } = await clerkClient.users.getUser(request.params.id);
       response.json({ id, phoneNumber: phoneNumbers[0].phoneNumber });
     });
     app.post('/phone_numbers/:id/unverify', async (request, response) => {
       const { verification } = await clerkClient.phoneNumbers.updatePhoneNumber(request.params.id, { verified: false });
       response.json({ verification });
     });
     const listening = app.listen(0, '127.0.0.1', () => console.log('http://127.0.0.1:' + listening.address().port));`,
  );
  const number = freshNumber();
  const { userId, phoneNumberId } = await userWith(number);
  const call = async (path, method = 'GET') => {
    const response = await fetch(address + path, { method });
    return [response.status, await response.json()];
  };
  assert.deepEqual(await call(`/users/${userId}`), [200, { id: userId, phoneNumber: number }]);
  assert.deepEqual(await call(`/phone_numbers/${phoneNumberId}/unverify`, 'POST'), [200, { verification: null }]);
  assert.equal((await clerkClient.phoneNumbers.getPhoneNumber(phoneNumberId)).verification, null);
  // Nobody is signed in, and nobody can be yet.
  assert.deepEqual(await call('/me'), [200, { userId: null }]);
});

test('a program on the old @clerk/clerk-sdk-node', { timeout: TIMEOUT_MS }, async t => {
  const number = freshNumber();
  const { userId, phoneNumberId } = await userWith(number);
  const printed = await start(
    t,
    `import { clerkClient } from '@clerk/clerk-sdk-node';

     const user = await clerkClient.users.getUser('${userId}');
     const [{ id }] = user.phoneNumbers;
     const { verification } = await clerkClient.phoneNumbers.updatePhoneNumber(id, { verified: false });
     console.log(JSON.stringify({ id, verification }));`,
  );
  assert.deepEqual(JSON.parse(printed), { id: phoneNumberId, verification: null });
});
