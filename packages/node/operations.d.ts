// Written by `cargo xtask generate` from the declared operations; do not edit.
//
// One signature for each operation, and what it is asked with: nothing but what its declaration says. What the
// official SDK has in another shape is in users.d.ts.

import type { CodeVerification, CodeVerified, CredentialRemoved, DeletedObject, EmailAddress, Metadata, PasswordVerified, PhoneNumber, PhoneNumberDetails, User } from './objects';

export type CreatePhoneNumberParams = {
  /** The user to add the number to. */
  userId: string;
  /**
   * The number in international form, such as `+12015550123`. Separators (space, `-`, `.`, parentheses) are allowed;
   * letters and extensions are not. Instances in test mode accept the test numbers `+1 XXX 555-0100` to `555-0199`.
   */
  phoneNumber: string;
  /** Vouch for the number, which claims it. Default false. */
  verified?: boolean;
  /**
   * Make it the primary number, which requires `verified: true` unless it is the user's first. Default: true for the
   * first number, otherwise false.
   */
  primary?: boolean;
  /**
   * Make it a second factor; needs `verified: true`. It becomes the default if the user has no other second factor.
   * Default: false.
   */
  reservedForSecondFactor?: boolean;
};

export type UpdatePhoneNumberParams = {
  /** True: vouch for the number, which claims it. False: mark it as unverified. */
  verified?: boolean;
  /** True: make it the primary number; it must be verified or reserved. False: no effect. */
  primary?: boolean;
  /**
   * True: make it a second factor; it must be verified, possibly by this same request, and becomes the default if the
   * user has no other second factor. False: no longer a second factor.
   */
  reservedForSecondFactor?: boolean;
};

export type AttemptVerificationParams = {
  /** The verification: the `id` that `prepare_verification` returned. */
  verificationId: string;
  /** The six digits that the user received. At most 64 bytes. */
  code: string;
};

export type CreateEmailAddressParams = {
  /** The user to add the address to. */
  userId: string;
  /** The address, such as `ada@example.com`. ASCII, at most 254 characters. Stored in lower case. */
  emailAddress: string;
  /** Vouch for the address, which claims it. Default false. */
  verified?: boolean;
  /**
   * Make it the primary address, which requires `verified: true` unless it is the user's first. Default: true for the
   * first address, otherwise false.
   */
  primary?: boolean;
};

export type UpdateEmailAddressParams = {
  /** True: vouch for the address, which claims it. False: mark it as unverified. */
  verified?: boolean;
  /** True: make it the primary address; it must be verified or reserved. False: no effect. */
  primary?: boolean;
};

export type VerifyPasswordParams = {
  /** The password to compare. */
  password: string;
};

export type VerifyTotpParams = {
  /** The six digits that the authenticator shows, or a backup code. */
  code: string;
};

export type RemovePasswordParams = {
  /** True: with the password all sessions of the user end. */
  signOutOfOtherSessions?: boolean;
};

export type SetCompromisedParams = {
  /** True: all sessions of the user end. */
  revokeAllSessions?: boolean;
};

export type UserMetadataParams = {
  /** Readable by your frontend as well. At most 8,192 bytes of JSON, 32 levels deep. */
  publicMetadata?: Metadata;
  /** For your backend only. At most 8,192 bytes of JSON, 32 levels deep. */
  privateMetadata?: Metadata;
  /** Your frontend may write it too, so never base a permission on it. At most 8,192 bytes of JSON, 32 levels deep. */
  unsafeMetadata?: Metadata;
};

export type ReplacePhoneNumberParams = {
  /**
   * The number in international form, such as `+12015550123`. Separators (space, `-`, `.`, parentheses) are allowed;
   * letters and extensions are not. Instances in test mode accept the test numbers `+1 XXX 555-0100` to `555-0199`.
   */
  phoneNumber: string;
  /**
   * `verified`: you vouch for it. `reserved`: unverified, but claimed and usable for sign-in. `unverified`: neither
   * claimed nor usable for sign-in; a user with no other identification cannot sign in until you change that.
   */
  identificationStatus?: 'verified' | 'reserved' | 'unverified';
};

