'use strict';

const { existsSync } = require('node:fs');
const { join } = require('node:path');

let loaded;

/** The native half. It is loaded when it is first needed, so that importing the package costs nothing. */
function native() {
  loaded ??= load();
  return loaded;
}

function load() {
  const target = `${process.platform}-${process.arch}`;
  const file = join(__dirname, '..', 'native', `verger-${target}.node`);
  if (!existsSync(file)) {
    throw new Error(
      `@verger/backend has no native library for ${target}. Build it on this machine, in the sources of Verger: ` +
        '`cargo xtask node`.',
    );
  }
  return require(file);
}

module.exports = { native };
