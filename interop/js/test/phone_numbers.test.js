// Every phone number call of the SDK, asserted on what it decodes. The rules are those of the contract's section 3.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';

import {
  PHONE_NUMBER_TAKEN,
  UNKNOWN_IDENTIFICATION_ID,
  assertRefused,
  assertVerifiedByAdmin,
  clerkClient,
  createUser,
  freshEmail,
  freshNumber,
  kindOf,
  phoneNumberOf,
  plain,
  raw,
  rawPhoneNumberOf,
  useAreaCodes,
} from '../support.js';

useAreaCodes(300);

const { phoneNumbers, users } = clerkClient;

async function addUnverified(user, phoneNumber = freshNumber()) {
  return phoneNumbers.createPhoneNumber({ userId: user.id, phoneNumber, verified: false });
}

describe('the documented example', () => {
  test('gives a phone number without a verification and without links', async () => {
    const user = await createUser({ phoneNumber: [freshNumber()] });
    assertVerifiedByAdmin(user.phoneNumbers[0]);

    const phoneNumberId = user.phoneNumbers[0].id;
    const params = { verified: false };
    const response = await clerkClient.phoneNumbers.updatePhoneNumber(phoneNumberId, params);

    assert.equal(kindOf(response), 'PhoneNumber');
    assert.equal(response.id, phoneNumberId);
    assert.equal(response.verification, null);
    assert.deepEqual(response.linkedTo, []);
    assert.deepEqual(plain(response), {
      id: phoneNumberId,
      phoneNumber: user.phoneNumbers[0].phoneNumber,
      reservedForSecondFactor: false,
      defaultSecondFactor: false,
      verification: null,
      linkedTo: [],
    });
    assert.equal((await users.getUser(user.id)).primaryPhoneNumberId, phoneNumberId, 'it stays primary');
  });

  test('works with an id that the server printed when it started', async t => {
    const phoneNumberId = process.env.VERGER_PHONE_NUMBER_ID;
    if (!phoneNumberId) return t.skip('VERGER_PHONE_NUMBER_ID is not set');
    const params = { verified: false };
    const response = await clerkClient.phoneNumbers.updatePhoneNumber(phoneNumberId, params);
    assert.equal(response.id, phoneNumberId);
    assert.equal(response.verification, null);
    assert.deepEqual(response.linkedTo, []);
    assert.deepEqual(plain(await phoneNumbers.getPhoneNumber(phoneNumberId)), plain(response));
  });
});

describe('createPhoneNumber', () => {
  test('the first number of a user is primary, verified or not', async () => {
    const user = await createUser();
    const created = await addUnverified(user);
    assert.equal(created.verification, null);
    assert.deepEqual(created.linkedTo, []);
    const after = await users.getUser(user.id);
    assert.equal(after.primaryPhoneNumberId, created.id);
    assert.deepEqual(plain(after.primaryPhoneNumber), plain(created));
  });

  test('a later number is neither primary nor verified unless asked', async () => {
    const user = await createUser({ phoneNumber: [freshNumber()] });
    const created = await phoneNumbers.createPhoneNumber({ userId: user.id, phoneNumber: freshNumber() });
    assert.equal(created.verification, null);
    assert.equal(created.reservedForSecondFactor, false);
    assert.equal(created.defaultSecondFactor, false);
    const after = await users.getUser(user.id);
    assert.equal(after.primaryPhoneNumberId, user.primaryPhoneNumberId);
    assert.deepEqual(after.phoneNumbers.map(({ id }) => id), [created.id, user.phoneNumbers[0].id], 'newest first');
  });

  test('verified, primary and reserved for the second factor in one call', async () => {
    const user = await createUser({ phoneNumber: [freshNumber()] });
    const created = await phoneNumbers.createPhoneNumber({
      userId: user.id,
      phoneNumber: freshNumber(),
      verified: true,
      primary: true,
      reservedForSecondFactor: true,
    });
    assertVerifiedByAdmin(created);
    assert.equal(created.reservedForSecondFactor, true);
    assert.equal(created.defaultSecondFactor, true);
    const after = await users.getUser(user.id);
    assert.equal(after.primaryPhoneNumberId, created.id);
    assert.equal(after.twoFactorEnabled, true);
    assert.equal(typeof after.raw.mfa_enabled_at, 'number');
    assert.equal(after.raw.mfa_disabled_at, null);
  });

  test('the number is stored in one form, however it was typed', async () => {
    const user = await createUser();
    const [, area, last] = freshNumber().match(/^\+1(...)555(....)$/);
    for (const [typed, stored] of [
      [`+1 (${area}) 555-${last}`, `+1${area}555${last}`],
      ['+44 07400 123456', '+447400123456'],
      ['+39 06 1234 5678', '+390612345678'],
    ]) {
      const created = await phoneNumbers.createPhoneNumber({ userId: user.id, phoneNumber: typed });
      assert.equal(created.phoneNumber, stored);
    }
  });

  test('is refused for what is not a phone number', async () => {
    const user = await createUser();
    const texts = ['', 'abc', '5551234567', '+1', '+15005550', '+1 212 555 ext 3', '++12125550100', '+0123456789',
      '+１２１２５５５０１００', '+1234567890123456'];
    for (const phoneNumber of texts) {
      await assertRefused(phoneNumbers.createPhoneNumber({ userId: user.id, phoneNumber }), {
        status: 422,
        code: 'form_param_format_invalid',
        paramName: 'phone_number',
      });
    }
    assert.deepEqual((await users.getUser(user.id)).raw, user.raw, 'nothing has changed');
  });

  test('is refused when a field is missing', async () => {
    const user = await createUser();
    await assertRefused(phoneNumbers.createPhoneNumber({ userId: user.id }), {
      status: 422,
      code: 'form_param_missing',
      paramName: 'phone_number',
    });
    for (const [params, count] of [[{ phoneNumber: freshNumber() }, 1], [{}, 2]]) {
      await assertRefused(phoneNumbers.createPhoneNumber(params), {
        status: 422,
        code: 'form_param_missing',
        paramName: 'user_id',
        count,
      });
    }
  });

  test('is refused when a field has the wrong type', async () => {
    const user = await createUser();
    await assertRefused(
      phoneNumbers.createPhoneNumber({ userId: user.id, phoneNumber: freshNumber(), verified: 'yes' }),
      { status: 422, code: 'form_param_value_invalid', paramName: 'verified' },
    );
  });

  test('is refused for a number that the user already has, verified or not', async () => {
    const verified = freshNumber();
    const user = await createUser({ phoneNumber: [verified] });
    const unverified = await addUnverified(user);
    for (const phoneNumber of [verified, unverified.phoneNumber]) {
      await assertRefused(phoneNumbers.createPhoneNumber({ userId: user.id, phoneNumber }), {
        status: 422,
        code: 'form_identifier_exists',
        paramName: 'phone_number',
        message: PHONE_NUMBER_TAKEN,
      });
    }
  });

  test('is refused verified for a number that another user has claimed', async () => {
    const phoneNumber = freshNumber();
    await createUser({ phoneNumber: [phoneNumber] });
    const other = await createUser();
    await assertRefused(phoneNumbers.createPhoneNumber({ userId: other.id, phoneNumber, verified: true }), {
      status: 422,
      code: 'form_identifier_exists',
      paramName: 'phone_number',
      message: PHONE_NUMBER_TAKEN,
    });
  });
});

