'use strict';

const { Authenticators, authenticateRequestOf, verify } = require('./authentication.js');
const { Calls } = require('./calls.js');
const { EmailAddresses, PhoneNumbers } = require('./operations.js');
const { Users } = require('./users.js');

/** Services of which the keys are kept for `verifyToken`. */
const SERVICES_MAX = 16;
const services = new Map();

function createClerkClient(options = {}) {
  const calls = new Calls(options);
  return {
    authenticateRequest: authenticateRequestOf(calls, options),
    phoneNumbers: new PhoneNumbers(calls),
    emailAddresses: new EmailAddresses(calls),
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
