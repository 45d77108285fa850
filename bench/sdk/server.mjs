// A server of the release build with one user and as many phone numbers as asked for; ends with its input.
//
// node server.mjs NUMBERS

import { createClerkClient, startVerger } from '@verger/backend';

const verger = await startVerger();
const { users, phoneNumbers } = createClerkClient({ secretKey: verger.secretKey, apiUrl: verger.url });
const { id: userId } = await users.createUser({ emailAddress: ['ada@example.com'] });
const ids = [];
for (let n = 0; n < Number(process.argv[2]); n++) {
  const phoneNumber = `+1${200 + Math.floor(n / 100)}55501${String(n % 100).padStart(2, '0')}`;
  ids.push((await phoneNumbers.createPhoneNumber({ userId, phoneNumber, verified: true })).id);
}
console.log(JSON.stringify({ url: verger.url, secretKey: verger.secretKey, ids }));
process.stdin.on('end', () => process.exit(0)).resume();
