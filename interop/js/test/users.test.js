// Every user call of the SDK that is built, asserted on what it decodes.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { describe, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';

import {
  UNKNOWN_IDENTIFICATION_ID,
  UNKNOWN_USER_ID,
  assertRefused,
  assertVerifiedByAdmin,
  clerkClient,
  createUser,
  freshEmail,
  freshNumber,
  freshWord,
  kindOf,
  phoneNumberOf,
  plain,
  raw,
  useAreaCodes,
} from '../support.js';

useAreaCodes(500);

const { users, phoneNumbers, emailAddresses } = clerkClient;

describe('createUser', () => {
  test('with everything that is built', async () => {
    const [firstEmail, secondEmail, phoneNumber] = [freshEmail(), freshEmail(), freshNumber()];
    const [username, externalId] = [freshWord('User_'), freshWord('ext|')];
    const createdAt = new Date('2019-10-20T07:15:20.902Z');
    const user = await users.createUser({
      externalId,
      emailAddress: [firstEmail, secondEmail],
      emailAddressIdentificationStatus: ['verified', 'reserved'],
      phoneNumber: [phoneNumber],
      username,
      firstName: 'Ada',
      lastName: 'Lovelace',
      locale: 'en-GB',
      createdAt,
      publicMetadata: { plan: 'gold', nested: { camelCase: [1, null, 'ä'] } },
      privateMetadata: { note: 'private' },
      unsafeMetadata: { theme: 'dark' },
      skipPasswordRequirement: true,
      skipPasswordChecks: true,
      skipLegalChecks: true,
    });

    assert.equal(kindOf(user), 'User');
    assert.match(user.id, /^user_[0-9A-Za-z]{27}$/);
    assert.equal(user.externalId, externalId);
    assert.equal(user.username.toLowerCase(), username.toLowerCase());
    assert.equal(user.firstName, 'Ada');
    assert.equal(user.lastName, 'Lovelace');
    assert.equal(user.fullName, 'Ada Lovelace');
    assert.equal(user.locale, 'en-GB');
    assert.equal(user.createdAt, createdAt.getTime());
    assert.deepEqual(user.publicMetadata, { plan: 'gold', nested: { camelCase: [1, null, 'ä'] } });
    assert.deepEqual(user.privateMetadata, { note: 'private' });
    assert.deepEqual(user.unsafeMetadata, { theme: 'dark' });
    assert.equal(user.primaryEmailAddress.emailAddress, firstEmail);
    assertVerifiedByAdmin(user.primaryEmailAddress);
    const reserved = user.emailAddresses.find(held => held.emailAddress === secondEmail);
    assert.equal(reserved.verification, null);
    assert.equal(user.raw.email_addresses.find(({ id }) => id === reserved.id).reserved, true);
    assert.equal(user.primaryPhoneNumber.phoneNumber, phoneNumber);
    assertVerifiedByAdmin(user.primaryPhoneNumber);
    assert.deepEqual((await users.getUser(user.id)).raw, user.raw);
  });

  test('what the SDK sees in a user that has next to nothing', async () => {
    const user = await createUser();
    const seen = {};
    for (const field of [
      'passwordEnabled', 'totpEnabled', 'backupCodeEnabled', 'twoFactorEnabled', 'banned', 'locked', 'hasImage',
      'primaryPhoneNumberId', 'primaryWeb3WalletId', 'lastSignInAt', 'externalId', 'username', 'firstName', 'lastName',
      'fullName', 'publicMetadata', 'unsafeMetadata', 'phoneNumbers', 'web3Wallets', 'externalAccounts',
      'enterpriseAccounts', 'lastActiveAt', 'legalAcceptedAt', 'primaryPhoneNumber', 'primaryWeb3Wallet',
    ]) {
      seen[field] = user[field];
    }
    assert.deepEqual(seen, {
      passwordEnabled: false, totpEnabled: false, backupCodeEnabled: false, twoFactorEnabled: false, banned: false,
      locked: false, hasImage: false, primaryPhoneNumberId: null, primaryWeb3WalletId: null, lastSignInAt: null,
      externalId: null, username: null, firstName: null, lastName: null, fullName: null, publicMetadata: {},
      unsafeMetadata: {}, phoneNumbers: [], web3Wallets: [], externalAccounts: [], enterpriseAccounts: [],
      lastActiveAt: null, legalAcceptedAt: null, primaryPhoneNumber: null, primaryWeb3Wallet: null,
    });
    assert.equal(typeof user.createOrganizationEnabled, 'boolean');
    assert.equal(typeof user.deleteSelfEnabled, 'boolean');
    assert.ok(Math.abs(user.createdAt - Date.now()) < 60_000, 'milliseconds, and now');
    assert.equal(user.updatedAt >= user.createdAt, true);
    assert.equal(user.raw.lockout_expires_in_seconds, null);
  });

  test('by each kind of identifier alone', async () => {
    for (const params of [
      { emailAddress: [freshEmail()] }, { phoneNumber: [freshNumber()] }, { username: freshWord('u') },
    ]) {
      const user = await users.createUser(params);
      assert.match(user.id, /^user_/);
    }
    const bare = await users.createUser({ firstName: 'Nobody', skipUserRequirement: true });
    assert.deepEqual([bare.emailAddresses, bare.phoneNumbers, bare.username], [[], [], null]);
  });

  test('already banned and already locked', async () => {
    const user = await createUser({ banned: true, locked: true });
    assert.equal(user.banned, true);
    assert.equal(user.locked, true);
  });

  test('is refused without any identifier', async () => {
    await assertRefused(users.createUser({ firstName: 'Ada' }), { status: 422, code: 'form_data_missing' });
  });

  test('is refused for a taken identifier, naming it', async () => {
    const user = await createUser({
      phoneNumber: [freshNumber()], username: freshWord('Name'), externalId: freshWord('e'),
    });
    for (const [params, paramName] of [
      [{ emailAddress: [user.primaryEmailAddress.emailAddress] }, 'email_address'],
      [{ phoneNumber: [user.primaryPhoneNumber.phoneNumber] }, 'phone_number'],
      [{ username: user.username.toUpperCase() }, 'username'],
      [{ username: freshWord('u'), externalId: user.externalId }, 'external_id'],
    ]) {
      await assertRefused(users.createUser(params), { status: 422, code: 'form_identifier_exists', paramName });
    }
    assert.equal(await users.getCount({ username: [user.username] }), 1);
  });

  test('is refused for the same number twice in one request', async () => {
    const phoneNumber = freshNumber();
    await assertRefused(users.createUser({ phoneNumber: [phoneNumber, phoneNumber] }), {
      status: 422,
      code: 'form_identifier_exists',
      paramName: 'phone_number',
    });
  });

  test('is refused for bad values, naming the field', async () => {
    const invalid = { status: 422, code: 'form_param_format_invalid' };
    await assertRefused(users.createUser({ phoneNumber: ['5550100'] }), { ...invalid, paramName: 'phone_number' });
    await assertRefused(users.createUser({ emailAddress: ['nobody'] }), { ...invalid, paramName: 'email_address' });
    for (const [username, code] of [
      ['a b c d', 'form_username_invalid_character'],
      ['abc', 'form_username_invalid_length'],
      ['12345678', 'form_username_needs_non_number_char'],
    ]) {
      await assertRefused(users.createUser({ username }), { status: 422, code, paramName: 'username' });
    }
    await assertRefused(users.createUser({ emailAddress: freshEmail() }), {
      status: 422,
      code: 'form_param_value_invalid',
      paramName: 'email_address',
    });
    await assertRefused(
      users.createUser({
        phoneNumber: [freshNumber(), freshNumber()],
        phoneNumberIdentificationStatus: ['verified'],
      }),
      { status: 422, code: 'form_param_array_length_mismatch', paramName: 'phone_number_identification_status' },
    );
    await assertRefused(
      users.createUser({ phoneNumber: [freshNumber()], phoneNumberIdentificationStatus: ['unverified'] }),
      { status: 422, code: 'form_param_value_invalid', paramName: 'phone_number_identification_status' },
    );
  });

  test('is refused for a field that is unknown or not built, naming it', async () => {
    for (const [params, paramName, count = 1] of [
      [{ surprise: 1 }, 'surprise'],
      [{ surprise: 1, another: 2 }, 'surprise', 2],
    ]) {
      await assertRefused(users.createUser({ emailAddress: [freshEmail()], ...params }), {
        status: 422,
        code: 'form_param_unknown',
        paramName,
        count,
      });
    }
  });
});

