'use strict';

// Written by `cargo xtask generate` from the declared operations; do not edit.
//
// One method for each operation, with nothing in it that the declaration of the operation does not say. A
// method that is more than that stands beside this file, in a class that extends the one here.

const { camelKeys } = require('./names.js');
const {
  ActorToken,
  AllowlistIdentifier,
  BlocklistIdentifier,
  Client,
  CodeVerification,
  DeletedObject,
  Domain,
  EmailAddress,
  Instance,
  InstanceRestrictions,
  InstanceSettings,
  Invitation,
  JwtTemplate,
  PhoneNumber,
  RedirectUrl,
  Session,
  SignInToken,
  TestingToken,
  User,
  pageOf,
} = require('./objects.js');

class PhoneNumbers {
  #calls;

  constructor(calls) {
    this.#calls = calls;
  }

  async createPhoneNumber(params) {
    return new PhoneNumber(await this.#calls.send('CreatePhoneNumber', { body: params }));
  }

  async getPhoneNumber(phoneNumberId) {
    return new PhoneNumber(await this.#calls.send('GetPhoneNumber', { ids: [phoneNumberId] }));
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
    return new CodeVerification(
      await this.#calls.send('AttemptPhoneNumberVerification', { ids: [phoneNumberId], body: params }),
    );
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

  async createEmailAddress(params) {
    return new EmailAddress(await this.#calls.send('CreateEmailAddress', { body: params }));
  }

  async getEmailAddress(emailAddressId) {
    return new EmailAddress(await this.#calls.send('GetEmailAddress', { ids: [emailAddressId] }));
  }

  async updateEmailAddress(emailAddressId, params = {}) {
    return new EmailAddress(await this.#calls.send('UpdateEmailAddress', { ids: [emailAddressId], body: params }));
  }

  async deleteEmailAddress(emailAddressId) {
    return new DeletedObject(await this.#calls.send('DeleteEmailAddress', { ids: [emailAddressId] }));
  }

  async prepareEmailAddressVerification(emailAddressId) {
    return new CodeVerification(await this.#calls.send('PrepareEmailAddressVerification', { ids: [emailAddressId] }));
  }

  async attemptEmailAddressVerification(emailAddressId, params) {
    return new CodeVerification(
      await this.#calls.send('AttemptEmailAddressVerification', { ids: [emailAddressId], body: params }),
    );
  }
}

class UserOperations {
  #calls;

  constructor(calls) {
    this.#calls = calls;
  }

  async getUser(userId) {
    return new User(await this.#calls.send('GetUser', { ids: [userId] }));
  }

  async deleteUser(userId) {
    return new DeletedObject(await this.#calls.send('DeleteUser', { ids: [userId] }));
  }

  async updateUserMetadata(userId, params = {}) {
    return new User(await this.#calls.send('UpdateUserMetadata', { ids: [userId], body: params }));
  }

  async replaceUserMetadata(userId, params = {}) {
    return new User(await this.#calls.send('ReplaceUserMetadata', { ids: [userId], body: params }));
  }

  async banUser(userId) {
    return new User(await this.#calls.send('BanUser', { ids: [userId] }));
  }

  async unbanUser(userId) {
    return new User(await this.#calls.send('UnbanUser', { ids: [userId] }));
  }

  async lockUser(userId) {
    return new User(await this.#calls.send('LockUser', { ids: [userId] }));
  }

  async unlockUser(userId) {
    return new User(await this.#calls.send('UnlockUser', { ids: [userId] }));
  }

  async removePassword(userId, params = {}) {
    return new User(await this.#calls.send('RemoveUserPassword', { ids: [userId], body: params }));
  }

  async setPasswordCompromised(userId, params = {}) {
    return new User(await this.#calls.send('SetUserPasswordCompromised', { ids: [userId], body: params }));
  }

  async unsetPasswordCompromised(userId) {
    return new User(await this.#calls.send('UnsetUserPasswordCompromised', { ids: [userId] }));
  }

  async replaceUserPhoneNumber(userId, params) {
    return new PhoneNumber(await this.#calls.send('ReplaceUserPhoneNumber', { ids: [userId], body: params }));
  }

  async replaceUserEmailAddress(userId, params) {
    return new EmailAddress(await this.#calls.send('ReplaceUserEmailAddress', { ids: [userId], body: params }));
  }
}

class SessionOperations {
  #calls;

  constructor(calls) {
    this.#calls = calls;
  }

  async getSessionList(params = {}) {
    return pageOf(
      one => new Session(one), await this.#calls.send('GetSessionList', { query: { ...params, paginated: true } }),
    );
  }

  async createSession(params) {
    return new Session(await this.#calls.send('createSession', { body: params }));
  }

  async getSession(sessionId) {
    return new Session(await this.#calls.send('GetSession', { ids: [sessionId] }));
  }

  async revokeSession(sessionId) {
    return new Session(await this.#calls.send('RevokeSession', { ids: [sessionId] }));
  }
}

class ClientOperations {
  #calls;

  constructor(calls) {
    this.#calls = calls;
  }

  async getClientList(params = {}) {
    return pageOf(
      one => new Client(one), await this.#calls.send('GetClientList', { query: { ...params, paginated: true } }),
    );
  }

  async getClient(clientId) {
    return new Client(await this.#calls.send('GetClient', { ids: [clientId] }));
  }
}

class JwtTemplateOperations {
  #calls;

  constructor(calls) {
    this.#calls = calls;
  }

  async list(params = {}) {
    return pageOf(
      one => new JwtTemplate(one), await this.#calls.send('ListJWTTemplates', { query: { ...params, paginated: true } }),
    );
  }

  async create(params) {
    return new JwtTemplate(await this.#calls.send('CreateJWTTemplate', { body: params }));
  }

  async get(templateId) {
    return new JwtTemplate(await this.#calls.send('GetJWTTemplate', { ids: [templateId] }));
  }

  async delete(templateId) {
    return new DeletedObject(await this.#calls.send('DeleteJWTTemplate', { ids: [templateId] }));
  }
}

class SignInTokens {
  #calls;

  constructor(calls) {
    this.#calls = calls;
  }

  async createSignInToken(params) {
    return new SignInToken(await this.#calls.send('CreateSignInToken', { body: params }));
  }

  async revokeSignInToken(signInTokenId) {
    return new SignInToken(await this.#calls.send('RevokeSignInToken', { ids: [signInTokenId] }));
  }
}

class ActorTokens {
  #calls;

  constructor(calls) {
    this.#calls = calls;
  }

  async create(params) {
    return new ActorToken(await this.#calls.send('CreateActorToken', { body: params }));
  }

  async revoke(actorTokenId) {
    return new ActorToken(await this.#calls.send('RevokeActorToken', { ids: [actorTokenId] }));
  }
}

class TestingTokens {
  #calls;

  constructor(calls) {
    this.#calls = calls;
  }

  async createTestingToken() {
    return new TestingToken(await this.#calls.send('CreateTestingToken', {}));
  }
}

class Jwks {
  #calls;

  constructor(calls) {
    this.#calls = calls;
  }

  async getJwks() {
    return camelKeys(await this.#calls.send('GetJWKS', {}));
  }
}

class InvitationOperations {
  #calls;

  constructor(calls) {
    this.#calls = calls;
  }

  async getInvitationList(params = {}) {
    return pageOf(
      one => new Invitation(one), await this.#calls.send('ListInvitations', { query: { ...params, paginated: true } }),
    );
  }

  async createInvitation(params) {
    return new Invitation(await this.#calls.send('CreateInvitation', { body: params }));
  }

  async revokeInvitation(invitationId) {
    return new Invitation(await this.#calls.send('RevokeInvitation', { ids: [invitationId] }));
  }
}

class AllowlistIdentifiers {
  #calls;

  constructor(calls) {
    this.#calls = calls;
  }

  async getAllowlistIdentifierList(params = {}) {
    return pageOf(
      one => new AllowlistIdentifier(one), await this.#calls.send('ListAllowlistIdentifiers', { query: { ...params, paginated: true } }),
    );
  }

  async createAllowlistIdentifier(params) {
    return new AllowlistIdentifier(await this.#calls.send('CreateAllowlistIdentifier', { body: params }));
  }

  async deleteAllowlistIdentifier(identifierId) {
    return new DeletedObject(await this.#calls.send('DeleteAllowlistIdentifier', { ids: [identifierId] }));
  }
}

class BlocklistIdentifiers {
  #calls;

  constructor(calls) {
    this.#calls = calls;
  }

  async getBlocklistIdentifierList(params = {}) {
    return pageOf(
      one => new BlocklistIdentifier(one), await this.#calls.send('ListBlocklistIdentifiers', { query: params }),
    );
  }

  async createBlocklistIdentifier(params) {
    return new BlocklistIdentifier(await this.#calls.send('CreateBlocklistIdentifier', { body: params }));
  }

  async deleteBlocklistIdentifier(identifierId) {
    return new DeletedObject(await this.#calls.send('DeleteBlocklistIdentifier', { ids: [identifierId] }));
  }
}

class RedirectUrls {
  #calls;

  constructor(calls) {
    this.#calls = calls;
  }

  async getRedirectUrlList(params = {}) {
    return pageOf(
      one => new RedirectUrl(one), await this.#calls.send('ListRedirectURLs', { query: { ...params, paginated: true } }),
    );
  }

  async createRedirectUrl(params) {
    return new RedirectUrl(await this.#calls.send('CreateRedirectURL', { body: params }));
  }

  async getRedirectUrl(id) {
    return new RedirectUrl(await this.#calls.send('GetRedirectURL', { ids: [id] }));
  }

  async deleteRedirectUrl(id) {
    return new DeletedObject(await this.#calls.send('DeleteRedirectURL', { ids: [id] }));
  }
}

class InstanceOperations {
  #calls;

  constructor(calls) {
    this.#calls = calls;
  }

  async get() {
    return new Instance(await this.#calls.send('GetInstance', {}));
  }

  async update(params = {}) {
    await this.#calls.send('UpdateInstance', { body: params });
  }

  async updateRestrictions(params = {}) {
    return new InstanceRestrictions(await this.#calls.send('UpdateInstanceRestrictions', { body: params }));
  }

  async getCommunication() {
    return camelKeys(await this.#calls.send('GetInstanceCommunication', {}));
  }

  async updateCommunication(params = {}) {
    return camelKeys(await this.#calls.send('UpdateInstanceCommunication', { body: params }));
  }

  async updateInstanceSettings(params = {}) {
    return new InstanceSettings(await this.#calls.send('UpdateInstanceAuthConfig', { body: params }));
  }

  async getDetails() {
    return camelKeys(await this.#calls.send('VergerGetInstance', {}));
  }
}

class Domains {
  #calls;

  constructor(calls) {
    this.#calls = calls;
  }

  async list() {
    return pageOf(one => new Domain(one), await this.#calls.send('ListDomains', {}));
  }
}

module.exports = { ActorTokens, AllowlistIdentifiers, BlocklistIdentifiers, ClientOperations, Domains, EmailAddresses, InstanceOperations, InvitationOperations, Jwks, JwtTemplateOperations, PhoneNumbers, RedirectUrls, SessionOperations, SignInTokens, TestingTokens, UserOperations };
