'use strict';

const { createClerkClient, verifyToken } = require('./lib/client.js');
const { startVerger } = require('./lib/server.js');
const { TokenVerificationError } = require('./lib/authentication.js');
const { ApiError, isApiError } = require('./lib/errors.js');

module.exports = { createClerkClient, verifyToken, startVerger, ApiError, TokenVerificationError, isApiError };