export type ReplaceEmailAddressParams = {
  /** The address, such as `ada@example.com`. ASCII, at most 254 characters. Stored in lower case. */
  emailAddress: string;
  /**
   * `verified`: you vouch for it. `reserved`: unverified, but claimed and usable for sign-in. `unverified`: neither
   * claimed nor usable for sign-in; a user with no other identification cannot sign in until you change that.
   */
  identificationStatus?: 'verified' | 'reserved' | 'unverified';
};

/**
 * Phone numbers of users: add, verify, make primary or a second factor, remove. Every call rejects with an `ApiError`
 * if the service refuses it or does not answer.
 */
export interface PhoneNumbers {
  /**
   * Add a phone number to a user: `POST /v1/phone_numbers`.
   *
   * A user's first number becomes primary, verified or not. An unverified number is not claimed: other users may add it
   * too, and the first to verify it takes it.
   *
   * Refused with:
   * - 400 `identification_create_second_factor_unverified`: The request adds a second factor that is not verified.
   * - 400 `identification_update_failed`: The request makes the user's only identification for sign-in a second factor.
   * - 404 `resource_not_found`: This instance has no object with this id.
   * - 422 `form_param_format_invalid`: A value does not have the format of its field, such as a number outside every
   *   numbering plan.
   * - 422 `form_identifier_exists`: Another user of the instance has claimed the phone number, or this user has it
   *   already.
   * - 422 `form_verification_needed`: The request makes an identification primary that is neither verified nor
   *   reserved.
   * - 422 `form_param_array_size_exceeded`: The user has reached the limit of identifications of this type.
   */
  createPhoneNumber(params: CreatePhoneNumberParams): Promise<PhoneNumber>;

  /**
   * Read a phone number: `GET /v1/phone_numbers/{phone_number_id}`.
   *
   * The number and its verification. A number that was valid when added stays readable even if later numbering plans
   * reject it.
   *
   * Refused with:
   * - 404 `resource_not_found`: This instance has no object with this id.
   */
  getPhoneNumber(phoneNumberId: string): Promise<PhoneNumber>;

  /**
   * Update a phone number: `PATCH /v1/phone_numbers/{phone_number_id}`.
   *
   * Changes the given fields in one step: first `verified`, then `reservedForSecondFactor`, then `primary`. If one is
   * refused, nothing changes. A field that is absent or null is left unchanged, and so is everything when there is no
   * body.
   *
   * Marking a number as unverified releases its claim and removes it as a second factor; if it was the default, the
   * oldest remaining second factor becomes the default. A primary number stays primary. The header
   * `Verger-Consequences` lists these effects.
   *
   * Refused with:
   * - 400 `identification_update_second_factor_unverified`: The request makes an unverified phone number a second
   *   factor.
   * - 400 `identification_update_failed`: The request makes the user's only identification for sign-in a second factor.
   * - 404 `resource_not_found`: This instance has no object with this id.
   * - 422 `form_identifier_exists`: Another user of the instance has claimed the phone number, or this user has it
   *   already.
   * - 422 `form_verification_needed`: The request makes an identification primary that is neither verified nor
   *   reserved.
   */
  updatePhoneNumber(phoneNumberId: string, params?: UpdatePhoneNumberParams): Promise<PhoneNumber>;

  /**
   * Delete a phone number: `DELETE /v1/phone_numbers/{phone_number_id}`.
   *
   * Removes the number from its user. If it was primary, the oldest verified number, if any, becomes primary; if it was
   * the default second factor, the oldest remaining one becomes the default. If none remains, MFA is turned off.
   *
   * Every pending code of the user is cancelled, including those for other numbers and addresses.
   *
   * Refused with:
   * - 400 `identification_deletion_failed`: The request deletes the user's last identification.
   * - 404 `resource_not_found`: This instance has no object with this id.
   */
  deletePhoneNumber(phoneNumberId: string): Promise<DeletedObject>;

