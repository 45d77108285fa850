// How long it is from startVerger() to the first answered update, with the import before it apart, and what many
// servers take. Prints JSON: milliseconds, mebibytes.
//
// node start.mjs SERVERS

const beginning = performance.now();
const { createClerkClient, startVerger } = await import('@verger/backend');
const importMs = performance.now() - beginning;

async function update(verger) {
  const { users, phoneNumbers } = createClerkClient({ secretKey: verger.secretKey, apiUrl: verger.url });
  const user = await users.createUser({ phoneNumber: ['+12025550100'] });
  const { verification } = await phoneNumbers.updatePhoneNumber(user.phoneNumbers[0].id, { verified: false });
  if (verification !== null) throw new Error('the number is still verified');
}

const marks = [performance.now()];
const first = await startVerger();
marks.push(performance.now());
await update(first);
marks.push(performance.now());
const residentBefore = process.memoryUsage.rss();
for (let n = 1; n < Number(process.argv[2]); n++) await update(await startVerger());
const residentMib = process.memoryUsage.rss() / 1024 / 1024;
const [began, ready, answered] = marks;
console.log(
  JSON.stringify({
    importMs,
    startMs: ready - began,
    firstUpdateMs: answered - ready,
    totalMs: answered - began,
    nextMs: (performance.now() - answered) / Math.max(1, Number(process.argv[2]) - 1),
    residentMib,
    ofServersMib: residentMib - residentBefore / 1024 / 1024,
  }),
);
process.exit(0);
