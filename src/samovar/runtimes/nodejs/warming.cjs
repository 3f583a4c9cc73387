/**
 * What every function would otherwise pay for in its first invocation, done before there is a function: common modules
 * are loaded, and a rehearsal goes the way of an invocation with a handler of our own. Leaves nothing that shows.
 *
 * No file is imported or read asynchronously: libuv's threads would start with our number of them.
 */
'use strict';

const { Log } = require('./logging.cjs');
const { Runtime } = require('./runtime.cjs');

const USUAL = (
  'assert async_hooks buffer child_process crypto dns events fs fs/promises http http2 https module net os path ' +
  'perf_hooks querystring stream stream/promises string_decoder timers/promises tls url util zlib'
).split(' ');
const MODULE = 'data:text/javascript,export const handler = async () => {}';
const ROUNDS = 3;
const INVOCATION = Buffer.concat([Buffer.alloc(50), Buffer.from('{"rehearsal": [1, 2.5, null, "x"]}')]);

async function warm() {
  for (const name of USUAL) require(`node:${name}`);
  void globalThis.Headers; // loads what fetch needs
  await import(MODULE);
  await rehearse();
}

async function rehearse() {
  const handler = async (event, context) => ({ event, left: context.getRemainingTimeInMillis() });
  const loaded = { handler, streaming: false, isAsync: true, length: 2 };
  for (let round = 0; round < ROUNDS; round += 1) {
    await new Promise((answered) => {
      const channel = {
        receive: (taker) => taker('I', INVOCATION),
        send: (kind) => {
          if (kind === 'N') return;
          channel.receive = () => answered();
        },
      };
      new Runtime(channel, new Log({}, undefined), loaded, false).start();
    });
  }
}

module.exports = { warm };
