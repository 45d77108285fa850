'use strict';

const { camelKeys } = require('./names.js');
const { native } = require('./native.js');

/** Ten years, in milliseconds. */
const ADVANCE_MS_MAX = 10 * 366 * 24 * 60 * 60 * 1000;

// A program may keep nothing of a server but its URL: until it is stopped, it must not be collected.
const running = new Set();

class Verger {
  #native;

  constructor(server) {
    this.#native = server;
    this.url = server.url;
    this.secretKey = server.secretKey;
    this.instanceId = server.instanceId;
    running.add(this);
  }

  inbox() {
    const messages = this.#native.inbox();
    if (messages === null) throw new Error('the messages could not be read');
    return camelKeys(JSON.parse(messages));
  }

  advanceClock(durationMs) {
    if (!Number.isInteger(durationMs) || durationMs < 0 || durationMs > ADVANCE_MS_MAX) {
      throw new RangeError(`the clock moves by a whole number of milliseconds from 0 to ${ADVANCE_MS_MAX}`);
    }
    this.#native.advanceClock(durationMs);
  }

  async reset() {
    const why = await this.#native.reset();
    if (why !== null) throw new Error(why);
  }

  async stop() {
    const why = await this.#native.stop();
    running.delete(this);
    if (why !== null) throw new Error(why);
  }
}

async function startVerger() {
  const server = await native().startServer();
  if (typeof server === 'string') throw new Error(server);
  return new Verger(server);
}

module.exports = { startVerger };
