// The JavaScript example that `verger dev` prints, run as it is printed, against the server that printed it.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const TIMEOUT_MS = 30_000;

/** What a process prints until `isEnough` says so, or all of it. */
async function printed(child, isEnough = () => false) {
  let text = '';
  child.stdout.setEncoding('utf8');
  for await (const chunk of child.stdout) {
    text += chunk;
    if (isEnough(text)) break;
  }
  return text;
}

test('the printed example runs as it is printed', { timeout: TIMEOUT_MS }, async t => {
  const binary = process.env.VERGER_BINARY;
  if (!binary) return t.skip('VERGER_BINARY is not set');

  const { VERGER_SECRET_KEY, ...environment } = process.env;
  const server = spawn(binary, ['dev', '--ephemeral', '--listen', '127.0.0.1:0'], {
    env: environment,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => server.kill('SIGKILL'));
  const text = await printed(server, text => text.includes('Ctrl+C'));

  // npm has put the package beside this file; the rest of the line and the document after it are taken as they stand.
  const found = text.match(/^npm install @clerk\/backend && (node .*) <<'JS'\n([^]*?)^JS\n/m);
  assert.ok(found, `there is a JavaScript example in: ${text}`);
  const [, command, program] = found;
  const [node, ...options] = command.split(' ');
  assert.equal(node, 'node');
  const example = spawn(process.execPath, options, {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    env: environment,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  t.after(() => example.kill('SIGKILL'));
  const exited = once(example, 'exit');
  example.stdin.end(program);
  const output = await printed(example);
  assert.deepEqual(await exited, [0, null], output);

  // It shows what the SDK decoded, and the server has changed.
  const phoneNumberId = program.match(/phoneNumberId = '(idn_\w+)'/)[1];
  assert.match(output, /PhoneNumber \{/);
  assert.ok(output.includes(`id: '${phoneNumberId}'`), output);
  assert.match(output, /\bverification: null\b/);
  assert.match(output, /\blinkedTo: \[\]/);
  const url = program.match(/apiUrl: '(.*)'/)[1];
  const key = program.match(/secretKey: '(.*)'/)[1];
  const response = await fetch(`${url}/v1/phone_numbers/${phoneNumberId}`, {
    headers: { Authorization: `Bearer ${key}` },
  });
  assert.equal(response.status, 200);
  assert.equal((await response.json()).verification, null);
});
