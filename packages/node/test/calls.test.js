// Every call, against a server in this process.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { createClerkClient } from '@verger/backend';

import { clientOf, number, refusal, start } from './support.js';

/** Which operation of the API each method is. */
const METHODS = {
  phoneNumbers: {
    getPhoneNumber: 'GetPhoneNumber',
    createPhoneNumber: 'CreatePhoneNumber',
    updatePhoneNumber: 'UpdatePhoneNumber',
    deletePhoneNumber: 'DeletePhoneNumber',
    preparePhoneNumberVerification: 'PreparePhoneNumberVerification',
    attemptPhoneNumberVerification: 'AttemptPhoneNumberVerification',
    getPhoneNumberDetails: 'VergerGetPhoneNumber',
  },
  emailAddresses: {
    getEmailAddress: 'GetEmailAddress',
    createEmailAddress: 'CreateEmailAddress',
    updateEmailAddress: 'UpdateEmailAddress',
    deleteEmailAddress: 'DeleteEmailAddress',
    prepareEmailAddressVerification: 'PrepareEmailAddressVerification',
    attemptEmailAddressVerification: 'AttemptEmailAddressVerification',
  },
  users: {
    getUserList: 'GetUserList',
    getCount: 'GetUsersCount',
    getUser: 'GetUser',
    createUser: 'CreateUser',
    updateUser: 'UpdateUser',
    deleteUser: 'DeleteUser',
    updateUserMetadata: 'UpdateUserMetadata',
    replaceUserMetadata: 'ReplaceUserMetadata',
    replaceUserPhoneNumber: 'ReplaceUserPhoneNumber',
    replaceUserEmailAddress: 'ReplaceUserEmailAddress',
    banUser: 'BanUser',
    unbanUser: 'UnbanUser',
    banUsers: 'UsersBan',
    unbanUsers: 'UsersUnban',
    lockUser: 'LockUser',
    unlockUser: 'UnlockUser',
    disableUserMFA: 'DisableMFA',
  },
};

/** What a running server has beside: the methods of `startVerger()` do these. */
const OF_THE_SERVER = ['VergerListMessages', 'VergerAdvanceClock', 'VergerReset'];

/** The methods of a group of operations, its own and those that it inherits. */
function methodsOf(group) {
  const names = new Set();
  for (let part = Object.getPrototypeOf(group); part !== Object.prototype; part = Object.getPrototypeOf(part)) {
    for (const name of Object.getOwnPropertyNames(part)) names.add(name);
  }
  names.delete('constructor');
  return names;
}

test('every operation of the server has a method', async t => {
  const { verger, clerkClient } = await start(t);
  const document = await (await fetch(`${verger.url}/openapi.json`)).json();
  const operations = Object.entries(document.paths)
    .filter(([path]) => path.startsWith('/v1/'))
    .flatMap(([, path]) => Object.values(path).flatMap(operation => operation.operationId ?? []));
  assert.ok(operations.includes('UpdatePhoneNumber'));
  const covered = Object.values(METHODS).flatMap(methods => Object.values(methods));
  const missing = operations.filter(id => !covered.includes(id) && !OF_THE_SERVER.includes(id));
  assert.deepEqual(missing, []);
  // What is under /verger/v1 is ours alone, and only some of it has a method.
  assert.deepEqual(covered.filter(id => !operations.includes(id) && !id.startsWith('Verger')), []);
  for (const [group, methods] of Object.entries(METHODS)) {
    assert.deepEqual([...methodsOf(clerkClient[group])].sort(), Object.keys(methods).sort());
  }
});

