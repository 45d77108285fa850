// The instance and its lists, as the unmodified SDK sends and decodes them.

import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';

import { assertRefused, clerkClient, createUser, freshEmail, freshNumber, freshWord, kindOf, plain, url, useAreaCodes } from '../support.js';

useAreaCodes(800);
const { allowlistIdentifiers, betaFeatures, blocklistIdentifiers, domains, instance, invitations, redirectUrls } = clerkClient;

const NOT_FOUND = { status: 404, code: 'resource_not_found' };
const DUPLICATE = { status: 400, code: 'duplicate_record', paramName: 'email_address' };

describe('invitations', { concurrency: true }, () => {
  test('an invitation is created, listed and revoked', async () => {
    const emailAddress = freshEmail();
    const publicMetadata = { plan: 'trial' };
    const created = await invitations.createInvitation({ emailAddress, publicMetadata, expiresInDays: 1 });
    assert.equal(kindOf(created), 'Invitation');
    const { _raw, id, url: link, createdAt, updatedAt, ...rest } = plain(created);
    assert.match(id, /^inv_[0-9A-Za-z]{27}$/);
    assert.ok(link.startsWith(`${url}/v1/tickets/accept?ticket=`), link);
    assert.deepEqual(rest, { emailAddress, publicMetadata, status: 'pending', revoked: false });
    assert.equal(updatedAt, createdAt);
    const expected = { emailAddress, status: 'pending', url: undefined };
    const list = await invitations.getInvitationList({ query: emailAddress, status: 'pending', orderBy: '-created_at' });
    assert.equal(list.totalCount, 1);
    const [listed] = list.data;
    assert.deepEqual({ emailAddress: listed.emailAddress, status: listed.status, url: listed.url }, expected);

    await assertRefused(invitations.createInvitation({ emailAddress }), DUPLICATE);
    const again = await invitations.createInvitation({ emailAddress, ignoreExisting: true, notify: false });
    assert.notEqual(again.id, id);
    const revoked = await invitations.revokeInvitation(id);
    assert.deepEqual([revoked.id, revoked.status, revoked.revoked], [id, 'revoked', true]);
    await assertRefused(invitations.revokeInvitation(id), { status: 400, code: 'invitation_already_revoked' });
  });

  test('several invitations are created at once, or none', async () => {
    const addresses = [freshEmail(), freshEmail()];
    const params = addresses.map(emailAddress => ({ emailAddress, notify: false }));
    const created = await invitations.createInvitationBulk(params);
    assert.deepEqual(created.map(one => [kindOf(one), one.emailAddress]), addresses.map(one => ['Invitation', one]));
    const other = freshEmail();
    const mixed = [{ emailAddress: other, notify: false }, { emailAddress: addresses[0], notify: false }];
    await assertRefused(invitations.createInvitationBulk(mixed), { ...DUPLICATE, paramName: '[1].email_address' });
    assert.equal((await invitations.getInvitationList({ query: other })).totalCount, 0);
  });

  test('somebody who is here already is not invited', async () => {
    const emailAddress = freshEmail();
    await createUser({ emailAddress: [emailAddress] });
    await assertRefused(invitations.createInvitation({ emailAddress, notify: false }), {
      status: 422,
      code: 'form_identifier_exists',
      paramName: 'email_address',
    });
  });
});

describe('allow-list and block-list', { concurrency: true }, () => {
  const lists = [
    {
      kind: 'AllowlistIdentifier',
      object: 'allowlist_identifier',
      id: /^alid_[0-9A-Za-z]{27}$/,
      create: identifier => allowlistIdentifiers.createAllowlistIdentifier({ identifier, notify: false }),
      list: params => allowlistIdentifiers.getAllowlistIdentifierList(params),
      remove: id => allowlistIdentifiers.deleteAllowlistIdentifier(id),
    },
    {
      kind: 'BlocklistIdentifier',
      object: 'blocklist_identifier',
      id: /^blid_[0-9A-Za-z]{27}$/,
      create: identifier => blocklistIdentifiers.createBlocklistIdentifier({ identifier }),
      list: params => blocklistIdentifiers.getBlocklistIdentifierList(params),
      remove: id => blocklistIdentifiers.deleteBlocklistIdentifier(id),
    },
  ];
  for (const { kind, object, id, create, list, remove } of lists) {
    test(`${kind}: created, listed and deleted`, async () => {
      for (const [identifier, identifierType] of [
        [freshEmail(), 'email_address'],
        [freshNumber(), 'phone_number'],
        [`*@${freshWord('d')}.example`, 'email_address'],
      ]) {
        const created = await create(identifier);
        assert.equal(kindOf(created), kind);
        assert.match(created.id, id);
        assert.deepEqual([created.identifier, created.identifierType], [identifier, identifierType]);
        assert.match(created.instanceId, /^ins_/);
        assert.equal(created.updatedAt, created.createdAt);
        const { data, totalCount } = await list({ limit: 500 });
        assert.ok(totalCount >= 1 && data.every(one => kindOf(one) === kind));
        assert.deepEqual(plain(data.find(one => one.id === created.id) ?? null), plain(created));
        await assertRefused(create(identifier), { status: 400, code: 'duplicate_record', paramName: 'identifier' });
        assert.deepEqual(plain(await remove(created.id)), { object, id: created.id, slug: null, deleted: true });
        await assertRefused(remove(created.id), NOT_FOUND);
      }
    });
  }

  test('an entry that asks for an invitation gets one', async () => {
    const identifier = freshEmail();
    const created = await allowlistIdentifiers.createAllowlistIdentifier({ identifier, notify: true });
    assert.match(created.invitationId, /^inv_/);
    const { data } = await invitations.getInvitationList({ query: identifier });
    assert.deepEqual(data.map(one => one.id), [created.invitationId]);
  });
});

