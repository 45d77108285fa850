// Sessions, clients, JWT templates and tickets, as the unmodified SDK sends and decodes them.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { describe, test } from 'node:test';

import { verifyToken } from '@clerk/backend';

import { claimsOf, configuration, signIn } from '../session-tokens.js';
import { assertRefused, clerkClient, createUser, freshWord, kindOf, plain, secretKey, url, useAreaCodes } from '../support.js';

useAreaCodes(900);
const { sessions, clients, jwtTemplates, signInTokens, actorTokens, testingTokens } = clerkClient;

const DAY_MS = 86_400_000;
const NOT_FOUND = { status: 404, code: 'resource_not_found' };

describe('sessions', { concurrency: true }, () => {
  test('a session is created, read and revoked', async () => {
    const user = await createUser();
    const session = await sessions.createSession({ userId: user.id });
    assert.equal(kindOf(session), 'Session');
    const { id, clientId, createdAt, updatedAt, lastActiveAt, expireAt, abandonAt, ...rest } = plain(session);
    assert.match(id, /^sess_[0-9A-Za-z]{27}$/);
    assert.match(clientId, /^client_[0-9A-Za-z]{27}$/);
    assert.deepEqual(rest, {
      userId: user.id,
      status: 'active',
      actor: null,
      lastActiveOrganizationId: null,
      latestActivity: null,
    });
    assert.deepEqual([updatedAt, lastActiveAt], [createdAt, createdAt]);
    assert.deepEqual([expireAt - createdAt, abandonAt - createdAt], [7 * DAY_MS, 30 * DAY_MS]);
    assert.deepEqual(plain(await sessions.getSession(id)), plain(session));
    assert.equal((await clerkClient.users.getUser(user.id)).lastSignInAt, createdAt);

    const revoked = await sessions.revokeSession(id);
    assert.equal(kindOf(revoked), 'Session');
    assert.deepEqual([revoked.id, revoked.status], [id, 'revoked']);
    assert.deepEqual(plain(await sessions.getSession(id)), plain(revoked));
  });

  test('the sessions of a user and of a client are listed, newest first', async () => {
    const user = await createUser();
    const created = [];
    for (let made = 0; made < 3; made++) {
      created.unshift(await sessions.createSession({ userId: user.id }));
      await new Promise(resolve => setTimeout(resolve, 2)); // the next millisecond: lists are ordered by time
    }
    await sessions.revokeSession(created[1].id);
    const ids = created.map(session => session.id);

    const all = await sessions.getSessionList({ userId: user.id });
    assert.deepEqual([all.totalCount, all.data.map(session => session.id)], [3, ids]);
    assert.ok(all.data.every(session => kindOf(session) === 'Session'));
    const page = await sessions.getSessionList({ userId: user.id, limit: 1, offset: 1 });
    assert.deepEqual([page.totalCount, page.data.map(session => session.id)], [3, [ids[1]]]);
    const active = await sessions.getSessionList({ userId: user.id, status: 'active' });
    assert.deepEqual(active.data.map(session => session.id), [ids[0], ids[2]]);
    const revoked = await sessions.getSessionList({ userId: user.id, status: 'revoked' });
    assert.deepEqual(revoked.data.map(session => session.id), [ids[1]]);
    const ofClient = await sessions.getSessionList({ clientId: created[2].clientId });
    assert.deepEqual(ofClient.data.map(session => session.id), [ids[2]]);
    await assertRefused(sessions.getSessionList({ userId: user.id, status: 'sleeping' }), {
      status: 422,
      code: 'form_param_value_invalid',
      paramName: 'status',
    });
  });

  test('a token lives as long as is asked for', async () => {
    const { sessionId, userId } = await signIn();
    const token = await sessions.getToken(sessionId);
    assert.equal(kindOf(token), 'Token');
    const { sub, sid, iat, exp } = claimsOf(token.jwt);
    assert.deepEqual([sub, sid, exp - iat], [userId, sessionId, 60]);
    const longer = claimsOf((await sessions.getToken(sessionId, '', 600)).jwt);
    assert.equal(longer.exp - longer.iat, 600);
    await assertRefused(sessions.getToken(sessionId, '', 29), {
      status: 422,
      code: 'form_param_value_invalid',
      paramName: 'expires_in_seconds',
    });
  });

  test('a ban ends the sessions of the user', async () => {
    const { sessionId, userId } = await signIn();
    await clerkClient.users.banUser(userId);
    assert.equal((await sessions.getSession(sessionId)).status, 'revoked');
    await assertRefused(sessions.createSession({ userId }), { status: 403, code: 'user_banned' });
    await assertRefused(sessions.getToken(sessionId), { status: 401, code: 'authentication_invalid' });
  });

  test('what a token is not refreshed by', async () => {
    const { sessionId, token } = await signIn();
    // A session of the Backend API has no refresh token, and its tokens name no origin.
    await assertRefused(
      sessions.refreshSession(sessionId, {
        expired_token: token,
        refresh_token: freshWord('rt_'),
        request_origin: 'http://127.0.0.1:3000',
        format: 'token',
      }),
      { status: 401, code: 'expired_session_token_missing_azp' },
    );
  });

  test('a session that nobody has', async () => {
    const unknown = 'sess_000000000000000000000000000';
    await assertRefused(sessions.getSession(unknown), NOT_FOUND);
    await assertRefused(sessions.revokeSession(unknown), NOT_FOUND);
    await assertRefused(sessions.getToken(unknown), NOT_FOUND);
    await assertRefused(sessions.createSession({ userId: 'user_000000000000000000000000000' }), NOT_FOUND);
    // The route of an earlier API, which the SDK still has a method for.
    await assertRefused(sessions.verifySession(unknown, 'x'), { status: 404, code: 'resource_not_found' });
  });
});

