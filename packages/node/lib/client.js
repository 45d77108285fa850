'use strict';

const { Authenticators, authenticateRequestOf, verify } = require('./authentication.js');
const { Calls } = require('./calls.js');
const {
  ActorTokens,
  AllowlistIdentifiers,
  BlocklistIdentifiers,
  Domains,
  EmailAddresses,
  InstanceOperations,
  Jwks,
  PhoneNumbers,
  RedirectUrls,
  SignInTokens,
  TestingTokens,
} = require('./operations.js');
const { Clients, Invitations, JwtTemplates, Sessions } = require('./sign_in.js');
const { Users } = require('./users.js');

/** Services of which the keys are kept for `verifyToken`. */
const SERVICES_MAX = 16;
const services = new Map();

function createClerkClient(options = {}) {
  const calls = new Calls(options);
  return {
    authenticateRequest: authenticateRequestOf(calls, options),
    actorTokens: new ActorTokens(calls),
    allowlistIdentifiers: new AllowlistIdentifiers(calls),
    blocklistIdentifiers: new BlocklistIdentifiers(calls),
    clients: new Clients(calls),
    domains: new Domains(calls),
    emailAddresses: new EmailAddresses(calls),
    instance: new InstanceOperations(calls),
    invitations: new Invitations(calls),
    jwks: new Jwks(calls),
    jwtTemplates: new JwtTemplates(calls),
    phoneNumbers: new PhoneNumbers(calls),
    redirectUrls: new RedirectUrls(calls),
    sessions: new Sessions(calls),
    signInTokens: new SignInTokens(calls),
    testingTokens: new TestingTokens(calls),
    users: new Users(calls),
  };
}

async function verifyToken(token, options = {}) {
  const { secretKey, apiUrl } = options;
  const name = JSON.stringify([secretKey, apiUrl]);
  let authenticators = services.get(name);
  if (authenticators === undefined) {
    authenticators = new Authenticators(new Calls({ secretKey, apiUrl }));
    if (services.size < SERVICES_MAX) services.set(name, authenticators);
  }
  return verify(authenticators.for(options), token);
}

module.exports = { createClerkClient, verifyToken };
