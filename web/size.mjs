// Holds the built app to its budgets: what each page loads, compressed as it travels.
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { build } from 'vite';

const kib = (n) => `${(n / 1024).toFixed(1)} KiB`;
const result = await build({ logLevel: 'error', build: { write: false } });
const output = (Array.isArray(result) ? result : [result]).flatMap((r) => r.output);
const chunks = new Map(output.filter((o) => o.type === 'chunk').map((o) => [o.fileName, o]));
const entry = [...chunks.values()].find((c) => c.isEntry);
const sizeOf = (text) => gzipSync(text, { level: 9 }).length;

/** Everything that is loaded before a page runs: its chunk, the entry's, and what they import. */
function closure(...names) {
  const seen = new Set();
  const visit = (name) => {
    if (seen.has(name)) return;
    seen.add(name);
    for (const imported of chunks.get(name)?.imports ?? []) visit(imported);
  };
  names.forEach(visit);
  return [...seen].reduce((sum, name) => sum + sizeOf(chunks.get(name)?.code ?? ''), 0);
}

const page = (name) => [...chunks.values()].find((c) => c.facadeModuleId?.endsWith(`/pages/${name}.svelte`))?.fileName;
const css = output.filter((o) => o.fileName.endsWith('.css')).reduce((sum, o) => sum + sizeOf(o.source), 0);
const rows = [
  ['home', closure(entry.fileName, page('Home')), 60],
  ['meeting', closure(entry.fileName, page('Meeting')), 120],
  ['record', closure(entry.fileName, page('Record')), 90],
  ['css', css, 18],
];
let over = false;
for (const [name, bytes, budget] of rows) {
  over ||= bytes > budget * 1024;
  console.log(`${name.padEnd(8)} ${kib(bytes).padStart(10)} of ${budget} KiB${bytes > budget * 1024 ? '  TOO LARGE' : ''}`);
}
const lock = readFileSync(new URL('package-lock.json', import.meta.url), 'utf8');
if (lock.includes('"resolved"')) {
  console.log('package-lock.json names a registry host: install with omit-lockfile-registry-resolved');
  over = true;
}
process.exit(over ? 1 : 0);
