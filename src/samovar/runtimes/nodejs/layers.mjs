/**
 * `import` from the folders of NODE_PATH where Node.js has no synchronous hooks (before 22.15): runs in a thread of
 * Node's own, so that loader.cjs only registers it when there is such a folder.
 */
import path from 'node:path';
import { pathToFileURL } from 'node:url';

let folders = [];

export function initialize(existing) {
  folders = existing;
}

export async function resolve(specifier, context, next) {
  try {
    return await next(specifier, context);
  } catch (error) {
    if (error?.code !== 'ERR_MODULE_NOT_FOUND' || /^(\.|\/|[a-z]+:)/.test(specifier)) throw error;
    for (const folder of folders) {
      try {
        const parentURL = pathToFileURL(path.join(path.dirname(folder), '_')).href;
        return await next(specifier, { ...context, parentURL });
      } catch {
        // The next folder may have it; if none does, the first error tells the function's own file.
      }
    }
    throw error;
  }
}
