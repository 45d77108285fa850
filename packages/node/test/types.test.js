// What the compiler says: types.ts has what must compile, and marks what must not.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const folder = dirname(fileURLToPath(import.meta.url));
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');

for (const file of ['types.ts', 'types.cts']) {
  test(`${file} compiles`, { timeout: 120_000 }, () => {
    const options = ['--noEmit', '--strict', '--target', 'es2022', '--module', 'nodenext', '--skipLibCheck'];
    const { status, stdout } = spawnSync(process.execPath, [tsc, ...options, '--types', 'node', file], {
      cwd: folder,
      encoding: 'utf8',
    });
    assert.equal(status, 0, stdout);
  });
}

test('the declarations themselves are free of errors', { timeout: 120_000 }, () => {
  const options = ['--noEmit', '--strict', '--target', 'es2022', '--module', 'nodenext', '--types', 'node'];
  const files = ['index.d.ts', 'index.d.mts', 'errors.d.ts', 'errors.d.mts'].map(name => `package/${name}`);
  const { status, stdout } = spawnSync(process.execPath, [tsc, ...options, ...files], { cwd: folder, encoding: 'utf8' });
  assert.equal(status, 0, stdout);
});
