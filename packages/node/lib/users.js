'use strict';

const { User } = require('./objects.js');
const { UserOperations } = require('./operations.js');

/** The official SDK documents `userId` and gives `user_id`: both are there, the documented one unseen. */
function withUserId(answer) {
  return Object.defineProperty(answer, 'userId', { value: answer.user_id });
}

/** The operations on users, and those of them that the official SDK has in another shape than the wire. */
class Users extends UserOperations {
  #calls;

  constructor(calls) {
    super(calls);
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

  // Here for its parameters, which users.d.ts has dates in.
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

  async banUsers(userIds) {
    return (await this.#calls.send('UsersBan', { body: { userIds } })).map(user => new User(user));
  }

  async unbanUsers(userIds) {
    return (await this.#calls.send('UsersUnban', { body: { userIds } })).map(user => new User(user));
  }

  async disableUserMFA(userId) {
    return withUserId(await this.#calls.send('DisableMFA', { ids: [userId] }));
  }

  async deleteUserTOTP(userId) {
    return withUserId(await this.#calls.send('DeleteTOTP', { ids: [userId] }));
  }

  async deleteUserBackupCodes(userId) {
    return withUserId(await this.#calls.send('DeleteBackupCode', { ids: [userId] }));
  }

  async verifyPassword({ userId, password }) {
    return this.#calls.send('VerifyPassword', { ids: [userId], body: { password } });
  }

  async verifyTOTP({ userId, code }) {
    return this.#calls.send('VerifyTOTP', { ids: [userId], body: { code } });
  }
}

module.exports = { Users };