describe('clients', { concurrency: true }, () => {
  test('a client is read and listed with its open sessions', async () => {
    const { sessionId } = await signIn();
    const session = await sessions.getSession(sessionId);
    const client = await clients.getClient(session.clientId);
    assert.equal(kindOf(client), 'Client');
    const { sessions: open, createdAt, updatedAt, ...rest } = plain(client);
    assert.deepEqual(rest, {
      id: session.clientId,
      sessionIds: [sessionId],
      signInId: null,
      signUpId: null,
      lastActiveSessionId: sessionId,
      lastAuthenticationStrategy: null,
    });
    assert.deepEqual(open.map(one => [one.id, one.status]), [[sessionId, 'active']]);
    assert.ok(createdAt <= updatedAt);
    const list = await clients.getClientList({ limit: 500 });
    assert.ok(list.totalCount >= 1);
    assert.deepEqual(plain(list.data.find(one => one.id === client.id) ?? null), plain(client));
    await sessions.revokeSession(sessionId);
    const after = await clients.getClient(client.id);
    assert.deepEqual([after.sessions, after.lastActiveSessionId], [[], null]);
  });

  test('what no browser holds is no client', async () => {
    await assertRefused(clients.getClient('client_000000000000000000000000000'), NOT_FOUND);
    await assertRefused(clients.verifyClient('not.a.token'), {
      status: 400,
      code: 'cookie_invalid',
      paramName: 'token',
    });
  });
});

describe('JWT templates', { concurrency: true }, () => {
  test('a template is created, read, listed, updated, used and deleted', async () => {
    const name = freshWord('js-');
    const claims = { role: '{{user.public_metadata.role}}', aud: 'https://api.example.com', id: '{{user.id}}' };
    const created = await jwtTemplates.create({ name, claims, lifetime: 300, allowedClockSkew: 0 });
    assert.equal(kindOf(created), 'JwtTemplate');
    const { id, createdAt, updatedAt, ...rest } = plain(created);
    assert.match(id, /^jtmp_[0-9A-Za-z]{27}$/);
    const shown = { name, claims, lifetime: 300, allowedClockSkew: 0, customSigningKey: false, signingAlgorithm: 'RS256' };
    assert.deepEqual(rest, shown);
    assert.equal(updatedAt, createdAt);
    assert.deepEqual(plain(await jwtTemplates.get(id)), plain(created));
    const list = await jwtTemplates.list({ limit: 500 });
    assert.deepEqual(plain(list.data.find(one => one.id === id) ?? null), plain(created));
    assert.ok(list.totalCount >= 1);

    const user = await createUser({ publicMetadata: { role: 'editor' } });
    const session = await sessions.createSession({ userId: user.id });
    const { jwt } = await sessions.getToken(session.id, name);
    const { jwtKey } = await configuration();
    const seen = await verifyToken(jwt, { jwtKey, audience: 'https://api.example.com' });
    assert.deepEqual([seen.role, seen.id, seen.sub, seen.sid], ['editor', user.id, user.id, undefined]);
    assert.deepEqual([seen.exp - seen.iat, seen.iat - seen.nbf], [300, 0]);

    const renamed = await jwtTemplates.update({ templateId: id, name, claims: { plan: 'pro' }, lifetime: 60 });
    assert.deepEqual([renamed.id, renamed.claims, renamed.lifetime], [id, { plan: 'pro' }, 60]);
    assert.equal(claimsOf((await sessions.getToken(session.id, name)).jwt).plan, 'pro');
    const deleted = await jwtTemplates.delete(id);
    assert.deepEqual(plain(deleted), { object: 'jwt_template', id, slug: null, deleted: true });
    await assertRefused(jwtTemplates.get(id), NOT_FOUND);
    await assertRefused(sessions.getToken(session.id, name), NOT_FOUND);
  });

  test('a template may have a key of its own', async () => {
    const name = freshWord('js-');
    const signingKey = 'a key of at least 32 bytes, as HS256 wants one';
    const params = { name, claims: { role: 'authenticated' }, customSigningKey: true, signingAlgorithm: 'HS256', signingKey };
    const template = await jwtTemplates.create(params);
    assert.deepEqual([template.customSigningKey, template.signingAlgorithm], [true, 'HS256']);
    assert.ok(!JSON.stringify(template).includes(signingKey));
    const { sessionId } = await signIn();
    const { jwt } = await sessions.getToken(sessionId, name);
    const [header, payload, signature] = jwt.split('.');
    assert.equal(JSON.parse(Buffer.from(header, 'base64url')).alg, 'HS256');
    assert.equal(createHmac('sha256', signingKey).update(`${header}.${payload}`).digest('base64url'), signature);
    await jwtTemplates.delete(template.id);
  });

  test('claims that the server sets, and a name that is taken, are refused', async () => {
    const name = freshWord('js-');
    await assertRefused(jwtTemplates.create({ name, claims: { sub: 'x' } }), {
      status: 400,
      code: 'jwt_template_reserved_claim',
      paramName: 'claims',
    });
    const { id } = await jwtTemplates.create({ name, claims: {} });
    await assertRefused(jwtTemplates.create({ name, claims: {} }), {
      status: 422,
      code: 'form_identifier_exists',
      paramName: 'name',
    });
    await jwtTemplates.delete(id);
  });
});

