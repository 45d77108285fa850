'use strict';

const { authorization, propertiesOf } = require('./authorization.js');
const { native } = require('./native.js');

/** Sets of options that are kept, each with its keys. More are made anew. */
const AUTHENTICATORS_MAX = 16;
const SESSION_TOKEN = 'session_token';
const OPTIONS = [
  'publishableKey',
  'jwtKey',
  'proxyUrl',
  'domain',
  'signInUrl',
  'isSatellite',
  'satelliteAutoSync',
  'authorizedParties',
  'clockSkewInMs',
];

/** A token that is not good: `reason` says why, in the words of the official SDK. */
class TokenVerificationError extends Error {
  constructor({ message, reason }) {
    super(message);
    this.reason = reason;
  }

  get name() {
    return 'TokenVerificationError';
  }

  getFullMessage() {
    return `${this.message} (reason=${this.reason})`;
  }
}

/** What the native half is told. What is empty is not chosen, as in the official SDK. */
function nativeOptions(options) {
  const chosen = {};
  for (const name of OPTIONS) {
    const value = options[name];
    if (value !== undefined && value !== null && value !== '' && value !== false) chosen[name] = value;
  }
  if (options.audience) chosen.audience = [options.audience].flat();
  const { organizationPatterns, personalAccountPatterns } = options.organizationSyncOptions ?? {};
  return { ...chosen, organizationPatterns, personalAccountPatterns };
}

/** Authenticators by their options, for one client. */
class Authenticators {
  #calls;
  #made = new Map();

  constructor(calls) {
    this.#calls = calls;
  }

  for(options) {
    const text = JSON.stringify(nativeOptions(options));
    let authenticator = this.#made.get(text);
    if (authenticator === undefined) {
      authenticator = native().createAuthenticator(this.#calls.client(), text);
      if (typeof authenticator === 'string') throw new Error(authenticator);
      if (this.#made.size < AUTHENTICATORS_MAX) this.#made.set(text, authenticator);
    }
    return authenticator;
  }
}

/** A `Request` of the web, or one of Node's own server. */
function readRequest(request) {
  if (typeof request.headers?.forEach === 'function') {
    return { method: request.method, url: request.url, headers: [...request.headers] };
  }
  const headers = Object.entries(request.headers ?? {}).flatMap(([name, values]) =>
    [values].flat().map(value => [name, String(value)]),
  );
  const { host } = request.headers ?? {};
  const url = /^https?:/.test(request.url) ? request.url : `http://${host ?? 'localhost'}${request.url}`;
  return { method: request.method, url, headers };
}

/** The payload of a token that was verified. */
function claimsOf(token) {
  return JSON.parse(Buffer.from(token.split('.')[1], 'base64url').toString('utf8'));
}

function signedOutAuth(sessionStatus) {
  return {
    tokenType: SESSION_TOKEN,
    sessionClaims: null,
    sessionId: null,
    sessionStatus: sessionStatus ?? null,
    userId: null,
    actor: null,
    orgId: null,
    orgRole: null,
    orgSlug: null,
    orgPermissions: null,
    factorVerificationAge: null,
    getToken: async () => null,
    has: () => false,
    debug: () => ({}),
    isAuthenticated: false,
  };
}

function signedInAuth(calls, token, claims) {
  const properties = propertiesOf(claims);
  const { sessionId } = properties;
  return {
    tokenType: SESSION_TOKEN,
    ...properties,
    getToken: async ({ template, expiresInSeconds } = {}) => {
      if (!template && expiresInSeconds === undefined) return token;
      const body = { expiresInSeconds };
      const { jwt } = template
        ? await calls.send('CreateSessionTokenFromTemplate', { ids: [sessionId, template], body })
        : await calls.send('CreateSessionToken', { ids: [sessionId], body });
      return jwt;
    },
    has: authorization(properties, claims),
    debug: () => ({ ...properties }),
    isAuthenticated: true,
  };
}

/** What the official SDK calls the state of a request. */
function requestState(calls, options, { status, reason, message, headers, token }) {
  const isSignedIn = status === 'signed-in';
  const claims = isSignedIn ? claimsOf(token) : null;
  const toAuth = ({ treatPendingAsSignedOut = true } = {}) => {
    if (status === 'handshake') return null;
    if (!isSignedIn) return signedOutAuth();
    if (treatPendingAsSignedOut && claims.sts === 'pending') return signedOutAuth('pending');
    return signedInAuth(calls, token, claims);
  };
  return {
    status,
    reason: reason ?? null,
    message: isSignedIn ? null : (message ?? ''),
    proxyUrl: options.proxyUrl || '',
    publishableKey: options.publishableKey || '',
    isSatellite: options.isSatellite || false,
    domain: options.domain || '',
    signInUrl: options.signInUrl || '',
    signUpUrl: options.signUpUrl || '',
    afterSignInUrl: options.afterSignInUrl || '',
    afterSignUpUrl: options.afterSignUpUrl || '',
    isSignedIn,
    isAuthenticated: isSignedIn,
    tokenType: SESSION_TOKEN,
    toAuth,
    headers: new Headers(headers),
    token: isSignedIn ? token : null,
  };
}

/** `authenticateRequest` of one client. */
function authenticateRequestOf(calls, clientOptions) {
  const authenticators = new Authenticators(calls);
  return async (request, options = {}) => {
    const { acceptsToken } = options;
    if (acceptsToken !== undefined && ![SESSION_TOKEN, 'any'].includes(acceptsToken)) {
      throw new Error(`acceptsToken: only '${SESSION_TOKEN}' and 'any' are possible, machines have no tokens here`);
    }
    const all = { ...clientOptions, ...options };
    const text = JSON.stringify(readRequest(request));
    const answer = JSON.parse(await authenticators.for(all).authenticateRequest(Date.now(), text));
    if (answer.error !== undefined) throw new Error(answer.error.message);
    return requestState(calls, all, answer.ok);
  };
}

/** The claims of a token of a session or of a JWT template that is good; else a {@link TokenVerificationError}. */
async function verify(authenticator, token) {
  const text = typeof token === 'string' ? token : '';
  const { error } = JSON.parse(await authenticator.verifyToken(Date.now(), text));
  if (error === undefined) return claimsOf(text);
  throw error.reason === undefined ? new Error(error.message) : new TokenVerificationError(error);
}

module.exports = { Authenticators, TokenVerificationError, authenticateRequestOf, verify };
