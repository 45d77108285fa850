// What the tests of tokens need: a session and its tokens, the instance's public keys, and another instance.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';

import { createClerkClient } from '@clerk/backend';

import { clerkClient, createUser, secretKey, url } from './support.js';

/** The server's own API. */
async function own(path, from = { url, secretKey }) {
  const response = await fetch(`${from.url}/verger/v1${path}`, { headers: { authorization: `Bearer ${from.secretKey}` } });
  assert.equal(response.status, 200, path);
  return response.json();
}

/** What an application is configured with: its publishable key, the PEM of its signing key. */
export async function configuration() {
  const { publishable_key: publishableKey } = await own('/instance');
  const keys = await own('/signing_keys');
  const signing = (keys.data ?? keys).find(key => key.state === 'signing');
  return { publishableKey, jwtKey: signing.public_key_pem };
}

/** A session of a new user, with one token of it. */
export async function signIn(client = clerkClient) {
  const user = client === clerkClient ? await createUser() : await client.users.createUser({ emailAddress: ['x@example.com'] });
  const session = await client.sessions.createSession({ userId: user.id });
  const { jwt } = await client.sessions.getToken(session.id, '');
  return { userId: user.id, sessionId: session.id, token: jwt };
}

/** The claims of a token, unverified. */
export function claimsOf(token) {
  return JSON.parse(Buffer.from(token.split('.')[1], 'base64url').toString());
}

/** The same token for somebody else, with the signature that it had. */
export function tampered(token) {
  const [header, , signature] = token.split('.');
  const claims = { ...claimsOf(token), sub: 'user_000000000000000000000000000' };
  return [header, Buffer.from(JSON.stringify(claims)).toString('base64url'), signature].join('.');
}

/** A token of a JWT template, which is none of a session. */
export async function templateToken(sessionId) {
  const name = `interop-${process.pid}-${Date.now()}`;
  const template = await clerkClient.jwtTemplates.create({ name, claims: { email: '{{user.primary_email_address}}' } });
  const { jwt } = await clerkClient.sessions.getToken(sessionId, name);
  await clerkClient.jwtTemplates.delete(template.id);
  return jwt;
}

/** A token that another server has signed: `verger` itself, started once more. */
export async function tokenOfAnotherInstance() {
  const binary = process.env.VERGER_BINARY;
  assert.ok(binary, 'VERGER_BINARY is not set: the path of the `verger` under test, which is started once more');
  const arguments_ = ['dev', '--ephemeral', '--listen', '127.0.0.1:0', '--format', 'json'];
  const { VERGER_SECRET_KEY: _key, VERGER_STORE: _store, ...env } = process.env;
  const child = spawn(binary, arguments_, { env, stdio: ['ignore', 'pipe', 'ignore'] });
  try {
    let text = '';
    for await (const chunk of child.stdout) {
      text += chunk;
      if (text.includes('\n')) break;
    }
    const ready = JSON.parse(text.split('\n')[0]);
    const client = createClerkClient({ apiUrl: ready.url, secretKey: ready.secret_key, telemetry: { disabled: true } });
    return (await signIn(client)).token;
  } finally {
    child.kill('SIGTERM');
    await once(child, 'exit');
  }
}

/** Every state that a token can be in, with what the official table says of it. `hasKeySet`: the keys come from the server. */
export async function states() {
  const signedIn = await signIn();
  const revoked = await signIn();
  await clerkClient.sessions.revokeSession(revoked.sessionId);
  return {
    signedIn,
    rows: [
      { name: 'signed in', token: signedIn.token, userId: signedIn.userId, reason: null },
      // A token is not asked about: it lives for a minute at most after the end of its session.
      { name: 'revoked', token: revoked.token, userId: revoked.userId, reason: null },
      {
        name: 'expired',
        token: signedIn.token,
        laterMs: 70_000,
        userId: null,
        reason: 'session-token-expired-refresh-non-eligible-no-refresh-cookie',
      },
      { name: 'tampered', token: tampered(signedIn.token), userId: null, reason: 'token-invalid-signature' },
      {
        name: "another instance's",
        token: await tokenOfAnotherInstance(),
        userId: null,
        reason: 'token-invalid-signature',
        reasonWithKeySet: 'jwk-kid-mismatch',
      },
      {
        name: 'template token as session token',
        token: await templateToken(signedIn.sessionId),
        userId: null,
        reason: 'token-type-mismatch',
      },
    ],
  };
}
