// The words of the interface: every text that a page asks for is there, and none is there for nothing.
import test from 'node:test';
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';

const top = new URL('../../', import.meta.url);
const keys = new Set();
const shown = new Set(); // with the words of other parts that the interface shows: web/tools/catalogue.ts
for (const file of readdirSync(new URL('i18n/', top)))
  for (const key of Object.keys(JSON.parse(readFileSync(new URL(`i18n/${file}`, top), 'utf8')))) {
    if (file.startsWith('web-')) keys.add(key);
    if (/^[a-z]/.test(key)) shown.add(key);
  }
const sources = readdirSync(new URL('web/src/', top), { recursive: true, withFileTypes: true })
  .filter((f) => f.isFile() && /\.(svelte|ts)$/.test(f.name))
  .map((f) => readFileSync(`${f.parentPath ?? f.path}/${f.name}`, 'utf8'))
  .join('\n');
const attributes = ['customer', 'intake', 'order', 'evidence', 'risk', 'judge'].map((room) => readFileSync(new URL(`src/rooms/${room}/attributes.c`, top), 'utf8')).join('');

test('every text that the interface names is in the catalogue', () => {
  const named = [...sources.matchAll(/\bt\(\s*'([a-z0-9_.]+)'\s*[,)]/g)].map((m) => m[1]);
  assert.ok(named.length > 300);
  assert.deepEqual([...new Set(named)].filter((k) => !keys.has(k)), []);
});

test('no text stands in the catalogue for nothing', () => {
  const literal = new Set([...sources.matchAll(/'([a-z0-9_]+(?:\.[a-z0-9_]+)+)'/g)].map((m) => m[1]));
  const prefixes = [
    ...[...sources.matchAll(/'([a-z0-9_.]+\.)' \+/g)].map((m) => m[1]),
    ...[...sources.matchAll(/(?:word|coded)\('([a-z0-9_.]+)'/g)].map((m) => `${m[1]}.`),
    ...[...attributes.matchAll(/choice_label = "([a-z0-9_.]+)"/g)].map((m) => m[1]), // told by the server: GET /attributes
  ];
  assert.deepEqual([...keys].filter((k) => !literal.has(k) && !prefixes.some((p) => k.startsWith(p))), []);
});

test('whatever is written into the audit has words there', () => {
  const rooms = readdirSync(new URL('src/', top), { recursive: true, withFileTypes: true })
    .filter((f) => f.isFile() && /\.c$/.test(f.name) && !/_test\.c$/.test(f.name))
    .map((f) => readFileSync(`${f.parentPath ?? f.path}/${f.name}`, 'utf8'))
    .join('\n');
  const acts = [...rooms.matchAll(/\baudit_add\(\s*\w+,([^;]*?);/g)].flatMap((m) => [...m[1].matchAll(/"([a-z_]+\.[a-z_]+)"/g)].map((x) => x[1]));
  assert.ok(acts.length > 60);
  assert.deepEqual([...new Set(acts)].filter((act) => !shown.has(`audit.${act}`)), []);
});