describe('getPhoneNumber', () => {
  test('returns what create returned', async () => {
    const user = await createUser({ phoneNumber: [freshNumber()] });
    const created = await addUnverified(user);
    assert.deepEqual(plain(await phoneNumbers.getPhoneNumber(created.id)), plain(created));
  });

  test('the wire has exactly the documented keys, in order', async () => {
    const user = await createUser({ phoneNumber: [freshNumber()] });
    const { status, headers, body } = await raw('GET', `/phone_numbers/${user.phoneNumbers[0].id}`);
    assert.equal(status, 200);
    assert.equal(headers.get('content-type'), 'application/json', 'anything else and the SDK reads text');
    assert.equal(headers.get('clerk-api-version'), '2026-05-12');
    assert.deepEqual(Object.keys(body), [
      'id', 'object', 'phone_number', 'reserved_for_second_factor', 'default_second_factor', 'reserved', 'verification',
      'linked_to', 'backup_codes', 'created_at', 'updated_at',
    ]);
    assert.deepEqual(body.verification, {
      object: 'verification_admin', status: 'verified', strategy: 'admin', attempts: null, expire_at: null,
    });
    assert.equal(body.backup_codes, null);
    assert.deepEqual(body, rawPhoneNumberOf(user, body.id));
  });

  test('is refused for an unknown id and for an id of another kind', async () => {
    const user = await createUser();
    for (const id of [UNKNOWN_IDENTIFICATION_ID, user.emailAddresses[0].id, user.id, 'x']) {
      await assertRefused(phoneNumbers.getPhoneNumber(id), { status: 404, code: 'resource_not_found' });
    }
  });
});

