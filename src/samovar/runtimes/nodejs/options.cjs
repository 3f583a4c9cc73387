/**
 * What AWS gives Node.js on its command line, for a process that has started before its function is known.
 *
 * Owns: NODE_OPTIONS as far as they can be applied late. With others the function gets a process that starts with them
 * (engine/languages/nodejs); where there can't be one, its log says so. And the heap: V8 takes its limit at the start
 * only, but not how eagerly it collects.
 */
'use strict';

const dns = require('node:dns');
const Module = require('node:module');
const path = require('node:path');
const { pathToFileURL } = require('node:url');
const v8 = require('node:v8');

// V8 grows a heap by up to 300 % before it collects the old part, which is too much in a small box.
const EAGER_BELOW_MB = 1024;
const EAGER = ['--heap-growing-percent=20'];

const SIMPLE = {
  '--enable-source-maps': () => process.setSourceMapsEnabled(true),
  '--no-deprecation': () => (process.noDeprecation = true),
  '--no-warnings': () => process.removeAllListeners('warning'),
  '--throw-deprecation': () => (process.throwDeprecation = true),
  '--trace-deprecation': () => (process.traceDeprecation = true),
  '--dns-result-order': (value) => dns.setDefaultResultOrder(value),
  '--stack-trace-limit': (value) => (Error.stackTraceLimit = Number(value)),
};
const SHORT = { '-r': '--require' };
const PRELOAD = new Set(['--require', '--import']);

function fitHeap(memoryMb) {
  if (memoryMb < EAGER_BELOW_MB) EAGER.forEach((flag) => v8.setFlagsFromString(flag));
}

/** Apply NODE_OPTIONS. Throws what a preloaded module throws. */
async function apply(text, task) {
  const late = [];
  for (const [name, value] of parse(text)) {
    if (PRELOAD.has(name)) await preload(name, value, task);
    else if (SIMPLE[name] !== undefined) SIMPLE[name](value);
    else late.push(name);
  }
  if (late.length > 0) {
    console.warn(`samovar: NODE_OPTIONS: ${late.join(', ')} can't be applied to a process that has already started.`);
  }
}

/** [option, value] for each in `text`; double quotes and backslashes as Node.js takes them. */
function parse(text) {
  const words = (text.match(/(?:"(?:\\.|[^"\\])*"|[^\s"])+/g) || []).map((word) =>
    word.replace(/"((?:\\.|[^"\\])*)"/g, (_, inside) => inside.replace(/\\(.)/g, '$1')),
  );
  const options = [];
  while (words.length > 0) {
    const [written, ...rest] = words.shift().split('=');
    const name = SHORT[written] || written.replaceAll('_', '-');
    let value = rest.length > 0 ? rest.join('=') : undefined;
    if (value === undefined && words.length > 0 && !words[0].startsWith('-')) value = words.shift();
    options.push([name, value]);
  }
  return options;
}

async function preload(name, value, task) {
  const requireFromTask = Module.createRequire(path.join(task, 'preload.js'));
  if (name === '--require') requireFromTask(value);
  else if (value.startsWith('file:')) await import(value);
  else await import(pathToFileURL(requireFromTask.resolve(value)).href);
}

module.exports = { apply, fitHeap };
