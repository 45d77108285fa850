// Applications with the official middleware, configured by the environment alone: a request is known by its Bearer token.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { configuration, states } from '../session-tokens.js';
import { secretKey, url } from '../support.js';

const TIMEOUT_MS = 60_000;

/** What each application has in common: a clock that a test moves, for the whole process. */
const CLOCK = `
  const real = Date.now;
  let aheadMs = 0;
  Date.now = () => real() + aheadMs;
  const setClock = ms => { aheadMs = Number(ms); return {}; };
  const shown = ({ userId, sessionId, isAuthenticated }) => ({ userId, sessionId, isAuthenticated });`;

const APPLICATIONS = {
  '@clerk/express': `
    import { clerkMiddleware, getAuth } from '@clerk/express';
    import express from 'express';
    const app = express();
    app.post('/clock/:ms', (request, response) => response.json(setClock(request.params.ms)));
    app.use(clerkMiddleware());
    app.get('/me', (request, response) => response.json(shown(getAuth(request))));
    const listening = app.listen(0, '127.0.0.1', () => console.log('http://127.0.0.1:' + listening.address().port));`,
  '@clerk/fastify': `
    import { clerkPlugin, getAuth } from '@clerk/fastify';
    import Fastify from 'fastify';
    const app = Fastify();
    app.post('/clock/:ms', async request => setClock(request.params.ms));
    app.register(async inner => {
      await inner.register(clerkPlugin);
      inner.get('/me', async request => shown(getAuth(request)));
    });
    console.log(await app.listen({ port: 0, host: '127.0.0.1' }));`,
  '@clerk/hono': `
    import { clerkMiddleware, getAuth } from '@clerk/hono';
    import { Hono } from 'hono';
    import { createServer } from 'node:http';
    const app = new Hono();
    app.post('/clock/:ms', context => context.json(setClock(context.req.param('ms'))));
    app.use('/me', clerkMiddleware());
    app.get('/me', context => context.json(shown(getAuth(context))));
    // Hono's way to Node is a package of its own; a GET without a body needs little of it.
    const server = createServer(async (request, response) => {
      const { method, headers } = request;
      const answer = await app.fetch(new Request('http://' + headers.host + request.url, { method, headers }));
      response.writeHead(answer.status, Object.fromEntries(answer.headers)).end(await answer.text());
    });
    server.listen(0, '127.0.0.1', () => console.log('http://127.0.0.1:' + server.address().port));`,
};

/** Its middleware takes the URL of the API as an option only; of the environment it takes the PEM. */
const NEEDS_PEM = ['@clerk/fastify'];

let publishableKey;
let jwtKey;
let signedIn;
let rows;

before(
  async () => {
    ({ publishableKey, jwtKey } = await configuration());
    ({ signedIn, rows } = await states());
  },
  { timeout: TIMEOUT_MS },
);

/** Starts an application with nothing of this process's environment but PATH; gives its address. */
async function start(t, program, variables) {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', CLOCK + program], {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    env: {
      PATH: process.env.PATH,
      CLERK_SECRET_KEY: secretKey,
      CLERK_API_URL: url,
      CLERK_PUBLISHABLE_KEY: publishableKey,
      CLERK_TELEMETRY_DISABLED: '1',
      ...variables,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  let text = '';
  for await (const chunk of child.stdout) {
    text += chunk;
    if (text.includes('\n')) break;
  }
  return text.trim();
}

describe('middleware', { concurrency: true }, () => {
  for (const [name, program] of Object.entries(APPLICATIONS)) {
    test(`${name} knows a request by its Bearer token`, { timeout: TIMEOUT_MS }, async t => {
      const hasPem = NEEDS_PEM.includes(name);
      const address = await start(t, program, hasPem ? { CLERK_JWT_KEY: jwtKey } : {});
      const me = async token => {
        const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
        const response = await fetch(`${address}/me`, { headers });
        assert.equal(response.status, 200);
        return { body: await response.json(), reason: response.headers.get('x-clerk-auth-reason') };
      };
      const nobody = { userId: null, sessionId: null, isAuthenticated: false };
      for (const { name: state, token, laterMs, userId, reason, reasonWithKeySet } of rows) {
        await fetch(`${address}/clock/${laterMs ?? 0}`, { method: 'POST' });
        const { body, reason: seen } = await me(token);
        if (userId !== null) assert.deepEqual([body.userId, body.isAuthenticated], [userId, true], state);
        else assert.deepEqual(body, nobody, state);
        // A middleware may keep the reason to itself; what it says is what the table says.
        if (seen !== null) assert.equal(seen, (!hasPem && reasonWithKeySet) || reason, state);
      }
      await fetch(`${address}/clock/0`, { method: 'POST' });
      assert.equal((await me(signedIn.token)).body.sessionId, signedIn.sessionId);
      assert.deepEqual((await me()).body, nobody);
    });
  }
});