describe('updatePhoneNumber', () => {
  test('all three fields in one request', async () => {
    const user = await createUser({ phoneNumber: [freshNumber()] });
    const { id } = await addUnverified(user);
    const params = { verified: true, reservedForSecondFactor: true, primary: true };
    const updated = await phoneNumbers.updatePhoneNumber(id, params);
    assertVerifiedByAdmin(updated);
    assert.deepEqual([updated.reservedForSecondFactor, updated.defaultSecondFactor], [true, true]);
    const after = await users.getUser(user.id);
    assert.deepEqual([after.primaryPhoneNumberId, after.twoFactorEnabled], [id, true]);
    assert.deepEqual(plain(after.primaryPhoneNumber), plain(updated));
  });

  test('that is refused names the field and changes nothing', async () => {
    const user = await createUser({ phoneNumber: [freshNumber()] });
    const { id } = await addUnverified(user);
    const before = await users.getUser(user.id);
    await assertRefused(phoneNumbers.updatePhoneNumber(id, { reservedForSecondFactor: true, primary: true }), {
      status: 400,
      code: 'identification_update_second_factor_unverified',
      paramName: 'reserved_for_second_factor',
    });
    assert.deepEqual((await users.getUser(user.id)).raw, before.raw);
  });

  test('without parameters changes nothing: a JSON content type and no body', async () => {
    const user = await createUser({ phoneNumber: [freshNumber()] });
    const { id } = user.phoneNumbers[0];
    for (const call of [
      () => phoneNumbers.updatePhoneNumber(id),
      () => phoneNumbers.updatePhoneNumber(id, {}),
      () => phoneNumbers.updatePhoneNumber(id, { verified: undefined }),
      () => phoneNumbers.updatePhoneNumber(id, { verified: null, primary: null, reservedForSecondFactor: null }),
    ]) {
      assert.deepEqual(plain(await call()), plain(user.phoneNumbers[0]));
    }
    assert.deepEqual((await users.getUser(user.id)).raw, user.raw);
  });

  test('moves the times of the number and of the user', async () => {
    const user = await createUser({ phoneNumber: [freshNumber(), freshNumber()] });
    const [newer, older] = user.raw.phone_numbers;
    while (Date.now() <= user.updatedAt) await setImmediate(); // until the millisecond is another one
    await phoneNumbers.updatePhoneNumber(older.id, { verified: false });
    const after = await users.getUser(user.id);
    assert.ok(after.updatedAt > user.updatedAt);
    assert.ok(rawPhoneNumberOf(after, older.id).updated_at > older.updated_at);
    assert.equal(rawPhoneNumberOf(after, older.id).created_at, older.created_at);
    assert.deepEqual(rawPhoneNumberOf(after, newer.id), newer, 'the other number has not moved');
  });
});

describe('deletePhoneNumber', () => {
  test('returns the deleted object, and the number is gone and free', async () => {
    const phoneNumber = freshNumber();
    const user = await createUser({ phoneNumber: [phoneNumber] });
    const { id } = user.phoneNumbers[0];

    const deleted = await phoneNumbers.deletePhoneNumber(id);

    assert.equal(kindOf(deleted), 'DeletedObject');
    assert.deepEqual(plain(deleted), { object: 'phone_number', id, slug: null, deleted: true });
    await assertRefused(phoneNumbers.getPhoneNumber(id), { status: 404, code: 'resource_not_found' });
    await assertRefused(phoneNumbers.deletePhoneNumber(id), { status: 404, code: 'resource_not_found' });
    const after = await users.getUser(user.id);
    assert.equal(after.primaryPhoneNumberId, null);
    assert.equal(after.primaryPhoneNumber, null);
    assert.deepEqual(after.phoneNumbers, []);
    const other = await createUser({ phoneNumber: [phoneNumber] });
    assert.equal(other.phoneNumbers[0].phoneNumber, phoneNumber);
  });
});

describe('replaceUserPhoneNumber', () => {
  for (const identificationStatus of [undefined, 'verified', 'reserved', 'unverified']) {
    test(`leaves one primary number: ${identificationStatus ?? 'no status'}`, async () => {
      const user = await createUser({ phoneNumber: [freshNumber(), freshNumber()] });
      const { id } = user.phoneNumbers[0];
      await phoneNumbers.updatePhoneNumber(id, { reservedForSecondFactor: true });
      const phoneNumber = freshNumber();

      const replaced = await users.replaceUserPhoneNumber(user.id, {
        phoneNumber,
        ...(identificationStatus && { identificationStatus }),
      });

      assert.equal(kindOf(replaced), 'PhoneNumber');
      assert.equal(replaced.phoneNumber, phoneNumber);
      assert.equal(replaced.reservedForSecondFactor, false);
      if ((identificationStatus ?? 'verified') === 'verified') assertVerifiedByAdmin(replaced);
      else assert.equal(replaced.verification, null);
      const after = await users.getUser(user.id);
      assert.deepEqual(after.phoneNumbers.map(plain), [plain(replaced)]);
      assert.equal(after.primaryPhoneNumberId, replaced.id);
      assert.equal(rawPhoneNumberOf(after, replaced.id).reserved, identificationStatus === 'reserved');
      assert.equal(after.twoFactorEnabled, false, 'the second factor was among the deleted numbers');
      assert.equal(typeof after.raw.mfa_disabled_at, 'number');
      await assertRefused(phoneNumbers.getPhoneNumber(id), { status: 404, code: 'resource_not_found' });
    });
  }
});

test('a user created with numbers has the first as primary and their statuses as asked', async () => {
  const numbers = [freshNumber(), freshNumber(), freshNumber()];
  const user = await users.createUser({
    phoneNumber: numbers,
    phoneNumberIdentificationStatus: ['verified', 'reserved', 'verified'],
    emailAddress: [freshEmail()],
  });
  assert.equal(user.primaryPhoneNumber.phoneNumber, numbers[0]);
  const states = numbers.map(number => {
    const { verification, reserved } = rawPhoneNumberOf(user, phoneNumberOf(user, number).id);
    return [verification?.strategy ?? null, reserved];
  });
  assert.deepEqual(states, [['admin', false], [null, true], ['admin', false]]);
});