describe('getUser', () => {
  test('returns what createUser returned', async () => {
    const user = await createUser({ phoneNumber: [freshNumber()] });
    assert.deepEqual((await users.getUser(user.id)).raw, user.raw);
  });

  test('is refused for an unknown id', async () => {
    for (const id of [UNKNOWN_USER_ID, UNKNOWN_IDENTIFICATION_ID, 'x', 'ä/é']) {
      await assertRefused(users.getUser(id), { status: 404, code: 'resource_not_found' });
    }
  });
});

describe('updateUser', () => {
  test('names, username and external id', async () => {
    const user = await createUser({ firstName: 'Ada' });
    const [username, externalId] = [freshWord('user-'), freshWord('e')];
    const updated = await users.updateUser(user.id, { firstName: 'Grace', lastName: 'Hopper', username, externalId });
    assert.equal(updated.fullName, 'Grace Hopper');
    assert.equal(updated.username, username);
    assert.equal(updated.externalId, externalId);
    const cleared = await users.updateUser(user.id, { lastName: '' });
    assert.ok(!cleared.lastName);
    assert.equal(cleared.firstName, 'Grace', 'what is not named stays');
  });

  test('the time of creation', async () => {
    const user = await createUser();
    const createdAt = new Date('2012-10-20T07:15:20.902Z');
    assert.equal((await users.updateUser(user.id, { createdAt })).createdAt, createdAt.getTime());
  });

  test('what the user may do, and what they have agreed to', async () => {
    const user = await createUser();
    const legalAcceptedAt = new Date('2024-01-02T03:04:05.678Z');
    const updated = await users.updateUser(user.id, {
      locale: 'fr-FR',
      deleteSelfEnabled: !user.deleteSelfEnabled,
      createOrganizationEnabled: !user.createOrganizationEnabled,
      createOrganizationsLimit: 3,
      legalAcceptedAt,
    });
    assert.equal(updated.locale, 'fr-FR');
    assert.equal(updated.deleteSelfEnabled, !user.deleteSelfEnabled);
    assert.equal(updated.createOrganizationEnabled, !user.createOrganizationEnabled);
    assert.equal(updated.createOrganizationsLimit, 3);
    assert.equal(updated.legalAcceptedAt, legalAcceptedAt.getTime());
  });

  test('without parameters changes nothing', async () => {
    const user = await createUser({ firstName: 'Ada' });
    assert.deepEqual((await users.updateUser(user.id)).raw, user.raw);
    assert.deepEqual((await users.updateUser(user.id, {})).raw, user.raw);
  });

  test('the primary phone number and email address', async () => {
    const user = await createUser({
      emailAddress: [freshEmail(), freshEmail()],
      phoneNumber: [freshNumber(), freshNumber()],
    });
    const phone = user.phoneNumbers.find(({ id }) => id !== user.primaryPhoneNumberId);
    const email = user.emailAddresses.find(({ id }) => id !== user.primaryEmailAddressId);
    const updated = await users.updateUser(user.id, {
      primaryPhoneNumberID: phone.id,
      primaryEmailAddressID: email.id,
    });
    assert.equal(updated.primaryPhoneNumberId, phone.id);
    assert.equal(updated.primaryPhoneNumber.phoneNumber, phone.phoneNumber);
    assert.equal(updated.primaryEmailAddressId, email.id);
  });

  test('is refused for a primary that is unverified, of another user, or unknown', async () => {
    const user = await createUser({ phoneNumber: [freshNumber()] });
    const other = await createUser({ phoneNumber: [freshNumber()] });
    const unverified = await phoneNumbers.createPhoneNumber({ userId: user.id, phoneNumber: freshNumber() });
    const before = await users.getUser(user.id);
    await assertRefused(users.updateUser(user.id, { primaryPhoneNumberID: unverified.id }), {
      status: 422,
      code: 'form_verification_needed',
      paramName: 'primary_phone_number_id',
    });
    for (const primaryPhoneNumberID of [other.phoneNumbers[0].id, UNKNOWN_IDENTIFICATION_ID]) {
      await assertRefused(users.updateUser(user.id, { primaryPhoneNumberID }), {
        status: 422,
        code: 'form_resource_not_found',
        paramName: 'primary_phone_number_id',
      });
    }
    assert.deepEqual((await users.getUser(user.id)).raw, before.raw);
  });

  test('with metadata goes through the metadata call, as the SDK does it for this version', async () => {
    const user = await createUser({ publicMetadata: { old: true }, privateMetadata: { kept: true } });
    const updated = await users.updateUser(user.id, { firstName: 'Ada', publicMetadata: { plan: 'gold' } });
    assert.equal(updated.firstName, 'Ada');
    assert.deepEqual(updated.publicMetadata, { plan: 'gold' }, 'replaced');
    assert.deepEqual(updated.privateMetadata, { kept: true }, 'not named, not touched');
  });

  test('is refused for a taken username, a bad one, an unknown field and an unknown user', async () => {
    const taken = await createUser({ username: freshWord('u') });
    const user = await createUser();
    await assertRefused(users.updateUser(user.id, { username: taken.username }), {
      status: 422,
      code: 'form_identifier_exists',
      paramName: 'username',
    });
    for (const [username, code] of [
      ['abc', 'form_username_invalid_length'],
      ['a'.repeat(65), 'form_username_invalid_length'],
      ['white space', 'form_username_invalid_character'],
      ['ümlaut', 'form_username_invalid_character'],
      ['41791234567', 'form_username_needs_non_number_char'],
    ]) {
      await assertRefused(users.updateUser(user.id, { username }), { status: 422, code, paramName: 'username' });
    }
    await assertRefused(users.updateUser(user.id, { surprise: true }), {
      status: 422,
      code: 'form_param_unknown',
      paramName: 'surprise',
    });
    await assertRefused(users.updateUser(user.id, { password: 'password1' }), {
      status: 422,
      code: 'form_password_pwned',
      paramName: 'password',
    });
    await assertRefused(users.updateUser(UNKNOWN_USER_ID, { firstName: 'x' }), {
      status: 404,
      code: 'resource_not_found',
    });
    assert.deepEqual((await users.getUser(user.id)).raw, user.raw);
  });
});

