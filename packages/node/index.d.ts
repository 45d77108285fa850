/** How far an identification is verified. */
export type VerificationStatus = 'unverified' | 'verified' | 'transferable' | 'failed' | 'expired';

/** How, and how far, an identification is verified. */
export interface Verification {
  readonly status: VerificationStatus;
  /** For example `admin`, `phone_code` or `email_code`. */
  readonly strategy: string;
  readonly externalVerificationRedirectURL: URL | null;
  /** How often a code was tried, the successful try included; `null` where there is no code. */
  readonly attempts: number | null;
  /** When the code expires; stays after success. Unix milliseconds. */
  readonly expireAt: number | null;
  readonly nonce: string | null;
  readonly message: string | null;
}

/** How an identification relates to another account of the same user. */
export interface IdentificationLink {
  readonly id: string;
  readonly type: string;
}

/** A phone number of a user. */
export interface PhoneNumber {
  /** `idn_…`. */
  readonly id: string;
  /** E.164 with `+`. */
  readonly phoneNumber: string;
  /** A code sent here is a second factor. */
  readonly reservedForSecondFactor: boolean;
  /** The second factor that is asked for first. */
  readonly defaultSecondFactor: boolean;
  /** `null` while nobody has proved anything, or after an administrator took it back. */
  readonly verification: Verification | null;
  readonly linkedTo: IdentificationLink[];
}

/** What Verger keeps beside a phone number. */
export interface PhoneNumberDetails {
  readonly id: string;
  readonly object: 'phone_number_details';
  readonly userId: string;
  readonly phoneNumber: string;
  /** The text as it was typed. */
  readonly typed: string;
  /** ISO 3166-1 alpha-2, or `001` for numbers of no country. */
  readonly region: string | null;
  /** For example `mobile` or `fixed_line`. */
  readonly lineType: string | null;
  /** The numbering plans that judged the number. */
  readonly metadataVersion: string;
  /** Unix milliseconds. */
  readonly verifiedAt: number | null;
}

/** An email address of a user. */
export interface EmailAddress {
  /** `idn_…`. */
  readonly id: string;
  readonly emailAddress: string;
  /** `null` while nobody has proved anything. */
  readonly verification: Verification | null;
  readonly linkedTo: IdentificationLink[];
}

/** The state of a one-time code. A wrong or an expired code is no error: `status` tells. */
export interface CodeVerification {
  /** `ver_…`: what an attempt names. */
  readonly id: string;
  readonly status: VerificationStatus;
  /** `phone_code` or `email_code`. */
  readonly strategy: string;
  /** What carries the code: `sms` or `whatsapp`; `null` for email. */
  readonly channel: string | null;
  readonly attempts: number | null;
  /** Unix milliseconds. */
  readonly expireAt: number | null;
}

/** The answer to a deletion. */
export interface DeletedObject {
  readonly object: string;
  readonly id: string | null;
  readonly slug: string | null;
  readonly deleted: boolean;
}

/** A JSON object that the application keeps on a user. */
export type Metadata = { [key: string]: unknown };

/** A user. Times are Unix milliseconds. */
export interface User {
  /** `user_…`. */
  readonly id: string;
  readonly passwordEnabled: boolean;
  readonly totpEnabled: boolean;
  readonly backupCodeEnabled: boolean;
  readonly twoFactorEnabled: boolean;
  readonly banned: boolean;
  readonly locked: boolean;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly imageUrl: string;
  readonly hasImage: boolean;
  readonly primaryEmailAddressId: string | null;
  readonly primaryPhoneNumberId: string | null;
  readonly primaryWeb3WalletId: string | null;
  readonly lastSignInAt: number | null;
  readonly externalId: string | null;
  readonly username: string | null;
  readonly firstName: string | null;
  readonly lastName: string | null;
  readonly publicMetadata: Metadata;
  readonly privateMetadata: Metadata;
  readonly unsafeMetadata: Metadata;
  /** Newest first. */
  readonly emailAddresses: EmailAddress[];
  /** Newest first. */
  readonly phoneNumbers: PhoneNumber[];
  /** Verger has none; of other services as they came, with names in camel case. So are the two after it. */
  readonly web3Wallets: Metadata[];
  readonly externalAccounts: Metadata[];
  readonly enterpriseAccounts: Metadata[];
  readonly lastActiveAt: number | null;
  readonly createOrganizationEnabled: boolean;
  readonly createOrganizationsLimit: number | null;
  readonly deleteSelfEnabled: boolean;
  readonly legalAcceptedAt: number | null;
  readonly locale: string | null;
  readonly timezone: string | null;
  readonly deprovisioned: boolean;
  /** The user as it came over the wire. */
  get raw(): Metadata;
  get primaryEmailAddress(): EmailAddress | null;
  get primaryPhoneNumber(): PhoneNumber | null;
  get primaryWeb3Wallet(): Metadata | null;
  /** First and last name with a space between; `null` if there is neither. */
  get fullName(): string | null;
}

