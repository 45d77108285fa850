'use strict';

const { version } = require('../package.json');
const { ApiError } = require('./errors.js');
const { snake, snakeKeys, camelKeys } = require('./names.js');
const { native } = require('./native.js');
const { CodeVerification, DeletedObject, EmailAddress, PhoneNumber, User } = require('./resources.js');

/** The version of the API that the shapes in `resources.js` are of. */
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

class PhoneNumbers {
  #calls;

  constructor(calls) {
    this.#calls = calls;
  }

  async getPhoneNumber(phoneNumberId) {
    return new PhoneNumber(await this.#calls.send('GetPhoneNumber', { ids: [phoneNumberId] }));
  }

  async createPhoneNumber(params) {
    return new PhoneNumber(await this.#calls.send('CreatePhoneNumber', { body: params }));
  }

  async updatePhoneNumber(phoneNumberId, params = {}) {
    return new PhoneNumber(await this.#calls.send('UpdatePhoneNumber', { ids: [phoneNumberId], body: params }));
  }

  async deletePhoneNumber(phoneNumberId) {
    return new DeletedObject(await this.#calls.send('DeletePhoneNumber', { ids: [phoneNumberId] }));
  }

  async preparePhoneNumberVerification(phoneNumberId) {
    return new CodeVerification(await this.#calls.send('PreparePhoneNumberVerification', { ids: [phoneNumberId] }));
  }

  async attemptPhoneNumberVerification(phoneNumberId, params) {
    const call = { ids: [phoneNumberId], body: params };
    return new CodeVerification(await this.#calls.send('AttemptPhoneNumberVerification', call));
  }

  async getPhoneNumberDetails(phoneNumberId) {
    return camelKeys(await this.#calls.send('VergerGetPhoneNumber', { ids: [phoneNumberId] }));
  }
}

class EmailAddresses {
  #calls;

  constructor(calls) {
    this.#calls = calls;
  }

  async getEmailAddress(emailAddressId) {
    return new EmailAddress(await this.#calls.send('GetEmailAddress', { ids: [emailAddressId] }));
  }

  async createEmailAddress(params) {
    return new EmailAddress(await this.#calls.send('CreateEmailAddress', { body: params }));
  }

  async updateEmailAddress(emailAddressId, params = {}) {
    return new EmailAddress(await this.#calls.send('UpdateEmailAddress', { ids: [emailAddressId], body: params }));
  }

  async deleteEmailAddress(emailAddressId) {
    return new DeletedObject(await this.#calls.send('DeleteEmailAddress', { ids: [emailAddressId] }));
  }

  async prepareEmailAddressVerification(emailAddressId) {
    const call = { ids: [emailAddressId] };
    return new CodeVerification(await this.#calls.send('PrepareEmailAddressVerification', call));
  }

  async attemptEmailAddressVerification(emailAddressId, params) {
    const call = { ids: [emailAddressId], body: params };
    return new CodeVerification(await this.#calls.send('AttemptEmailAddressVerification', call));
  }
}

class Users {
  #calls;

  constructor(calls) {
    this.#calls = calls;
  }

  async getUserList(params = {}) {
    const { limit, offset, orderBy, ...filter } = params;
    const [list, totalCount] = await Promise.all([
      this.#calls.send('GetUserList', { query: params }),
      this.getCount(filter),
    ]);
    return { data: list.map(user => new User(user)), totalCount };
  }

  async getCount(params = {}) {
    return (await this.#calls.send('GetUsersCount', { query: params })).total_count;
  }

  async getUser(userId) {
    return new User(await this.#calls.send('GetUser', { ids: [userId] }));
  }

  async createUser(params) {
    return new User(await this.#calls.send('CreateUser', { body: params }));
  }

  async updateUser(userId, params = {}) {
    const { publicMetadata, privateMetadata, unsafeMetadata, ...rest } = params;
    const metadata = { publicMetadata, privateMetadata, unsafeMetadata };
    if (Object.values(metadata).every(value => value === undefined)) {
      return new User(await this.#calls.send('UpdateUser', { ids: [userId], body: rest }));
    }
    // This version of the API takes metadata apart from everything else.
    if (Object.keys(rest).length > 0) await this.#calls.send('UpdateUser', { ids: [userId], body: rest });
    return this.replaceUserMetadata(userId, metadata);
  }

  async deleteUser(userId) {
    return new DeletedObject(await this.#calls.send('DeleteUser', { ids: [userId] }));
  }

  async updateUserMetadata(userId, params) {
    return new User(await this.#calls.send('UpdateUserMetadata', { ids: [userId], body: params }));
  }

  async replaceUserMetadata(userId, params) {
    return new User(await this.#calls.send('ReplaceUserMetadata', { ids: [userId], body: params }));
  }

  async replaceUserPhoneNumber(userId, params) {
    return new PhoneNumber(await this.#calls.send('ReplaceUserPhoneNumber', { ids: [userId], body: params }));
  }

  async replaceUserEmailAddress(userId, params) {
    return new EmailAddress(await this.#calls.send('ReplaceUserEmailAddress', { ids: [userId], body: params }));
  }

  async banUser(userId) {
    return new User(await this.#calls.send('BanUser', { ids: [userId] }));
  }

  async unbanUser(userId) {
    return new User(await this.#calls.send('UnbanUser', { ids: [userId] }));
  }

  async banUsers(userIds) {
    return (await this.#calls.send('UsersBan', { body: { userIds } })).map(user => new User(user));
  }

  async unbanUsers(userIds) {
    return (await this.#calls.send('UsersUnban', { body: { userIds } })).map(user => new User(user));
  }

  async lockUser(userId) {
    return new User(await this.#calls.send('LockUser', { ids: [userId] }));
  }

  async unlockUser(userId) {
    return new User(await this.#calls.send('UnlockUser', { ids: [userId] }));
  }

  async disableUserMFA(userId) {
    const answer = await this.#calls.send('DisableMFA', { ids: [userId] });
    // The official SDK documents `userId` and gives `user_id`: both are there, the documented one unseen.
    return Object.defineProperty(answer, 'userId', { value: answer.user_id });
  }
}

function createClerkClient(options = {}) {
  const calls = new Calls(options);
  return {
    phoneNumbers: new PhoneNumbers(calls),
    emailAddresses: new EmailAddresses(calls),
    users: new Users(calls),
  };
}

module.exports = { createClerkClient };
