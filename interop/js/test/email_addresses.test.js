// Every email address call of the SDK, asserted on what it decodes.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import {
  UNKNOWN_IDENTIFICATION_ID,
  UNKNOWN_USER_ID,
  assertRefused,
  assertVerifiedByAdmin,
  clerkClient,
  createUser,
  freshEmail,
  freshNumber,
  kindOf,
  plain,
  useAreaCodes,
} from '../support.js';

useAreaCodes(400);

const { emailAddresses, phoneNumbers, users } = clerkClient;

describe('createEmailAddress', () => {
  test('adds an unverified address that is not primary', async () => {
    const user = await createUser();
    const emailAddress = freshEmail();
    const created = await emailAddresses.createEmailAddress({ userId: user.id, emailAddress });
    assert.equal(kindOf(created), 'EmailAddress');
    assert.deepEqual(plain(created), { id: created.id, emailAddress, verification: null, linkedTo: [] });
    assert.match(created.id, /^idn_/);
    const after = await users.getUser(user.id);
    assert.equal(after.primaryEmailAddressId, user.primaryEmailAddressId);
    assert.equal(after.emailAddresses.length, 2);
  });

  test('the first address of a user is primary', async () => {
    const user = await users.createUser({ phoneNumber: [freshNumber()] });
    const created = await emailAddresses.createEmailAddress({ userId: user.id, emailAddress: freshEmail() });
    assert.equal((await users.getUser(user.id)).primaryEmailAddressId, created.id);
  });

  test('verified and primary in one call', async () => {
    const user = await createUser();
    const created = await emailAddresses.createEmailAddress({
      userId: user.id,
      emailAddress: freshEmail(),
      verified: true,
      primary: true,
    });
    assertVerifiedByAdmin(created);
    const after = await users.getUser(user.id);
    assert.equal(after.primaryEmailAddressId, created.id);
    assert.deepEqual(plain(after.primaryEmailAddress), plain(created));
  });

  test('is stored in lower case', async () => {
    const user = await createUser();
    const emailAddress = freshEmail();
    const created = await emailAddresses.createEmailAddress({
      userId: user.id,
      emailAddress: emailAddress.toUpperCase(),
    });
    assert.equal(created.emailAddress, emailAddress);
  });

  test('is refused for what is not an email address', async () => {
    const user = await createUser();
    for (const emailAddress of ['', 'abc', '@example.com', 'a@', 'a b@example.com', 'a@b@example.com']) {
      await assertRefused(emailAddresses.createEmailAddress({ userId: user.id, emailAddress }), {
        status: 422,
        code: 'form_param_format_invalid',
        paramName: 'email_address',
      });
    }
    assert.deepEqual((await users.getUser(user.id)).raw, user.raw);
  });

  test('is refused when a field is missing, and for an unknown user', async () => {
    const user = await createUser();
    await assertRefused(emailAddresses.createEmailAddress({ userId: user.id }), {
      status: 422,
      code: 'form_param_missing',
      paramName: 'email_address',
    });
    await assertRefused(emailAddresses.createEmailAddress({ userId: UNKNOWN_USER_ID, emailAddress: freshEmail() }), {
      status: 404,
      code: 'resource_not_found',
    });
  });

  test('is refused for an address that the user has, or verified for one that another user has', async () => {
    const [user, other] = [await createUser(), await createUser()];
    const { emailAddress } = user.emailAddresses[0];
    for (const userId of [user.id, other.id]) {
      for (const text of [emailAddress, emailAddress.toUpperCase()]) {
        await assertRefused(
          emailAddresses.createEmailAddress({ userId, emailAddress: text, verified: true }),
          { status: 422, code: 'form_identifier_exists', paramName: 'email_address' },
        );
      }
    }
  });
});

describe('getEmailAddress', () => {
  test('returns what create returned', async () => {
    const user = await createUser();
    const found = await emailAddresses.getEmailAddress(user.emailAddresses[0].id);
    assert.deepEqual(plain(found), plain(user.emailAddresses[0]));
    assertVerifiedByAdmin(found);
  });

  test('is refused for an unknown id and for an id of another kind', async () => {
    const user = await createUser({ phoneNumber: [freshNumber()] });
    for (const id of [UNKNOWN_IDENTIFICATION_ID, user.phoneNumbers[0].id, user.id]) {
      await assertRefused(emailAddresses.getEmailAddress(id), { status: 404, code: 'resource_not_found' });
    }
  });
});

