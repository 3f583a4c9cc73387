/**
 * From a handler's name to the function: which file, how it is loaded, and what a failure is called.
 *
 * `dir/file.export.nested` is file `dir/file` below the task root. Up to Node.js 22 files are required or imported by
 * their extension and package.json; from 24 all are imported (facts/lambda-runtime.md §8; aws-lambda-ric 3.3 and 4.0).
 * AWS's SDK stands beside this file if it was fetched (`samovar runtimes prepare`): `require('@aws-sdk/client-s3')` finds
 * a copy in the function, in a layer, or that one.
 */
'use strict';

const fs = require('node:fs');
const Module = require('node:module');
const path = require('node:path');
const { pathToFileURL } = require('node:url');
const errors = require('./errors.cjs');

// Not this file: AWS's name, since it is the last line of a require stack.
const ENTRY = path.join(__dirname, 'index.mjs');
const requireUser = Module.createRequire(ENTRY);
const BUNDLED = path.join(__dirname, 'node_modules');
const NAME = /^([^.]*)\.(.*)$/;
const STREAMING = Symbol.for('aws.lambda.runtime.handler.streaming');
const HIGH_WATER_MARK = Symbol.for('aws.lambda.runtime.handler.streaming.highWaterMark');

/** What Lambda sets when the function doesn't. */
function nodePath(task, opt) {
  const major = process.versions.node.split('.')[0];
  return [
    `${opt}/nodejs/node${major}/node_modules`,
    `${opt}/nodejs/node_modules`,
    BUNDLED,
    __dirname,
    task,
  ].join(':');
}

/**
 * Make `require` and, since Node.js 18 on Lambda, `import` look into the folders of NODE_PATH, for a handler in a file of
 * that name.
 */
function searchNodePath(task, name) {
  Module._initPaths();
  const folders = process.env.NODE_PATH.split(':').filter((folder) => folder !== __dirname && folder !== task);
  const existing = folders.filter((folder) => folder && fs.existsSync(folder));
  const brought = existing.some((folder) => folder !== BUNDLED);
  // import needs a hook for them, which costs time: a file that is required hardly ever imports what is bundled.
  if (!brought && (existing.length === 0 || !(Module.registerHooks || isImported(task, name)))) return;
  if (Module.registerHooks !== undefined) {
    Module.registerHooks({ resolve: (...request) => resolveSync(existing, ...request) });
  } else if (Module.register !== undefined) {
    Module.register('./layers.mjs', { parentURL: pathToFileURL(__filename), data: existing });
  }
}

function resolveSync(folders, specifier, context, next) {
  try {
    return next(specifier, context);
  } catch (error) {
    for (const parentURL of parents(folders, specifier, error)) {
      try {
        return next(specifier, { ...context, parentURL });
      } catch {
        // The next folder may have it; if none does, the first error tells the function's own file.
      }
    }
    throw error;
  }
}

/** From where to look again for a package that was not found; layers.mjs has the same for older versions. */
function parents(folders, specifier, error) {
  if (error?.code !== 'ERR_MODULE_NOT_FOUND' || /^(\.|\/|[a-z]+:)/.test(specifier)) return [];
  return folders.map((folder) => pathToFileURL(path.join(path.dirname(folder), '_')).href);
}

/** Find the handler; `modern` is Node.js 24 and later. Returns {handler, streaming, highWaterMark, isAsync, length}. */
async function load(task, name, modern) {
  if (name.includes('..')) {
    throw new errors.MalformedHandlerName(
      `'${name}' is not a valid handler name. Use absolute paths when specifying root directories in handler names.`,
    );
  }
  const base = path.basename(name);
  const folder = name.substring(0, name.indexOf(base));
  const match = NAME.exec(base);
  if (match === null) throw new errors.MalformedHandlerName('Bad handler');
  const [, file, exported] = match;
  const loaded = await loadModule(modern ? importAny : loadByKind, task, folder, file);
  const handler = find(loaded, exported) || (modern && find(loaded?.default, exported));
  if (!handler) throw new errors.HandlerNotFound(`${name} is undefined or not exported`);
  if (typeof handler !== 'function') throw new errors.HandlerNotFound(`${name} is not a function`);
  return described(handler);
}

