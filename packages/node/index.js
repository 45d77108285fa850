'use strict';

const { createClerkClient } = require('./lib/client.js');
const { startVerger } = require('./lib/server.js');
const { ApiError, isApiError } = require('./lib/errors.js');

module.exports = { createClerkClient, startVerger, ApiError, isApiError };
