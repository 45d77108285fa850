'use strict';

const { camelKeys } = require('./names.js');

// What the service answers, in the shape that the official SDK gives it. Fields are in the same order, so that what is
// printed looks the same too.

class Verification {
  constructor(json) {
    this.status = json.status;
    this.strategy = json.strategy;
    const redirect = json.external_verification_redirect_url;
    this.externalVerificationRedirectURL = redirect ? new URL(redirect) : null;
    this.attempts = json.attempts ?? null;
    this.expireAt = json.expire_at ?? null;
    this.nonce = json.nonce ?? null;
    this.message = json.message ?? null;
  }
}

class IdentificationLink {
  constructor(json) {
    this.id = json.id;
    this.type = json.type;
  }
}

function verification(json) {
  return json ? new Verification(json) : null;
}

function links(list) {
  return (list ?? []).map(link => new IdentificationLink(link));
}

class PhoneNumber {
  constructor(json) {
    this.id = json.id;
    this.phoneNumber = json.phone_number;
    this.reservedForSecondFactor = json.reserved_for_second_factor;
    this.defaultSecondFactor = json.default_second_factor;
    this.verification = verification(json.verification);
    this.linkedTo = links(json.linked_to);
  }
}

class EmailAddress {
  constructor(json) {
    this.id = json.id;
    this.emailAddress = json.email_address;
    this.verification = verification(json.verification);
    this.linkedTo = links(json.linked_to);
  }
}

/** The state of a one-time code: the answer to `prepare…` and `attempt…`. */
class CodeVerification {
  constructor(json) {
    this.id = json.id;
    this.status = json.status;
    this.strategy = json.strategy;
    this.channel = json.channel ?? null;
    this.attempts = json.attempts ?? null;
    this.expireAt = json.expire_at ?? null;
  }
}

class DeletedObject {
  constructor(json) {
    this.object = json.object;
    this.id = json.id ?? null;
    this.slug = json.slug ?? null;
    this.deleted = json.deleted;
  }
}

/** An account of another kind that belongs to a user; Verger has none yet. */
function account(json) {
  const read = camelKeys(json);
  if ('verification' in read) read.verification = verification(json.verification);
  for (const kind of ['public_metadata', 'private_metadata', 'unsafe_metadata']) {
    // What the application wrote is not renamed.
    if (kind in json) read[kind.replace('_m', 'M')] = json[kind];
  }
  return read;
}

function found(list, id) {
  return list.find(one => one.id === id) ?? null;
}

class User {
  constructor(json) {
    this.id = json.id;
    this.passwordEnabled = json.password_enabled;
    this.totpEnabled = json.totp_enabled;
    this.backupCodeEnabled = json.backup_code_enabled;
    this.twoFactorEnabled = json.two_factor_enabled;
    this.banned = json.banned;
    this.locked = json.locked;
    this.createdAt = json.created_at;
    this.updatedAt = json.updated_at;
    this.imageUrl = json.image_url;
    this.hasImage = json.has_image;
    this.primaryEmailAddressId = json.primary_email_address_id;
    this.primaryPhoneNumberId = json.primary_phone_number_id;
    this.primaryWeb3WalletId = json.primary_web3_wallet_id;
    this.lastSignInAt = json.last_sign_in_at;
    this.externalId = json.external_id;
    this.username = json.username;
    this.firstName = json.first_name;
    this.lastName = json.last_name;
    this.publicMetadata = json.public_metadata ?? {};
    this.privateMetadata = json.private_metadata ?? {};
    this.unsafeMetadata = json.unsafe_metadata ?? {};
    this.emailAddresses = (json.email_addresses ?? []).map(address => new EmailAddress(address));
    this.phoneNumbers = (json.phone_numbers ?? []).map(number => new PhoneNumber(number));
    this.web3Wallets = (json.web3_wallets ?? []).map(account);
    this.externalAccounts = (json.external_accounts ?? []).map(account);
    this.enterpriseAccounts = (json.enterprise_accounts ?? []).map(account);
    this.lastActiveAt = json.last_active_at;
    this.createOrganizationEnabled = json.create_organization_enabled;
    this.createOrganizationsLimit = json.create_organizations_limit ?? null;
    this.deleteSelfEnabled = json.delete_self_enabled;
    this.legalAcceptedAt = json.legal_accepted_at;
    this.locale = json.locale;
    this.timezone = json.timezone ?? null;
    this.deprovisioned = json.deprovisioned ?? false;
    this._raw = json;
  }

  /** The user as it came. */
  get raw() {
    return this._raw;
  }

  get primaryEmailAddress() {
    return found(this.emailAddresses, this.primaryEmailAddressId);
  }

  get primaryPhoneNumber() {
    return found(this.phoneNumbers, this.primaryPhoneNumberId);
  }

  get primaryWeb3Wallet() {
    return found(this.web3Wallets, this.primaryWeb3WalletId);
  }

  get fullName() {
    return [this.firstName, this.lastName].join(' ').trim() || null;
  }
}

class SessionActivity {
  constructor(json) {
    this.id = json.id;
    this.isMobile = json.is_mobile;
    this.ipAddress = json.ip_address;
    this.city = json.city;
    this.country = json.country;
    this.browserVersion = json.browser_version;
    this.browserName = json.browser_name;
    this.deviceType = json.device_type;
  }
}