describe('credentials', () => {
  const secret = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ';

  /** What an authenticator shows now for `secret`, whose bytes are these digits (RFC 6238). */
  function authenticatorCode() {
    const step = Buffer.alloc(8);
    step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000)));
    const mac = createHmac('sha1', '12345678901234567890').update(step).digest();
    const number = mac.readUInt32BE(mac[19] & 15) & 0x7fffffff;
    return String(number % 1_000_000).padStart(6, '0');
  }

  test('a password is verified, set anew, compromised and removed', async () => {
    const user = await createUser({ emailAddress: [freshEmail()], password: 'correct horse battery' });
    assert.equal(user.passwordEnabled, true);
    assert.deepEqual(await users.verifyPassword({ userId: user.id, password: 'correct horse battery' }), { verified: true });
    const wrong = { status: 422, code: 'incorrect_password' };
    await assertRefused(users.verifyPassword({ userId: user.id, password: 'another horse' }), wrong);
    await users.updateUser(user.id, { password: 'another horse battery', signOutOfOtherSessions: true });
    await assertRefused(users.verifyPassword({ userId: user.id, password: 'correct horse battery' }), wrong);
    await users.setPasswordCompromised(user.id);
    await assertRefused(users.verifyPassword({ userId: user.id, password: 'another horse battery' }), {
      status: 422,
      code: 'form_password_compromised',
    });
    await users.unsetPasswordCompromised(user.id);
    await users.removePassword(user.id);
    await assertRefused(users.verifyPassword({ userId: user.id, password: 'another horse battery' }), {
      status: 400,
      code: 'no_password_set',
    });
  });

  test('a digest of another system is imported', async () => {
    const passwordDigest = '$2b$04$abcdefghijklmnopqrstuutFRmox32/oMUicrvfahfUOhMf2MJxPO';
    const user = await createUser({ emailAddress: [freshEmail()], passwordDigest, passwordHasher: 'bcrypt' });
    for (let time = 0; time < 2; time += 1) {
      const answer = await users.verifyPassword({ userId: user.id, password: 'Verger-test-1!' });
      assert.deepEqual(answer, { verified: true });
    }
    await assertRefused(
      users.createUser({ emailAddress: [freshEmail()], passwordDigest: '$2b$31$x', passwordHasher: 'bcrypt' }),
      { status: 422, code: 'form_password_digest_invalid_code', paramName: 'password_digest' },
    );
  });

  test('an authenticator and backup codes are verified and deleted', async () => {
    const backupCodes = ['wxyz-12345-mnop', 'wxyz-12345-mnoq'];
    const user = await createUser({ emailAddress: [freshEmail()], totpSecret: secret, backupCodes });
    assert.deepEqual([user.totpEnabled, user.backupCodeEnabled, user.twoFactorEnabled], [true, true, true]);
    const answer = await users.verifyTOTP({ userId: user.id, code: 'WXYZ12345MNOP' });
    assert.deepEqual(answer, { verified: true, code_type: 'backup_code' });
    const code = authenticatorCode();
    assert.deepEqual(await users.verifyTOTP({ userId: user.id, code }), { verified: true, code_type: 'totp' });
    // Each is good once.
    await assertRefused(users.verifyTOTP({ userId: user.id, code }), { status: 422, code: 'totp_incorrect_code' });
    await assertRefused(users.verifyTOTP({ userId: user.id, code: 'wxyz-12345-mnop' }), {
      status: 422,
      code: 'totp_incorrect_code',
    });
    await users.deleteUserBackupCodes(user.id);
    await users.deleteUserTOTP(user.id);
    const without = await users.getUser(user.id);
    assert.deepEqual([without.totpEnabled, without.backupCodeEnabled, without.twoFactorEnabled], [false, false, false]);
    await assertRefused(users.verifyTOTP({ userId: user.id, code: '123456' }), { status: 400, code: 'totp_disabled' });
  });
});

