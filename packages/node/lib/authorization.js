'use strict';

/** What a session may do, by the claims of its token: `has()` of the official SDK. */

const REVERIFICATIONS = {
  strict_mfa: { level: 'multi_factor', afterMinutes: 10 },
  strict: { level: 'second_factor', afterMinutes: 10 },
  moderate: { level: 'second_factor', afterMinutes: 60 },
  lax: { level: 'second_factor', afterMinutes: 1440 },
};
const LEVELS = ['first_factor', 'second_factor', 'multi_factor'];
const ORGANIZATION_SCOPES = ['o', 'org', 'organization'];
const USER_SCOPES = ['u', 'user'];

const withOrg = name => `org:${name.replace(/^(org:)*/, '')}`;

/** Features or plans by whom they belong to; `null` if the claim is not what it should be. */
function owned(claim) {
  const found = { organization: [], user: [] };
  for (const element of claim.split(',')) {
    const at = element.indexOf(':');
    if (at < 0) return null;
    const scope = element.slice(0, at).trim();
    const name = element.slice(at + 1).trim();
    if (scope.includes('o')) found.organization.push(name);
    if (scope.includes('u')) found.user.push(name);
  }
  return found;
}

function hasOwned(claim, asked) {
  if (typeof asked !== 'string' || typeof claim !== 'string' || claim === '') return false;
  const found = owned(claim);
  if (found === null) return false;
  const [scope, name] = asked.split(':');
  if (name === undefined) return found.organization.includes(scope) || found.user.includes(scope);
  if (ORGANIZATION_SCOPES.includes(scope)) return found.organization.includes(name);
  return USER_SCOPES.includes(scope) && found.user.includes(name);
}

function isProvedLately(asked, ages) {
  const { level, afterMinutes } = (typeof asked === 'string' ? REVERIFICATIONS[asked] : asked) ?? {};
  if (!LEVELS.includes(level) || !(afterMinutes > 0)) return false;
  const isAge = age => Number.isFinite(age) && (age === -1 || age >= 0);
  if (!Array.isArray(ages) || ages.length !== 2 || !ages.every(isAge)) return false;
  const [first, second] = ages.map(age => ({ isKnown: age !== -1, isFresh: age !== -1 && age < afterMinutes }));
  // Who has no second factor proves the first.
  if (level === 'first_factor' || !second.isKnown) return first.isFresh;
  return second.isFresh && (level === 'second_factor' || first.isFresh);
}

/** Everything that is asked for must hold, and something must be asked for. */
function authorization({ orgId, orgRole, orgPermissions, factorVerificationAge }, { fea, pla }) {
  return params => {
    const { role, permission, feature, plan, reverification } = params ?? {};
    const answers = [];
    if (role !== undefined) {
      const roles = [role, orgRole].every(one => typeof one === 'string' && one !== '');
      answers.push(Boolean(orgId) && roles && withOrg(role) === withOrg(orgRole));
    }
    if (permission !== undefined) {
      const known = Array.isArray(orgPermissions) && typeof permission === 'string';
      answers.push(Boolean(orgId) && known && orgPermissions.includes(withOrg(permission)));
    }
    if (feature !== undefined) answers.push(hasOwned(fea, feature));
    if (plan !== undefined) answers.push(hasOwned(pla, plan));
    if (reverification !== undefined) answers.push(isProvedLately(reverification, factorVerificationAge));
    return answers.length > 0 && answers.every(Boolean);
  };
}

/** The organization of a token of version 2: its permissions are spread over features and bits. */
function permissionsOf({ o, fea }) {
  const features = (fea ? owned(fea) : null)?.organization ?? [];
  const actions = o?.per ? o.per.split(',').map(action => action.trim()) : [];
  const bits = o?.fpm ? o.fpm.split(',').map(number => number.trim()) : [];
  return features.slice(0, bits.length).flatMap((feature, at) => {
    if (!/^\d+$/.test(bits[at])) return [];
    const granted = BigInt(bits[at]);
    return actions.filter((_, bit) => (granted >> BigInt(bit)) & 1n).map(action => `org:${feature}:${action}`);
  });
}

/** What the claims of a session token say, as the official SDK names it. */
function propertiesOf(claims) {
  const isSecond = claims.v === 2;
  const organization = isSecond
    ? {
        orgId: claims.o?.id,
        orgSlug: claims.o?.slg,
        orgRole: claims.o?.rol && withOrg(claims.o.rol),
        orgPermissions: claims.o?.id ? permissionsOf(claims) : undefined,
      }
    : {
        orgId: claims.org_id,
        orgSlug: claims.org_slug,
        orgRole: claims.org_role,
        orgPermissions: claims.org_permissions,
      };
  return {
    sessionClaims: claims,
    sessionId: claims.sid,
    sessionStatus: claims.sts ?? null,
    actor: claims.act,
    userId: claims.sub,
    ...organization,
    factorVerificationAge: claims.fva ?? null,
  };
}

module.exports = { authorization, propertiesOf };
