// Needs VERGER_SECRET_KEY and VERGER_URL, which `verger dev` prints.

import { createClerkClient } from '@verger/backend';

import { createApp } from './app.js';

const clerkClient = createClerkClient({
  secretKey: process.env.VERGER_SECRET_KEY,
  apiUrl: process.env.VERGER_URL,
});
createApp(clerkClient).listen(3000, '127.0.0.1');
