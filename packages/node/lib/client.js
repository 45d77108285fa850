'use strict';

const { Calls } = require('./calls.js');
const { EmailAddresses, PhoneNumbers } = require('./operations.js');
const { Users } = require('./users.js');

function createClerkClient(options = {}) {
  const calls = new Calls(options);
  return {
    phoneNumbers: new PhoneNumbers(calls),
    emailAddresses: new EmailAddresses(calls),
    users: new Users(calls),
  };
}

module.exports = { createClerkClient };
