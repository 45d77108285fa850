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
    verifyPassword: 'VerifyPassword',
    verifyTOTP: 'VerifyTOTP',
    removePassword: 'RemoveUserPassword',
    setPasswordCompromised: 'SetUserPasswordCompromised',
    unsetPasswordCompromised: 'UnsetUserPasswordCompromised',
    deleteUserTOTP: 'DeleteTOTP',
    deleteUserBackupCodes: 'DeleteBackupCode',
  },
  sessions: {
    getSessionList: 'GetSessionList',
    getSession: 'GetSession',
    createSession: 'createSession',
    revokeSession: 'RevokeSession',
    refreshSession: 'RefreshSession',
    getToken: ['CreateSessionToken', 'CreateSessionTokenFromTemplate'],
  },
  clients: { getClientList: 'GetClientList', getClient: 'GetClient', verifyClient: 'VerifyClient' },
  jwtTemplates: {
    list: 'ListJWTTemplates',
    get: 'GetJWTTemplate',
    create: 'CreateJWTTemplate',
    update: 'UpdateJWTTemplate',
    delete: 'DeleteJWTTemplate',
  },
  signInTokens: { createSignInToken: 'CreateSignInToken', revokeSignInToken: 'RevokeSignInToken' },
  actorTokens: { create: 'CreateActorToken', revoke: 'RevokeActorToken' },
  testingTokens: { createTestingToken: 'CreateTestingToken' },
  jwks: { getJwks: 'GetJWKS' },
  invitations: {
    getInvitationList: 'ListInvitations',
    createInvitation: 'CreateInvitation',
    createInvitationBulk: 'CreateBulkInvitations',
    revokeInvitation: 'RevokeInvitation',
  },
  allowlistIdentifiers: {
    getAllowlistIdentifierList: 'ListAllowlistIdentifiers',
    createAllowlistIdentifier: 'CreateAllowlistIdentifier',
    deleteAllowlistIdentifier: 'DeleteAllowlistIdentifier',
  },
  blocklistIdentifiers: {
    getBlocklistIdentifierList: 'ListBlocklistIdentifiers',
    createBlocklistIdentifier: 'CreateBlocklistIdentifier',
    deleteBlocklistIdentifier: 'DeleteBlocklistIdentifier',
  },
  redirectUrls: {
    getRedirectUrlList: 'ListRedirectURLs',
    getRedirectUrl: 'GetRedirectURL',
    createRedirectUrl: 'CreateRedirectURL',
    deleteRedirectUrl: 'DeleteRedirectURL',
  },
  instance: {
    get: 'GetInstance',
    getDetails: 'VergerGetInstance',
    update: 'UpdateInstance',
    updateRestrictions: 'UpdateInstanceRestrictions',
    getCommunication: 'GetInstanceCommunication',
    updateCommunication: 'UpdateInstanceCommunication',
    updateInstanceSettings: 'UpdateInstanceAuthConfig',
  },
  domains: { list: 'ListDomains' },
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
  const covered = Object.values(METHODS).flatMap(methods => Object.values(methods).flat());
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

describe('credentials', () => {
  test('are set, verified and taken away', async t => {
    const { clerkClient } = await start(t);
    const { sessions, users } = clerkClient;
    const password = 'a long sentence of mine';
    const ada = await users.createUser({
      phoneNumber: [number(0)],
      password,
      totpSecret: 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP',
      backupCodes: ['k3x9-w2qd'],
    });
    const has = user => [user.passwordEnabled, user.totpEnabled, user.backupCodeEnabled, user.twoFactorEnabled];
    assert.deepEqual(has(ada), [true, true, true, true]);
    assert.deepEqual(await users.verifyPassword({ userId: ada.id, password }), { verified: true });
    const wrong = await refusal(users.verifyPassword({ userId: ada.id, password: 'wrong' }));
    assert.equal(wrong.errors[0].code, 'incorrect_password');
    const code = await users.verifyTOTP({ userId: ada.id, code: 'k3x9-w2qd' });
    assert.deepEqual(code, { verified: true, code_type: 'backup_code' });
    const session = await sessions.createSession({ userId: ada.id });
    await users.setPasswordCompromised(ada.id, { revokeAllSessions: true });
    assert.equal((await sessions.getSession(session.id)).status, 'revoked');
    const compromised = await refusal(users.verifyPassword({ userId: ada.id, password }));
    assert.equal(compromised.errors[0].code, 'form_password_compromised');
    await users.unsetPasswordCompromised(ada.id);
    await users.updateUser(ada.id, { password: 'another long sentence', signOutOfOtherSessions: true });
    assert.equal((await users.removePassword(ada.id)).passwordEnabled, false);
    assert.equal((await users.deleteUserTOTP(ada.id)).userId, ada.id);
    await users.updateUser(ada.id, { backupCodes: ['m4t7-p9rz'] });
    assert.equal((await users.deleteUserBackupCodes(ada.id)).userId, ada.id);
    assert.deepEqual(has(await users.getUser(ada.id)), [false, false, false, false]);
  });
});

