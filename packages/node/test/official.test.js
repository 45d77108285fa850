// The official SDK and ours, against the same server: what one gives, the other gives.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';

import { isClerkAPIResponseError as isOfficialError } from '@clerk/backend/errors';
import { ApiError, isApiError } from '@verger/backend';
import { isClerkAPIResponseError } from '@verger/backend/errors';

import {
  UNKNOWN_IDENTIFICATION_ID,
  UNKNOWN_USER_ID,
  clientOf,
  number,
  officialClientOf,
  refusal,
  seen,
  start,
} from './support.js';

const TIMEOUT_MS = 60_000;

/** Ids, secrets and times replaced: two objects that were made one after the other. */
function masked(value) {
  const text = JSON.stringify(seen(value));
  const ids = /"(act|client|idn|inv|jtmp|sess|sit|user)_\w{27}"/g;
  const secrets = /(ticket_|eyJ)[\w.=-]+/g;
  return JSON.parse(text.replace(ids, '"$1"').replace(secrets, '').replace(/\b1[78]\d{11}\b/g, '0'));
}

test('what is read, or written again, is the same in every field', { timeout: TIMEOUT_MS }, async t => {
  const { verger, clerkClient } = await start(t);
  const official = officialClientOf(verger);
  const user = await official.users.createUser({
    emailAddress: ['ada@example.com', 'ada@example.org'],
    phoneNumber: [number(0), number(1)],
    firstName: 'Ada',
    publicMetadata: { snake_case: [{ camelCase: null }] },
  });
  await official.users.createUser({ phoneNumber: [number(2)] });
  const [second, first] = user.phoneNumbers;
  const email = user.emailAddresses[0];
  const unverified = await official.phoneNumbers.createPhoneNumber({ userId: user.id, phoneNumber: number(3) });
  const preparing = await official.phoneNumbers.createPhoneNumber({ userId: user.id, phoneNumber: number(4) });
  await clerkClient.phoneNumbers.preparePhoneNumberVerification(preparing.id);

  const calls = {
    user: client => client.users.getUser(user.id),
    list: client => client.users.getUserList({ limit: 5, orderBy: '-created_at', phoneNumber: [number(0)] }),
    'list of all': client => client.users.getUserList(),
    'empty list': client => client.users.getUserList({ userId: [UNKNOWN_USER_ID] }),
    count: client => client.users.getCount({ query: 'ada' }),
    'verified number': client => client.phoneNumbers.getPhoneNumber(first.id),
    'unverified number': client => client.phoneNumbers.getPhoneNumber(unverified.id),
    'number with a code': client => client.phoneNumbers.getPhoneNumber(preparing.id),
    address: client => client.emailAddresses.getEmailAddress(email.id),
    'update without parameters': client => client.phoneNumbers.updatePhoneNumber(second.id),
    'second factor': client => client.phoneNumbers.updatePhoneNumber(second.id, { reservedForSecondFactor: true }),
    'user with a second factor': client => client.users.getUser(user.id),
    primary: client => client.phoneNumbers.updatePhoneNumber(second.id, { primary: true }),
    'primary by the user': client => client.users.updateUser(user.id, { primaryPhoneNumberID: first.id }),
    'documented example': client => client.phoneNumbers.updatePhoneNumber(second.id, { verified: false }),
    'primary address': client => client.emailAddresses.updateEmailAddress(email.id, { primary: true }),
    'no second factor': client => client.users.disableUserMFA(user.id),
    profile: client => client.users.updateUser(user.id, { lastName: 'Lovelace', externalId: 'a-1' }),
    metadata: client => client.users.updateUserMetadata(user.id, { privateMetadata: { a: { b: 1 } } }),
    'all metadata': client => client.users.replaceUserMetadata(user.id, { unsafeMetadata: { someKey: 1 } }),
    // Their SDK warns of this once.
    'profile and metadata': client => client.users.updateUser(user.id, { username: 'ada_lovelace', publicMetadata: {} }),
    ban: client => client.users.banUser(user.id),
    unban: client => client.users.unbanUser(user.id),
    lock: client => client.users.lockUser(user.id),
    unlock: client => client.users.unlockUser(user.id),
  };
  for (const [name, call] of Object.entries(calls)) {
    // A write that is made a second time changes nothing.
    const theirs = seen(await call(official));
    const ours = seen(await call(clerkClient));
    assert.deepEqual(ours, theirs, name);
  }
});

