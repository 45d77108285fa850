// What every test here needs: the SDK pointed at the server under test, fresh identifiers, and the shape of a refusal.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';

import { createClerkClient } from '@clerk/backend';
import { isClerkAPIResponseError } from '@clerk/backend/errors';

function required(variable) {
  const value = process.env[variable];
  if (!value) {
    throw new Error(
      `${variable} is not set: these tests need a running server. Run \`cargo xtask interop js\`, or start ` +
        '`verger dev --ephemeral` and set VERGER_URL and VERGER_SECRET_KEY to what it prints.',
    );
  }
  return value;
}

export const url = required('VERGER_URL').replace(/\/+$/, '');
export const secretKey = required('VERGER_SECRET_KEY');

export function clientWithKey(key) {
  // Telemetry off: the only traffic is to the server under test.
  return createClerkClient({ apiUrl: url, secretKey: key, telemetry: { disabled: true } });
}

export const clerkClient = clientWithKey(secretKey);

export const UNKNOWN_USER_ID = 'user_000000000000000000000000000';
export const UNKNOWN_IDENTIFICATION_ID = 'idn_000000000000000000000000000';
export const PHONE_NUMBER_TAKEN = 'That phone number is taken. Please try another.';

// The test runner gives each file a process of its own, so a file takes its numbers from its own area codes, and
// everything else is made unique by chance.
let nextNumber = 0;
let firstAreaCode;

/** Which area codes this file's numbers come from: `first` and the 99 after it. */
export function useAreaCodes(first) {
  firstAreaCode = first;
}

/** A number of the reserved test range that nobody holds. */
export function freshNumber() {
  assert.ok(firstAreaCode, 'call useAreaCodes() first');
  const index = nextNumber++;
  assert.ok(index < 10_000, 'out of numbers');
  return `+1${firstAreaCode + Math.floor(index / 100)}55501${String(index % 100).padStart(2, '0')}`;
}

/** A word that nothing else on the server contains. */
export function freshWord(prefix = 'x') {
  return prefix + randomBytes(8).toString('hex');
}

export function freshEmail() {
  return `${freshWord('js-')}@example.com`;
}

/** A user with a verified email address (so that no number is its last identification) and what `params` adds. */
export function createUser(params = {}) {
  return clerkClient.users.createUser({ emailAddress: [freshEmail()], ...params });
}

/** The user's phone number with this text, as the SDK decoded it. */
export function phoneNumberOf(user, phoneNumber) {
  const found = user.phoneNumbers.find(held => held.phoneNumber === phoneNumber);
  assert.ok(found, `${phoneNumber} is among the user's numbers`);
  return found;
}

/** The user's phone number with this id, as it was on the wire (the SDK drops `reserved` and the times). */
export function rawPhoneNumberOf(user, phoneNumberId) {
  const found = user.raw.phone_numbers.find(held => held.id === phoneNumberId);
  assert.ok(found, `${phoneNumberId} is among the user's numbers`);
  return found;
}

/** What the SDK makes of a verification that an administrator has set. */
export const VERIFIED_BY_ADMIN = {
  status: 'verified',
  strategy: 'admin',
  externalVerificationRedirectURL: null,
  attempts: null,
  expireAt: null,
  message: null,
};

/** Which of the SDK's resource classes this is an instance of (its bundler puts a `_` before some names). */
export function kindOf(resource) {
  return resource.constructor.name.replace(/^_/, '');
}

/** The fields of a decoded resource as a plain object; fields that the wire does not have are left out. */
export function plain(resource) {
  return resource === null ? null : JSON.parse(JSON.stringify(resource));
}

export function assertVerifiedByAdmin(resource) {
  // `nonce` is not sent for this strategy, and the SDK makes null of it.
  const { nonce, ...verification } = plain(resource.verification);
  assert.equal(nonce ?? null, null);
  assert.deepEqual(verification, VERIFIED_BY_ADMIN);
}

/**
 * The call is refused with exactly this, and the SDK says so in its own error type. A request with several mistakes gets
 * several errors; then `count` says how many, and the one that is described is among them.
 */
export async function assertRefused(call, { status, code, paramName, message, count = 1 }) {
  let error;
  try {
    const answer = await (typeof call === 'function' ? call() : call);
    assert.fail(`expected ${status} ${code}, but the call succeeded with ${JSON.stringify(answer)}`);
  } catch (thrown) {
    if (thrown instanceof assert.AssertionError) throw thrown;
    error = thrown;
  }
  assert.ok(isClerkAPIResponseError(error), `not the SDK's response error: ${error.stack}`);
  const seen = error.errors.map(({ code, message, longMessage, meta }) => ({
    code,
    message,
    longMessage,
    paramName: meta?.paramName,
  }));
  const context = JSON.stringify(seen);
  assert.equal(error.status, status, context);
  assert.equal(seen.length, count, context);
  const described = seen.find(one => one.code === code && one.paramName === paramName);
  assert.ok(described, `expected ${code} ${paramName}: ${context}`);
  for (const one of seen) {
    assert.match(one.message, /\S/);
    assert.match(one.longMessage, /\S/);
  }
  if (message) assert.equal(described.message, message);
  assert.match(error.clerkTraceId, /^[0-9a-f]{32}$/);
  return error;
}

/** A request without the SDK, for what the SDK hides: headers, and parameters that it does not know. */
export async function raw(method, path, { body, headers = {} } = {}) {
  const response = await fetch(`${url}/v1${path}`, {
    method,
    headers: { Authorization: `Bearer ${secretKey}`, 'Clerk-API-Version': '2026-05-12', ...headers },
    body,
  });
  return { status: response.status, headers: response.headers, body: await response.json() };
}