describe('phone numbers', () => {
  test('are created, read, updated and deleted', async t => {
    const { clerkClient } = await start(t);
    const { phoneNumbers, users } = clerkClient;
    const user = await users.createUser({ emailAddress: ['ada@example.com'], phoneNumber: [number(0)] });
    const created = await phoneNumbers.createPhoneNumber({ userId: user.id, phoneNumber: number(1) });
    assert.equal(created.verification, null);
    const params = { verified: true, primary: true, reservedForSecondFactor: true };
    const updated = await phoneNumbers.updatePhoneNumber(created.id, params);
    assert.deepEqual({ ...updated, verification: updated.verification.status }, {
      id: created.id,
      phoneNumber: number(1),
      reservedForSecondFactor: true,
      defaultSecondFactor: true,
      verification: 'verified',
      linkedTo: [],
    });
    assert.deepEqual(await phoneNumbers.getPhoneNumber(created.id), updated);
    assert.deepEqual(await phoneNumbers.updatePhoneNumber(created.id), updated, 'nothing was asked for');
    const details = await phoneNumbers.getPhoneNumberDetails(created.id);
    assert.equal(details.userId, user.id);
    assert.equal(details.typed, number(1));
    const read = await users.getUser(user.id);
    assert.equal(read.primaryPhoneNumberId, created.id);
    assert.equal(read.twoFactorEnabled, true);
    const disabled = await users.disableUserMFA(user.id);
    assert.deepEqual([disabled.user_id, disabled.userId], [user.id, user.id]);
    assert.equal((await users.getUser(user.id)).twoFactorEnabled, false);
    const deleted = await phoneNumbers.deletePhoneNumber(created.id);
    assert.deepEqual({ ...deleted }, { object: 'phone_number', id: created.id, slug: null, deleted: true });
    assert.equal((await refusal(phoneNumbers.getPhoneNumber(created.id))).status, 404);
    const replaced = await users.replaceUserPhoneNumber(user.id, { phoneNumber: number(2) });
    assert.deepEqual((await users.getUser(user.id)).phoneNumbers, [replaced]);
  });

  test('are verified with the code of the inbox', async t => {
    const { verger, clerkClient } = await start(t);
    const { phoneNumbers, users } = clerkClient;
    const user = await users.createUser({ emailAddress: ['ada@example.com'] });
    const { id } = await phoneNumbers.createPhoneNumber({ userId: user.id, phoneNumber: '+14155552671' });
    const prepared = await phoneNumbers.preparePhoneNumberVerification(id);
    assert.equal(prepared.status, 'unverified');
    assert.equal(prepared.channel, 'sms');
    const [message, ...others] = verger.inbox();
    assert.deepEqual(others, []);
    assert.equal(message.to, '+14155552671');
    assert.equal(message.phoneNumberId, id);
    assert.equal(message.userId, user.id);
    assert.equal(message.verificationId, prepared.id);
    assert.match(message.code, /^[0-9]{6}$/);
    assert.ok(message.text.includes(message.code));

    const verificationId = prepared.id;
    const wrong = String((Number(message.code) + 1) % 1_000_000).padStart(6, '0');
    const failed = await phoneNumbers.attemptPhoneNumberVerification(id, { verificationId, code: wrong });
    assert.deepEqual([failed.status, failed.attempts], ['unverified', 1]);
    const right = await phoneNumbers.attemptPhoneNumberVerification(id, { verificationId, code: message.code });
    assert.deepEqual([right.status, right.attempts], ['verified', 2]);
    const number = await phoneNumbers.getPhoneNumber(id);
    assert.deepEqual([number.verification.status, number.verification.strategy], ['verified', 'phone_code']);
  });

  test('get a second code only after a while, and are told when', async t => {
    const { verger, clerkClient } = await start(t);
    const user = await clerkClient.users.createUser({ emailAddress: ['ada@example.com'] });
    const params = { userId: user.id, phoneNumber: '+14155552671' };
    const { id } = await clerkClient.phoneNumbers.createPhoneNumber(params);
    // Less time than has to be waited: the call is not repeated.
    const { phoneNumbers } = clientOf(verger, { timeoutMs: 1000 });
    await phoneNumbers.preparePhoneNumberVerification(id);
    const error = await refusal(phoneNumbers.preparePhoneNumberVerification(id));
    assert.deepEqual([error.status, error.errors[0].code], [429, 'verification_code_too_many_requests']);
    assert.ok(Number.isInteger(error.retryAfter) && error.retryAfter >= 1 && error.retryAfter <= 30);
    verger.advanceClock(30_000);
    assert.equal((await phoneNumbers.preparePhoneNumberVerification(id)).status, 'unverified');
    assert.equal(verger.inbox().length, 2);
  });

  test('expire their codes when the clock moves', async t => {
    const { verger, clerkClient } = await start(t);
    const { phoneNumbers, users } = clerkClient;
    const user = await users.createUser({ emailAddress: ['ada@example.com'] });
    const { id } = await phoneNumbers.createPhoneNumber({ userId: user.id, phoneNumber: '+14155552671' });
    const { id: verificationId } = await phoneNumbers.preparePhoneNumberVerification(id);
    const [{ code }] = verger.inbox();
    verger.advanceClock(10 * 60 * 1000 + 1);
    const expired = await phoneNumbers.attemptPhoneNumberVerification(id, { verificationId, code });
    assert.equal(expired.status, 'expired');
    assert.equal((await phoneNumbers.getPhoneNumber(id)).verification.status, 'expired');
    for (const wrong of [-1, 0.5, Number.NaN, '1', 1e15]) {
      assert.throws(() => verger.advanceClock(wrong), RangeError);
    }
  });
});

