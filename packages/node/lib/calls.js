'use strict';

const { version } = require('../package.json');
const { ApiError } = require('./errors.js');
const { snake, snakeKeys } = require('./names.js');
const { native } = require('./native.js');

/** The version of the API that the shapes in `objects.js` are of. */
const API_VERSION = '2026-05-12';

// Calls that were sent and not answered, by number; and how their answers come, for all clients of this thread.
const waiting = new Map();
let lastNumber = 0;
let answers;

function told(text) {
  const list = JSON.parse(text);
  for (let at = 0; at < list.length; at += 2) {
    const settle = waiting.get(list[at]);
    waiting.delete(list[at]);
    settle(list[at + 1]);
  }
}

/** Sends calls through the native half: all that are made in one turn go together. */
class Calls {
  #options;
  #native;
  #queued = [];

  constructor({ secretKey, apiUrl, userAgent, timeoutMs }) {
    this.#options = { secretKey, apiUrl, userAgent, timeoutMs };
  }

  // Made with the first call: a program may create its client where there is no key yet, as while it is built.
  #prepare() {
    if (this.#native) return;
    const { secretKey, apiUrl, userAgent, timeoutMs } = this.#options;
    if (typeof secretKey !== 'string' || secretKey === '') {
      throw new Error('there is no secret key: give one to createClerkClient({ secretKey })');
    }
    const options = {
      secretKey,
      apiUrl: apiUrl?.replace(/\/+$/, ''),
      apiVersion: API_VERSION,
      userAgent: userAgent ?? `verger-backend-node/${version}`,
      timeoutMs,
    };
    const made = native().createClient(JSON.stringify(options));
    if (typeof made === 'string') throw new Error(made);
    answers ??= native().listen(told);
    this.#native = made;
  }

  /** The native client, for what is asked of it otherwise than by a call; `null` without a key. */
  client() {
    if (!this.#options.secretKey) return null;
    this.#prepare();
    return this.#native;
  }

  #flush = () => {
    const calls = this.#queued;
    this.#queued = [];
    let why = null;
    try {
      why = this.#native.send(answers, `[${calls.map(call => call.text).join()}]`, calls.length);
    } catch (error) {
      why = error.message;
    }
    if (why === null) return;
    told(JSON.stringify(calls.flatMap(({ number }) => [number, { error: { kind: 'refused', message: why } }])));
  };

  /** Sends one call and gives the object of the answer. */
  async send(operation, { ids = [], query, body }) {
    for (const id of ids) {
      if (typeof id !== 'string' || id === '') throw new Error(`${operation} needs an id, a text that is not empty`);
    }
    this.#prepare();
    lastNumber = (lastNumber + 1) >>> 0;
    const number = lastNumber;
    const call = {
      number,
      operation,
      ids,
      query: query && queryPairs(query),
      body: body && snakeKeys(body),
    };
    const text = JSON.stringify(call);
    if (this.#queued.push({ number, text }) === 1) queueMicrotask(this.#flush);
    const answer = await new Promise(resolve => waiting.set(number, resolve));
    if (answer.error === undefined) return answer.ok;
    // Nothing was sent: the program is wrong, not the service.
    if (answer.error.kind === 'refused') throw new Error(answer.error.message);
    throw new ApiError(answer.error);
  }
}

function queryPairs(query) {
  const pairs = [];
  for (const [name, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined && one !== null) pairs.push([snake(name), String(one)]);
    }
  }
  return pairs;
}

module.exports = { Calls };
