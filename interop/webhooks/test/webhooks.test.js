// The official verifiers take every webhook as it was sent, and nothing that was changed.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { verifyWebhook } from '@clerk/backend/webhooks';
import { Webhook } from 'svix';

import { call, startReceiver, verifyInPython } from '../support.js';

let receiver;
let endpoint;
const webhooks = [];

before(async () => {
  receiver = await startReceiver();
  endpoint = await call('POST', '/verger/v1/webhook_endpoints', { url: receiver.url });
  const user = await call('POST', '/v1/users', {
    email_address: ['ada@example.com'],
    phone_number: ['+12015550142'],
    first_name: 'Ærøskøbing ✓',
    external_id: 'ext_1',
  });
  await call('PATCH', `/v1/phone_numbers/${user.phone_numbers[0].id}`, { verified: false });
  await call('DELETE', `/v1/users/${user.id}`);
  while (!webhooks.some(({ body }) => JSON.parse(body).type === 'phone_number.deleted')) {
    webhooks.push(await receiver.next());
  }
});

after(async () => {
  await receiver?.stop();
});

const types = () => webhooks.map(({ body }) => JSON.parse(body).type);

const clerk = ({ headers, body }, signingSecret) =>
  verifyWebhook(new Request('http://127.0.0.1/', { method: 'POST', headers, body }), { signingSecret });
const svix = ({ headers, body }, secret) => new Webhook(secret).verify(body, headers);

/** What each verifier says. */
async function verdicts(webhook, secret) {
  const says = async (verify) => {
    try {
      return (await verify()) ? 'good' : 'nothing';
    } catch {
      return 'refused';
    }
  };
  return {
    clerk: await says(() => clerk(webhook, secret)),
    svix: await says(() => svix(webhook, secret)),
    python: verifyInPython([{ ...webhook, secret }])[0],
  };
}
const GOOD = { clerk: 'good', svix: 'good', python: 'good' };
const REFUSED = { clerk: 'refused', svix: 'refused', python: 'refused' };

describe('as it was sent', () => {
  test('the events of a life of a user came', () => {
    for (const type of ['user.created', 'user.updated', 'user.deleted', 'phone_number.created', 'phone_number.updated']) {
      assert.ok(types().includes(type), `${type}: ${types()}`);
    }
  });

  test('every verifier takes every webhook', async () => {
    for (const webhook of webhooks) {
      assert.deepEqual(await verdicts(webhook, endpoint.secret), GOOD, webhook.body);
    }
  });

  test('the official SDK reads the user out of it', async () => {
    const created = await clerk(webhooks[types().indexOf('user.created')], endpoint.secret);
    assert.equal(created.type, 'user.created');
    assert.equal(created.data.first_name, 'Ærøskøbing ✓');
    assert.equal(created.data.phone_numbers[0].phone_number, '+12015550142');
    const deleted = await clerk(webhooks[types().indexOf('user.deleted')], endpoint.secret);
    assert.deepEqual([deleted.data.id, deleted.data.deleted], [created.data.id, true]);
  });
});

describe('changed', () => {
  test('a byte of the body', async () => {
    const webhook = webhooks[0];
    const body = webhook.body.replace('user_', 'uset_');
    assert.deepEqual(await verdicts({ ...webhook, body }, endpoint.secret), REFUSED);
  });

  test('another id', async () => {
    const headers = { ...webhooks[0].headers, 'svix-id': 'evt_x', 'webhook-id': 'evt_x' };
    assert.deepEqual(await verdicts({ ...webhooks[0], headers }, endpoint.secret), REFUSED);
  });

  test('an old moment', async () => {
    const old = String(Number(webhooks[0].headers['svix-timestamp']) - 301);
    const headers = { ...webhooks[0].headers, 'svix-timestamp': old, 'webhook-timestamp': old };
    assert.deepEqual(await verdicts({ ...webhooks[0], headers }, endpoint.secret), REFUSED);
  });

  test('another secret', async () => {
    const secret = `whsec_${Buffer.alloc(24, 7).toString('base64')}`;
    assert.deepEqual(await verdicts(webhooks[0], secret), REFUSED);
  });
});

describe('rotated', () => {
  test('both secrets verify', async () => {
    const rotated = await call('POST', `/verger/v1/webhook_endpoints/${endpoint.id}/rotate_secret`, {});
    assert.notEqual(rotated.secret, endpoint.secret);
    await call('POST', '/v1/users', { skip_user_requirement: true });
    let webhook;
    do {
      webhook = await receiver.next();
    } while (JSON.parse(webhook.body).type !== 'user.created');
    assert.deepEqual(await verdicts(webhook, rotated.secret), GOOD);
    assert.deepEqual(await verdicts(webhook, endpoint.secret), GOOD);
  });
});
