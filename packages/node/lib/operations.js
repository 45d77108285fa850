'use strict';

// Written by `cargo xtask generate` from the declared operations; do not edit.
//
// One method for each operation, with nothing in it that the declaration of the operation does not say. A
// method that is more than that stands beside this file, in a class that extends the one here.

const { camelKeys } = require('./names.js');
const { CodeVerification, DeletedObject, EmailAddress, PhoneNumber, User } = require('./objects.js');

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

  async verifyPassword(userId, params) {
    return camelKeys(await this.#calls.send('VerifyPassword', { ids: [userId], body: params }));
  }

  async verifyTOTP(userId, params) {
    return camelKeys(await this.#calls.send('VerifyTOTP', { ids: [userId], body: params }));
  }

  async removeUserPassword(userId, params = {}) {
    return new User(await this.#calls.send('RemoveUserPassword', { ids: [userId], body: params }));
  }

  async setUserPasswordCompromised(userId, params = {}) {
    return new User(await this.#calls.send('SetUserPasswordCompromised', { ids: [userId], body: params }));
  }

  async unsetUserPasswordCompromised(userId) {
    return new User(await this.#calls.send('UnsetUserPasswordCompromised', { ids: [userId] }));
  }

  async deleteTOTP(userId) {
    return camelKeys(await this.#calls.send('DeleteTOTP', { ids: [userId] }));
  }

  async deleteBackupCode(userId) {
    return camelKeys(await this.#calls.send('DeleteBackupCode', { ids: [userId] }));
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

  async replaceUserPhoneNumber(userId, params) {
    return new PhoneNumber(await this.#calls.send('ReplaceUserPhoneNumber', { ids: [userId], body: params }));
  }

  async replaceUserEmailAddress(userId, params) {
    return new EmailAddress(await this.#calls.send('ReplaceUserEmailAddress', { ids: [userId], body: params }));
  }
}

module.exports = { EmailAddresses, PhoneNumbers, UserOperations };