class Session {
  constructor(json) {
    this.id = json.id;
    this.clientId = json.client_id;
    this.userId = json.user_id;
    this.status = json.status;
    this.lastActiveAt = json.last_active_at;
    this.expireAt = json.expire_at;
    this.abandonAt = json.abandon_at;
    this.createdAt = json.created_at;
    this.updatedAt = json.updated_at;
    this.lastActiveOrganizationId = json.last_active_organization_id;
    this.latestActivity = json.latest_activity && new SessionActivity(json.latest_activity);
    // What the application wrote is not renamed.
    this.actor = json.actor ?? null;
  }
}

class Client {
  constructor(json) {
    this.id = json.id;
    this.sessionIds = json.session_ids;
    this.sessions = (json.sessions ?? []).map(session => new Session(session));
    this.signInId = json.sign_in_id;
    this.signUpId = json.sign_up_id;
    this.lastActiveSessionId = json.last_active_session_id;
    this.lastAuthenticationStrategy = json.last_authentication_strategy;
    this.createdAt = json.created_at;
    this.updatedAt = json.updated_at;
  }
}

class Token {
  constructor(json) {
    this.jwt = json.jwt;
  }
}

class Cookies {
  constructor(json) {
    this.cookies = json.cookies;
  }
}

class JwtTemplate {
  constructor(json) {
    this.id = json.id;
    this.name = json.name;
    this.claims = json.claims;
    this.lifetime = json.lifetime;
    this.allowedClockSkew = json.allowed_clock_skew;
    this.customSigningKey = json.custom_signing_key;
    this.signingAlgorithm = json.signing_algorithm;
    this.createdAt = json.created_at;
    this.updatedAt = json.updated_at;
  }
}

class SignInToken {
  constructor(json) {
    this.id = json.id;
    this.userId = json.user_id;
    this.token = json.token;
    this.status = json.status;
    this.url = json.url;
    this.createdAt = json.created_at;
    this.updatedAt = json.updated_at;
  }
}

class ActorToken {
  constructor(json) {
    this.id = json.id;
    this.status = json.status;
    this.userId = json.user_id;
    this.actor = json.actor;
    this.token = json.token;
    this.url = json.url;
    this.createdAt = json.created_at;
    this.updatedAt = json.updated_at;
  }
}

class TestingToken {
  constructor(json) {
    this.token = json.token;
    this.expiresAt = json.expires_at;
  }

  // The official SDK documents `expiresAt` and gives `expires_at`.
  get expires_at() {
    return this.expiresAt;
  }
}

class Invitation {
  constructor(json) {
    this.id = json.id;
    this.emailAddress = json.email_address;
    this.publicMetadata = json.public_metadata;
    this.createdAt = json.created_at;
    this.updatedAt = json.updated_at;
    this.status = json.status;
    this.url = json.url;
    this.revoked = json.revoked;
    this._raw = json;
  }

  /** The invitation as it came. */
  get raw() {
    return this._raw;
  }
}

class AllowlistIdentifier {
  constructor(json) {
    this.id = json.id;
    this.identifier = json.identifier;
    this.identifierType = json.identifier_type;
    this.createdAt = json.created_at;
    this.updatedAt = json.updated_at;
    this.instanceId = json.instance_id;
    this.invitationId = json.invitation_id;
  }
}

class BlocklistIdentifier {
  constructor(json) {
    this.id = json.id;
    this.identifier = json.identifier;
    this.identifierType = json.identifier_type;
    this.createdAt = json.created_at;
    this.updatedAt = json.updated_at;
    this.instanceId = json.instance_id;
  }
}

class RedirectUrl {
  constructor(json) {
    this.id = json.id;
    this.url = json.url;
    this.createdAt = json.created_at;
    this.updatedAt = json.updated_at;
  }
}

class Instance {
  constructor(json) {
    this.id = json.id;
    this.environmentType = json.environment_type;
    this.allowedOrigins = json.allowed_origins;
  }
}

class InstanceRestrictions {
  constructor(json) {
    this.allowlist = json.allowlist;
    this.blocklist = json.blocklist;
    this.blockEmailSubaddresses = json.block_email_subaddresses;
    this.blockDisposableEmailDomains = json.block_disposable_email_domains;
    this.ignoreDotsForGmailAddresses = json.ignore_dots_for_gmail_addresses;
  }
}

class InstanceSettings {
  constructor(json) {
    this.id = json.id;
    this.restrictedToAllowlist = json.restricted_to_allowlist;
    this.fromEmailAddress = json.from_email_address;
    this.progressiveSignUp = json.progressive_sign_up;
    this.enhancedEmailDeliverability = json.enhanced_email_deliverability;
  }
}

class CnameTarget {
  constructor(json) {
    this.host = json.host;
    this.value = json.value;
    this.required = json.required;
  }
}

class Domain {
  constructor(json) {
    this.id = json.id;
    this.name = json.name;
    this.isSatellite = json.is_satellite;
    this.frontendApiUrl = json.frontend_api_url;
    this.developmentOrigin = json.development_origin;
    this.cnameTargets = (json.cname_targets ?? []).map(target => new CnameTarget(target));
    this.accountsPortalUrl = json.accounts_portal_url;
    this.proxyUrl = json.proxy_url;
  }
}

/** A list with the number of all: what the service answers to `paginated`. */
function pageOf(read, { data, total_count: totalCount }) {
  return { data: data.map(read), totalCount };
}

module.exports = {
  ActorToken,
  AllowlistIdentifier,
  BlocklistIdentifier,
  Client,
  CodeVerification,
  Cookies,
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
  Token,
  User,
  pageOf,
};
