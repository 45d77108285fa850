'use strict';

const { camelKeys } = require('./names.js');

/**
 * A call that the service refused, or that got no answer. It has the fields that programs written for the official SDK
 * look at, and its type guards take it for one of their own.
 */
class ApiError extends Error {
  /** What the official type guards look at. */
  static kind = 'ClerkAPIResponseError';

  constructor(failure) {
    super(failure.message);
    this.clerkError = true;
    this.code = 'api_response_error';
    this.status = failure.status ?? undefined;
    this.clerkTraceId = failure.traceId ?? '';
    this.retryAfter = failure.retryAfterSeconds ?? undefined;
    this.reason = failure.kind;
    this.attempts = failure.attempts;
    this.errors =
      failure.kind === 'api'
        ? failure.errors.map(readError)
        : [{ code: 'unexpected_error', message: failure.message, longMessage: undefined, meta: undefined }];
  }

  get name() {
    return 'ApiError';
  }
}

function readError({ code, message, long_message: longMessage, meta }) {
  return { code, message, longMessage, meta: meta === undefined ? {} : camelKeys(meta) };
}

function isApiError(error) {
  return error instanceof ApiError || error?.constructor?.kind === ApiError.kind;
}

module.exports = { ApiError, isApiError };