export type CreatePhoneNumberParams = {
  userId: string;
  /** As a person typed it: digits, one leading `+`, and the separators space, `-`, `.`, `(`, `)`. */
  phoneNumber: string;
  /** Default `false`. */
  verified?: boolean;
  /** Make it the user's primary number. The first number always is. */
  primary?: boolean;
  /** Make it a second factor; it must be verified. */
  reservedForSecondFactor?: boolean;
};

/** What is left out stays as it is. */
export type UpdatePhoneNumberParams = {
  /** `true` marks it as verified by your word, `false` as unverified. */
  verified?: boolean;
  /** Make it the user's primary number; `false` changes nothing. */
  primary?: boolean;
  /** Make it a second factor, or no longer one. */
  reservedForSecondFactor?: boolean;
};

export type CreateEmailAddressParams = {
  userId: string;
  emailAddress: string;
  /** Default `false`. */
  verified?: boolean;
  primary?: boolean;
};

export type UpdateEmailAddressParams = {
  verified?: boolean;
  primary?: boolean;
};

/** A code to be tried. */
export type AttemptVerificationParams = {
  /** `ver_…`, from the answer that prepared it. */
  verificationId: string;
  /** Six decimal digits. */
  code: string;
};

/** Phone numbers. Every call rejects with an {@link ApiError} if the service refuses it or does not answer. */
export interface PhoneNumbers {
  getPhoneNumber(phoneNumberId: string): Promise<PhoneNumber>;
  createPhoneNumber(params: CreatePhoneNumberParams): Promise<PhoneNumber>;
  /** `verified` acts first, then `reservedForSecondFactor`, then `primary`; if one is refused, nothing changes. */
  updatePhoneNumber(phoneNumberId: string, params?: UpdatePhoneNumberParams): Promise<PhoneNumber>;
  deletePhoneNumber(phoneNumberId: string): Promise<DeletedObject>;
  /** Sends a one-time code to the number, valid for 10 minutes; only the newest one is. */
  preparePhoneNumberVerification(phoneNumberId: string): Promise<CodeVerification>;
  /** Tries a code. The right one makes the number verified; a wrong or expired one is told by `status`. */
  attemptPhoneNumberVerification(
    phoneNumberId: string,
    params: AttemptVerificationParams,
  ): Promise<CodeVerification>;
  /** What Verger keeps beside a number. Other services answer 404. */
  getPhoneNumberDetails(phoneNumberId: string): Promise<PhoneNumberDetails>;
}

/** Email addresses. Every call rejects with an {@link ApiError} if the service refuses it or does not answer. */
export interface EmailAddresses {
  getEmailAddress(emailAddressId: string): Promise<EmailAddress>;
  createEmailAddress(params: CreateEmailAddressParams): Promise<EmailAddress>;
  updateEmailAddress(emailAddressId: string, params?: UpdateEmailAddressParams): Promise<EmailAddress>;
  deleteEmailAddress(emailAddressId: string): Promise<DeletedObject>;
  /** Sends a one-time code to the address, valid for 10 minutes; only the newest one is. */
  prepareEmailAddressVerification(emailAddressId: string): Promise<CodeVerification>;
  /** Tries a code. The right one makes the address verified; a wrong or expired one is told by `status`. */
  attemptEmailAddressVerification(
    emailAddressId: string,
    params: AttemptVerificationParams,
  ): Promise<CodeVerification>;
}

