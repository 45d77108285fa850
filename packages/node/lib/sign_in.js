'use strict';

const { Client, Cookies, Invitation, JwtTemplate, Token } = require('./objects.js');
const {
  ClientOperations,
  InvitationOperations,
  JwtTemplateOperations,
  SessionOperations,
} = require('./operations.js');

// Operations about signing in that the official SDK has in another shape than the wire.

class Sessions extends SessionOperations {
  #calls;

  constructor(calls) {
    super(calls);
    this.#calls = calls;
  }

  async getToken(sessionId, template, expiresInSeconds) {
    const body = { expiresInSeconds };
    if (!template) return new Token(await this.#calls.send('CreateSessionToken', { ids: [sessionId], body }));
    return new Token(await this.#calls.send('CreateSessionTokenFromTemplate', { ids: [sessionId, template], body }));
  }

  // Its parameters are called as on the wire, in the official SDK too.
  async refreshSession(sessionId, params) {
    const { suffixed_cookies: suffixedCookies, ...body } = params;
    const answer = await this.#calls.send('RefreshSession', { ids: [sessionId], query: { suffixedCookies }, body });
    return answer.object === 'cookies' ? new Cookies(answer) : new Token(answer);
  }
}

class Clients extends ClientOperations {
  #calls;

  constructor(calls) {
    super(calls);
    this.#calls = calls;
  }

  async verifyClient(token) {
    return new Client(await this.#calls.send('VerifyClient', { body: { token } }));
  }
}

class JwtTemplates extends JwtTemplateOperations {
  #calls;

  constructor(calls) {
    super(calls);
    this.#calls = calls;
  }

  async update(params) {
    const { templateId, ...body } = params;
    return new JwtTemplate(await this.#calls.send('UpdateJWTTemplate', { ids: [templateId], body }));
  }
}

class Invitations extends InvitationOperations {
  #calls;

  constructor(calls) {
    super(calls);
    this.#calls = calls;
  }

  async createInvitationBulk(params) {
    const made = await this.#calls.send('CreateBulkInvitations', { body: params });
    return made.map(invitation => new Invitation(invitation));
  }
}

module.exports = { Clients, Invitations, JwtTemplates, Sessions };
