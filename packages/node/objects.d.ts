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

/** A part of a list, and how many there are in all. */
export interface Page<T> {
  data: T[];
  totalCount: number;
}

/** Where a session was last used. */
export interface SessionActivity {
  readonly id: string;
  readonly isMobile: boolean;
  readonly ipAddress?: string;
  readonly city?: string;
  readonly country?: string;
  readonly browserVersion?: string;
  readonly browserName?: string;
  readonly deviceType?: string;
}

/** One user, signed in on one client. Times are Unix milliseconds. */
export interface Session {
  /** `sess_…`. */
  readonly id: string;
  readonly clientId: string;
  readonly userId: string;
  /** For example `active`, `pending`, `revoked` or `expired`. */
  readonly status: string;
  readonly lastActiveAt: number;
  readonly expireAt: number;
  readonly abandonAt: number;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly lastActiveOrganizationId?: string;
  readonly latestActivity?: SessionActivity;
  /** Who acts as the user, by an actor token. */
  readonly actor: Record<string, unknown> | null;
}

/** A browser or a device. Times are Unix milliseconds. */
export interface Client {
  /** `client_…`. */
  readonly id: string;
  readonly sessionIds: string[];
  /** Those that are active or pending, the oldest first. */
  readonly sessions: Session[];
  readonly signInId: string | null;
  readonly signUpId: string | null;
  readonly lastActiveSessionId: string | null;
  readonly lastAuthenticationStrategy:
    'email_address' | 'email_code' | 'email_link' | 'phone_code' | 'password' | 'username' | null;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** A token of a session. */
export interface Token {
  readonly jwt: string;
}

/** Values of `Set-Cookie`. */
export interface Cookies {
  readonly cookies: string[];
}

/** Claims of an application's own. Lifetimes are seconds; times are Unix milliseconds. */
export interface JwtTemplate {
  /** `jtmp_…`. */
  readonly id: string;
  readonly name: string;
  readonly claims: object;
  readonly lifetime: number;
  readonly allowedClockSkew: number;
  readonly customSigningKey: boolean;
  readonly signingAlgorithm: string;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** A ticket that signs a user in once. */
export interface SignInToken {
  /** `sit_…`. */
  readonly id: string;
  readonly userId: string;
  /** Only in the answer that makes it. */
  readonly token: string;
  readonly status: string;
  /** Only in the answer that makes it. */
  readonly url: string;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** A ticket with which somebody acts as a user. */
export interface ActorToken {
  /** `act_…`. */
  readonly id: string;
  readonly status: 'pending' | 'accepted' | 'revoked';
  readonly userId: string;
  readonly actor: Record<string, unknown> | null;
  /** Only in the answer that makes it. */
  readonly token: string | null | undefined;
  /** Only in the answer that makes it. */
  readonly url: string | null | undefined;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** A token for end-to-end tests. */
export interface TestingToken {
  readonly token: string;
  /** Unix **seconds**. */
  readonly expiresAt: number;
}

/** An invitation to sign up. */
export interface Invitation {
  /** `inv_…`. */
  readonly id: string;
  readonly emailAddress: string;
  readonly publicMetadata: Record<string, unknown> | null;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly status: 'pending' | 'accepted' | 'revoked' | 'expired';
  /** The link for the person who is invited: only in the answer that makes it. */
  readonly url?: string;
  readonly revoked?: boolean;
  /** The invitation as it came over the wire. */
  get raw(): Metadata;
}

/** What an entry of the allow-list or the block-list is. */
export type IdentifierType = 'email_address' | 'phone_number' | 'web3_wallet';

/** An identifier that may sign up. */
export interface AllowlistIdentifier {
  /** `alid_…`. */
  readonly id: string;
  readonly identifier: string;
  readonly identifierType: IdentifierType;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly instanceId?: string;
  readonly invitationId?: string;
}

/** An identifier that may not sign up. */
export interface BlocklistIdentifier {
  /** `blid_…`. */
  readonly id: string;
  readonly identifier: string;
  readonly identifierType: IdentifierType;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly instanceId?: string;
}

/** A URL that native applications may be sent back to. */
export interface RedirectUrl {
  /** `ru_…`. */
  readonly id: string;
  readonly url: string;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** The instance that the secret key belongs to. */
export interface Instance {
  /** `ins_…`. */
  readonly id: string;
  readonly environmentType: string;
  readonly allowedOrigins: string[] | null;
}

/** What Verger tells of an instance beside: what applications are configured with. */
export interface InstanceDetails {
  readonly id: string;
  readonly object: 'instance';
  readonly name: string;
  readonly environment: 'development' | 'production';
  readonly frontendHosts: { readonly host: string; readonly url: string; readonly publishableKey: string }[];
  /** Of the first host. */
  readonly publishableKey: string | null;
  readonly cookieDomain: string | null;
  readonly allowedOrigins: string[];
  /** Unix milliseconds. */
  readonly createdAt: number;
}

/** Who may not sign up. */
export interface InstanceRestrictions {
  readonly allowlist: boolean;
  readonly blocklist: boolean;
  readonly blockEmailSubaddresses: boolean;
  readonly blockDisposableEmailDomains: boolean;
  /** Verger has no such rule. */
  readonly ignoreDotsForGmailAddresses: boolean;
}

/** Where text messages are not sent: ISO 3166-1 alpha-2. */
export interface InstanceCommunication {
  readonly object: 'instance_communication';
  readonly blockedCountryCodes: string[];
}

/** Settings of an instance that the API has under another path. */
export interface InstanceSettings {
  readonly id?: string;
  readonly restrictedToAllowlist?: boolean;
  readonly fromEmailAddress?: string;
  readonly progressiveSignUp?: boolean;
  readonly enhancedEmailDeliverability?: boolean;
}

/** A DNS record that a domain needs. */
export interface CnameTarget {
  readonly host: string;
  readonly value: string;
  readonly required: boolean;
}

/** A frontend host of the instance. */
export interface Domain {
  readonly id: string;
  readonly name: string;
  readonly isSatellite: boolean;
  readonly frontendApiUrl: string;
  readonly developmentOrigin: string;
  readonly cnameTargets: CnameTarget[];
  readonly accountsPortalUrl?: string | null;
  readonly proxyUrl?: string | null;
}

/** The public keys whose tokens are accepted (RFC 7517). */
export interface JsonWebKeySet {
  readonly keys: { readonly use: string; readonly kty: string; readonly kid: string; readonly alg: string; readonly n: string; readonly e: string }[];
}