describe('updateEmailAddress', () => {
  test('verified false takes the verification away and frees the address', async () => {
    const user = await createUser({ phoneNumber: [freshNumber()] });
    const { id, emailAddress } = user.emailAddresses[0];
    const updated = await emailAddresses.updateEmailAddress(id, { verified: false });
    assert.deepEqual(plain(updated), { id, emailAddress, verification: null, linkedTo: [] });
    assert.equal((await users.getUser(user.id)).primaryEmailAddressId, id, 'it stays primary');

    const other = await createUser();
    const claimed = await emailAddresses.createEmailAddress({ userId: other.id, emailAddress, verified: true });
    assertVerifiedByAdmin(claimed);
    await assertRefused(emailAddresses.updateEmailAddress(id, { verified: true }), {
      status: 422,
      code: 'form_identifier_exists',
      paramName: 'email_address',
    });
  });

  test('verified true, then primary', async () => {
    const user = await createUser();
    const { id } = await emailAddresses.createEmailAddress({ userId: user.id, emailAddress: freshEmail() });
    await assertRefused(emailAddresses.updateEmailAddress(id, { primary: true }), {
      status: 422,
      code: 'form_verification_needed',
      paramName: 'primary',
    });
    assertVerifiedByAdmin(await emailAddresses.updateEmailAddress(id, { verified: true }));
    assertVerifiedByAdmin(await emailAddresses.updateEmailAddress(id, { primary: true }));
    assert.equal((await users.getUser(user.id)).primaryEmailAddressId, id);
    await emailAddresses.updateEmailAddress(id, { primary: false });
    assert.equal((await users.getUser(user.id)).primaryEmailAddressId, id, 'there is no unset');
  });

  test('verified and primary in one call', async () => {
    const user = await createUser();
    const { id } = await emailAddresses.createEmailAddress({ userId: user.id, emailAddress: freshEmail() });
    assertVerifiedByAdmin(await emailAddresses.updateEmailAddress(id, { verified: true, primary: true }));
    assert.equal((await users.getUser(user.id)).primaryEmailAddressId, id);
  });

  test('without parameters changes nothing', async () => {
    const user = await createUser();
    const { id } = user.emailAddresses[0];
    for (const call of [
      () => emailAddresses.updateEmailAddress(id),
      () => emailAddresses.updateEmailAddress(id, {}),
      () => emailAddresses.updateEmailAddress(id, { verified: null, primary: null }),
    ]) {
      assert.deepEqual(plain(await call()), plain(user.emailAddresses[0]));
    }
    assert.deepEqual((await users.getUser(user.id)).raw, user.raw);
  });

  test('is refused for an unknown id and a wrong type', async () => {
    const user = await createUser();
    await assertRefused(emailAddresses.updateEmailAddress(UNKNOWN_IDENTIFICATION_ID, { verified: true }), {
      status: 404,
      code: 'resource_not_found',
    });
    await assertRefused(emailAddresses.updateEmailAddress(user.emailAddresses[0].id, { verified: 'yes' }), {
      status: 422,
      code: 'form_param_value_invalid',
      paramName: 'verified',
    });
  });
});

describe('deleteEmailAddress', () => {
  test('returns the deleted object, and the address is gone', async () => {
    const user = await createUser({ emailAddress: [freshEmail(), freshEmail()] });
    const { id } = user.primaryEmailAddress;
    const deleted = await emailAddresses.deleteEmailAddress(id);
    assert.deepEqual(plain(deleted), { object: 'email_address', id, slug: null, deleted: true });
    await assertRefused(emailAddresses.getEmailAddress(id), { status: 404, code: 'resource_not_found' });
    await assertRefused(emailAddresses.deleteEmailAddress(id), { status: 404, code: 'resource_not_found' });
    const after = await users.getUser(user.id);
    assert.equal(after.emailAddresses.length, 1);
    assert.equal(after.primaryEmailAddressId, after.emailAddresses[0].id, 'the oldest verified one is promoted');
  });

  test('of the last identification of any kind is refused', async () => {
    const user = await createUser();
    await assertRefused(emailAddresses.deleteEmailAddress(user.emailAddresses[0].id), {
      status: 400,
      code: 'identification_deletion_failed',
    });
    const { id } = await phoneNumbers.createPhoneNumber({ userId: user.id, phoneNumber: freshNumber() });
    const deleted = await emailAddresses.deleteEmailAddress(user.emailAddresses[0].id);
    assert.equal(deleted.deleted, true, 'a phone number is an identification too');
    await assertRefused(phoneNumbers.deletePhoneNumber(id), { status: 400, code: 'identification_deletion_failed' });
  });
});

describe('replaceUserEmailAddress', () => {
  for (const identificationStatus of [undefined, 'verified', 'reserved', 'unverified']) {
    test(`leaves one primary address: ${identificationStatus ?? 'no status'}`, async () => {
      const user = await createUser({ emailAddress: [freshEmail(), freshEmail()] });
      const emailAddress = freshEmail();
      const replaced = await users.replaceUserEmailAddress(user.id, {
        emailAddress,
        ...(identificationStatus && { identificationStatus }),
      });
      assert.equal(kindOf(replaced), 'EmailAddress');
      assert.equal(replaced.emailAddress, emailAddress);
      if ((identificationStatus ?? 'verified') === 'verified') assertVerifiedByAdmin(replaced);
      else assert.equal(replaced.verification, null);
      const after = await users.getUser(user.id);
      assert.deepEqual(after.emailAddresses.map(plain), [plain(replaced)]);
      assert.equal(after.primaryEmailAddressId, replaced.id);
      assert.equal(after.raw.email_addresses[0].reserved, identificationStatus === 'reserved');
      await assertRefused(emailAddresses.getEmailAddress(user.emailAddresses[0].id), {
        status: 404,
        code: 'resource_not_found',
      });
    });
  }

  test('is refused for a taken address, a bad one, a bad status and an unknown user', async () => {
    const taken = await createUser();
    const user = await createUser();
    const refusals = [
      [
        user.id,
        { emailAddress: taken.emailAddresses[0].emailAddress },
        { status: 422, code: 'form_identifier_exists', paramName: 'email_address' },
      ],
      [user.id, { emailAddress: 'x' }, { status: 422, code: 'form_param_format_invalid', paramName: 'email_address' }],
      [user.id, {}, { status: 422, code: 'form_param_missing', paramName: 'email_address' }],
      [
        user.id,
        { emailAddress: freshEmail(), identificationStatus: 'maybe' },
        { status: 422, code: 'form_param_value_invalid', paramName: 'identification_status' },
      ],
      [UNKNOWN_USER_ID, { emailAddress: freshEmail() }, { status: 404, code: 'resource_not_found' }],
    ];
    for (const [userId, params, refusal] of refusals) {
      await assertRefused(users.replaceUserEmailAddress(userId, params), refusal);
    }
    assert.deepEqual((await users.getUser(user.id)).raw, user.raw);
  });
});
