// What the official SDK has in another shape than the wire, and the operations that take or give it.

import type { User } from './objects';
import type { UserMetadataParams, UserOperations } from './operations';

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
  lastActiveAtBefore?: number;
  lastActiveAtAfter?: number;
  lastSignInAtBefore?: number;
  lastSignInAtAfter?: number;
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

/** The digest of a password that another system made. */
export type UserPasswordHashingParams = {
  passwordDigest: string;
  /** What made it, for example `bcrypt`. */
  passwordHasher: string;
};

export type CreateUserParams = UserMetadataParams & Partial<UserPasswordHashingParams> & {
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
  password?: string;
  /** The rules for passwords do not hold for this one. */
  skipPasswordChecks?: boolean;
  /** A user without a password is allowed where the instance asks for one. */
  skipPasswordRequirement?: boolean;
  /** The secret of an authenticator, in base32. */
  totpSecret?: string;
  /** Up to 10, each as text or as a bcrypt digest. */
  backupCodes?: string[];
  /** A user without any identification is allowed. */
  skipUserRequirement?: boolean;
  bypassClientTrust?: boolean;
};

/** What is left out stays as it is; `null` removes what can be removed. */
export type UpdateUserParams = UserMetadataParams & Partial<UserPasswordHashingParams> & {
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
  password?: string;
  /** The rules for passwords do not hold for this one. */
  skipPasswordChecks?: boolean;
  /** With the new password all sessions of the user end. */
  signOutOfOtherSessions?: boolean;
  /** It takes the place of the former one. */
  totpSecret?: string;
  /** They take the place of all former ones. */
  backupCodes?: string[];
};

/** Users. Every call rejects with an {@link ApiError} if the service refuses it or does not answer. */
export interface Users extends UserOperations {
  /** Two requests: the page, and how many users there are in all. */
  getUserList(params?: UserListParams): Promise<{ data: User[]; totalCount: number }>;
  getCount(params?: UserCountParams): Promise<number>;
  createUser(params: CreateUserParams): Promise<User>;
  /** Metadata replaces what is there, in a second request after everything else. */
  updateUser(userId: string, params?: UpdateUserParams): Promise<User>;
  /** 1 to 50 users. */
  banUsers(userIds: string[]): Promise<User[]>;
  /** 1 to 50 users. */
  unbanUsers(userIds: string[]): Promise<User[]>;
  /** Takes all second factors away. */
  disableUserMFA(userId: string): Promise<{ userId: string; user_id: string }>;
  /** Takes the authenticator away. */
  deleteUserTOTP(userId: string): Promise<{ userId: string; user_id: string }>;
  /** Takes all backup codes away. */
  deleteUserBackupCodes(userId: string): Promise<{ userId: string; user_id: string }>;
  /** A wrong password is refused, and counted. */
  verifyPassword(params: { userId: string; password: string }): Promise<{ verified: true }>;
  /** A code of the authenticator, or a backup code; either is accepted once. A wrong one is refused, and counted. */
  verifyTOTP(params: { userId: string; code: string }): Promise<{ verified: true; code_type: 'totp' }>;
}