describe('tickets', { concurrency: true }, () => {
  test('a sign-in token is created and revoked', async () => {
    const user = await createUser();
    const created = await signInTokens.createSignInToken({ userId: user.id, expiresInSeconds: 600 });
    assert.equal(kindOf(created), 'SignInToken');
    const { id, token, createdAt, updatedAt, ...rest } = plain(created);
    assert.match(id, /^sit_[0-9A-Za-z]{27}$/);
    assert.deepEqual(rest, { userId: user.id, status: 'pending', url: `${url}/v1/tickets/accept?ticket=${token}` });
    assert.equal(updatedAt, createdAt);
    const revoked = await signInTokens.revokeSignInToken(id);
    assert.deepEqual([revoked.id, revoked.status, revoked.token], [id, 'revoked', undefined]);
    await assertRefused(signInTokens.revokeSignInToken(id), {
      status: 400,
      code: 'sign_in_token_cannot_be_revoked_code',
    });
  });

  test('an actor token is created and revoked', async () => {
    const user = await createUser();
    const actor = { sub: 'user_of_support', reason: 'ticket 7' };
    const created = await actorTokens.create({ userId: user.id, actor, sessionMaxDurationInSeconds: 600 });
    assert.equal(kindOf(created), 'ActorToken');
    const { id, token, createdAt, updatedAt, ...rest } = plain(created);
    assert.match(id, /^act_[0-9A-Za-z]{27}$/);
    const link = `${url}/v1/tickets/accept?ticket=${token}`;
    assert.deepEqual(rest, { userId: user.id, status: 'pending', actor, url: link });
    const revoked = await actorTokens.revoke(id);
    assert.deepEqual([revoked.id, revoked.status, revoked.actor], [id, 'revoked', actor]);
    await assertRefused(actorTokens.revoke(id), { status: 400, code: 'actor_token_cannot_be_revoked_code' });
  });

  test('a testing token is created', async () => {
    const created = await testingTokens.createTestingToken();
    // The SDK hands over what is on the wire, whatever its types say.
    assert.deepEqual(Object.keys(created).sort(), ['expires_at', 'object', 'token']);
    assert.match(created.token, /^\d+-c_[0-9A-Za-z]{27}$/);
    // In seconds, unlike every other time of this API.
    const lifeSeconds = created.expires_at - Date.now() / 1000;
    assert.ok(lifeSeconds > 0 && lifeSeconds < 86_400, `${lifeSeconds}`);
  });
});

test('the key set is the one that tokens are verified with', async () => {
  const { keys } = await clerkClient.jwks.getJwks();
  assert.ok(keys.length >= 1);
  for (const key of keys) assert.deepEqual(Object.keys(key).sort(), ['alg', 'e', 'kid', 'kty', 'n', 'use']);
  const { token, userId } = await signIn();
  const { kid } = JSON.parse(Buffer.from(token.split('.')[0], 'base64url'));
  assert.ok(keys.some(key => key.kid === kid));
  assert.equal((await verifyToken(token, { secretKey, apiUrl: url })).sub, userId);
});
