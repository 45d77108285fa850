// What every test here needs: the emulator, the senders as a program, and a place where status callbacks arrive.

import assert from 'node:assert/strict';
import { execFile, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createNetServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const program = process.env.VERGER_DELIVER;
if (!program) {
  throw new Error(
    'VERGER_DELIVER is not set: run `cargo xtask interop twilio`, or build the example `deliver` of verger-server ' +
      'and set it to its path.',
  );
}

const binary = process.env.VERGER_BINARY;
if (!binary) {
  throw new Error('VERGER_BINARY is not set: run `cargo xtask interop twilio`, or set it to the path of `verger`.');
}

// What the emulator is seeded with.
export const ACCOUNT_SID = 'AC00000000000000000000000000000000';
export const AUTH_TOKEN = 'twilio_test_auth_token';
export const API_KEY = { sid: 'SK00000000000000000000000000000000', secret: 'twilio_test_api_secret' };
export const FROM = '+15551234567';

const START_TIMEOUT_MS = 20_000;
const STOP_TIMEOUT_MS = 5_000;

export async function freePort() {
  const server = createNetServer();
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

/** A running emulator; `stop()` ends exactly this one. */
export async function startEmulator() {
  const port = await freePort();
  const path = (name) => fileURLToPath(new URL(name, import.meta.url));
  const child = spawn(
    process.execPath,
    [
      '--import',
      new URL('loopback.js', import.meta.url).href,
      path('node_modules/emulate/dist/index.js'),
      'start',
      '--service',
      'twilio',
      '--port',
      String(port),
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let output = '';
  child.stdout.on('data', (text) => (output += text));
  child.stderr.on('data', (text) => (output += text));
  const ended = new Promise((done) => child.once('exit', done));
  const url = `http://127.0.0.1:${port}`;
  const deadline = Date.now() + START_TIMEOUT_MS;
  for (;;) {
    const answered = await fetch(url, { signal: AbortSignal.timeout(1_000) }).catch(() => undefined);
    if (answered?.ok) {
      break;
    }
    if (child.exitCode !== null || Date.now() > deadline) {
      child.kill('SIGKILL');
      throw new Error(`the emulator did not start\n${output}`);
    }
    await sleep(50);
  }
  return {
    url,
    /** Asks the emulator's own API, as its account. */
    async api(path, form) {
      const response = await fetch(url + path, {
        method: form ? 'POST' : 'GET',
        headers: { authorization: `Basic ${Buffer.from(`${ACCOUNT_SID}:${AUTH_TOKEN}`).toString('base64')}` },
        body: form && new URLSearchParams(form),
        signal: AbortSignal.timeout(10_000),
      });
      assert.ok(response.ok, `${path}: ${response.status}`);
      return response.json();
    },
    /** The messages that the emulator was given for a number, newest first. */
    async messagesTo(number) {
      const query = new URLSearchParams({ To: number });
      return (await this.api(`/2010-04-01/Accounts/${ACCOUNT_SID}/Messages.json?${query}`)).messages;
    },
    async stop() {
      child.kill('SIGTERM');
      const late = await Promise.race([ended, sleep(STOP_TIMEOUT_MS, 'late', { ref: false })]);
      if (late === 'late') {
        child.kill('SIGKILL');
        await ended;
      }
    },
  };
}

/** The section [sms] for the Twilio sender; `changes` go into its own section, whose name is `section`. */
export function smsConfig(emulator, changes = {}, section = 'twilio') {
  const settings = {
    account_sid: ACCOUNT_SID,
    auth_token: AUTH_TOKEN,
    from: FROM,
    base_url: emulator.url,
    ...changes,
  };
  const lines = Object.entries(settings).map(([key, value]) => `${key} = ${JSON.stringify(value)}`);
  return `sender = "twilio"\n[${section}]\n${lines.join('\n')}\n`;
}

/** Runs the program once. */
export function deliver(input) {
  return new Promise((done, failed) => {
    const child = execFile(program, { timeout: 20_000 }, (error, stdout, stderr) => {
      if (error) {
        failed(new Error(`${error.message}\n${stderr}`));
      } else {
        done(JSON.parse(stdout));
      }
    });
    child.stdin.end(JSON.stringify(input));
  });
}

/** A production installation of the real `verger`, with an empty store and this configuration. */
export function installVerger(config) {
  const folder = mkdtempSync(join(tmpdir(), 'verger-twilio-'));
  const configFile = join(folder, 'verger.toml');
  writeFileSync(configFile, config);
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('VERGER_')));
  // Nobody has to be told before it stops.
  env.VERGER_SHUTDOWN_DELAY_MS = '0';
  env.VERGER_CODE_KEYS = Buffer.alloc(32, 7).toString('base64');
  const data = ['--data', join(folder, 'data')];
  const run = (...args) =>
    execFileSync(binary, [...args, ...data], { env, encoding: 'utf8', timeout: START_TIMEOUT_MS }).trim();
  run('migrate');
  const instance = run('instances', 'create', '--name', 'Shop');
  const key = run('keys', 'create', '--instance', instance);
  return {
    /** Starts `verger serve` on this port with everything logged; `stop()` ends exactly this one and gives its log. */
    async serve(port) {
      const args = ['serve', '--listen', `127.0.0.1:${port}`, '--metrics-listen', '127.0.0.1:0', '--config', configFile];
      const child = spawn(binary, [...args, '--log', 'trace', ...data], { env, stdio: ['ignore', 'pipe', 'pipe'] });
      let output = '';
      child.stdout.on('data', (text) => (output += text));
      child.stderr.on('data', (text) => (output += text));
      const ended = new Promise((done) => child.once('close', done));
      const url = `http://127.0.0.1:${port}`;
      const deadline = Date.now() + START_TIMEOUT_MS;
      for (;;) {
        const ready = await fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(1_000) }).catch(() => undefined);
        if (ready?.ok) {
          break;
        }
        if (child.exitCode !== null || Date.now() > deadline) {
          child.kill('SIGKILL');
          throw new Error(`verger did not start\n${output}`);
        }
        await sleep(20);
      }
      return {
        /** Calls the API; anything but 200 is an error. */
        async call(method, path, body) {
          const response = await fetch(url + path, {
            method,
            headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
            body: body && JSON.stringify(body),
            signal: AbortSignal.timeout(10_000),
          });
          const answer = await response.json();
          assert.equal(response.status, 200, `${method} ${path}: ${JSON.stringify(answer)}`);
          return answer;
        },
        async stop() {
          child.kill('SIGTERM');
          const late = await Promise.race([ended, sleep(STOP_TIMEOUT_MS, 'late', { ref: false })]);
          if (late === 'late') {
            child.kill('SIGKILL');
            await ended;
          }
          assert.equal(child.exitCode, 0, output);
          return output;
        },
      };
    },
    remove() {
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Asks until there is an answer. */
export async function until(what, ask) {
  const deadline = Date.now() + START_TIMEOUT_MS;
  for (;;) {
    const found = await ask();
    if (found) {
      return found;
    }
    assert.ok(Date.now() < deadline, `waited for ${what}`);
    await sleep(20);
  }
}

/** Collects what is posted to it: the full address, the signature and the body. */
export async function startReceiver() {
  const received = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (text) => (body += text));
    request.on('end', () => {
      received.push({
        url: `http://${request.headers.host}${request.url}`,
        signature: request.headers['x-twilio-signature'],
        body,
      });
      response.writeHead(204).end();
    });
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${server.address().port}/callbacks/twilio`,
    received,
    stop() {
      server.closeAllConnections();
      return new Promise((done) => server.close(done));
    },
  };
}
