// The real Twilio sender hands messages to the emulator, and the emulator is asked what it got.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { ACCOUNT_SID, API_KEY, AUTH_TOKEN, FROM, deliver, smsConfig, startEmulator, startReceiver } from '../support.js';

let emulator;
let receiver;

before(async () => {
  emulator = await startEmulator();
  receiver = await startReceiver();
});

after(async () => {
  await receiver?.stop();
  await emulator?.stop();
});

/** A message to a number of its own. */
let nextNumber = 0;
function message(changes = {}) {
  const number = String(nextNumber++).padStart(4, '0');
  return {
    id: `sms_${number}`,
    to: `+1500555${number}`,
    text: `918${number} is your Ärger & Söhne code.\n@example.com #918${number}`,
    ...changes,
  };
}

describe('sending', () => {
  test('a message is at the emulator word for word, once, under the id that was reported', async () => {
    const sent = message();
    const answer = await deliver({ sms: smsConfig(emulator), message: sent });
    assert.equal(answer.outcome, 'accepted', answer.reason);
    const messages = await emulator.messagesTo(sent.to);
    assert.equal(messages.length, 1);
    assert.equal(messages[0].sid, answer.provider_id);
    assert.equal(messages[0].body, sent.text);
    assert.equal(messages[0].from, FROM);
    assert.equal(messages[0].account_sid, ACCOUNT_SID);
  });

  test('an API key does in place of the auth token', async () => {
    const sent = message();
    const keyed = { api_key_sid: API_KEY.sid, api_key_secret: API_KEY.secret, auth_token: 'not used' };
    const answer = await deliver({ sms: smsConfig(emulator, keyed), message: sent });
    assert.equal(answer.outcome, 'accepted', answer.reason);
    assert.equal((await emulator.messagesTo(sent.to)).length, 1);
  });

  test('wrong credentials are a refusal and send nothing', async () => {
    const sent = message();
    const answer = await deliver({ sms: smsConfig(emulator, { auth_token: 'wrong' }), message: sent });
    assert.deepEqual(answer, { outcome: 'refused', reason: 'HTTP 401, code 20003: check the credentials' });
    assert.deepEqual(await emulator.messagesTo(sent.to), []);
  });

  test('a number that is none is a refusal with the number of the problem', async () => {
    const answer = await deliver({ sms: smsConfig(emulator), message: message({ to: '+0' }) });
    assert.deepEqual(answer, { outcome: 'refused', reason: 'HTTP 400, code 21201' });
  });

  test('an emulator that is not there was sent nothing', async () => {
    const answer = await deliver({
      sms: smsConfig(emulator, { base_url: 'http://127.0.0.1:1' }),
      message: message(),
    });
    assert.deepEqual(answer, { outcome: 'not_sent', reason: 'no connection: connection refused' });
  });
});

describe('status callbacks', () => {
  test('each is signed, names our message, and says what became of it', async () => {
    const sent = message();
    const sms = smsConfig(emulator, { status_callback_url: receiver.url });
    const { provider_id: sid } = await deliver({ sms, message: sent });
    for (const status of ['sent', 'delivered', 'failed']) {
      await emulator.api('/_twilio/simulate/message-status', { MessageSid: sid, Status: status });
    }
    const address = `${receiver.url}?message=${sent.id}`;
    const callbacks = receiver.received.filter((callback) => callback.url === address);
    assert.equal(callbacks.length, 4);
    const read = [];
    for (const callback of callbacks) {
      const answer = await deliver({ callback: { ...callback, auth_token: AUTH_TOKEN } });
      assert.equal(answer.is_signed, true);
      assert.equal(answer.message_sid, sid);
      read.push(answer.status);
    }
    assert.deepEqual(read, ['queued', 'accepted', 'delivered', 'failed']);

    const [genuine] = callbacks;
    for (const change of [
      { auth_token: 'wrong' },
      { url: `${receiver.url}?message=sms_other` },
      { body: genuine.body.replace('queued', 'delivered') },
      { signature: (genuine.signature[0] === 'A' ? 'B' : 'A') + genuine.signature.slice(1) },
    ]) {
      const answer = await deliver({ callback: { ...genuine, auth_token: AUTH_TOKEN, ...change } });
      assert.equal(answer.is_signed, false, JSON.stringify(change));
    }
  });
});
