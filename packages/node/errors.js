'use strict';

// Under the names that programs import from the official SDK.
const { TokenVerificationError } = require('./lib/authentication.js');
const { ApiError, isApiError } = require('./lib/errors.js');

module.exports = { ClerkAPIResponseError: ApiError, isClerkAPIResponseError: isApiError, TokenVerificationError };
