// Written by `cargo xtask generate` from the declared operations; do not edit.
//
// One signature for each operation, and what it is asked with: nothing but what its declaration says. What the
// official SDK has in another shape is in users.d.ts.

import type {
  ActorToken,
  AllowlistIdentifier,
  BlocklistIdentifier,
  Client,
  CodeVerification,
  DeletedObject,
  Domain,
  EmailAddress,
  Instance,
  InstanceCommunication,
  InstanceDetails,
  InstanceRestrictions,
  InstanceSettings,
  Invitation,
  JsonWebKeySet,
  JwtTemplate,
  Metadata,
  Page,
  PhoneNumber,
  PhoneNumberDetails,
  RedirectUrl,
  Session,
  SignInToken,
  TestingToken,
  User,
} from './objects';

export type CreatePhoneNumberParams = {
  /** The user to add the number to. */
  userId: string;
  /**
   * The number in international form, such as `+12015550123`. Separators (space, `-`, `.`, parentheses) are allowed;
   * letters and extensions are not. Instances in test mode accept the test numbers `+1 XXX 555-0100` to `555-0199`.
   */
  phoneNumber: string;
  /** Vouch for the number, which claims it. Default false. */
  verified?: boolean | null;
  /**
   * Make it the primary number, which requires `verified: true` unless it is the user's first. Default: true for the
   * first number, otherwise false.
   */
  primary?: boolean | null;
  /**
   * Make it a second factor; needs `verified: true`. It becomes the default if the user has no other second factor.
   * Default: false.
   */
  reservedForSecondFactor?: boolean | null;
};

export type UpdatePhoneNumberParams = {
  /** True: vouch for the number, which claims it. False: mark it as unverified. */
  verified?: boolean | null;
  /** True: make it the primary number; it must be verified or reserved. False: no effect. */
  primary?: boolean | null;
  /**
   * True: make it a second factor; it must be verified, possibly by this same request, and becomes the default if the
   * user has no other second factor. False: no longer a second factor.
   */
  reservedForSecondFactor?: boolean | null;
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
  verified?: boolean | null;
  /**
   * Make it the primary address, which requires `verified: true` unless it is the user's first. Default: true for the
   * first address, otherwise false.
   */
  primary?: boolean | null;
};

export type UpdateEmailAddressParams = {
  /** True: vouch for the address, which claims it. False: mark it as unverified. */
  verified?: boolean | null;
  /** True: make it the primary address; it must be verified or reserved. False: no effect. */
  primary?: boolean | null;
};

export type UserMetadataParams = {
  /** Readable by your frontend as well. At most 8,192 bytes of JSON, 32 levels deep. */
  publicMetadata?: Metadata;
  /** For your backend only. At most 8,192 bytes of JSON, 32 levels deep. */
  privateMetadata?: Metadata;
  /** Your frontend may write it too, so never base a permission on it. At most 8,192 bytes of JSON, 32 levels deep. */
  unsafeMetadata?: Metadata;
};

export type RemovePasswordParams = {
  /** True: with the password all sessions of the user end. */
  signOutOfOtherSessions?: boolean;
};

