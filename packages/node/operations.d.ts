// Written by `cargo xtask generate` from the declared operations; do not edit.
//
// One signature for each operation, and what it is asked with: nothing but what its declaration says. What the
// official SDK has in another shape is in users.d.ts.

import type { CodeVerification, DeletedObject, EmailAddress, Metadata, PhoneNumber, PhoneNumberDetails, User } from './objects';

export type CreatePhoneNumberParams = {
  /** The user who gets the number. */
  userId: string;
  /**
   * The number in international form, such as `+12015550123`. Separators (space, `-`, `.`, parentheses) may be in it;
   * letters and extensions may not. The test numbers `+1 XXX 555-0100` to `555-0199` pass in instances in test mode.
   */
  phoneNumber: string;
  /** Vouch for the number, which claims it. Default false. */
  verified?: boolean;
  /**
   * Make it the primary number. Default false, but true for the first number. The number must be verified, unless it is
   * the first.
   */
  primary?: boolean;
  /**
   * Make it a second factor; needs `verified: true`. It becomes the default one if the user has no other. Default
   * false.
   */
  reservedForSecondFactor?: boolean;
};

export type UpdatePhoneNumberParams = {
  /** True: vouch for the number, which claims it. False: mark it as unverified. */
  verified?: boolean;
  /** True: make it the primary number; it must be verified or reserved. False: no effect. */
  primary?: boolean;
  /**
   * True: make it a second factor; it must be verified, if need be by this same request, and becomes the default one if
   * the user has no other. False: no longer a second factor.
   */
  reservedForSecondFactor?: boolean;
};

export type AttemptVerificationParams = {
  /** Which code: the `id` that prepare answered. */
  verificationId: string;
  /** The six digits that came. At most 64 bytes. */
  code: string;
};

export type CreateEmailAddressParams = {
  /** The user who gets the address. */
  userId: string;
  /** The address, such as `ada@example.com`. ASCII, at most 254 characters. It is kept in lower case. */
  emailAddress: string;
  /** Vouch for the address, which claims it. Default false. */
  verified?: boolean;
  /**
   * Make it the primary address. Default false, but true for the first address. The address must be verified, unless it
   * is the first.
   */
  primary?: boolean;
};

export type UpdateEmailAddressParams = {
  /** True: vouch for the address, which claims it. False: mark it as unverified. */
  verified?: boolean;
  /** True: make it the primary address; it must be verified or reserved. False: no effect. */
  primary?: boolean;
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
   * The number in international form, such as `+12015550123`. Separators (space, `-`, `.`, parentheses) may be in it;
   * letters and extensions may not. The test numbers `+1 XXX 555-0100` to `555-0199` pass in instances in test mode.
   */
  phoneNumber: string;
  /**
   * `verified`: vouched for by you. `reserved`: unverified, but claimed and usable for sign-in. `unverified`: neither
   * claimed nor usable for sign-in; a user with nothing else is locked out until you act again.
   */
  identificationStatus?: 'verified' | 'reserved' | 'unverified';
};

export type ReplaceEmailAddressParams = {
  /** The address, such as `ada@example.com`. ASCII, at most 254 characters. It is kept in lower case. */
  emailAddress: string;
  /**
   * `verified`: vouched for by you. `reserved`: unverified, but claimed and usable for sign-in. `unverified`: neither
   * claimed nor usable for sign-in; a user with nothing else is locked out until you act again.
   */
  identificationStatus?: 'verified' | 'reserved' | 'unverified';
};

/**
 * The phone numbers of users: how they are added, verified, made primary or a second factor, and removed. Every call
 * rejects with an `ApiError` if the service refuses it or does not answer.
 */
export interface PhoneNumbers {
  /**
   * Add a phone number to a user: `POST /v1/phone_numbers`.
   *
   * The first number of a user becomes the primary one, verified or not. An unverified number is not claimed: other
   * users may add it too, and the first to verify it takes it.
   *
   * Refused with:
   * - 400 `identification_create_second_factor_unverified`: A new phone number was to be a second factor without being
   *   verified.
   * - 400 `identification_update_failed`: The only identification that the user can sign in with was to become a second
   *   factor.
   * - 404 `resource_not_found`: This instance has no object with this id.
   * - 422 `form_param_format_invalid`: A text does not have the form of its field, such as a number that is in no
   *   numbering plan.
   * - 422 `form_identifier_exists`: Another user of the instance has claimed the phone number, or this user has it
   *   already.
   * - 422 `form_verification_needed`: An identification that is neither verified nor reserved was to be primary.
   * - 422 `form_param_array_size_exceeded`: The user has as many identifications of this kind as one user can have.
   */
  createPhoneNumber(params: CreatePhoneNumberParams): Promise<PhoneNumber>;

  /**
   * Read a phone number: `GET /v1/phone_numbers/{phone_number_id}`.
   *
   * The number and how far it is verified. A number that was valid when it was added stays readable, whatever later
   * numbering plans say.
   *
   * Refused with:
   * - 404 `resource_not_found`: This instance has no object with this id.
   */
  getPhoneNumber(phoneNumberId: string): Promise<PhoneNumber>;

