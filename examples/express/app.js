// An application whose support staff can mark a user's phone number as unverified:
// POST /support/phone_numbers/:id/unverify

import { isApiError } from '@verger/backend';
import express from 'express';

export function createApp(clerkClient) {
  const app = express();
  app.post('/support/phone_numbers/:id/unverify', async (request, response) => {
    try {
      const params = { verified: false };
      const { id, verification } = await clerkClient.phoneNumbers.updatePhoneNumber(request.params.id, params);
      response.json({ id, verified: verification?.status === 'verified' });
    } catch (error) {
      if (!isApiError(error)) throw error;
      if (error.status === 404) return response.status(404).json({ error: 'there is no such number' });
      response.status(502).json({ error: 'the numbers cannot be reached' });
    }
  });
  return app;
}