export type SetPasswordCompromisedParams = {
  /** True: all sessions of the user end. */
  revokeAllSessions?: boolean | null;
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

export type GetSessionListParams = {
  /** Sessions on this client. */
  clientId?: string;
  /** Sessions of this user. */
  userId?: string;
  /** Sessions in this state. `active` includes those that are pending. */
  status?: 'abandoned' | 'active' | 'ended' | 'expired' | 'removed' | 'replaced' | 'revoked';
  /** Maximum number of objects to return. */
  limit?: number;
  /** How many objects to skip. */
  offset?: number;
};

export type CreateSessionParams = {
  /** Who is to be signed in. */
  userId: string;
};

export type PageParams = {
  /** Maximum number of objects to return. */
  limit?: number;
  /** How many objects to skip. */
  offset?: number;
};

export type JwtTemplateParams = {
  /** What its tokens are asked for by: letters, digits, spaces between them, and `_ - . :`. At most 128 characters. */
  name: string;
  /** The claims. At most 1,200 bytes of JSON without its shortcodes. */
  claims: Metadata;
  /** How long its tokens live, in seconds; 60 if it is absent. */
  lifetime?: number | null;
  /**
   * How long before its minting a token is already valid, in seconds, for verifiers whose clocks are behind; 5 if it is
   * absent.
   */
  allowedClockSkew?: number | null;
  /** Whether its tokens are signed with the application's own key. */
  customSigningKey?: boolean;
  /**
   * The algorithm of the key: HS256, RS256, ES256 and their longer forms. Required with `customSigningKey`; without it
   * only RS256, that of the instance's key, is accepted.
   */
  signingAlgorithm?: string | null;
  /**
   * The private key in PEM, or the secret of HS algorithms: at least 32 bytes for HS256, 48 for HS384, 64 for HS512.
   * Required with `customSigningKey`, unless the template has one for the same algorithm; refused without it.
   */
  signingKey?: string | null;
};

export type CreateSignInTokenParams = {
  /** Who it signs in. */
  userId: string;
  /** How long it can be used, in seconds. */
  expiresInSeconds?: number | null;
};

export type CreateActorTokenParams = {
  /** The user who is impersonated. */
  userId: string;
  /**
   * Who acts: an object with at least `sub`, the id of the acting user. It stands as the claim `act` in every session
   * token.
   */
  actor: Metadata;
  /** How long it can be used, in seconds. */
  expiresInSeconds?: number;
  /** How long the session lives at most that it opens, in seconds. */
  sessionMaxDurationInSeconds?: number;
};

export type ListInvitationsParams = {
  /** Only those that are this now. Without it, all that were not revoked. */
  status?: 'pending' | 'accepted' | 'revoked' | 'expired';
  /** Only those whose address has this in it, or that have this id. */
  query?: string;
  /**
   * `createdAt`, `emailAddress` or `expires_at`; prefixed with `-` for descending, with `+` or nothing for ascending
   * order.
   */
  orderBy?: string;
  /** Maximum number of objects to return. */
  limit?: number;
  /** How many objects to skip. */
  offset?: number;
};

export type CreateInvitationParams = {
  /** Who is invited. */
  emailAddress: string;
  /** What the user's public metadata begins with. */
  publicMetadata?: Metadata;
  /** Where the link leads to. */
  redirectUrl?: string;
  /** Whether the link is sent by email. An application that sends messages itself passes `false`. */
  notify?: boolean | null;
  /** Whether it is made although the address has an open invitation or a user. */
  ignoreExisting?: boolean | null;
  /** For how many days it can be accepted; 30 unless the request says otherwise. */
  expiresInDays?: number | null;
  /** Template of the email. */
  templateSlug?: 'invitation' | 'waitlist_invitation';
};

export type CreateAllowlistIdentifierParams = {
  /** An email address, a domain such as `*@example.com`, a phone number in E.164, or the address of a wallet. */
  identifier: string;
  /** Whether to make an invitation too, for an email address. */
  notify?: boolean;
};

export type CreateBlocklistIdentifierParams = {
  /** An email address, a domain such as `*@example.com`, a phone number in E.164, or the address of a wallet. */
  identifier: string;
};

export type CreateRedirectUrlParams = {
  /** https, http on this machine, or the scheme of an application. */
  url: string;
};

export type UpdateInstanceParams = {
  /**
   * Whether test identifiers are accepted. Development instances accept them and production instances do not; anything
   * else is refused.
   */
  testMode?: boolean | null;
  /** Where users can write to; empty: nowhere. */
  supportEmail?: string | null;
  /** Version of the browser's script that pages load; empty: the server's own. */
  clerkJsVersion?: string | null;
  /** Origins that may use the Frontend API beside the host's own: all of them. */
  allowedOrigins?: (string)[];
  /** What sign-in asks for first, where a password is required; empty: the password. */
  preferredSignInStrategyWhenPasswordRequired?: 'password' | 'otp' | '' | null;
};

export type UpdateInstanceRestrictionsParams = {
  /** Only identifiers on the allow-list can sign up. */
  allowlist?: boolean | null;
  /** Identifiers on the block-list cannot sign up or sign in. */
  blocklist?: boolean | null;
  /** Both lists count at sign-up only. */
  allowlistBlocklistDisabledOnSignIn?: boolean | null;
  /** Email addresses with a `+` before the `@` cannot sign up. */
  blockEmailSubaddresses?: boolean | null;
  /** Not built: true is refused. */
  blockDisposableEmailDomains?: boolean | null;
};

export type UpdateInstanceCommunicationParams = {
  /**
   * All countries to which no text message is to be sent: codes of ISO 3166-1 alpha-2. Those of no country are left
   * out.
   */
  blockedCountryCodes?: (string)[] | null;
};

export type UpdateBetaInstanceSettingsParams = {
  /** Only those who were invited or are on the allow-list can sign up. */
  restrictedToAllowlist?: boolean | null;
  /** A sign-up is made in steps: true changes nothing, false is refused. */
  progressiveSignUp?: boolean | null;
  /** As for `PATCH /v1/instance`. */
  testMode?: boolean | null;
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
   * - 422 `form_param_exceeds_allowed_size`: A metadata object would have more than 8192 bytes of JSON (after a merge,
   *   the merged one), or the `actor` of an actor token more than 1200.
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
   * - 422 `form_param_exceeds_allowed_size`: A metadata object would have more than 8192 bytes of JSON (after a merge,
   *   the merged one), or the `actor` of an actor token more than 1200.
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
   * The user can sign in again, unless banned: neither a lock nor wrong tries of a password, an authenticator or backup
   * codes count any more. Of a user who is not locked only the tries are forgotten.
   *
   * Refused with:
   * - 404 `resource_not_found`: This instance has no object with this id.
   */
  unlockUser(userId: string): Promise<User>;

  /**
   * Remove the password of a user: `POST /v1/users/{user_id}/remove_password`.
   *
   * If the user has none, nothing changes. The user may have no other way to sign in.
   *
   * Refused with:
   * - 404 `resource_not_found`: This instance has no object with this id.
   */
  removePassword(userId: string, params?: RemovePasswordParams): Promise<User>;

  /**
   * Mark a password as compromised: `POST /v1/users/{user_id}/password/set_compromised`.
   *
   * From now on the password opens nothing: the user must sign in another way and choose a new one. A user who has no
   * other way can only be helped with a new password.
   *
   * Refused with:
   * - 400 `no_password_set`: The request is about the password of a user who has none.
   * - 403 `password_disabled`: The request is about a password, and the instance has none.
   * - 404 `resource_not_found`: This instance has no object with this id.
   */
  setPasswordCompromised(userId: string, params?: SetPasswordCompromisedParams): Promise<User>;

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
  unsetPasswordCompromised(userId: string): Promise<User>;

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

/**
 * Who is signed in where, and the tokens that say so. Every call rejects with an `ApiError` if the service refuses it
 * or does not answer.
 */
export interface SessionOperations {
  /**
   * List sessions: `GET /v1/sessions`.
   *
   * The newest first. With `paginated=true` the answer is `{"data": […], "total_count": …}`.
   */
  getSessionList(params?: GetSessionListParams): Promise<Page<Session>>;

  /**
   * Create a session: `POST /v1/sessions`.
   *
   * Signs a user in without a sign-in, for tests: in development instances only. The session has a client of its own. A
   * lock does not keep a user from it; a ban does.
   *
   * Refused with:
   * - 400 `request_invalid_for_environment`: A session is created by the Backend API in a production instance.
   * - 403 `user_banned`: A session is created for a user who is banned.
   * - 404 `resource_not_found`: This instance has no object with this id.
   */
  createSession(params: CreateSessionParams): Promise<Session>;

  /**
   * Read a session: `GET /v1/sessions/{session_id}`.
   *
   * The session, also one that is over.
   *
   * Refused with:
   * - 404 `resource_not_found`: This instance has no object with this id.
   */
  getSession(sessionId: string): Promise<Session>;

  /**
   * Revoke a session: `POST /v1/sessions/{session_id}/revoke`.
   *
   * Ends the session: it has no tokens any more. Tokens that it had are valid until they expire, a minute at most. A
   * session that is over already stays as it is.
   *
   * Refused with:
   * - 404 `resource_not_found`: This instance has no object with this id.
   */
  revokeSession(sessionId: string): Promise<Session>;
}

/**
 * Browsers and devices, with the sessions on each. Every call rejects with an `ApiError` if the service refuses it or
 * does not answer.
 */
export interface ClientOperations {
  /**
   * List clients: `GET /v1/clients`.
   *
   * The newest first, each with its active and pending sessions. With `paginated=true` the answer is `{"data": […],
   * "total_count": …}`.
   */
  getClientList(params?: PageParams): Promise<Page<Client>>;

  /**
   * Read a client: `GET /v1/clients/{client_id}`.
   *
   * The client, with its active and pending sessions.
   *
   * Refused with:
   * - 404 `resource_not_found`: This instance has no object with this id.
   */
  getClient(clientId: string): Promise<Client>;
}

/**
 * Claims of an application's own, in session tokens or in tokens beside them. Every call rejects with an `ApiError` if
 * the service refuses it or does not answer.
 */
export interface JwtTemplateOperations {
  /**
   * List JWT templates: `GET /v1/jwt_templates`.
   *
   * The newest first. With `paginated=true` the answer is `{"data": […], "total_count": …}`.
   */
  list(params?: PageParams): Promise<Page<JwtTemplate>>;

  /**
   * Create a JWT template: `POST /v1/jwt_templates`.
   *
   * Shortcodes such as `{{user.id}}` in the texts of its claims are replaced when a token is minted. The template named
   * `__session` is the session token's.
   *
   * Refused with:
   * - 400 `jwt_template_reserved_claim`: A JWT template sets a claim that Verger sets, or that means something to an
   *   SDK.
   * - 403 `quota_exceeded`: The instance has reached its limit of 100 JWT templates.
   * - 422 `form_param_exceeds_allowed_size`: The claims of a JWT template have more than 1200 bytes of JSON without
   *   their shortcodes.
   * - 422 `form_identifier_exists`: The instance has a JWT template with this name.
   * - 422 `form_param_value_invalid`: The template of the session token has a custom signing key.
   * - 422 `form_param_value_invalid`: The signing key of a JWT template does not fit its algorithm.
   * - 422 `form_param_format_invalid`: A value does not have the format of its field, such as a number outside every
   *   numbering plan.
   * - 422 `form_param_max_length_exceeded`: A text is longer than its field allows.
   * - 422 `form_param_min_length_exceeded`: A value is empty where an empty string is not allowed, such as
   *   `externalId`.
   * - 422 `form_param_exceeds_allowed_size`: A metadata object would have more than 8192 bytes of JSON (after a merge,
   *   the merged one), or the `actor` of an actor token more than 1200.
   */
  create(params: JwtTemplateParams): Promise<JwtTemplate>;

  /**
   * Read a JWT template: `GET /v1/jwt_templates/{template_id}`.
   *
   * Without its key.
   *
   * Refused with:
   * - 404 `resource_not_found`: This instance has no object with this id.
   */
  get(templateId: string): Promise<JwtTemplate>;

  /**
   * Delete a JWT template: `DELETE /v1/jwt_templates/{template_id}`.
   *
   * Its tokens stay valid until they expire. The template of the session token cannot be deleted.
   *
   * Refused with:
   * - 403 `session_token_jwt_template`: The template of the session token is deleted or renamed.
   * - 404 `resource_not_found`: This instance has no object with this id.
   */
  delete(templateId: string): Promise<DeletedObject>;
}

/**
 * Tickets that sign a user in once. Every call rejects with an `ApiError` if the service refuses it or does not answer.
 */
export interface SignInTokens {
  /**
   * Create a sign-in token: `POST /v1/sign_in_tokens`.
   *
   * Whoever has it is signed in as the user, once. The answer has the token, which is shown only now.
   *
   * Refused with:
   * - 404 `resource_not_found`: This instance has no object with this id.
   */
  createSignInToken(params: CreateSignInTokenParams): Promise<SignInToken>;

  /**
   * Revoke a sign-in token: `POST /v1/sign_in_tokens/{sign_in_token_id}/revoke`.
   *
   * Nobody can sign in with it any more. One that was used or revoked before cannot be revoked.
   *
   * Refused with:
   * - 400 `sign_in_token_cannot_be_revoked_code`: A sign-in token is revoked that was used or revoked before.
   * - 404 `resource_not_found`: This instance has no object with this id.
   */
  revokeSignInToken(signInTokenId: string): Promise<SignInToken>;
}

/**
 * Tickets with which somebody acts as a user. Every call rejects with an `ApiError` if the service refuses it or does
 * not answer.
 */
export interface ActorTokens {
  /**
   * Create an actor token: `POST /v1/actor_tokens`.
   *
   * Whoever has it acts as the user, without a factor of the user. The tokens of that session say who acts. The answer
   * has the token, which is shown only now.
   *
   * Refused with:
   * - 404 `resource_not_found`: This instance has no object with this id.
   * - 422 `form_param_missing`: The actor of an actor token does not say who acts.
   * - 422 `form_param_format_invalid`: A value does not have the format of its field, such as a number outside every
   *   numbering plan.
   * - 422 `form_param_exceeds_allowed_size`: A metadata object would have more than 8192 bytes of JSON (after a merge,
   *   the merged one), or the `actor` of an actor token more than 1200.
   */
  create(params: CreateActorTokenParams): Promise<ActorToken>;

  /**
   * Revoke an actor token: `POST /v1/actor_tokens/{actor_token_id}/revoke`.
   *
   * It opens nothing any more. One that was used or revoked before cannot be revoked.
   *
   * Refused with:
   * - 400 `actor_token_cannot_be_revoked_code`: An actor token is revoked that was used or revoked before.
   * - 404 `resource_not_found`: This instance has no object with this id.
   */
  revoke(actorTokenId: string): Promise<ActorToken>;
}

/** Tokens for end-to-end tests. Every call rejects with an `ApiError` if the service refuses it or does not answer. */
export interface TestingTokens {
  /**
   * Create a testing token: `POST /v1/testing_tokens`.
   *
   * A token for `__clerk_testing_token`. Development instances accept it, and work without it as well; production
   * instances ignore it.
   */
  createTestingToken(): Promise<TestingToken>;
}

/**
 * The public keys whose tokens are accepted. Without a key they are at `/.well-known/jwks.json` under each frontend
 * host. Every call rejects with an `ApiError` if the service refuses it or does not answer.
 */
export interface Jwks {
  /**
   * Read the key set: `GET /v1/jwks`.
   *
   * The public keys whose tokens are accepted, as a JSON Web Key Set (RFC 7517). Never empty, and never with a private
   * field. Verify with the key that the token's `kid` names.
   */
  getJwks(): Promise<JsonWebKeySet>;
}

/**
 * Invitations to sign up with an email address. Every call rejects with an `ApiError` if the service refuses it or does
 * not answer.
 */
export interface InvitationOperations {
  /**
   * List invitations: `GET /v1/invitations`.
   *
   * Newest first, without those that were revoked unless `status` asks for them.
   */
  getInvitationList(params?: ListInvitationsParams): Promise<Page<Invitation>>;

  /**
   * Create an invitation: `POST /v1/invitations`.
   *
   * Whoever opens its link may sign up with the address, also where sign-up is restricted. The link is in the answer,
   * and nowhere else later on: the server keeps a digest of its ticket.
   *
   * Refused with:
   * - 400 `duplicate_record`: The instance has an entry, a redirect URL or an open invitation like it already.
   * - 400 `request_invalid_for_instance`: The answer would name a frontend host, and the instance has none.
   * - 400 `sms_send_error`: No sender is configured.
   * - 403 `quota_exceeded`: The instance has reached its limit of entries of a list, redirect URLs or open invitations.
   * - 422 `form_identifier_exists`: Another user of the instance has claimed the email address, or this user has it
   *   already.
   * - 422 `form_param_format_invalid`: A value does not have the format of its field, such as a number outside every
   *   numbering plan.
   * - 422 `form_param_max_length_exceeded`: A text is longer than its field allows.
   * - 422 `form_param_exceeds_allowed_size`: A metadata object would have more than 8192 bytes of JSON (after a merge,
   *   the merged one), or the `actor` of an actor token more than 1200.
   */
  createInvitation(params: CreateInvitationParams): Promise<Invitation>;

  /**
   * Revoke an invitation: `POST /v1/invitations/{invitation_id}/revoke`.
   *
   * Its link opens nothing any more. Whoever signs up without it is not kept out.
   *
   * Refused with:
   * - 400 `invitation_already_accepted`: An invitation is to be revoked that a user has accepted.
   * - 400 `invitation_already_revoked`: An invitation is to be revoked that was revoked before.
   * - 404 `resource_not_found`: This instance has no object with this id.
   */
  revokeInvitation(invitationId: string): Promise<Invitation>;
}

/** Identifiers that may sign up. Every call rejects with an `ApiError` if the service refuses it or does not answer. */
export interface AllowlistIdentifiers {
  /**
   * List the allow-list: `GET /v1/allowlist_identifiers`.
   *
   * The identifiers that may sign up while the allow-list is on, newest first.
   */
  getAllowlistIdentifierList(params?: PageParams): Promise<Page<AllowlistIdentifier>>;

  /**
   * Add to the allow-list: `POST /v1/allowlist_identifiers`.
   *
   * An email address, a whole domain or a phone number. With `notify` an invitation is made too.
   *
   * Refused with:
   * - 400 `duplicate_record`: The instance has an entry, a redirect URL or an open invitation like it already.
   * - 400 `request_invalid_for_instance`: The answer would name a frontend host, and the instance has none.
   * - 400 `sms_send_error`: No sender is configured.
   * - 403 `quota_exceeded`: The instance has reached its limit of entries of a list, redirect URLs or open invitations.
   * - 422 `form_param_format_invalid`: A value does not have the format of its field, such as a number outside every
   *   numbering plan.
   * - 422 `form_param_max_length_exceeded`: A text is longer than its field allows.
   * - 422 `form_param_format_invalid`: A phone number has fewer than 7 or more than 15 digits.
   */
  createAllowlistIdentifier(params: CreateAllowlistIdentifierParams): Promise<AllowlistIdentifier>;

  /**
   * Remove from the allow-list: `DELETE /v1/allowlist_identifiers/{identifier_id}`.
   *
   * Users who exist stay.
   *
   * Refused with:
   * - 404 `resource_not_found`: This instance has no object with this id.
   */
  deleteAllowlistIdentifier(identifierId: string): Promise<DeletedObject>;
}

/**
 * Identifiers that may not sign up. Every call rejects with an `ApiError` if the service refuses it or does not answer.
 */
export interface BlocklistIdentifiers {
  /**
   * List the block-list: `GET /v1/blocklist_identifiers`.
   *
   * The identifiers that may not sign up or sign in while the block-list is on, newest first.
   */
  getBlocklistIdentifierList(params?: PageParams): Promise<Page<BlocklistIdentifier>>;

  /**
   * Add to the block-list: `POST /v1/blocklist_identifiers`.
   *
   * An email address, a whole domain or a phone number.
   *
   * Refused with:
   * - 400 `duplicate_record`: The instance has an entry, a redirect URL or an open invitation like it already.
   * - 403 `quota_exceeded`: The instance has reached its limit of entries of a list, redirect URLs or open invitations.
   * - 422 `form_param_format_invalid`: A value does not have the format of its field, such as a number outside every
   *   numbering plan.
   * - 422 `form_param_max_length_exceeded`: A text is longer than its field allows.
   * - 422 `form_param_format_invalid`: A phone number has fewer than 7 or more than 15 digits.
   */
  createBlocklistIdentifier(params: CreateBlocklistIdentifierParams): Promise<BlocklistIdentifier>;

  /**
   * Remove from the block-list: `DELETE /v1/blocklist_identifiers/{identifier_id}`.
   *
   * Whoever has the identifier may come again.
   *
   * Refused with:
   * - 404 `resource_not_found`: This instance has no object with this id.
   */
  deleteBlocklistIdentifier(identifierId: string): Promise<DeletedObject>;
}

/**
 * URLs that native applications may be sent back to. Every call rejects with an `ApiError` if the service refuses it or
 * does not answer.
 */
export interface RedirectUrls {
  /**
   * List redirect URLs: `GET /v1/redirect_urls`.
   *
   * The URLs that native applications may be sent back to, newest first.
   */
  getRedirectUrlList(params?: PageParams): Promise<Page<RedirectUrl>>;

  /**
   * Add a redirect URL: `POST /v1/redirect_urls`.
   *
   * https, http on this machine, or the scheme of an application.
   *
   * Refused with:
   * - 400 `duplicate_record`: The instance has an entry, a redirect URL or an open invitation like it already.
   * - 403 `quota_exceeded`: The instance has reached its limit of entries of a list, redirect URLs or open invitations.
   * - 422 `form_param_format_invalid`: A value does not have the format of its field, such as a number outside every
   *   numbering plan.
   * - 422 `form_param_max_length_exceeded`: A text is longer than its field allows.
   */
  createRedirectUrl(params: CreateRedirectUrlParams): Promise<RedirectUrl>;

  /**
   * Read a redirect URL: `GET /v1/redirect_urls/{id}`.
   *
   * The URL with this id.
   *
   * Refused with:
   * - 404 `resource_not_found`: This instance has no object with this id.
   */
  getRedirectUrl(id: string): Promise<RedirectUrl>;

  /**
   * Remove a redirect URL: `DELETE /v1/redirect_urls/{id}`.
   *
   * Nothing is sent there any more.
   *
   * Refused with:
   * - 404 `resource_not_found`: This instance has no object with this id.
   */
  deleteRedirectUrl(id: string): Promise<DeletedObject>;
}

/**
 * The instance that the secret key belongs to. Every call rejects with an `ApiError` if the service refuses it or does
 * not answer.
 */
export interface InstanceOperations {
  /**
   * Read the instance: `GET /v1/instance`.
   *
   * The instance of the secret key.
   */
  get(): Promise<Instance>;

  /**
   * Change the instance: `PATCH /v1/instance`.
   *
   * What is absent or null stays as it is. The answer has no body.
   */
  update(params?: UpdateInstanceParams): Promise<void>;

  /**
   * Change who may sign up: `PATCH /v1/instance/restrictions`.
   *
   * What is absent or null stays as it is.
   *
   * Refused with:
   * - 403 `feature_not_enabled`: A setting would switch on what Verger does not have yet.
   */
  updateRestrictions(params?: UpdateInstanceRestrictionsParams): Promise<InstanceRestrictions>;

  /**
   * Read where text messages go: `GET /v1/instance/communication`.
   *
   * The countries to which no text message is sent.
   */
  getCommunication(): Promise<InstanceCommunication>;

  /**
   * Change where text messages go: `PATCH /v1/instance/communication`.
   *
   * Replaces the list of countries to which no text message is sent. Without a list nothing changes.
   */
  updateCommunication(params?: UpdateInstanceCommunicationParams): Promise<InstanceCommunication>;

  /**
   * Change settings that are in beta: `PATCH /v1/beta_features/instance_settings`.
   *
   * What is absent or null stays as it is.
   */
  updateInstanceSettings(params?: UpdateBetaInstanceSettingsParams): Promise<InstanceSettings>;

  /**
   * Read the instance with its hosts: `GET /verger/v1/instance`. Verger only.
   *
   * The instance of the secret key: its frontend hosts with their publishable keys, and who may use them.
   */
  getDetails(): Promise<InstanceDetails>;
}

/**
 * The frontend hosts of the instance. Every call rejects with an `ApiError` if the service refuses it or does not
 * answer.
 */
export interface Domains {
  /**
   * List domains: `GET /v1/domains`.
   *
   * The frontend hosts of the instance. There are no satellites.
   */
  list(): Promise<Page<Domain>>;
}
