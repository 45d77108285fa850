// Every phone number call of the SDK, asserted on what it decodes. The rules are those of the contract's section 3.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';

import {
  PHONE_NUMBER_TAKEN,
  UNKNOWN_IDENTIFICATION_ID,
  UNKNOWN_USER_ID,
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

  test('a number of any region can be stored', async () => {
    const user = await createUser();
    for (const phoneNumber of ['+4915123456789', '+33612345678', '+5511961234567', '+819012345678']) {
      const created = await phoneNumbers.createPhoneNumber({ userId: user.id, phoneNumber, verified: true });
      assert.equal(created.phoneNumber, phoneNumber);
      assertVerifiedByAdmin(created);
    }
    await users.deleteUser(user.id);
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

  test('is refused for an unknown user', async () => {
    await assertRefused(phoneNumbers.createPhoneNumber({ userId: UNKNOWN_USER_ID, phoneNumber: freshNumber() }), {
      status: 404,
      code: 'resource_not_found',
    });
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

  test('is refused as a second factor when unverified', async () => {
    const user = await createUser();
    await assertRefused(
      phoneNumbers.createPhoneNumber({
        userId: user.id,
        phoneNumber: freshNumber(),
        reservedForSecondFactor: true,
      }),
      {
        status: 400,
        code: 'identification_create_second_factor_unverified',
        paramName: 'reserved_for_second_factor',
      },
    );
    assert.deepEqual((await users.getUser(user.id)).raw, user.raw);
  });

  test('is refused as primary when unverified and not the first', async () => {
    const user = await createUser({ phoneNumber: [freshNumber()] });
    await assertRefused(
      phoneNumbers.createPhoneNumber({ userId: user.id, phoneNumber: freshNumber(), primary: true }),
      { status: 422, code: 'form_verification_needed', paramName: 'primary' },
    );
    assert.deepEqual((await users.getUser(user.id)).raw, user.raw);
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
  const CHOICES = [undefined, true, false];
  const STATES = ['unverified', 'reserved', 'verified', 'second factor', 'primary'];

  /** A user with an email address, a verified primary number, and one more number in this state. */
  async function given(state) {
    const first = freshNumber();
    const subject = freshNumber();
    if (state === 'unverified') {
      const user = await createUser({ phoneNumber: [first] });
      await addUnverified(user, subject);
      return users.getUser(user.id).then(user => [user, phoneNumberOf(user, subject).id]);
    }
    const user = await createUser({
      phoneNumber: [first, subject],
      phoneNumberIdentificationStatus: ['verified', state === 'reserved' ? 'reserved' : 'verified'],
    });
    const { id } = phoneNumberOf(user, subject);
    if (state === 'second factor') await phoneNumbers.updatePhoneNumber(id, { reservedForSecondFactor: true });
    if (state === 'primary') await phoneNumbers.updatePhoneNumber(id, { primary: true });
    return [await users.getUser(user.id), id];
  }

  /** The contract's table as a function: what the number is afterwards, or how the request is refused. */
  function expected(before, { verified, reservedForSecondFactor, primary }) {
    const after = { ...before };
    if (verified === true) {
      after.verified = true;
      after.reserved = false;
    } else if (verified === false && after.verified) {
      Object.assign(after, { verified: false, secondFactor: false });
    }
    if (reservedForSecondFactor === true) {
      if (!after.verified) {
        const code = 'identification_update_second_factor_unverified';
        return { status: 400, code, paramName: 'reserved_for_second_factor' };
      }
      after.secondFactor = true;
    } else if (reservedForSecondFactor === false) {
      after.secondFactor = false;
    }
    if (primary === true) {
      if (!after.verified && !after.reserved) {
        return { status: 422, code: 'form_verification_needed', paramName: 'primary' };
      }
      after.primary = true;
    }
    return after;
  }

  function seen(user, id) {
    const phoneNumber = rawPhoneNumberOf(user, id);
    assert.equal(phoneNumber.default_second_factor, phoneNumber.reserved_for_second_factor, 'the only one is default');
    assert.equal(user.twoFactorEnabled, phoneNumber.reserved_for_second_factor);
    return {
      verified: phoneNumber.verification !== null,
      reserved: phoneNumber.reserved,
      secondFactor: phoneNumber.reserved_for_second_factor,
      primary: user.primaryPhoneNumberId === id,
    };
  }

  for (const state of STATES) {
    test(`every combination of fields, from ${state}`, async () => {
      for (const verified of CHOICES) {
        for (const reservedForSecondFactor of CHOICES) {
          for (const primary of CHOICES) {
            const params = Object.fromEntries(
              Object.entries({ verified, reservedForSecondFactor, primary }).filter(([, value]) => value !== undefined),
            );
            const [user, id] = await given(state);
            const before = seen(user, id);
            const want = expected(before, params);
            const context = `${state}: ${JSON.stringify(params)}`;
            if (want.code) {
              await assertRefused(phoneNumbers.updatePhoneNumber(id, params), want).catch(error => {
                error.message = `${context}: ${error.message}`;
                throw error;
              });
              assert.deepEqual((await users.getUser(user.id)).raw, user.raw, `${context}: a refusal changes nothing`);
              continue;
            }
            const answer = await phoneNumbers.updatePhoneNumber(id, params);
            const after = await users.getUser(user.id);
            assert.deepEqual(seen(after, id), want, context);
            assert.deepEqual(plain(answer), plain(after.phoneNumbers.find(held => held.id === id)), context);
            assert.deepEqual(answer.linkedTo, []);
            if (answer.verification !== null) assertVerifiedByAdmin(answer);
            if (JSON.stringify(want) === JSON.stringify(before)) {
              assert.deepEqual(after.raw, user.raw, `${context}: nothing to do moves no timestamp`);
            }
          }
        }
      }
    });
  }

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

  test('unverified copies stand on several users until one verifies', async () => {
    const phoneNumber = freshNumber();
    const [winner, loser] = [await createUser(), await createUser()];
    const [winning, losing] = [await addUnverified(winner, phoneNumber), await addUnverified(loser, phoneNumber)];

    assertVerifiedByAdmin(await phoneNumbers.updatePhoneNumber(winning.id, { verified: true }));
    await assertRefused(phoneNumbers.updatePhoneNumber(losing.id, { verified: true }), {
      status: 422,
      code: 'form_identifier_exists',
      paramName: 'phone_number',
      message: PHONE_NUMBER_TAKEN,
    });
    assert.equal((await phoneNumbers.getPhoneNumber(losing.id)).verification, null);

    await phoneNumbers.updatePhoneNumber(winning.id, { verified: false });
    assertVerifiedByAdmin(await phoneNumbers.updatePhoneNumber(losing.id, { verified: true }));
  });

  test('of many users who verify the same number at once, exactly one wins', async () => {
    const phoneNumber = freshNumber();
    const copies = [];
    for (let i = 0; i < 12; i++) copies.push(await addUnverified(await createUser(), phoneNumber));

    const results = await Promise.allSettled(
      copies.map(({ id }) => phoneNumbers.updatePhoneNumber(id, { verified: true })),
    );

    assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1);
    for (const { reason } of results.filter(({ status }) => status === 'rejected')) {
      assert.equal(reason.status, 422);
      assert.equal(reason.errors[0].code, 'form_identifier_exists');
    }
  });

  test('writes to one user that arrive together are all answered', async () => {
    const user = await createUser({ phoneNumber: Array.from({ length: 8 }, freshNumber) });
    await Promise.all(
      user.phoneNumbers.flatMap(({ id }) => [
        phoneNumbers.updatePhoneNumber(id, { primary: true }),
        phoneNumbers.updatePhoneNumber(id, { reservedForSecondFactor: true }),
      ]),
    );
    const after = await users.getUser(user.id);
    assert.equal(after.phoneNumbers.filter(held => held.reservedForSecondFactor).length, 8);
    assert.equal(after.phoneNumbers.filter(held => held.defaultSecondFactor).length, 1);
    assert.ok(after.primaryPhoneNumber);
  });

  test('the only identification usable for sign-in cannot become a second factor', async () => {
    const user = await users.createUser({ phoneNumber: [freshNumber()] });
    await assertRefused(phoneNumbers.updatePhoneNumber(user.phoneNumbers[0].id, { reservedForSecondFactor: true }), {
      status: 400,
      code: 'identification_update_failed',
      paramName: 'reserved_for_second_factor',
    });
    assert.deepEqual((await users.getUser(user.id)).raw, user.raw);
  });

  test('the default second factor moves to the oldest other one, and then MFA is off', async () => {
    const numbers = [freshNumber(), freshNumber(), freshNumber()];
    const user = await createUser({ phoneNumber: numbers });
    const ids = numbers.map(number => phoneNumberOf(user, number).id);
    for (const id of ids) await phoneNumbers.updatePhoneNumber(id, { reservedForSecondFactor: true });

    const factors = async () => {
      const { phoneNumbers, twoFactorEnabled } = await users.getUser(user.id);
      const of = flag => ids.map(id => phoneNumbers.find(held => held.id === id)[flag]);
      return { reserved: of('reservedForSecondFactor'), default: of('defaultSecondFactor'), twoFactorEnabled };
    };
    assert.deepEqual(await factors(), {
      reserved: [true, true, true], default: [true, false, false], twoFactorEnabled: true,
    });

    await phoneNumbers.updatePhoneNumber(ids[0], { reservedForSecondFactor: false });
    assert.deepEqual(await factors(), {
      reserved: [false, true, true], default: [false, true, false], twoFactorEnabled: true,
    });

    await phoneNumbers.updatePhoneNumber(ids[1], { verified: false });
    assert.deepEqual(await factors(), {
      reserved: [false, false, true], default: [false, false, true], twoFactorEnabled: true,
    });

    const before = await users.getUser(user.id);
    await phoneNumbers.updatePhoneNumber(ids[2], { reservedForSecondFactor: false });
    assert.deepEqual(await factors(), {
      reserved: [false, false, false], default: [false, false, false], twoFactorEnabled: false,
    });
    const after = await users.getUser(user.id);
    assert.equal(after.raw.mfa_enabled_at, before.raw.mfa_enabled_at, 'not cleared by the opposite event');
    assert.equal(typeof after.raw.mfa_disabled_at, 'number');
  });

  test('is refused for an unknown id and for an id of another kind', async () => {
    const user = await createUser();
    for (const id of [UNKNOWN_IDENTIFICATION_ID, user.emailAddresses[0].id]) {
      await assertRefused(phoneNumbers.updatePhoneNumber(id, { verified: false }), {
        status: 404,
        code: 'resource_not_found',
      });
      await assertRefused(phoneNumbers.updatePhoneNumber(id), { status: 404, code: 'resource_not_found' });
    }
  });

  test('is refused when a field has the wrong type', async () => {
    const user = await createUser({ phoneNumber: [freshNumber()] });
    for (const [field, paramName] of [
      ['verified', 'verified'], ['primary', 'primary'], ['reservedForSecondFactor', 'reserved_for_second_factor'],
    ]) {
      for (const value of ['yes', 1, [], {}]) {
        await assertRefused(phoneNumbers.updatePhoneNumber(user.phoneNumbers[0].id, { [field]: value }), {
          status: 422,
          code: 'form_param_value_invalid',
          paramName,
        });
      }
    }
    assert.deepEqual((await users.getUser(user.id)).raw, user.raw);
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

  test('of the primary promotes the oldest verified number', async () => {
    const numbers = [freshNumber(), freshNumber(), freshNumber()];
    const user = await createUser({ phoneNumber: numbers });
    const [first, second, third] = numbers.map(number => phoneNumberOf(user, number).id);
    await phoneNumbers.updatePhoneNumber(second, { verified: false });

    await phoneNumbers.deletePhoneNumber(first);
    assert.equal((await users.getUser(user.id)).primaryPhoneNumberId, third);
    await phoneNumbers.deletePhoneNumber(third);
    assert.equal((await users.getUser(user.id)).primaryPhoneNumberId, null, 'an unverified number is not promoted');
  });

  test('of the last identification of any kind is refused', async () => {
    const user = await users.createUser({ phoneNumber: [freshNumber()] });
    await assertRefused(phoneNumbers.deletePhoneNumber(user.phoneNumbers[0].id), {
      status: 400,
      code: 'identification_deletion_failed',
    });
    assert.deepEqual((await users.getUser(user.id)).raw, user.raw);
  });

  test('of the default second factor moves the default', async () => {
    const numbers = [freshNumber(), freshNumber()];
    const user = await createUser({ phoneNumber: numbers });
    const [first, second] = numbers.map(number => phoneNumberOf(user, number).id);
    for (const id of [first, second]) await phoneNumbers.updatePhoneNumber(id, { reservedForSecondFactor: true });
    await phoneNumbers.deletePhoneNumber(first);
    assert.equal((await phoneNumbers.getPhoneNumber(second)).defaultSecondFactor, true);
    assert.equal((await users.getUser(user.id)).twoFactorEnabled, true);
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

  test('a reserved number cannot be taken by another user, an unverified one can', async () => {
    for (const [identificationStatus, isTaken] of [['reserved', true], ['unverified', false]]) {
      const phoneNumber = freshNumber();
      const [holder, other] = [await createUser(), await createUser()];
      await users.replaceUserPhoneNumber(holder.id, { phoneNumber, identificationStatus });
      const attempt = () => phoneNumbers.createPhoneNumber({ userId: other.id, phoneNumber, verified: true });
      if (isTaken) {
        await assertRefused(attempt, { status: 422, code: 'form_identifier_exists', paramName: 'phone_number' });
      } else {
        assertVerifiedByAdmin(await attempt());
      }
    }
  });

  test('is refused for a taken number, a bad one, a bad status, an unknown key and an unknown user', async () => {
    const taken = freshNumber();
    await createUser({ phoneNumber: [taken] });
    const user = await createUser({ phoneNumber: [freshNumber()] });
    const refusals = [
      [user.id, { phoneNumber: taken }, { status: 422, code: 'form_identifier_exists', paramName: 'phone_number' }],
      [user.id, { phoneNumber: 'x' }, { status: 422, code: 'form_param_format_invalid', paramName: 'phone_number' }],
      [user.id, {}, { status: 422, code: 'form_param_missing', paramName: 'phone_number' }],
      [
        user.id,
        { phoneNumber: freshNumber(), identificationStatus: 'maybe' },
        { status: 422, code: 'form_param_value_invalid', paramName: 'identification_status' },
      ],
      [
        user.id,
        { phoneNumber: freshNumber(), surprise: true },
        { status: 422, code: 'form_param_unknown', paramName: 'surprise' },
      ],
      [UNKNOWN_USER_ID, { phoneNumber: freshNumber() }, { status: 404, code: 'resource_not_found' }],
    ];
    for (const [userId, params, refusal] of refusals) {
      await assertRefused(users.replaceUserPhoneNumber(userId, params), refusal);
    }
    assert.deepEqual((await users.getUser(user.id)).raw, user.raw);
  });
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