/** Which users; each list takes up to 100 values. Times are Unix milliseconds. */
export type UserCountParams = {
  emailAddress?: string[];
  phoneNumber?: string[];
  username?: string[];
  userId?: string[];
  externalId?: string[];
  /** Anywhere in ids, names, numbers and addresses. */
  query?: string;
  emailAddressQuery?: string;
  phoneNumberQuery?: string;
  usernameQuery?: string;
  nameQuery?: string;
  banned?: boolean;
  createdAtBefore?: number;
  createdAtAfter?: number;
};

type UserOrder =
  'created_at' | 'updated_at' | 'email_address' | 'web3wallet' | 'first_name' | 'last_name' | 'phone_number' |
  'username' | 'last_active_at' | 'last_sign_in_at';

/** Which users, which part of them, and in which order. */
export type UserListParams = UserCountParams & {
  /** 1 to 500; 10 if it is left out. */
  limit?: number;
  offset?: number;
  /** Default `-created_at`. */
  orderBy?: UserOrder | `+${UserOrder}` | `-${UserOrder}`;
};

export type UserMetadataParams = {
  publicMetadata?: Metadata;
  privateMetadata?: Metadata;
  unsafeMetadata?: Metadata;
};

export type CreateUserParams = UserMetadataParams & {
  externalId?: string;
  /** The first becomes primary; verified. */
  emailAddress?: string[];
  /** The first becomes primary; verified. */
  phoneNumber?: string[];
  username?: string;
  firstName?: string;
  lastName?: string;
  locale?: string;
  legalAcceptedAt?: Date;
  createdAt?: Date;
  banned?: boolean;
  locked?: boolean;
  deleteSelfEnabled?: boolean;
  createOrganizationEnabled?: boolean;
  createOrganizationsLimit?: number;
  /** A user without any identification is allowed. */
  skipUserRequirement?: boolean;
  bypassClientTrust?: boolean;
};

/** What is left out stays as it is; `null` removes what can be removed. */
export type UpdateUserParams = UserMetadataParams & {
  externalId?: string | null;
  username?: string | null;
  firstName?: string | null;
  lastName?: string | null;
  locale?: string | null;
  /** A verified or reserved address of the user. */
  primaryEmailAddressID?: string;
  /** A verified or reserved number of the user. */
  primaryPhoneNumberID?: string;
  legalAcceptedAt?: Date | null;
  createdAt?: Date;
  deleteSelfEnabled?: boolean;
  createOrganizationEnabled?: boolean;
  createOrganizationsLimit?: number | null;
  bypassClientTrust?: boolean;
};

/** Users. Every call rejects with an {@link ApiError} if the service refuses it or does not answer. */
export interface Users {
  /** Two requests: the page, and how many users there are in all. */
  getUserList(params?: UserListParams): Promise<{ data: User[]; totalCount: number }>;
  getCount(params?: UserCountParams): Promise<number>;
  getUser(userId: string): Promise<User>;
  createUser(params: CreateUserParams): Promise<User>;
  /** Metadata replaces what is there, in a second request after everything else. */
  updateUser(userId: string, params?: UpdateUserParams): Promise<User>;
  deleteUser(userId: string): Promise<DeletedObject>;
  /** Merges; a key that is given as `null` goes. */
  updateUserMetadata(userId: string, params: UserMetadataParams): Promise<User>;
  replaceUserMetadata(userId: string, params: UserMetadataParams): Promise<User>;
  /** Takes all other numbers away. */
  replaceUserPhoneNumber(
    userId: string,
    params: { phoneNumber: string; identificationStatus?: 'verified' | 'reserved' | 'unverified' },
  ): Promise<PhoneNumber>;
  /** Takes all other addresses away. */
  replaceUserEmailAddress(
    userId: string,
    params: { emailAddress: string; identificationStatus?: 'verified' | 'reserved' | 'unverified' },
  ): Promise<EmailAddress>;
  banUser(userId: string): Promise<User>;
  unbanUser(userId: string): Promise<User>;
  /** 1 to 50 users. */
  banUsers(userIds: string[]): Promise<User[]>;
  /** 1 to 50 users. */
  unbanUsers(userIds: string[]): Promise<User[]>;
  lockUser(userId: string): Promise<User>;
  unlockUser(userId: string): Promise<User>;
  /** Takes all second factors away. */
  disableUserMFA(userId: string): Promise<{ userId: string; user_id: string }>;
}