describe('email addresses', () => {
  test('are created, read, verified, updated, replaced and deleted', async t => {
    const { verger, clerkClient } = await start(t);
    const { emailAddresses, users } = clerkClient;
    const user = await users.createUser({ phoneNumber: [number(0)] });
    const params = { userId: user.id, emailAddress: 'ada@example.com' };
    const { id } = await emailAddresses.createEmailAddress(params);
    const { id: verificationId, channel } = await emailAddresses.prepareEmailAddressVerification(id);
    assert.equal(channel, null);
    const [{ code, to, emailAddressId, subject }] = verger.inbox();
    assert.deepEqual([to, emailAddressId], ['ada@example.com', id]);
    assert.match(subject, /\S/);
    const { status } = await emailAddresses.attemptEmailAddressVerification(id, { verificationId, code });
    assert.equal(status, 'verified');
    const updated = await emailAddresses.updateEmailAddress(id, { primary: true });
    assert.equal(updated.verification.strategy, 'email_code');
    assert.deepEqual(await emailAddresses.getEmailAddress(id), updated);
    assert.equal((await emailAddresses.deleteEmailAddress(id)).deleted, true);
    const replaced = await users.replaceUserEmailAddress(user.id, { emailAddress: 'ada@example.org' });
    assert.deepEqual((await users.getUser(user.id)).emailAddresses, [replaced]);
  });
});

