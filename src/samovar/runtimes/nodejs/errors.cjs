/**
 * The runtime's own error types, and what a failure looks like to the invoker and in the log.
 *
 * Names, messages and key orders are AWS's: facts/lambda-runtime.md §3 and §8, and aws-lambda-ric 3.3 and 4.0.
 */
'use strict';

const { types } = require('node:util');

class ImportModuleError extends Error {}
class HandlerNotFound extends Error {}
class MalformedHandlerName extends Error {}
class UserCodeSyntaxError extends Error {}
class MalformedStreamingHandler extends Error {}
class InvalidStreamingOperation extends Error {}
class CallbackHandlerDeprecated extends Error {}
class JSONStringifyError extends Error {}

class NodeJsExit extends Error {
  constructor() {
    super(
      'The Lambda runtime client detected an unexpected Node.js exit code. This is most commonly caused by a Promise ' +
        'that was never settled. For more information, see https://nodejs.org/docs/latest/api/process.html#exit-codes',
    );
  }
}

class UnhandledPromiseRejection extends Error {
  constructor(reason, promise) {
    super(reason);
    this.reason = reason;
    this.promise = promise;
  }
}

const kinds = {
  ImportModuleError,
  HandlerNotFound,
  MalformedHandlerName,
  UserCodeSyntaxError,
  MalformedStreamingHandler,
  InvalidStreamingOperation,
  CallbackHandlerDeprecated,
  JSONStringifyError,
  NodeJsExit,
  UnhandledPromiseRejection,
};
for (const [name, kind] of Object.entries(kinds)) kind.prototype.name = `Runtime.${name}`;

/** What the invoker gets, as JSON. DEL is replaced since AWS sends these texts as HTTP headers, too. */
function report(error) {
  let content;
  try {
    if (types.isNativeError(error) || looksLikeError(error)) {
      content = {
        errorType: printable(error.name),
        errorMessage: printable(error.message),
        trace: printable(error.stack).split('\n'),
      };
    } else {
      content = { errorType: typeof error, errorMessage: error.toString(), trace: [] };
    }
    return JSON.stringify(content);
  } catch {
    return JSON.stringify({
      errorType: 'handled',
      errorMessage:
        'callback called with Error argument, but there was a problem while retrieving one or more of its message, ' +
        'name, and stack',
    });
  }
}

/** An error for the text log: a tab, and JSON with its own properties as well. */
function logged(error) {
  const whole = asError(error);
  try {
    return '\t' + JSON.stringify(whole, (_, value) => withProperties(value));
  } catch {
    return '\t' + report(whole);
  }
}

function asError(thrown) {
  return thrown instanceof Error ? thrown : new Error(thrown);
}

function looksLikeError(value) {
  return Boolean(value) && ['name', 'message', 'stack'].every((key) => value[key] && typeof value[key] === 'string');
}

function printable(text) {
  return text?.replaceAll('\x7F', '%7F');
}

function withProperties(value) {
  if (!(value instanceof Error)) return value;
  const shown = { errorType: value.name, errorMessage: value.message, code: value.code, ...value };
  if (typeof value.stack === 'string') shown.stack = value.stack.split('\n');
  return shown;
}

module.exports = { ...kinds, asError, logged, report };