describe('sessions', () => {
  test('give tokens that authenticate requests until they are revoked', async t => {
    const { clerkClient } = await start(t);
    const { clients, jwtTemplates, sessions, users } = clerkClient;
    const user = await users.createUser({ phoneNumber: [number(0)], publicMetadata: { plan: 'gold' } });
    const session = await sessions.createSession({ userId: user.id });
    assert.deepEqual([session.userId, session.status, session.actor], [user.id, 'active', null]);
    const { jwt } = await sessions.getToken(session.id);
    const request = token => new Request('https://app.example.com/', { headers: { authorization: `Bearer ${token}` } });
    const state = await clerkClient.authenticateRequest(request(jwt));
    assert.equal(state.status, 'signed-in', state.message);
    const { userId, sessionId, getToken } = state.toAuth();
    assert.deepEqual([userId, sessionId], [user.id, session.id]);

    const claims = { plan: '{{user.public_metadata.plan}}', snake_case: { camelCase: 1 } };
    const template = await jwtTemplates.create({ name: 'billing', claims, lifetime: 600 });
    assert.deepEqual([template.claims, template.lifetime], [claims, 600], 'claims are not renamed');
    const payload = token => JSON.parse(Buffer.from(token.split('.')[1], 'base64url').toString());
    // As a program has it that was asked by a signed-in user.
    const ofTemplate = payload(await getToken({ template: 'billing' }));
    assert.deepEqual([ofTemplate.plan, ofTemplate.snake_case], ['gold', { camelCase: 1 }]);
    const longer = payload((await sessions.getToken(session.id, 'billing', 3600)).jwt);
    assert.equal(longer.exp - longer.iat, 3600);
    const updated = await jwtTemplates.update({ templateId: template.id, name: 'billing', claims: { a: 1 } });
    assert.deepEqual([updated.claims, updated.lifetime], [{ a: 1 }, 60]);
    assert.deepEqual(await jwtTemplates.list({ limit: 1 }), { data: [updated], totalCount: 1 });
    assert.deepEqual(await jwtTemplates.get(template.id), updated);
    assert.equal((await jwtTemplates.delete(template.id)).deleted, true);

    const client = await clients.getClient(session.clientId);
    assert.deepEqual([client.sessionIds, client.sessions.length], [[session.id], 1]);
    assert.deepEqual(await clients.getClientList(), { data: [client], totalCount: 1 });
    const others = await sessions.getSessionList({ userId: user.id, status: 'active', limit: 5 });
    assert.deepEqual([others.data.map(one => one.id), others.totalCount], [[session.id], 1]);
    assert.equal((await sessions.revokeSession(session.id)).status, 'revoked');
    assert.ok((await refusal(sessions.getToken(session.id))).status >= 400);
    assert.equal((await sessions.getSessionList({ status: 'active' })).totalCount, 0);
    assert.equal((await clerkClient.jwks.getJwks()).keys[0].kty, 'RSA');
  });

  test('are refreshed, and clients verified, only with the secrets of a browser', async t => {
    const { clerkClient } = await start(t);
    const { clients, sessions, users } = clerkClient;
    const user = await users.createUser({ phoneNumber: [number(0)] });
    const session = await sessions.createSession({ userId: user.id });
    const { jwt } = await sessions.getToken(session.id);
    const params = { expired_token: jwt, refresh_token: 'refresh_x', request_origin: 'https://app.example.com' };
    for (const format of ['token', 'cookie']) {
      const refused = await refusal(sessions.refreshSession(session.id, { ...params, format, suffixed_cookies: true }));
      assert.ok(refused.status >= 400 && refused.status < 500, refused.message);
      assert.notEqual(refused.errors[0].code, 'form_param_unknown');
    }
    assert.ok((await refusal(clients.verifyClient('client_secret_x'))).status >= 400);
  });
});