  /**
   * Update a phone number: `PATCH /v1/phone_numbers/{phone_number_id}`.
   *
   * Changes the named fields in one step: first `verified`, then `reservedForSecondFactor`, then `primary`. If one is
   * refused, nothing changes. A field that is absent or null stays as it is; with no body at all, nothing changes.
   *
   * Marking it as unverified gives up the claim on the number and drops it as a second factor; the default second
   * factor then moves to the oldest other one. A primary number stays primary. The header `Verger-Consequences` names
   * these effects.
   *
   * Refused with:
   * - 400 `identification_update_second_factor_unverified`: A phone number that is not verified was to be a second
   *   factor.
   * - 400 `identification_update_failed`: The only identification that the user can sign in with was to become a second
   *   factor.
   * - 404 `resource_not_found`: This instance has no object with this id.
   * - 422 `form_identifier_exists`: Another user of the instance has claimed the phone number, or this user has it
   *   already.
   * - 422 `form_verification_needed`: An identification that is neither verified nor reserved was to be primary.
   */
  updatePhoneNumber(phoneNumberId: string, params?: UpdatePhoneNumberParams): Promise<PhoneNumber>;

  /**
   * Delete a phone number: `DELETE /v1/phone_numbers/{phone_number_id}`.
   *
   * Removes the number from its user. If it was the primary one, the oldest verified number takes its place, if there
   * is one; if it was the default second factor, the oldest other second factor does. Without another second factor,
   * MFA is off.
   *
   * Every code of the user that is on its way is cancelled, those for other numbers and addresses too.
   *
   * Refused with:
   * - 400 `identification_deletion_failed`: It is the user's last identification of any kind.
   * - 404 `resource_not_found`: This instance has no object with this id.
   */
  deletePhoneNumber(phoneNumberId: string): Promise<DeletedObject>;

  /**
   * Send a code to a phone number: `POST /v1/phone_numbers/{phone_number_id}/prepare_verification`.
   *
   * Makes a code of six digits, valid for ten minutes, and queues the message that carries it. The previous code
   * expires. Test numbers (`+1 XXX 555-0100` to `-0199`) take `424242`; nothing is sent to them.
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
   * - 422 `form_param_format_invalid`: A text does not have the form of its field, such as a number that is in no
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
   * Compares a code with the newest one that was sent. The answer is 200 for a wrong or late code too: `status` tells.
   * A right code marks an unverified phone number as verified; on a verified one it changes nothing but the
   * verification. Five wrong tries end a verification, ten within an hour close the phone number.
   *
   * Refused with:
   * - 400 `verification_already_verified`: A code that was accepted before came again.
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
   * The text as it was typed, its country, its kind of line, and when it was verified.
   *
   * Refused with:
   * - 404 `resource_not_found`: This instance has no object with this id.
   */
  getPhoneNumberDetails(phoneNumberId: string): Promise<PhoneNumberDetails>;
}

/** The email addresses of users. Every call rejects with an `ApiError` if the service refuses it or does not answer. */
export interface EmailAddresses {
  /**
   * Add an email address to a user: `POST /v1/email_addresses`.
   *
   * The first address of a user becomes the primary one, verified or not. An unverified address is not claimed: other
   * users may add it too, and the first to verify it takes it.
   *
   * Refused with:
   * - 404 `resource_not_found`: This instance has no object with this id.
   * - 422 `form_param_format_invalid`: A text does not have the form of its field, such as a number that is in no
   *   numbering plan.
   * - 422 `form_identifier_exists`: Another user of the instance has claimed the email address, or this user has it
   *   already.
   * - 422 `form_verification_needed`: An identification that is neither verified nor reserved was to be primary.
   * - 422 `form_param_array_size_exceeded`: The user has as many identifications of this kind as one user can have.
   */
  createEmailAddress(params: CreateEmailAddressParams): Promise<EmailAddress>;

  /**
   * Read an email address: `GET /v1/email_addresses/{email_address_id}`.
   *
   * The address and how far it is verified.
   *
   * Refused with:
   * - 404 `resource_not_found`: This instance has no object with this id.
   */
  getEmailAddress(emailAddressId: string): Promise<EmailAddress>;

  /**
   * Update an email address: `PATCH /v1/email_addresses/{email_address_id}`.
   *
   * Changes the named fields in one step, first `verified`, then `primary`. If one is refused, nothing changes. A field
   * that is absent or null stays as it is.
   *
   * Marking it as unverified gives up the claim on the address. A primary address stays primary.
   *
   * Refused with:
   * - 404 `resource_not_found`: This instance has no object with this id.
   * - 422 `form_identifier_exists`: Another user of the instance has claimed the email address, or this user has it
   *   already.
   * - 422 `form_verification_needed`: An identification that is neither verified nor reserved was to be primary.
   */
  updateEmailAddress(emailAddressId: string, params?: UpdateEmailAddressParams): Promise<EmailAddress>;

