// What an update costs the process that asks for it. Prints JSON: CPU microseconds of this process and wall time, each
// for one update.
//
// node client.mjs official|ours IN_FLIGHT SECONDS, and the line of server.mjs in the environment variable SERVER

const [, , which, inFlight, seconds] = process.argv;
const { url, secretKey, ids } = JSON.parse(process.env.SERVER);
const { createClerkClient } = await import(which === 'ours' ? '@verger/backend' : '@clerk/backend');
const { phoneNumbers } = createClerkClient({ secretKey, apiUrl: url, telemetry: { disabled: true } });

// Each has numbers of its own, and every update is a change.
async function updates(first, until) {
  let done = 0;
  for (let verified = false; performance.now() < until; verified = !verified) {
    const { id } = await phoneNumbers.updatePhoneNumber(ids[first], { verified });
    if (id !== ids[first]) throw new Error('another number came back');
    done++;
  }
  return done;
}

async function load(milliseconds) {
  const until = performance.now() + milliseconds;
  const counts = await Promise.all(Array.from({ length: Number(inFlight) }, (_, first) => updates(first, until)));
  return counts.reduce((sum, count) => sum + count, 0);
}

await load(1_000);
const before = process.cpuUsage();
const started = performance.now();
const done = await load(Number(seconds) * 1_000);
const elapsed = performance.now() - started;
const { user, system } = process.cpuUsage(before);
console.log(JSON.stringify({ done, cpuUs: (user + system) / done, wallUs: (elapsed * 1_000) / done }));
process.exit(0);
