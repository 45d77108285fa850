// What the tests share: a server, both clients, and what an object looks like from outside.

import { createClerkClient as createOfficialClient } from '@clerk/backend';
import { createClerkClient, startVerger } from '@verger/backend';

export const UNKNOWN_USER_ID = 'user_000000000000000000000000000';
export const UNKNOWN_IDENTIFICATION_ID = 'idn_000000000000000000000000000';

/** A server for one test, and our client of it. */
export async function start(t) {
  const verger = await startVerger();
  t.after(() => verger.stop());
  return { verger, clerkClient: clientOf(verger) };
}

export function clientOf(verger, options = {}) {
  return createClerkClient({ secretKey: verger.secretKey, apiUrl: verger.url, ...options });
}

/** The official SDK; telemetry off: the only traffic is to the server under test. */
export function officialClientOf(verger, options = {}) {
  const telemetry = { disabled: true };
  return createOfficialClient({ secretKey: verger.secretKey, apiUrl: verger.url, telemetry, ...options });
}

/** The n-th number of the reserved test range. */
export function number(n) {
  return `+1${200 + Math.floor(n / 100)}55501${String(n % 100).padStart(2, '0')}`;
}

/** Everything that can be seen of a result: kind, fields and their order, and what the getters of its class give. */
export function seen(value) {
  if (Array.isArray(value)) return value.map(seen);
  if (value === null || typeof value !== 'object') return value;
  if (value instanceof URL) return String(value);
  const fields = Object.entries(value).map(([name, inner]) => [name, seen(inner)]);
  const prototype = Object.getPrototypeOf(value);
  const getters = Object.entries(Object.getOwnPropertyDescriptors(prototype))
    .filter(([, descriptor]) => prototype !== Object.prototype && descriptor.get)
    .map(([name]) => [name, seen(value[name])])
    .sort(([one], [other]) => (one < other ? -1 : 1));
  // The official SDK's bundler puts a `_` before some names.
  return { kind: value.constructor.name.replace(/^_/, ''), fields, getters };
}

/** What a call was refused with. */
export async function refusal(call) {
  let answer;
  try {
    answer = await call;
  } catch (error) {
    return error;
  }
  throw new Error(`expected a refusal, but it succeeded with ${JSON.stringify(answer)}`);
}
