// From a number that nobody proved to one that is verified: the real `verger serve`, its Twilio sender and the emulator.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { freePort, installVerger, smsConfig, startEmulator, until } from '../support.js';

const NUMBER = '+14155552671';
const PREPARE = 'prepare_verification';
const ATTEMPT = 'attempt_verification';

let emulator;
let port;
let shop;
let server;

before(async () => {
  emulator = await startEmulator();
  port = await freePort();
  const callback = { status_callback_url: `http://127.0.0.1:${port}/verger/v1/callbacks/twilio` };
  shop = installVerger(`[sms]\n${smsConfig(emulator, callback, 'sms.twilio')}`);
  server = await shop.serve(port);
});

after(async () => {
  await server?.stop();
  shop?.remove();
  await emulator?.stop();
});

const hasCode = (text, code) => new RegExp(`(?<![0-9A-Za-z])${code}(?![0-9A-Za-z])`).test(text);

test('a code goes out by Twilio once, is read there, and verifies the number', async () => {
  const user = await server.call('POST', '/v1/users', { skip_user_requirement: true });
  const number = await server.call('POST', '/v1/phone_numbers', { user_id: user.id, phone_number: NUMBER });
  const path = `/v1/phone_numbers/${number.id}`;
  assert.equal(number.verification, null);

  const prepared = await server.call('POST', `${path}/${PREPARE}`);
  assert.deepEqual([prepared.status, prepared.attempts, prepared.channel], ['unverified', 0, 'sms']);

  const message = await until('the message at the emulator', async () => (await emulator.messagesTo(NUMBER))[0]);
  const [code] = message.body.match(/\b\d{6}\b/);
  assert.match(message.body, /Shop/);
  const delivery = await until('the state of the message', async () => {
    const [first, ...others] = await server.call('GET', '/verger/v1/deliveries');
    assert.deepEqual(others, []);
    return first.status === 'queued' ? undefined : first;
  });
  assert.deepEqual([delivery.sender, delivery.provider_id, delivery.attempts], ['twilio', message.sid, 1]);

  const wrong = String((Number(code) + 1) % 1_000_000).padStart(6, '0');
  const attempt = (code) => server.call('POST', `${path}/${ATTEMPT}`, { verification_id: prepared.id, code });
  const missed = await attempt(wrong);
  assert.deepEqual([missed.status, missed.attempts], ['unverified', 1]);

  // What was handed over is not sent again by a server that starts anew.
  let log = await server.stop();
  server = await shop.serve(port);
  const verified = await attempt(code);
  assert.deepEqual([verified.status, verified.attempts], ['verified', 2]);
  const held = await server.call('GET', path);
  assert.deepEqual([held.verification.status, held.verification.strategy], ['verified', 'phone_code']);

  // The emulator signs its callback as Twilio does, and the server finds the message by it.
  await emulator.api('/_twilio/simulate/message-status', { MessageSid: message.sid, Status: 'delivered' });
  await until('the callback', async () => {
    const [first] = await server.call('GET', '/verger/v1/deliveries');
    return first.status === 'delivered';
  });

  assert.equal((await emulator.messagesTo(NUMBER)).length, 1, 'it was sent once');
  const events = await until('the events', async () => {
    const text = JSON.stringify(await server.call('GET', '/verger/v1/audit_log'));
    return text.includes('sms.created') && text.includes('phone_number.verified') ? text : undefined;
  });
  log += await server.stop();
  server = undefined;
  assert.ok(log.includes(ATTEMPT), log);
  for (const secret of [code, wrong]) {
    assert.ok(!hasCode(log, secret), `${secret} was logged`);
    assert.ok(!hasCode(events, secret), `${secret} is in an event`);
  }
  assert.ok(!log.includes(NUMBER.slice(1)), 'the number was logged');
});
