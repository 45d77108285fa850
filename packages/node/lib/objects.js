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

module.exports = { PhoneNumber, EmailAddress, CodeVerification, DeletedObject, User };