test('redirect URLs are created, read, listed and deleted', async () => {
  const created = await redirectUrls.createRedirectUrl({ url: `com.example.${freshWord('a')}://callback` });
  assert.equal(kindOf(created), 'RedirectUrl');
  assert.match(created.id, /^ru_[0-9A-Za-z]{27}$/);
  assert.equal(created.updatedAt, created.createdAt);
  assert.deepEqual(plain(await redirectUrls.getRedirectUrl(created.id)), plain(created));
  const { data, totalCount } = await redirectUrls.getRedirectUrlList();
  assert.ok(totalCount >= 1);
  assert.deepEqual(plain(data.find(one => one.id === created.id) ?? null), plain(created));
  await assertRefused(redirectUrls.createRedirectUrl({ url: 'javascript:alert(1)' }), {
    status: 422,
    code: 'form_param_format_invalid',
    paramName: 'url',
  });
  // The SDK reads the deleted object as a redirect URL.
  assert.equal((await redirectUrls.deleteRedirectUrl(created.id)).id, created.id);
  await assertRefused(redirectUrls.getRedirectUrl(created.id), NOT_FOUND);
});

test('domains are listed', async () => {
  const { data, totalCount } = await domains.list();
  assert.equal(totalCount, data.length);
  const primary = data.find(one => !one.isSatellite);
  assert.equal(kindOf(primary), 'Domain');
  // Of `verger dev`, which has no record of a host: the id is derived from that of the instance.
  assert.match(primary.id, /^dmn_/);
  assert.equal(primary.frontendApiUrl, url);
  assert.equal(primary.name, new URL(url).host);
});

describe('the instance', () => {
  after(async () => {
    await instance.updateRestrictions({ allowlist: false, blocklist: false, blockEmailSubaddresses: false });
    await instance.update({ allowedOrigins: [] });
  });

  test('its origins are set and read', async () => {
    const before = await instance.get();
    assert.equal(kindOf(before), 'Instance');
    assert.match(before.id, /^ins_/);
    assert.equal(before.environmentType, 'development');
    const allowedOrigins = ['https://app.example.com', 'chrome-extension://abcdefghijklmnopabcdefghijklmnop'];
    // 204 without a body, of which the SDK makes undefined.
    const params = { allowedOrigins, testMode: true, supportEmail: 'help@example.com', enhancedEmailDeliverability: false };
    assert.equal(await instance.update(params), undefined);
    assert.deepEqual(plain(await instance.get()), { ...plain(before), allowedOrigins });
    await assertRefused(instance.update({ supportEmail: 'nobody' }), {
      status: 422,
      code: 'form_param_value_invalid',
      paramName: 'support_email',
    });
  });

  test('its restrictions are set', async () => {
    const on = await instance.updateRestrictions({ blocklist: true, blockEmailSubaddresses: true });
    assert.equal(kindOf(on), 'InstanceRestrictions');
    const all = {
      allowlist: false,
      blocklist: true,
      blockEmailSubaddresses: true,
      blockDisposableEmailDomains: false,
    };
    assert.deepEqual(plain(on), all);
    // Those of the SDK's parameters that the document has not may ask for nothing.
    const off = await instance.updateRestrictions({ blocklist: false, ignoreDotsForGmailAddresses: false });
    assert.deepEqual(plain(off), { ...all, blocklist: false });
  });

  test('what is not there yet says so', async () => {
    const refusal = { status: 403, code: 'feature_not_enabled' };
    await assertRefused(instance.getOrganizationSettings(), refusal);
    await assertRefused(instance.updateRestrictions({ ignoreDotsForGmailAddresses: true }), {
      status: 422,
      code: 'form_param_unknown',
      paramName: 'ignore_dots_for_gmail_addresses',
    });
    await assertRefused(domains.add({ name: 'satellite.example.com', is_satellite: true }), refusal);
    // The only method that the SDK has in this group; its operation is in no document.
    await assertRefused(betaFeatures.changeDomain({ homeUrl: 'https://example.com' }), NOT_FOUND);
  });
});