describe('tickets', () => {
  test('are made, shown once, and revoked', async t => {
    const { clerkClient } = await start(t);
    const { actorTokens, invitations, signInTokens, testingTokens, users } = clerkClient;
    const [ada, bob] = await Promise.all([0, 1].map(n => users.createUser({ phoneNumber: [number(n)] })));
    const made = await signInTokens.createSignInToken({ userId: ada.id, expiresInSeconds: 600 });
    assert.match(made.token, /^ticket_/);
    const revoked = await signInTokens.revokeSignInToken(made.id);
    assert.deepEqual([revoked.status, revoked.token], ['revoked', undefined]);
    const actor = { sub: bob.id, some_reason: 'support' };
    const acting = await actorTokens.create({ userId: ada.id, actor, sessionMaxDurationInSeconds: 60 });
    assert.deepEqual(acting.actor, actor);
    assert.equal((await actorTokens.revoke(acting.id)).status, 'revoked');
    assert.ok((await testingTokens.createTestingToken()).expiresAt < 1e10);

    const publicMetadata = { snake_case: { camelCase: 1 } };
    const eve = await invitations.createInvitation({ emailAddress: 'eve@example.com', publicMetadata, notify: false });
    assert.deepEqual(eve.publicMetadata, publicMetadata);
    const people = ['fay@example.com', 'gus@example.com'].map(emailAddress => ({ emailAddress, notify: false }));
    const both = await invitations.createInvitationBulk(people);
    assert.deepEqual(both.map(one => one.emailAddress), ['fay@example.com', 'gus@example.com']);
    assert.deepEqual([(await invitations.revokeInvitation(eve.id)).status, eve.status], ['revoked', 'pending']);
    const list = await invitations.getInvitationList({ status: 'pending', orderBy: '+email_address', limit: 1 });
    assert.deepEqual([list.data[0].emailAddress, list.totalCount], ['fay@example.com', 2]);
  });
});

describe('the instance', () => {
  test('has lists, URLs, settings and hosts', async t => {
    const { verger, clerkClient } = await start(t);
    const { allowlistIdentifiers, blocklistIdentifiers, domains, instance, redirectUrls } = clerkClient;
    const allowed = await allowlistIdentifiers.createAllowlistIdentifier({ identifier: '*@example.com', notify: false });
    assert.equal(allowed.identifierType, 'email_address');
    const { data } = await allowlistIdentifiers.getAllowlistIdentifierList();
    assert.deepEqual(data, [allowed]);
    assert.equal((await allowlistIdentifiers.deleteAllowlistIdentifier(allowed.id)).deleted, true);
    const blocked = await blocklistIdentifiers.createBlocklistIdentifier({ identifier: '+12025550199' });
    const list = await blocklistIdentifiers.getBlocklistIdentifierList();
    assert.deepEqual(list, { data: [blocked], totalCount: 1 });
    assert.equal((await blocklistIdentifiers.deleteBlocklistIdentifier(blocked.id)).deleted, true);
    const url = await redirectUrls.createRedirectUrl({ url: 'com.example.app://signed-in' });
    assert.deepEqual(await redirectUrls.getRedirectUrlList(), { data: [url], totalCount: 1 });
    assert.deepEqual(await redirectUrls.getRedirectUrl(url.id), url);
    await redirectUrls.deleteRedirectUrl(url.id);

    assert.equal(await instance.update({ allowedOrigins: ['https://app.example.com'] }), undefined);
    assert.deepEqual((await instance.get()).allowedOrigins, ['https://app.example.com']);
    assert.equal((await instance.updateRestrictions({ allowlist: true })).allowlist, true);
    const { blockedCountryCodes } = await instance.updateCommunication({ blockedCountryCodes: ['NG'] });
    assert.deepEqual(blockedCountryCodes, ['NG']);
    assert.deepEqual((await instance.getCommunication()).blockedCountryCodes, ['NG']);
    const settings = await instance.updateInstanceSettings({ restrictedToAllowlist: true });
    assert.equal(settings.restrictedToAllowlist, true);
    const details = await instance.getDetails();
    assert.equal(details.id, verger.instanceId);
    assert.equal((await domains.list()).totalCount, details.frontendHosts.length);
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
