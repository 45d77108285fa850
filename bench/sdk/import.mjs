// How long importing a package takes. Prints JSON: CPU and wall milliseconds.
//
// node import.mjs official|ours

const name = process.argv[2] === 'ours' ? '@verger/backend' : '@clerk/backend';
const before = process.cpuUsage();
const started = performance.now();
const { createClerkClient } = await import(name);
createClerkClient({ secretKey: 'sk_test_x', telemetry: { disabled: true } });
const wallMs = performance.now() - started;
const { user, system } = process.cpuUsage(before);
console.log(JSON.stringify({ cpuMs: (user + system) / 1_000, wallMs }));
process.exit(0);