  /**
   * Send a code to a phone number: `POST /v1/phone_numbers/{phone_number_id}/prepare_verification`.
   *
   * Creates a six-digit code that expires after ten minutes, and queues the message that carries it. The previous code
   * expires. For test numbers (`+1 XXX 555-0100` to `-0199`) nothing is sent, and the code is `424242`.
   *
   * Refused with:
   * - 400 `sms_send_error`: No sender is configured.
   * - 403 `user_banned`: The user is banned.
   * - 403 `user_locked`: The user is locked.
   * - 403 `unsupported_country_code`: Text messages to this country are not allowed.
   * - 403 `sms_budget_exceeded`: The day's budget for text messages is spent.
   * - 403 `sms_country_suspended`: Too many codes sent to this country were never entered.
   * - 404 `resource_not_found`: This instance has no object with this id.
   * - 422 `form_identifier_exists`: Another user of the instance has claimed the phone number, or this user has it
   *   already.
   * - 422 `form_param_format_invalid`: A value does not have the format of its field, such as a number outside every
   *   numbering plan.
   * - 429 `verification_code_too_many_requests`: A code was sent to the same number or address less than 30 seconds
   *   ago.
   * - 429 `too_many_requests`: Too many wrong codes closed the verification of the number or address.
   * - 429 `too_many_requests`: A limit on sending is reached for this hour.
   */
  preparePhoneNumberVerification(phoneNumberId: string): Promise<CodeVerification>;

  /**
   * Verify a phone number with a code: `POST /v1/phone_numbers/{phone_number_id}/attempt_verification`.
   *
   * Compares a code with the newest one that was sent. A wrong or expired code is also answered with 200: look at
   * `status`. The right code marks the phone number as verified; one that is verified already does not change. After
   * five wrong attempts the verification has failed. After ten within an hour the number accepts no codes until an hour
   * after the first of the ten.
   *
   * Refused with:
   * - 400 `verification_already_verified`: The code was already accepted.
   * - 403 `user_banned`: The user is banned.
   * - 403 `user_locked`: The user is locked.
   * - 404 `resource_not_found`: This instance has no object with this id.
   * - 422 `form_identifier_exists`: Another user of the instance has claimed the phone number, or this user has it
   *   already.
   */
  attemptPhoneNumberVerification(phoneNumberId: string, params: AttemptVerificationParams): Promise<CodeVerification>;

  /**
   * Get the details of a phone number: `GET /verger/v1/phone_numbers/{phone_number_id}`. Verger only.
   *
   * The number as typed, its country, its line type, and when it was verified.
   *
   * Refused with:
   * - 404 `resource_not_found`: This instance has no object with this id.
   */
  getPhoneNumberDetails(phoneNumberId: string): Promise<PhoneNumberDetails>;
}

/**
 * Email addresses of users: add, verify, make primary, remove. Every call rejects with an `ApiError` if the service
 * refuses it or does not answer.
 */
export interface EmailAddresses {
  /**
   * Add an email address to a user: `POST /v1/email_addresses`.
   *
   * A user's first address becomes primary, verified or not. An unverified address is not claimed: other users may add
   * it too, and the first to verify it takes it.
   *
   * Refused with:
   * - 404 `resource_not_found`: This instance has no object with this id.
   * - 422 `form_param_format_invalid`: A value does not have the format of its field, such as a number outside every
   *   numbering plan.
   * - 422 `form_identifier_exists`: Another user of the instance has claimed the email address, or this user has it
   *   already.
   * - 422 `form_verification_needed`: The request makes an identification primary that is neither verified nor
   *   reserved.
   * - 422 `form_param_array_size_exceeded`: The user has reached the limit of identifications of this type.
   */
  createEmailAddress(params: CreateEmailAddressParams): Promise<EmailAddress>;

  /**
   * Read an email address: `GET /v1/email_addresses/{email_address_id}`.
   *
   * The address and its verification.
   *
   * Refused with:
   * - 404 `resource_not_found`: This instance has no object with this id.
   */
  getEmailAddress(emailAddressId: string): Promise<EmailAddress>;