describe('metadata', () => {
  test('updateUserMetadata merges deeply, and null removes a key', async () => {
    const user = await createUser({
      publicMetadata: { a: 1, deep: { b: 2, c: 3 }, list: [1, 2] },
      privateMetadata: { secret: 'x' },
    });
    const updated = await users.updateUserMetadata(user.id, {
      publicMetadata: { a: null, deep: { c: null, d: 4 }, list: [3], camelCase: true },
      unsafeMetadata: { theme: 'dark' },
    });
    assert.deepEqual(updated.publicMetadata, { deep: { b: 2, d: 4 }, list: [3], camelCase: true });
    assert.deepEqual(updated.privateMetadata, { secret: 'x' });
    assert.deepEqual(updated.unsafeMetadata, { theme: 'dark' });
  });

  test('replaceUserMetadata replaces what is named', async () => {
    const user = await createUser({ publicMetadata: { a: 1 }, privateMetadata: { b: 2 } });
    const updated = await users.replaceUserMetadata(user.id, { publicMetadata: { c: 3 } });
    assert.deepEqual(updated.publicMetadata, { c: 3 });
    assert.deepEqual(updated.privateMetadata, { b: 2 });
    const emptied = await users.replaceUserMetadata(user.id, { publicMetadata: {}, privateMetadata: {} });
    assert.deepEqual([emptied.publicMetadata, emptied.privateMetadata], [{}, {}]);
  });

  test('with nothing changes nothing', async () => {
    const user = await createUser({ publicMetadata: { a: 1 } });
    assert.deepEqual((await users.updateUserMetadata(user.id, {})).raw, user.raw);
    assert.deepEqual((await users.replaceUserMetadata(user.id, {})).raw, user.raw);
    assert.deepEqual((await users.updateUserMetadata(user.id, { publicMetadata: {} })).raw, user.raw);
  });

  test('is refused for what is not an object, an unknown key and an unknown user', async () => {
    const user = await createUser();
    for (const call of ['updateUserMetadata', 'replaceUserMetadata']) {
      for (const publicMetadata of ['text', 1, [1]]) {
        await assertRefused(users[call](user.id, { publicMetadata }), {
          status: 422,
          code: 'form_param_value_invalid',
          paramName: 'public_metadata',
        });
      }
      await assertRefused(users[call](user.id, { surprise: {} }), {
        status: 422,
        code: 'form_param_unknown',
        paramName: 'surprise',
      });
      await assertRefused(users[call](UNKNOWN_USER_ID, { publicMetadata: { a: 1 } }), {
        status: 404,
        code: 'resource_not_found',
      });
    }
  });
});