describe('users', () => {
  test('are created, found, counted, changed and deleted', async t => {
    const { clerkClient } = await start(t);
    const { users } = clerkClient;
    const createdAt = new Date('2020-02-03T04:05:06.000Z');
    const ada = await users.createUser({
      phoneNumber: [number(0)],
      firstName: 'Ada',
      externalId: 'a-1',
      createdAt,
      publicMetadata: { snake_case: { camelCase: 1 } },
    });
    assert.equal(ada.createdAt, createdAt.getTime());
    assert.deepEqual(ada.publicMetadata, { snake_case: { camelCase: 1 } }, 'metadata is not renamed');
    const bob = await users.createUser({ phoneNumber: [number(1)], banned: true });
    assert.equal(await users.getCount(), 2);
    assert.equal(await users.getCount({ phoneNumber: [number(0), number(7)] }), 1);
    const { data, totalCount } = await users.getUserList({ limit: 1, orderBy: '+created_at' });
    assert.deepEqual([data.map(user => user.id), totalCount], [[ada.id], 2]);
    const second = await users.getUserList({ limit: 1, offset: 1, orderBy: '+created_at' });
    assert.deepEqual(second.data.map(user => user.id), [bob.id]);
    assert.deepEqual((await users.getUserList({ banned: false })).data.map(user => user.id), [ada.id]);

    const renamed = await users.updateUser(ada.id, { firstName: null, lastName: 'Lovelace', locale: 'en-GB' });
    assert.deepEqual([renamed.fullName, renamed.locale], ['Lovelace', 'en-GB']);
    const both = await users.updateUser(ada.id, { firstName: 'Ada', privateMetadata: { a: { b: 1 } } });
    assert.deepEqual([both.fullName, both.privateMetadata], ['Ada Lovelace', { a: { b: 1 } }]);
    const merged = await users.updateUserMetadata(ada.id, { privateMetadata: { a: { c: 2 } } });
    assert.deepEqual(merged.privateMetadata, { a: { b: 1, c: 2 } });
    const replaced = await users.replaceUserMetadata(ada.id, { privateMetadata: { d: 3 } });
    assert.deepEqual(replaced.privateMetadata, { d: 3 });
    assert.deepEqual(await users.getUser(ada.id), replaced);

    assert.equal((await users.banUser(ada.id)).banned, true);
    assert.equal((await users.unbanUser(ada.id)).banned, false);
    assert.equal((await users.lockUser(ada.id)).locked, true);
    assert.equal((await users.unlockUser(ada.id)).locked, false);
    assert.deepEqual((await users.banUsers([ada.id, bob.id])).map(user => user.banned), [true, true]);
    assert.deepEqual((await users.unbanUsers([ada.id, bob.id])).map(user => user.banned), [false, false]);
    assert.equal((await users.deleteUser(ada.id)).deleted, true);
    assert.equal(await users.getCount(), 1);
  });

  test('are created at the same time by many calls of one client', async t => {
    const { clerkClient } = await start(t);
    const { users } = clerkClient;
    const all = await Promise.all(
      Array.from({ length: 64 }, (_, n) => users.createUser({ phoneNumber: [number(n)] })),
    );
    assert.deepEqual(
      all.map(user => user.phoneNumbers[0].phoneNumber),
      all.map((_, n) => number(n)),
    );
    assert.equal(await users.getCount(), 64);
  });
});

test('a call that cannot be sent takes none of those with it that are made at the same time', async t => {
  const { clerkClient } = await start(t);
  const { users } = clerkClient;
  const user = await users.createUser({ phoneNumber: [number(0)] });
  const half = '\ud83d';
  const [before, id, query, body, after] = await Promise.allSettled([
    users.getUser(user.id),
    users.getUser(half),
    users.getCount({ query: half }),
    users.updateUser(user.id, { firstName: half }),
    users.getUser(user.id),
  ]);
  assert.deepEqual([before.value?.id, after.value?.id], [user.id, user.id]);
  for (const { reason } of [id, query]) assert.match(reason.message, /surrogate/);
  assert.equal(body.reason.status, 400, 'the service says what is wrong with a body');
});

test('wrong use is told before anything is sent', async t => {
  const { verger, clerkClient } = await start(t);
  assert.match((await refusal(clerkClient.phoneNumbers.getPhoneNumber(''))).message, /needs an id/);
  assert.match((await refusal(clerkClient.users.getUser(undefined))).message, /needs an id/);
  const without = createClerkClient({ apiUrl: verger.url });
  assert.match((await refusal(without.users.getCount())).message, /no secret key/);
  const misled = clientOf(verger, { apiUrl: 'ftp://127.0.0.1' });
  assert.match((await refusal(misled.users.getCount())).message, /base URL/);
  const never = clientOf(verger, { timeoutMs: 0 });
  assert.match((await refusal(never.users.getCount())).message, /timeout/);
});
