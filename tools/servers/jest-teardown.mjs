/** Jest's global teardown: stops what `jest-setup.mjs` had started. */
export default () => globalThis.stopTestServers();