describe('ban, unban, lock, unlock', () => {
  for (const [on, off, flag] of [
    ['banUser', 'unbanUser', 'banned'],
    ['lockUser', 'unlockUser', 'locked'],
  ]) {
    test(`${on} and ${off} set and clear ${flag}, and may be repeated`, async () => {
      const user = await createUser();
      for (const [call, value] of [[on, true], [on, true], [off, false], [off, false]]) {
        const answer = await users[call](user.id);
        assert.equal(kindOf(answer), 'User');
        assert.equal(answer[flag], value);
        assert.equal((await users.getUser(user.id))[flag], value);
      }
      await assertRefused(users[on](UNKNOWN_USER_ID), { status: 404, code: 'resource_not_found' });
      await assertRefused(users[off](UNKNOWN_USER_ID), { status: 404, code: 'resource_not_found' });
    });
  }
});

describe('disableUserMFA', () => {
  test('returns the user id, and every second factor is gone', async () => {
    const numbers = [freshNumber(), freshNumber()];
    const user = await createUser({ phoneNumber: numbers });
    for (const number of numbers) {
      await phoneNumbers.updatePhoneNumber(phoneNumberOf(user, number).id, { reservedForSecondFactor: true });
    }
    assert.equal((await users.getUser(user.id)).twoFactorEnabled, true);

    const answer = await users.disableUserMFA(user.id);

    assert.deepEqual(plain(answer), { user_id: user.id }, 'the SDK passes this object on as it is');
    const after = await users.getUser(user.id);
    assert.equal(after.twoFactorEnabled, false);
    for (const phoneNumber of after.phoneNumbers) {
      assert.equal(phoneNumber.reservedForSecondFactor, false);
      assert.equal(phoneNumber.defaultSecondFactor, false);
      assertVerifiedByAdmin(phoneNumber);
    }
    assert.equal(typeof after.raw.mfa_disabled_at, 'number');
  });

  test('may be repeated, and is refused for an unknown user', async () => {
    const user = await createUser();
    assert.deepEqual(plain(await users.disableUserMFA(user.id)), { user_id: user.id });
    assert.deepEqual((await users.getUser(user.id)).raw, user.raw);
    await assertRefused(users.disableUserMFA(UNKNOWN_USER_ID), { status: 404, code: 'resource_not_found' });
  });
});

