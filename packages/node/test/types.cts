import backend = require('@verger/backend');
import errors = require('@verger/backend/errors');

const clerkClient = backend.createClerkClient({ secretKey: 'sk_test_x' });
const count: Promise<number> = clerkClient.users.getCount();
const guard: (error: unknown) => boolean = errors.isClerkAPIResponseError;

export = { count, guard };