test('what is made and taken away is the same but for ids and times', { timeout: TIMEOUT_MS }, async t => {
  const { verger, clerkClient } = await start(t);
  const kinds = [];
  for (const client of [officialClientOf(verger), clerkClient]) {
    await verger.reset();
    const user = await client.users.createUser({
      phoneNumber: [number(0)],
      createdAt: new Date(0),
      unsafeMetadata: { a_b: { cD: 1 } },
    });
    const added = await client.phoneNumbers.createPhoneNumber({
      userId: user.id,
      phoneNumber: number(1),
      verified: true,
      reservedForSecondFactor: true,
    });
    const address = await client.emailAddresses.createEmailAddress({
      userId: user.id,
      emailAddress: 'ada@example.com',
      verified: true,
    });
    const gone = await client.phoneNumbers.deletePhoneNumber(added.id);
    const addressGone = await client.emailAddresses.deleteEmailAddress(address.id);
    const replaced = await client.users.replaceUserPhoneNumber(user.id, { phoneNumber: number(2) });
    const newAddress = await client.users.replaceUserEmailAddress(user.id, { emailAddress: 'b@example.com' });
    const userGone = await client.users.deleteUser(user.id);
    kinds.push(masked([user, added, address, gone, addressGone, replaced, newAddress, userGone]));
  }
  assert.deepEqual(kinds[1], kinds[0]);
});

test('what signing in needs is read the same in every field', { timeout: TIMEOUT_MS }, async t => {
  const { verger, clerkClient } = await start(t);
  const official = officialClientOf(verger);
  const password = 'a long sentence of mine';
  const user = await official.users.createUser({ phoneNumber: [number(0)], password });
  const session = await official.sessions.createSession({ userId: user.id });
  const template = await official.jwtTemplates.create({ name: 'billing', claims: { aB: { c_d: 1 } } });
  await official.invitations.createInvitation({
    emailAddress: 'eve@example.com',
    publicMetadata: { a_b: 1 },
    notify: false,
  });
  const entry = { identifier: '*@example.com', notify: false };
  await official.allowlistIdentifiers.createAllowlistIdentifier(entry);
  await official.blocklistIdentifiers.createBlocklistIdentifier({ identifier: 'bob@example.com' });
  const url = await official.redirectUrls.createRedirectUrl({ url: 'com.example.app://signed-in' });

  const calls = {
    session: client => client.sessions.getSession(session.id),
    sessions: client => client.sessions.getSessionList({ userId: user.id, limit: 5 }),
    'no session': client => client.sessions.getSessionList({ userId: UNKNOWN_USER_ID }),
    client: client => client.clients.getClient(session.clientId),
    clients: client => client.clients.getClientList({ limit: 5 }),
    template: client => client.jwtTemplates.get(template.id),
    templates: client => client.jwtTemplates.list(),
    'changed template': client =>
      client.jwtTemplates.update({ templateId: template.id, name: 'billing', claims: { a: 1 }, allowedClockSkew: 0 }),
    invitations: client => client.invitations.getInvitationList({ status: 'pending', orderBy: '-expires_at' }),
    'allow-list': client => client.allowlistIdentifiers.getAllowlistIdentifierList(),
    'block-list': client => client.blocklistIdentifiers.getBlocklistIdentifierList(),
    URL: client => client.redirectUrls.getRedirectUrl(url.id),
    URLs: client => client.redirectUrls.getRedirectUrlList(),
    domains: client => client.domains.list(),
    keys: client => client.jwks.getJwks(),
    origins: client => client.instance.update({ allowedOrigins: ['https://app.example.com'] }),
    instance: client => client.instance.get(),
    restrictions: client => client.instance.updateRestrictions({ blockEmailSubaddresses: true }),
    password: client => client.users.verifyPassword({ userId: user.id, password }),
    compromised: client => client.users.setPasswordCompromised(user.id),
    'not compromised': client => client.users.unsetPasswordCompromised(user.id),
    'no password': client => client.users.removePassword(user.id),
    'no authenticator': client => client.users.deleteUserTOTP(user.id),
    'no backup codes': client => client.users.deleteUserBackupCodes(user.id),
    'revoked session': client => client.sessions.revokeSession(session.id),
  };
  for (const [name, call] of Object.entries(calls)) {
    const answer = async client => {
      try {
        return seen(await call(client));
      } catch (error) {
        return { status: error.status, errors: JSON.parse(JSON.stringify(error.errors ?? String(error))) };
      }
    };
    const theirs = await answer(official);
    assert.deepEqual(await answer(clerkClient), theirs, name);
  }
});