export type ClerkOptions = {
  /** `sk_…`; it is needed with the first call. */
  secretKey?: string;
  /** Default `https://api.clerk.com`, the hosted service. */
  apiUrl?: string;
  /** Put before the package's own name in the header `User-Agent`. */
  userAgent?: string;
  /** How long a call may take with all its repetitions, in milliseconds. Default 30,000. */
  timeoutMs?: number;
  /** Options of the official SDK that need no other value here. They are not looked at. */
  telemetry?: unknown;
  publishableKey?: string;
  jwtKey?: string;
  sdkMetadata?: unknown;
};

export interface ClerkClient {
  readonly phoneNumbers: PhoneNumbers;
  readonly emailAddresses: EmailAddresses;
  readonly users: Users;
}

/** A client of the Backend API. Nothing is sent, and no native code loaded, before the first call. */
export declare function createClerkClient(options?: ClerkOptions): ClerkClient;

/** One thing that the service found wrong. */
export interface ApiErrorDetail {
  /** For programs. */
  code: string;
  /** Short, for people. */
  message: string;
  /** Longer, for people. */
  longMessage?: string;
  /** Facts for programs. */
  meta?: { paramName?: string; [fact: string]: unknown };
}

/** A call that the service refused, or that got no answer. Its message has no key, code, number or address in it. */
export declare class ApiError extends Error {
  static readonly kind: 'ClerkAPIResponseError';
  private constructor(failure: unknown);
  readonly clerkError: true;
  readonly code: 'api_response_error';
  /** The HTTP status; `undefined` if there was no answer. */
  readonly status: number | undefined;
  /** Everything that was found wrong; `unexpected_error` if there was no answer that could be read. */
  readonly errors: ApiErrorDetail[];
  /** The id under which the service has the request in its log. */
  readonly clerkTraceId: string;
  /** How long the service asks to wait, in seconds. */
  readonly retryAfter: number | undefined;
  /** `api`: the service refused. All others: there was no answer, or none that could be read. */
  readonly reason: 'api' | 'timeout' | 'connect' | 'interrupted' | 'decode';
  /** How often the request was sent. */
  readonly attempts: number;
}

/** Whether this is an {@link ApiError}, or its like of the official SDK. */
export declare function isApiError(error: unknown): error is ApiError;

/** A message that would have been sent to a person. */
export interface InboxMessage {
  readonly id: string;
  readonly object: 'message';
  readonly channel: 'sms' | 'email';
  /** The number or address. */
  readonly to: string;
  readonly subject: string | null;
  readonly text: string;
  /** The code in it. */
  readonly code: string;
  readonly phoneNumberId: string | null;
  readonly emailAddressId: string | null;
  readonly userId: string;
  readonly verificationId: string;
  /** `not_sent`: a test number, to which nothing is ever sent. */
  readonly status: 'queued' | 'accepted' | 'delivered' | 'failed' | 'unknown' | 'not_sent';
  /** Unix milliseconds. */
  readonly createdAt: number;
}

/** A whole server in this process. */
export interface Verger {
  /** `http://127.0.0.1:PORT`. */
  readonly url: string;
  readonly secretKey: string;
  /** `ins_…`. */
  readonly instanceId: string;
  /**
   * The messages that would have been sent, newest first. One is there before the call that caused it is answered.
   * Nothing is sent to the reserved test numbers (+1 XXX 555 01XX): their code is always 424242.
   */
  inbox(): InboxMessage[];
  /** Moves the server's time forward, by up to ten years. */
  advanceClock(durationMs: number): void;
  /** Takes away all users and messages and sets the time back to now. The secret key stays. */
  reset(): Promise<void>;
  /** Frees the port and the memory; calls in flight are answered first. */
  stop(): Promise<void>;
}

/**
 * Starts a server on a free port of the loopback interface, in memory, with nothing in it. Many can run at a time; they
 * know nothing of each other. A server does not keep the process from ending.
 */
export declare function startVerger(): Promise<Verger>;