  /**
   * Update an email address: `PATCH /v1/email_addresses/{email_address_id}`.
   *
   * Changes the given fields in one step, first `verified`, then `primary`. If one is refused, nothing changes. A field
   * that is absent or null is left unchanged.
   *
   * Marking an address as unverified releases its claim. A primary address stays primary.
   *
   * Refused with:
   * - 404 `resource_not_found`: This instance has no object with this id.
   * - 422 `form_identifier_exists`: Another user of the instance has claimed the email address, or this user has it
   *   already.
   * - 422 `form_verification_needed`: The request makes an identification primary that is neither verified nor
   *   reserved.
   */
  updateEmailAddress(emailAddressId: string, params?: UpdateEmailAddressParams): Promise<EmailAddress>;

  /**
   * Delete an email address: `DELETE /v1/email_addresses/{email_address_id}`.
   *
   * Removes the address from its user. If it was primary, the oldest verified address, if any, becomes primary.
   *
   * Every pending code of the user is cancelled, including those for other numbers and addresses.
   *
   * Refused with:
   * - 400 `identification_deletion_failed`: The request deletes the user's last identification.
   * - 404 `resource_not_found`: This instance has no object with this id.
   */
  deleteEmailAddress(emailAddressId: string): Promise<DeletedObject>;

  /**
   * Send a code to an email address: `POST /v1/email_addresses/{email_address_id}/prepare_verification`.
   *
   * Creates a six-digit code that expires after ten minutes, and queues the message that carries it. The previous code
   * expires.
   *
   * Refused with:
   * - 400 `sms_send_error`: No sender is configured.
   * - 403 `user_banned`: The user is banned.
   * - 403 `user_locked`: The user is locked.
   * - 404 `resource_not_found`: This instance has no object with this id.
   * - 422 `form_identifier_exists`: Another user of the instance has claimed the email address, or this user has it
   *   already.
   * - 429 `verification_code_too_many_requests`: A code was sent to the same number or address less than 30 seconds
   *   ago.
   * - 429 `too_many_requests`: Too many wrong codes closed the verification of the number or address.
   * - 429 `too_many_requests`: A limit on sending is reached for this hour.
   */
  prepareEmailAddressVerification(emailAddressId: string): Promise<CodeVerification>;

  /**
   * Verify an email address with a code: `POST /v1/email_addresses/{email_address_id}/attempt_verification`.
   *
   * Compares a code with the newest one that was sent. A wrong or expired code is also answered with 200: look at
   * `status`. The right code marks the email address as verified; one that is verified already does not change. After
   * five wrong attempts the verification has failed. After ten within an hour the address accepts no codes until an
   * hour after the first of the ten.
   *
   * Refused with:
   * - 400 `verification_already_verified`: The code was already accepted.
   * - 403 `user_banned`: The user is banned.
   * - 403 `user_locked`: The user is locked.
   * - 404 `resource_not_found`: This instance has no object with this id.
   * - 422 `form_identifier_exists`: Another user of the instance has claimed the email address, or this user has it
   *   already.
   */
  attemptEmailAddressVerification(emailAddressId: string, params: AttemptVerificationParams): Promise<CodeVerification>;
}

/**
 * Users: names, metadata, bans and locks, and search. Every call rejects with an `ApiError` if the service refuses it
 * or does not answer.
 */
export interface UserOperations {
  /**
   * Verify a password: `POST /v1/users/{user_id}/verify_password`.
   *
   * Compares a password with that of the user. A wrong one is counted: ten within an hour close the password for the
   * rest of it, and too many wrong tries of any factor in a row lock the user. The digest of another system is replaced
   * by one of our own when its password is verified.
   *
   * Refused with:
   * - 400 `no_password_set`: The request is about the password of a user who has none.
   * - 403 `password_disabled`: The request is about a password, and the instance has none.
   * - 403 `user_banned`: The user is banned.
   * - 403 `user_locked`: The user is locked.
   * - 404 `resource_not_found`: This instance has no object with this id.
   * - 422 `incorrect_password`: A wrong password was tried.
   * - 422 `form_password_compromised`: The right password was tried, and it was set compromised.
   * - 429 `too_many_requests`: Ten wrong passwords, codes of an authenticator or backup codes of a user were tried
   *   within an hour.
   * - 429 `too_many_requests`: More work on passwords waits than the server does in a second.
   */
  verifyPassword(userId: string, params: VerifyPasswordParams): Promise<PasswordVerified>;