test('what is issued and taken back is the same but for ids, secrets and times', { timeout: TIMEOUT_MS }, async t => {
  const { verger, clerkClient } = await start(t);
  const kinds = [];
  for (const client of [officialClientOf(verger), clerkClient]) {
    await verger.reset();
    const user = await client.users.createUser({ phoneNumber: [number(0)] });
    const session = await client.sessions.createSession({ userId: user.id });
    const template = await client.jwtTemplates.create({ name: 'billing', claims: { a_b: { cD: 1 } }, lifetime: 60 });
    const token = await client.sessions.getToken(session.id);
    const ofTemplate = await client.sessions.getToken(session.id, 'billing', 600);
    const ticket = await client.signInTokens.createSignInToken({ userId: user.id, expiresInSeconds: 60 });
    const acting = await client.actorTokens.create({ userId: user.id, actor: { sub: user.id } });
    // Theirs comes as it is on the wire.
    const { token: testing, expires_at: expiresAt } = await client.testingTokens.createTestingToken();
    assert.deepEqual([typeof testing, Number.isInteger(expiresAt)], ['string', true]);
    const invitation = await client.invitations.createInvitation({ emailAddress: 'eve@example.com', notify: false });
    const two = ['fay@example.com', 'gus@example.com'].map(emailAddress => ({ emailAddress, notify: false }));
    const both = await client.invitations.createInvitationBulk(two);
    const gone = [
      await client.signInTokens.revokeSignInToken(ticket.id),
      await client.actorTokens.revoke(acting.id),
      await client.invitations.revokeInvitation(invitation.id),
      await client.jwtTemplates.delete(template.id),
      await client.sessions.revokeSession(session.id),
    ];
    kinds.push(masked([session, template, token, ofTemplate, ticket, acting, invitation, both, gone]));
  }
  assert.deepEqual(kinds[1], kinds[0]);
});

test('refusals have the same fields, and the type guards of both take both', { timeout: TIMEOUT_MS }, async t => {
  const { verger, clerkClient } = await start(t);
  const official = officialClientOf(verger);
  const user = await clerkClient.users.createUser({ phoneNumber: [number(0)] });
  await clerkClient.users.createUser({ phoneNumber: [number(1)] });
  const [held] = user.phoneNumbers;
  const { id } = await clerkClient.phoneNumbers.createPhoneNumber({ userId: user.id, phoneNumber: number(2) });
  const wrongKey = { secretKey: 'sk_test_0123456789nobody' };

  const calls = {
    404: client => client.phoneNumbers.getPhoneNumber(UNKNOWN_IDENTIFICATION_ID),
    'wrong type': client => client.phoneNumbers.updatePhoneNumber(held.id, { verified: 'yes' }),
    'not well-formed': client => client.phoneNumbers.createPhoneNumber({ userId: user.id, phoneNumber: 'x' }),
    taken: client => client.phoneNumbers.createPhoneNumber({ userId: user.id, phoneNumber: number(1) }),
    'second factor': client => client.phoneNumbers.updatePhoneNumber(id, { reservedForSecondFactor: true }),
    primary: client => client.phoneNumbers.updatePhoneNumber(id, { primary: true }),
    'several at once': client => client.phoneNumbers.createPhoneNumber({}),
    limit: client => client.users.getUserList({ limit: 501 }),
    'wrong key': client =>
      (client === official ? officialClientOf(verger, wrongKey) : clientOf(verger, wrongKey)).users.getCount(),
  };
  const told = error => ({
    status: error.status,
    code: error.code,
    clerkError: error.clerkError,
    retryAfter: error.retryAfter,
    errors: JSON.parse(JSON.stringify(error.errors)),
  });
  for (const [name, call] of Object.entries(calls)) {
    const theirs = await refusal(call(official));
    const ours = await refusal(call(clerkClient));
    assert.deepEqual(told(ours), told(theirs), name);
    assert.ok(ours instanceof ApiError && ours instanceof Error, name);
    for (const guard of [isOfficialError, isClerkAPIResponseError, isApiError]) {
      assert.ok(guard(ours) && guard(theirs), name);
      assert.ok(!guard(new Error(name)));
    }
    assert.match(ours.clerkTraceId, /^[0-9a-f]{32}$/);
    assert.equal(ours.reason, 'api');
    assert.ok(ours.errors[0].code, name);
  }
  const { errors } = await refusal(clerkClient.users.createUser({ phoneNumber: [number(0)] }));
  assert.equal(errors[0].meta.paramName, 'phone_number');
});

test('the example that the server prints runs with our import in place of theirs', { timeout: TIMEOUT_MS }, async t => {
  const binary = process.env.VERGER_BINARY;
  if (!binary) return t.skip('VERGER_BINARY is not set');
  const { VERGER_SECRET_KEY, ...environment } = process.env;
  const server = spawn(binary, ['dev', '--ephemeral', '--listen', '127.0.0.1:0'], {
    env: environment,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => server.kill('SIGKILL'));
  let text = '';
  server.stdout.setEncoding('utf8');
  for await (const chunk of server.stdout) {
    text += chunk;
    if (text.includes('Ctrl+C')) break;
  }
  const [, program] = text.match(/<<'JS'\n([^]*?)^JS\n/m) ?? assert.fail(text);
  assert.ok(program.includes("from '@clerk/backend'"));
  const example = spawn(process.execPath, ['--input-type=module'], { stdio: ['pipe', 'pipe', 'inherit'] });
  t.after(() => example.kill('SIGKILL'));
  const exited = once(example, 'exit');
  example.stdin.end(program.replace('@clerk/backend', '@verger/backend'));
  let output = '';
  for await (const chunk of example.stdout) output += chunk;
  assert.deepEqual(await exited, [0, null], output);
  assert.match(output, /PhoneNumber \{/);
  assert.match(output, /\bverification: null\b/);
});
