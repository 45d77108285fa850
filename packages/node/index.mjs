// One implementation for both kinds of module, so that an error of one is an instance of the other's class.
import backend from './index.js';

export const { createClerkClient, verifyToken, startVerger, ApiError, TokenVerificationError, isApiError } = backend;
