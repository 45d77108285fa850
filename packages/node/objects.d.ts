// What the service answers, in the shape that the official SDK gives it.

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
