import { ApiError, TokenVerificationError, isApiError } from './index.js';

export { ApiError as ClerkAPIResponseError, isApiError as isClerkAPIResponseError, TokenVerificationError };
