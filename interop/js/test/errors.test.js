// What the SDK makes of a refusal that has nothing to do with one resource.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import {
  UNKNOWN_IDENTIFICATION_ID,
  assertRefused,
  clerkClient,
  clientWithKey,
  createUser,
  freshNumber,
  plain,
  raw,
  url,
  useAreaCodes,
} from '../support.js';

useAreaCodes(700);

describe('keys', () => {
  test('a key that nobody has is refused before anything else is looked at', async () => {
    for (const key of ['sk_test_thisKeyBelongsToNobody', 'sk_live_thisKeyBelongsToNobody']) {
      const { phoneNumbers, users } = clientWithKey(key);
      const refusal = { status: 401, code: 'clerk_key_invalid' };
      await assertRefused(phoneNumbers.getPhoneNumber(UNKNOWN_IDENTIFICATION_ID), refusal);
      await assertRefused(phoneNumbers.updatePhoneNumber(UNKNOWN_IDENTIFICATION_ID, { verified: 'yes' }), refusal);
      await assertRefused(users.getUserList(), refusal);
      await assertRefused(users.verifyPassword({ userId: 'user_x', password: 'x' }), refusal);
    }
  });

  test('a missing or malformed header is refused in the words that clients compare', async () => {
    const longMessage = "Invalid Authorization header format. Must be 'Bearer <YOUR_API_KEY>'";
    for (const authorization of [undefined, 'Basic abc', 'Bearer', 'sk_test_x']) {
      const response = await fetch(`${url}/v1/users`, { headers: authorization ? { authorization } : {} });
      const body = await response.json();
      assert.equal(response.status, 401, `${authorization}`);
      assert.equal(body.errors[0].code, 'authorization_header_format_invalid');
      assert.equal(body.errors[0].long_message, longMessage);
    }
  });
});

test('the trace id is in the body and in the header', async () => {
  const { status, headers, body } = await raw('GET', `/phone_numbers/${UNKNOWN_IDENTIFICATION_ID}`);
  assert.equal(status, 404);
  assert.match(body.clerk_trace_id, /^[0-9a-f]{32}$/);
  assert.equal(headers.get('x-clerk-trace-id'), body.clerk_trace_id);
  assert.deepEqual(Object.keys(body.errors[0]).sort(), ['code', 'long_message', 'message'], 'no empty meta');
});

test('the SDK keeps ids with a path in them from leaving the path, and so does the server', async () => {
  await assertRefused(clerkClient.phoneNumbers.getPhoneNumber('idn_x?y=z#w'), {
    status: 404,
    code: 'resource_not_found',
  });
});

test('a phone number with a user of another shape of id is refused, not lost', async () => {
  await assertRefused(
    clerkClient.phoneNumbers.createPhoneNumber({ userId: 42, phoneNumber: freshNumber() }),
    { status: 422, code: 'form_param_value_invalid', paramName: 'user_id' },
  );
});

describe('a documented call that is not built answers 403 and names itself', () => {
  const id = 'user_000000000000000000000000000';
  const calls = {
    'users.updateUserProfileImage': c => c.users.updateUserProfileImage(id, { file: new Blob(['png']) }),
    'users.deleteUserProfileImage': c => c.users.deleteUserProfileImage(id),
    'users.getUserOauthAccessToken': c => c.users.getUserOauthAccessToken(id, 'google'),
    'users.getOrganizationMembershipList': c => c.users.getOrganizationMembershipList({ userId: id }),
    'users.getOrganizationInvitationList': c => c.users.getOrganizationInvitationList({ userId: id }),
    'users.deleteUserPasskey': c => c.users.deleteUserPasskey({ userId: id, passkeyIdentificationId: 'idn_1' }),
    'users.deleteUserWeb3Wallet': c => c.users.deleteUserWeb3Wallet({ userId: id, web3WalletIdentificationId: 'x' }),
    'users.deleteUserExternalAccount': c => c.users.deleteUserExternalAccount({ userId: id, externalAccountId: 'x' }),
    'organizations.getOrganizationList': c => c.organizations.getOrganizationList(),
    'organizations.createOrganization': c => c.organizations.createOrganization({ name: 'Acme', createdBy: id }),
    'signUps.get': c => c.signUps.get('sua_1'),
    'oauthApplications.list': c => c.oauthApplications.list(),
    'waitlistEntries.list': c => c.waitlistEntries.list(),
  };
  for (const [name, call] of Object.entries(calls)) {
    test(name, async () => {
      const error = await assertRefused(() => call(clerkClient), { status: 403, code: 'feature_not_enabled' });
      // "Names itself": the operation id of the OpenAPI document, a word in CamelCase.
      assert.match(`${error.errors[0].message} ${error.errors[0].longMessage}`, /\b[A-Z][A-Za-z0-9]+[A-Z]/);
    });
  }
});

test('a call that is not built leaves the user as it was', async () => {
  const user = await createUser();
  await assertRefused(clerkClient.users.deleteUserPasskey({ userId: user.id, passkeyIdentificationId: 'idn_x' }), { status: 403, code: 'feature_not_enabled' });
  assert.deepEqual(plain(await clerkClient.users.getUser(user.id)), plain(user));
});
