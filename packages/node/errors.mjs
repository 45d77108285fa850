import errors from './errors.js';

export const { ClerkAPIResponseError, isClerkAPIResponseError, TokenVerificationError } = errors;