  /**
   * Delete an email address: `DELETE /v1/email_addresses/{email_address_id}`.
   *
   * Removes the address from its user. If it was the primary one, the oldest verified address takes its place, if there
   * is one.
   *
   * Every code of the user that is on its way is cancelled, those for other numbers and addresses too.
   *
   * Refused with:
   * - 400 `identification_deletion_failed`: It is the user's last identification of any kind.
   * - 404 `resource_not_found`: This instance has no object with this id.
   */
  deleteEmailAddress(emailAddressId: string): Promise<DeletedObject>;

  /**
   * Send a code to an email address: `POST /v1/email_addresses/{email_address_id}/prepare_verification`.
   *
   * Makes a code of six digits, valid for ten minutes, and queues the message that carries it. The previous code
   * expires. Test numbers (`+1 XXX 555-0100` to `-0199`) take `424242`; nothing is sent to them.
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
   * Compares a code with the newest one that was sent. The answer is 200 for a wrong or late code too: `status` tells.
   * A right code marks an unverified email address as verified; on a verified one it changes nothing but the
   * verification. Five wrong tries end a verification, ten within an hour close the email address.
   *
   * Refused with:
   * - 400 `verification_already_verified`: A code that was accepted before came again.
   * - 403 `user_banned`: The user is banned.
   * - 403 `user_locked`: The user is locked.
   * - 404 `resource_not_found`: This instance has no object with this id.
   * - 422 `form_identifier_exists`: Another user of the instance has claimed the email address, or this user has it
   *   already.
   */
  attemptEmailAddressVerification(emailAddressId: string, params: AttemptVerificationParams): Promise<CodeVerification>;
}

/**
 * Users: their names, metadata, bans and locks, and the search for them. Every call rejects with an `ApiError` if the
 * service refuses it or does not answer.
 */
export interface UserOperations {
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
   * Deletes the user with all identifications. Their addresses, numbers and username are free again at once.
   *
   * Refused with:
   * - 404 `resource_not_found`: This instance has no object with this id.
   */
  deleteUser(userId: string): Promise<DeletedObject>;

  /**
   * Merge metadata of a user: `PATCH /v1/users/{user_id}/metadata`.
   *
   * Merges each object given into the stored one, to any depth: a key with null is removed, an object is merged,
   * anything else replaces. Objects that are not given stay as they are.
   *
   * Refused with:
   * - 404 `resource_not_found`: This instance has no object with this id.
   * - 422 `form_param_format_invalid`: A text does not have the form of its field, such as a number that is in no
   *   numbering plan.
   * - 422 `form_param_exceeds_allowed_size`: A metadata object would have more than 8192 bytes of JSON; after a merge,
   *   the merged one.
   */
  updateUserMetadata(userId: string, params?: UserMetadataParams): Promise<User>;

  /**
   * Replace metadata of a user: `PUT /v1/users/{user_id}/metadata`.
   *
   * Replaces each object given as a whole. Objects that are not given stay as they are.
   *
   * Refused with:
   * - 404 `resource_not_found`: This instance has no object with this id.
   * - 422 `form_param_format_invalid`: A text does not have the form of its field, such as a number that is in no
   *   numbering plan.
   * - 422 `form_param_exceeds_allowed_size`: A metadata object would have more than 8192 bytes of JSON; after a merge,
   *   the merged one.
   */
  replaceUserMetadata(userId: string, params?: UserMetadataParams): Promise<User>;

  /**
   * Ban a user: `POST /v1/users/{user_id}/ban`.
   *
   * The user cannot sign in until unbanned, and every code of the user that is on its way is cancelled. A user who is
   * banned already stays so.
   *
   * Refused with:
   * - 404 `resource_not_found`: This instance has no object with this id.
   */
  banUser(userId: string): Promise<User>;

  /**
   * Unban a user: `POST /v1/users/{user_id}/unban`.
   *
   * The user can sign in again. A user who is not banned stays so.
   *
   * Refused with:
   * - 404 `resource_not_found`: This instance has no object with this id.
   */
  unbanUser(userId: string): Promise<User>;

  /**
   * Lock a user: `POST /v1/users/{user_id}/lock`.
   *
   * The user cannot sign in until unlocked. A user who is locked already stays so.
   *
   * Refused with:
   * - 404 `resource_not_found`: This instance has no object with this id.
   */
  lockUser(userId: string): Promise<User>;

  /**
   * Unlock a user: `POST /v1/users/{user_id}/unlock`.
   *
   * The user can sign in again, unless banned. A user who is not locked stays so.
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
   * - 422 `form_param_format_invalid`: A text does not have the form of its field, such as a number that is in no
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
   * - 422 `form_param_format_invalid`: A text does not have the form of its field, such as a number that is in no
   *   numbering plan.
   * - 422 `form_identifier_exists`: Another user of the instance has claimed the email address, or this user has it
   *   already.
   */
  replaceUserEmailAddress(userId: string, params: ReplaceEmailAddressParams): Promise<EmailAddress>;
}