  /**
   * Verify a code of an authenticator, or a backup code: `POST /v1/users/{user_id}/verify_totp`.
   *
   * Compares what the user entered: six digits with the codes of the authenticator, anything else with the backup
   * codes. Either is accepted once. A wrong one is counted, as a wrong password is.
   *
   * Refused with:
   * - 400 `totp_disabled`: A code is tried of a user who has neither TOTP nor backup codes, or whose instance does not
   *   have them.
   * - 403 `user_banned`: The user is banned.
   * - 403 `user_locked`: The user is locked.
   * - 404 `resource_not_found`: This instance has no object with this id.
   * - 422 `totp_incorrect_code`: A wrong code of an authenticator, or a wrong backup code, was tried; or one that was
   *   used before.
   * - 422 `totp_invalid_length`: What is tried does not have six digits, and the user has no backup codes.
   * - 429 `too_many_requests`: Ten wrong passwords, codes of an authenticator or backup codes of a user were tried
   *   within an hour.
   * - 429 `too_many_requests`: More work on passwords waits than the server does in a second.
   */
  verifyTOTP(userId: string, params: VerifyTotpParams): Promise<CodeVerified>;

  /**
   * Remove the password of a user: `POST /v1/users/{user_id}/remove_password`.
   *
   * If the user has none, nothing changes. The user may have no other way to sign in.
   *
   * Refused with:
   * - 404 `resource_not_found`: This instance has no object with this id.
   */
  removeUserPassword(userId: string, params?: RemovePasswordParams): Promise<User>;

  /**
   * Set a password compromised: `POST /v1/users/{user_id}/password/set_compromised`.
   *
   * From now on the password opens nothing: the user must sign in another way and choose a new one. A user who has no
   * other way can only be helped with a new password.
   *
   * Refused with:
   * - 400 `no_password_set`: The request is about the password of a user who has none.
   * - 403 `password_disabled`: The request is about a password, and the instance has none.
   * - 404 `resource_not_found`: This instance has no object with this id.
   */
  setUserPasswordCompromised(userId: string, params?: SetCompromisedParams): Promise<User>;

  /**
   * Unset a password compromised: `POST /v1/users/{user_id}/password/unset_compromised`.
   *
   * The password opens what it opened before.
   *
   * Refused with:
   * - 400 `no_password_set`: The request is about the password of a user who has none.
   * - 403 `password_disabled`: The request is about a password, and the instance has none.
   * - 404 `resource_not_found`: This instance has no object with this id.
   */
  unsetUserPasswordCompromised(userId: string): Promise<User>;

  /**
   * Delete the authenticator of a user: `DELETE /v1/users/{user_id}/totp`.
   *
   * Deletes the TOTP secret. If it was the last second factor, the backup codes go with it. If the user has none,
   * nothing changes.
   *
   * Refused with:
   * - 404 `resource_not_found`: This instance has no object with this id.
   */
  deleteTOTP(userId: string): Promise<CredentialRemoved>;

  /**
   * Delete the backup codes of a user: `DELETE /v1/users/{user_id}/backup_code`.
   *
   * If the user has none, nothing changes.
   *
   * Refused with:
   * - 404 `resource_not_found`: This instance has no object with this id.
   */
  deleteBackupCode(userId: string): Promise<CredentialRemoved>;

  /**
   * Read a user: `GET /v1/users/{user_id}`.
   *
   * The user with all identifications.
   *
   * Refused with:
   * - 404 `resource_not_found`: This instance has no object with this id.
   */
  getUser(userId: string): Promise<User>;

  /**
   * Delete a user: `DELETE /v1/users/{user_id}`.
   *
   * Deletes the user with all identifications and sessions. Their addresses, numbers and username become available
   * again at once.
   *
   * Refused with:
   * - 404 `resource_not_found`: This instance has no object with this id.
   */
  deleteUser(userId: string): Promise<DeletedObject>;

