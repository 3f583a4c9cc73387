/**
 * The managed Node.js runtime as a program of its own, over HTTP with the Runtime API: started by
 * AWS_LAMBDA_EXEC_WRAPPER, or under a debugger. NODE_OPTIONS are Node.js's own affair here.
 */
'use strict';

const { Api } = require('./api.cjs');
const { Environment, hideMain } = require('./environment.cjs');

hideMain();
const api = new Api(process.env.AWS_LAMBDA_RUNTIME_API);
api.connect(() => void new Environment(api).become(process.env.LAMBDA_TASK_ROOT, () => undefined));