/** Tell how the SDK that AWS's runtimes bring along comes into this one. */
function hint(error) {
  const missing = /^(MODULE|ERR_MODULE)_NOT_FOUND$/.test(error?.code) && /'(@aws-sdk\/[^']*)'/.exec(error.message);
  if (missing && !fs.existsSync(BUNDLED)) {
    const identifier = process.env.AWS_EXECUTION_ENV.replace('AWS_Lambda_', '');
    console.warn(`samovar: AWS's SDK is here once \`samovar runtimes prepare ${identifier}\` has fetched it.`);
  }
}

async function loadModule(tryFiles, task, folder, file) {
  try {
    const found = await tryFiles(path.resolve(task, folder, file));
    if (found) return found;
    return requireUser(requireUser.resolve(file, { paths: [task, path.join(task, folder)] }));
  } catch (error) {
    hint(error);
    if (error instanceof SyntaxError) throw new errors.UserCodeSyntaxError(error);
    if (error?.code === 'MODULE_NOT_FOUND') throw new errors.ImportModuleError(error);
    throw error;
  }
}

async function loadByKind(file) {
  const requireIf = (whole) => (fs.existsSync(whole) ? requireUser(whole) : undefined);
  const importIf = (whole) => (fs.existsSync(whole) ? import(pathToFileURL(whole).href) : undefined);
  const isModule = fs.existsSync(file + '.js') && hasModuleType(path.dirname(file));
  return (
    requireIf(file) ||
    (await (isModule ? importIf(file + '.js') : requireIf(file + '.js'))) ||
    (await importIf(file + '.mjs')) ||
    requireIf(file + '.cjs')
  );
}

/** Whether the file of a handler is an ES module; it may be somewhere else, and is then required. */
function isImported(task, name) {
  const base = path.basename(name);
  const file = path.resolve(task, name.substring(0, name.length - base.length), base.split('.')[0]);
  if (fs.existsSync(file + '.js')) return hasModuleType(path.dirname(file));
  return fs.existsSync(file + '.mjs');
}

async function importAny(file) {
  for (const extension of ['', '.js', '.mjs', '.cjs']) {
    if (fs.existsSync(file + extension)) return import(pathToFileURL(file + extension).href);
  }
  return undefined;
}

/** Whether .js files in `folder` are ES modules: the nearest package.json above tells. */
function hasModuleType(folder) {
  if (folder.endsWith('/node_modules')) return false;
  const file = path.join(folder, 'package.json');
  if (fs.existsSync(file)) {
    try {
      return JSON.parse(fs.readFileSync(file, 'utf8'))?.type === 'module';
    } catch (error) {
      console.warn(`${file} cannot be read, it will be ignored for ES module detection purposes.`, error);
      return false;
    }
  }
  return folder !== '/' && hasModuleType(path.dirname(folder));
}

function find(loaded, exported) {
  return exported.split('.').reduce((nested, key) => nested && nested[key], loaded);
}

function described(handler) {
  const streaming = handler[STREAMING] ?? false;
  if (streaming !== false && streaming !== 'response') {
    throw new errors.MalformedStreamingHandler('Only response streaming is supported.');
  }
  return {
    handler,
    streaming: streaming !== false,
    highWaterMark: parseInt(handler[HIGH_WATER_MARK], 10) || undefined,
    isAsync: handler.constructor?.name === 'AsyncFunction',
    length: handler.length,
  };
}

/** `awslambda.streamifyResponse`: mark a handler as streaming. */
function streamifyResponse(handler, options) {
  handler[STREAMING] = 'response';
  if (typeof options?.highWaterMark === 'number') handler[HIGH_WATER_MARK] = parseInt(options.highWaterMark, 10);
  return handler;
}

module.exports = { ENTRY, load, nodePath, searchNodePath, streamifyResponse };