  /**
   * Merge metadata of a user: `PATCH /v1/users/{user_id}/metadata`.
   *
   * Merges each given object into the stored one, to any depth: a key with null is removed, an object is merged,
   * anything else replaces. Objects that are not given are left unchanged.
   *
   * Refused with:
   * - 404 `resource_not_found`: This instance has no object with this id.
   * - 422 `form_param_format_invalid`: A value does not have the format of its field, such as a number outside every
   *   numbering plan.
   * - 422 `form_param_exceeds_allowed_size`: A metadata object would have more than 8192 bytes of JSON; after a merge,
   *   the merged one.
   */
  updateUserMetadata(userId: string, params?: UserMetadataParams): Promise<User>;

  /**
   * Replace metadata of a user: `PUT /v1/users/{user_id}/metadata`.
   *
   * Replaces each given object as a whole. Objects that are not given are left unchanged.
   *
   * Refused with:
   * - 404 `resource_not_found`: This instance has no object with this id.
   * - 422 `form_param_format_invalid`: A value does not have the format of its field, such as a number outside every
   *   numbering plan.
   * - 422 `form_param_exceeds_allowed_size`: A metadata object would have more than 8192 bytes of JSON; after a merge,
   *   the merged one.
   */
  replaceUserMetadata(userId: string, params?: UserMetadataParams): Promise<User>;

  /**
   * Ban a user: `POST /v1/users/{user_id}/ban`.
   *
   * The user cannot sign in until unbanned, all of their sessions are revoked, and their pending codes are cancelled.
   * Banning a banned user changes nothing.
   *
   * Refused with:
   * - 404 `resource_not_found`: This instance has no object with this id.
   */
  banUser(userId: string): Promise<User>;

  /**
   * Unban a user: `POST /v1/users/{user_id}/unban`.
   *
   * The user can sign in again. Unbanning a user who is not banned changes nothing.
   *
   * Refused with:
   * - 404 `resource_not_found`: This instance has no object with this id.
   */
  unbanUser(userId: string): Promise<User>;

  /**
   * Lock a user: `POST /v1/users/{user_id}/lock`.
   *
   * The user cannot sign in until unlocked. Locking a locked user changes nothing.
   *
   * Refused with:
   * - 404 `resource_not_found`: This instance has no object with this id.
   */
  lockUser(userId: string): Promise<User>;

  /**
   * Unlock a user: `POST /v1/users/{user_id}/unlock`.
   *
   * The user can sign in again, unless banned. Unlocking a user who is not locked changes nothing.
   *
   * Refused with:
   * - 404 `resource_not_found`: This instance has no object with this id.
   */
  unlockUser(userId: string): Promise<User>;

  /**
   * Replace all phone numbers of a user: `PUT /v1/users/{user_id}/phone_number`.
   *
   * Deletes every phone number of the user and adds this one as the primary number, never as a second factor. If a
   * deleted number was a second factor, MFA is off.
   *
   * Refused with:
   * - 404 `resource_not_found`: This instance has no object with this id.
   * - 422 `form_param_format_invalid`: A value does not have the format of its field, such as a number outside every
   *   numbering plan.
   * - 422 `form_identifier_exists`: Another user of the instance has claimed the phone number, or this user has it
   *   already.
   */
  replaceUserPhoneNumber(userId: string, params: ReplacePhoneNumberParams): Promise<PhoneNumber>;

  /**
   * Replace all email addresses of a user: `PUT /v1/users/{user_id}/email_address`.
   *
   * Deletes every email address of the user and adds this one as the primary address.
   *
   * Refused with:
   * - 404 `resource_not_found`: This instance has no object with this id.
   * - 422 `form_param_format_invalid`: A value does not have the format of its field, such as a number outside every
   *   numbering plan.
   * - 422 `form_identifier_exists`: Another user of the instance has claimed the email address, or this user has it
   *   already.
   */
  replaceUserEmailAddress(userId: string, params: ReplaceEmailAddressParams): Promise<EmailAddress>;
}
