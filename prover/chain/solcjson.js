#!/usr/bin/env node
// solc's command line as far as py-solc-x, slither and forge use it (--version, --standard-json), spoken by the
// npm package `solc`, whose own `solcjs` accepts neither in the native compiler's form.
//
// usage: node solcjson.js <folder of the npm package solc> (--version | --standard-json)
// Input must be self-contained: an import that is not among its "sources" is an error, never a file read.
'use strict';

const fs = require('fs');

const [packageFolder, ...flags] = process.argv.slice(2);
// soljson installs handlers that turn any exception into its own crash report: keep node's.
const listeners = (name) => new Set(process.listeners(name));
const before = { uncaughtException: listeners('uncaughtException'), unhandledRejection: listeners('unhandledRejection') };
const solc = require(packageFolder);
for (const name of Object.keys(before)) {
  for (const listener of process.listeners(name)) {
    if (!before[name].has(listener)) process.removeListener(name, listener);
  }
}

if (flags.includes('--version')) {
  // soljson appends ".Emscripten.clang"; tools expect "Version: 0.8.x+commit.abcdef".
  process.stdout.write(`solc, the solidity compiler commandline interface\nVersion: ${solc.version()}\n`);
} else if (flags.includes('--standard-json')) {
  process.stdout.write(solc.compile(fs.readFileSync(0, 'utf8')));
} else {
  process.stderr.write(`unrecognised option '${flags.join(' ')}'\n`);
  process.exitCode = 1;
}