describe('deleteUser', () => {
  test('returns the deleted object, and everything of the user is gone and free', async () => {
    const phoneNumber = freshNumber();
    const user = await createUser({ phoneNumber: [phoneNumber], username: freshWord('u'), externalId: freshWord('e') });

    const deleted = await users.deleteUser(user.id);

    assert.equal(kindOf(deleted), 'DeletedObject');
    assert.deepEqual(plain(deleted), { object: 'user', id: user.id, slug: null, deleted: true });
    const notFound = { status: 404, code: 'resource_not_found' };
    await assertRefused(users.getUser(user.id), notFound);
    await assertRefused(users.deleteUser(user.id), notFound);
    await assertRefused(phoneNumbers.getPhoneNumber(user.phoneNumbers[0].id), notFound);
    await assertRefused(emailAddresses.getEmailAddress(user.emailAddresses[0].id), notFound);
    assert.equal(await users.getCount({ userId: [user.id] }), 0);
    const again = await users.createUser({
      emailAddress: [user.primaryEmailAddress.emailAddress],
      phoneNumber: [phoneNumber],
      username: user.username,
      externalId: user.externalId,
    });
    assert.notEqual(again.id, user.id);
  });
});

test('the user moves when any of its numbers does', async () => {
  const user = await createUser({ phoneNumber: [freshNumber()] });
  while (Date.now() <= user.updatedAt) await setImmediate();
  await phoneNumbers.updatePhoneNumber(user.phoneNumbers[0].id, { verified: false });
  assert.ok((await users.getUser(user.id)).updatedAt > user.updatedAt);
});

test('every answer has exactly the content type that the SDK looks for', async () => {
  const user = await createUser();
  for (const path of [`/users/${user.id}`, '/users?limit=1', '/users/count', `/users/${UNKNOWN_USER_ID}`, '/nowhere']) {
    const { headers } = await raw('GET', path);
    assert.equal(headers.get('content-type'), 'application/json', path);
    assert.match(headers.get('x-clerk-trace-id') ?? '', /^[0-9a-f]{32}$/, path);
  }
});
