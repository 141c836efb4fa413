/** `npm run bench -- NAME [arguments]`: ratios against a baseline measured in the same run, never bare times. */
const BENCHES = {
  gateway: './gateway.mjs',
  replay: './replay.mjs',
  alarms: './alarms.mjs',
  drift: './drift.mjs',
  ingest: './ingest.mjs',
  clients: './clients.mjs',
};

const [name, ...args] = process.argv.slice(2);
const file = BENCHES[name];
if (file === undefined) {
  console.error(`usage: npm run bench -- ${Object.keys(BENCHES).join('|')} [arguments]`);
  process.exit(2);
}
const { bench } = await import(file);
await bench(args);
