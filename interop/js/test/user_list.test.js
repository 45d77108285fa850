// getUserList and getCount: every filter that is built, every order, and paging. Each test makes its own users and
// narrows every call down to them, so that what else the server holds does not matter.

import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';

import {
  UNKNOWN_USER_ID,
  assertRefused,
  clerkClient,
  createUser,
  freshNumber,
  freshWord,
  kindOf,
  raw,
  useAreaCodes,
} from '../support.js';

useAreaCodes(600);

const { users } = clerkClient;

describe('getUserList', () => {
  const word = freshWord('w');
  let ada, bob, cyd;
  let everyone;

  before(async () => {
    const create = async (name, lastName, createdAt) => {
      const user = await users.createUser({
        emailAddress: [`${name}.${word}@example.com`],
        phoneNumber: [freshNumber()],
        username: `${name}-${word}`,
        externalId: `${name}-${word}`,
        firstName: name,
        lastName: `${lastName}${word}`,
        createdAt: new Date(createdAt),
      });
      while (Date.now() <= user.updatedAt) await setImmediate(); // so that no two were updated in one millisecond
      return user;
    };
    // Created in this order, with names, numbers and times that sort differently.
    bob = await create('bob', 'Young', '2020-02-02T00:00:00Z');
    ada = await create('ada', 'Zuse', '2020-03-03T00:00:00Z');
    cyd = await create('cyd', 'Xu', '2020-01-01T00:00:00Z');
    everyone = [ada.id, bob.id, cyd.id];
    await users.banUser(cyd.id);
  });

  async function assertFinds(params, expected) {
    const { data, totalCount } = await users.getUserList(params);
    assert.deepEqual(data.map(({ id }) => id).sort(), expected.map(({ id }) => id).sort(), JSON.stringify(params));
    assert.equal(totalCount, expected.length, 'the count takes the same filters');
    assert.equal(await users.getCount(params), expected.length);
  }

  test('decodes users and the total count', async () => {
    const { data, totalCount } = await users.getUserList({ userId: everyone });
    assert.equal(totalCount, 3);
    assert.ok(data.every(user => kindOf(user) === 'User'));
    const found = data.find(({ id }) => id === ada.id);
    assert.deepEqual(found.raw, ada.raw);
    assert.equal(found.primaryPhoneNumber.phoneNumber, ada.primaryPhoneNumber.phoneNumber);
  });

  test('without parameters lists the newest ten', async () => {
    const { data, totalCount } = await users.getUserList();
    assert.ok(data.length <= 10 && data.length > 0);
    assert.ok(totalCount >= 3);
    assert.equal(typeof (await users.getCount()), 'number');
    const times = data.map(({ createdAt }) => createdAt);
    assert.deepEqual(times, times.toSorted((a, b) => b - a));
  });

  test('filters by exact identifiers, one or several, unknown ones ignored', async () => {
    await assertFinds({ emailAddress: [`ada.${word}@example.com`] }, [ada]);
    await assertFinds({ emailAddress: [`ADA.${word}@example.com`, `bob.${word}@example.com`] }, [ada, bob]);
    await assertFinds({ emailAddress: [`nobody.${word}@example.com`] }, []);
    await assertFinds({ phoneNumber: [ada.primaryPhoneNumber.phoneNumber] }, [ada]);
    await assertFinds(
      { phoneNumber: [ada, bob, cyd].map(user => user.primaryPhoneNumber.phoneNumber) },
      [ada, bob, cyd],
    );
    await assertFinds({ phoneNumber: [freshNumber()] }, []);
    await assertFinds({ username: [`bob-${word}`] }, [bob]);
    await assertFinds({ username: [`BOB-${word}`, `cyd-${word}`, `nobody-${word}`] }, [bob, cyd]);
    await assertFinds({ externalId: [`cyd-${word}`] }, [cyd]);
    await assertFinds({ externalId: [`cyd-${word}`, `ada-${word}`] }, [cyd, ada]);
    await assertFinds({ userId: [bob.id] }, [bob]);
    await assertFinds({ userId: everyone }, [ada, bob, cyd]);
    await assertFinds({ userId: [UNKNOWN_USER_ID] }, []);
  });

  test('includes with + and excludes with -', async () => {
    await assertFinds({ userId: [`+${ada.id}`, `+${bob.id}`] }, [ada, bob]);
    await assertFinds({ userId: [`-${ada.id}`], query: word }, [bob, cyd]);
    await assertFinds({ externalId: [`+ada-${word}`] }, [ada]);
    await assertFinds({ externalId: [`-ada-${word}`], query: word }, [bob, cyd]);
  });

  test('filters by part of an identifier or name, whatever the case', async () => {
    await assertFinds({ query: word }, [ada, bob, cyd]);
    await assertFinds({ query: word.toUpperCase() }, [ada, bob, cyd]);
    await assertFinds({ query: `ada.${word}@` }, [ada]);
    await assertFinds({ query: `bob-${word}` }, [bob]);
    await assertFinds({ query: `zuse${word}` }, [ada]);
    await assertFinds({ query: cyd.id }, [cyd]);
    await assertFinds({ query: ada.primaryPhoneNumber.phoneNumber }, [ada]);
    await assertFinds({ query: freshWord('nothing') }, []);
    await assertFinds({ emailAddressQuery: `ADA.${word}` }, [ada]);
    await assertFinds({ phoneNumberQuery: bob.primaryPhoneNumber.phoneNumber.slice(2) }, [bob]);
    await assertFinds({ usernameQuery: `CYD-${word}` }, [cyd]);
    await assertFinds({ nameQuery: `YOUNG${word}` }, [bob]);
  });

  test('a wildcard in a query is a letter like any other', async () => {
    for (const query of [`${word}%`, `_${word}`, `${word}*`, `'${word}`, `${word}\\`]) {
      await assertFinds({ query }, []);
    }
  });

  test('filters by ban', async () => {
    const { data, totalCount } = await users.getUserList({ userId: everyone, banned: true });
    assert.deepEqual([data.map(({ id }) => id), totalCount], [[cyd.id], 1]);
    // The SDK leaves out what is falsy, so that `banned: false` must be text to arrive.
    await assertFinds({ userId: everyone, banned: 'false' }, [ada, bob]);
  });

  test('filters by time of creation', async () => {
    const february = Date.parse('2020-02-01T00:00:00Z');
    const march = Date.parse('2020-03-01T00:00:00Z');
    await assertFinds({ userId: everyone, createdAtBefore: march }, [bob, cyd]);
    await assertFinds({ userId: everyone, createdAtAfter: february }, [ada, bob]);
    await assertFinds({ userId: everyone, createdAtAfter: february, createdAtBefore: march }, [bob]);
  });

  test('filters together narrow down', async () => {
    await assertFinds({ query: word, username: [`ada-${word}`] }, [ada]);
    await assertFinds({ userId: [ada.id, bob.id], emailAddress: [`bob.${word}@example.com`] }, [bob]);
    await assertFinds({ userId: [ada.id], username: [`bob-${word}`] }, []);
  });

  test('orders by each field, both ways', async () => {
    const orders = {
      created_at: [cyd, bob, ada],
      updated_at: [bob, ada, cyd],
      email_address: [ada, bob, cyd],
      username: [ada, bob, cyd],
      first_name: [ada, bob, cyd],
      last_name: [cyd, bob, ada],
      phone_number: [bob, ada, cyd],
    };
    for (const [field, ascending] of Object.entries(orders)) {
      for (const [orderBy, expected] of [
        [field, ascending], [`+${field}`, ascending], [`-${field}`, ascending.toReversed()],
      ]) {
        const { data } = await users.getUserList({ userId: everyone, orderBy });
        assert.deepEqual(data.map(({ firstName }) => firstName), expected.map(({ firstName }) => firstName), orderBy);
      }
    }
    const { data } = await users.getUserList({ userId: everyone });
    assert.deepEqual(data.map(({ id }) => id), [ada.id, bob.id, cyd.id], 'newest first when nothing is said');
  });

  test('pages by limit and offset, and the total stays', async () => {
    const seen = [];
    for (let offset = 0; offset < 4; offset++) {
      const params = { userId: everyone, limit: 1, offset, orderBy: '+username' };
      const { data, totalCount } = await users.getUserList(params);
      assert.equal(totalCount, 3);
      seen.push(...data.map(({ id }) => id));
    }
    assert.deepEqual(seen, [ada.id, bob.id, cyd.id], 'past the end there is nothing');
  });

  test('pages by cursor', async () => {
    // The SDK has no such parameter yet: it would pass it on to the count as well.
    const ids = `user_id=${everyone.join('&user_id=')}`;
    const page = async (orderBy, after) => {
      const query = `${ids}&limit=2&order_by=${encodeURIComponent(orderBy)}&starting_after=${after}`;
      const { status, body } = await raw('GET', `/users?${query}`);
      assert.equal(status, 200);
      return body.map(({ id }) => id);
    };
    assert.deepEqual(await page('-created_at', ada.id), [bob.id, cyd.id]);
    assert.deepEqual(await page('-created_at', cyd.id), []);
    assert.deepEqual(await page('+created_at', cyd.id), [bob.id, ada.id]);
  });

  test('takes arrays with brackets too', async () => {
    const { body } = await raw('GET', `/users?user_id[]=${ada.id}&user_id[]=${bob.id}&order_by=%2Busername`);
    assert.deepEqual(body.map(({ id }) => id), [ada.id, bob.id]);
    const count = await raw('GET', `/users/count?user_id[]=${ada.id}&user_id[]=${bob.id}`);
    assert.deepEqual(count.body, { object: 'total_count', total_count: 2 });
    const numbered = await raw('GET', `/users?user_id%5B1%5D=${ada.id}&user_id[0]=${bob.id}&order_by=%2Busername`);
    assert.deepEqual(numbered.body.map(({ id }) => id), [ada.id, bob.id]);
  });

  test('is refused for bad paging and order', async () => {
    const invalid = paramName => ({ status: 422, code: 'form_param_value_invalid', paramName });
    for (const limit of [-1, 'many', 1.5]) {
      await assertRefused(users.getUserList({ limit }), invalid('limit'));
    }
    const tooLarge = { status: 422, code: 'form_param_value_too_large', paramName: 'limit' };
    await assertRefused(users.getUserList({ limit: 501 }), tooLarge);
    // The SDK does not send a zero.
    assert.equal((await raw('GET', '/users?limit=0')).status, 422);
    for (const offset of [-1, 'x']) {
      await assertRefused(users.getUserList({ offset }), invalid('offset'));
    }
    for (const orderBy of ['age', '-', 'created_at,username', '--last_active_at']) {
      await assertRefused(users.getUserList({ orderBy }), invalid('order_by'));
    }
    // Documented, and the same for everybody: nobody has any of these yet.
    for (const orderBy of ['last_active_at', '-last_sign_in_at', '+web3wallet']) {
      assert.equal((await users.getUserList({ orderBy, limit: 1 })).data.length, 1);
    }
  });

  test('is refused for a cursor with another order, with an offset, or that is unknown', async () => {
    for (const query of [
      `starting_after=${ada.id}&order_by=username`,
      `starting_after=${ada.id}&offset=1`,
      `starting_after=${UNKNOWN_USER_ID}`,
    ]) {
      const { status, body } = await raw('GET', `/users?${query}`);
      assert.ok([400, 404, 422].includes(status), `${query}: ${status}`);
      assert.equal(body.errors.length, 1);
    }
  });

  test('is refused for more than a hundred values', async () => {
    const userId = Array.from({ length: 101 }, () => UNKNOWN_USER_ID);
    const refusal = { status: 422, code: 'form_param_array_size_exceeded', paramName: 'user_id' };
    await assertRefused(users.getUserList({ userId }), refusal);
    await assertRefused(users.getCount({ userId }), refusal);
    assert.equal(await users.getCount({ userId: userId.slice(1) }), 0);
  });

  test('finds users by when they signed in and were active', async () => {
    const [early, late, never] = [await createUser(), await createUser(), await createUser()];
    const userId = [early.id, late.id, never.id];
    await clerkClient.sessions.createSession({ userId: early.id });
    await new Promise(resolve => setTimeout(resolve, 2)); // the next millisecond
    await clerkClient.sessions.createSession({ userId: late.id });
    const at = (await users.getUser(late.id)).lastSignInAt;
    for (const name of ['lastSignInAt', 'lastActiveAt']) {
      for (const [params, expected] of [
        [{ [`${name}Before`]: at }, [early.id]],
        [{ [`${name}After`]: at - 1 }, [late.id]],
      ]) {
        const { data, totalCount } = await users.getUserList({ userId, ...params });
        assert.deepEqual(data.map(user => user.id), expected, JSON.stringify(params));
        assert.equal(totalCount, 1);
        assert.equal(await users.getCount({ userId, ...params }), 1);
      }
    }
    const { data } = await users.getUserList({ userId, orderBy: '-last_sign_in_at' });
    assert.deepEqual(data.slice(0, 2).map(user => user.id), [late.id, early.id]);
  });

  test('is refused for a filter that is unknown or not built, naming it', async () => {
    for (const [params, paramName] of [
      [{ surprise: 'x' }, 'surprise'],
      [{ web3Wallet: ['0x123'] }, 'web3_wallet'],
      [{ organizationId: ['org_1'] }, 'organization_id'],
    ]) {
      await assertRefused(users.getUserList(params), { status: 422, code: 'form_param_unknown', paramName });
      await assertRefused(users.getCount(params), { status: 422, code: 'form_param_unknown', paramName });
    }
  });
});
