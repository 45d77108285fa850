// Needs VERGER_SECRET_KEY and VERGER_URL, which `verger dev` prints. PORT is where it listens on 127.0.0.1: 3000 unless set.

import { createClerkClient } from '@verger/backend';

import { createApp } from './app.js';

const clerkClient = createClerkClient({
  secretKey: process.env.VERGER_SECRET_KEY,
  apiUrl: process.env.VERGER_URL,
});
const port = Number(process.env.PORT ?? 3000);
const listening = createApp(clerkClient).listen(port, '127.0.0.1', error => {
  if (error) throw error;
  console.log(`listening on http://127.0.0.1:${listening.address().port}`);
});
