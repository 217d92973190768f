// The data directory is sealed: what lies in it, what opens it, and how its key is changed.
import test from 'node:test';
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { bin, house, isPostgres, until } from './kith.mjs';

const names = ['Bartholomeusz', 'кузнецовский', '鬼怒川温泉'];
const recoveryOf = (said) => /^kith: {5}((?:[0-9A-Z]{4}-){8}[0-9A-Z]{4})$/m.exec(said)?.[1];

function filesIn(dir) {
  return readdirSync(dir, { withFileTypes: true }).flatMap((e) => {
    const p = path.join(dir, e.name);
    return e.isDirectory() ? filesIn(p) : e.isFile() ? [p] : [];
  });
}

// Each name as it is, and folded as search keeps it.
function nothingPlanted(...places) {
  const words = names.flatMap((n) => [n, n.toLowerCase(), n.slice(0, 8)]).map((w) => Buffer.from(w));
  let looked = 0;
  for (const file of places.flatMap((p) => (statSync(p).isDirectory() ? filesIn(p) : [p]))) {
    const bytes = readFileSync(file);
    looked += bytes.length;
    for (const w of words) assert.ok(!bytes.includes(w), `${file} holds ${w}`);
  }
  return looked;
}

const plant = async (api) => {
  for (const [i, name] of names.entries()) {
    await api.must(201, 'POST', '/customers', { claims: { name }, identities: [{ type: 'email', value: `${names[0]}${i}@example.com` }] });
    await api.must(200, 'POST', '/intake', {
      channel: 'form', identities: [{ type: 'email', value: `x${i}@example.com` }], text: `it is ${name} again`,
    });
  }
};

const uploaded = async (api) => {
  const b = 'limit7f3a';
  const part = (head, value) => `--${b}\r\nContent-Disposition: form-data; ${head}\r\n\r\n${value}\r\n`;
  const body = Buffer.from(part('name="kind"', 'customers') +
    part('name="file"; filename="people.csv"', `name,email\n${names.map((n, i) => `${n} file,f${i}@example.com\n`).join('')}`) + `--${b}--\r\n`);
  const r = await api.post('/imports', body, { 'Content-Type': `multipart/form-data; boundary=${b}` });
  assert.equal(r.status, 201, r.text);
  return r.body;
};

test('no file of a house holds a name that was written into it: while it runs, after kill −9, after a stop, in a backup', async (t) => {
  const k = await house(t);
  await k.person('owner');
  const api = await k.token('owner');
  await plant(api);
  await uploaded(api);
  assert.ok(nothingPlanted(k.data) > (isPostgres ? 100 : 500000));
  if (!isPostgres) assert.ok(statSync(path.join(k.data, 'kith.db-wal')).size > 0);
  await k.kill();
  nothingPlanted(k.data);
  await k.start();
  const found = await api.must(200, 'GET', `/search?q=${encodeURIComponent(names[0])}`);
  assert.ok(JSON.stringify(found).includes(names[0]));
  if (!isPostgres) {
    const file = path.join(path.dirname(k.data), `${path.basename(k.data)}.backup`);
    t.after(() => rmSync(file, { force: true }));
    await k.run(['backup', '--to', file]);
    assert.ok(nothingPlanted(file) > 500000);
  }
  await k.stop();
  nothingPlanted(k.data);
});

test('a file that was sent for an import is sealed, and its rows come in all the same', async (t) => {
  const k = await house(t);
  await k.person('owner');
  const api = await k.token('owner');
  const sent = await uploaded(api);
  nothingPlanted(k.data);
  await api.must(200, 'POST', `/imports/${sent.id}/run`, {});
  let one;
  await until(async () => !['running', 'checking'].includes((one = await api.must(200, 'GET', `/imports/${sent.id}`)).state), { ms: 30000, what: 'the import' });
  assert.deepEqual([one.state, one.made], ['done', names.length]);
  nothingPlanted(k.data);
});

test('without its key, with a wrong one, or with damaged keys, a house says so in one sentence', async (t) => {
  const k = await house(t);
  await k.person('owner');
  await k.stop();
  const oneSentence = (r, why) => {
    assert.equal(r.status, 1);
    assert.match(r.err, why);
    assert.equal(r.err.trim().split('\n').length, 1, r.err);
  };
  const key = `${k.data}.key`;
  assert.equal(statSync(key).mode & 0o777, 0o600);
  renameSync(key, `${key}.away`);
  t.after(() => rmSync(`${key}.away`, { force: true }));
  oneSentence(await k.command(['user', 'list']), /sealed and there is no key: name one with --key-file/);
  writeFileSync(key, `${'07'.repeat(32)}\n`, { mode: 0o600 });
  oneSentence(await k.command(['user', 'list']), /does not open/);
  writeFileSync(key, 'nothing of the kind\n', { mode: 0o600 });
  oneSentence(await k.command(['user', 'list']), /no key in/);
  renameSync(`${key}.away`, key);
  assert.match(await k.run(['user', 'list']), /owner1@kith\.example/);
  const keys = path.join(k.data, 'kith.keys'), whole = readFileSync(keys);
  const bent = Buffer.from(whole);
  bent[bent.length >> 1] ^= 1;
  writeFileSync(keys, bent);
  oneSentence(await k.command(['user', 'list']), /kith\.keys is damaged/);
  writeFileSync(keys, whole);
  await k.run(['user', 'list']);
});

test('the recovery key from paper opens a house whose key file is lost', async (t) => {
  const k = await house(t);
  await k.person('owner');
  const recovery = recoveryOf(k.log);
  assert.ok(recovery, k.log);
  await k.stop();
  rmSync(`${k.data}.key`);
  const wrong = await k.command(['key', 'recover'], `${recovery.slice(0, -1)}${recovery.endsWith('7') ? '8' : '7'}\n`);
  assert.equal(wrong.status, 1);
  assert.match(wrong.err, /typing mistake/);
  assert.match(await k.run(['key', 'recover'], `${recovery.toLowerCase().replaceAll('-', ' ')}\n`), /made just now/);
  assert.match(await k.run(['user', 'list']), /owner1@kith\.example/);
  const fresh = recoveryOf(await k.run(['key', 'recovery']));
  assert.ok(fresh && fresh !== recovery);
  const old = await k.command(['key', 'recover'], `${recovery}\n`);
  assert.equal(old.status, 1);
  assert.match(old.err, /does not open/);
});

test('another key file or a pass phrase takes the place of the first', async (t) => {
  const k = await house(t);
  await k.person('owner');
  await k.stop();
  const dir = mkdtempSync(path.join(os.tmpdir(), 'kith-key-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  await k.run(['key', 'change', '--new-key-file', path.join(dir, 'a.key')]);
  assert.equal((await k.command(['user', 'list'])).status, 1);
  await k.run(['user', 'list', '--key-file', path.join(dir, 'a.key')]);
  writeFileSync(path.join(dir, 'phrase'), 'a lamp beside the river\n', { mode: 0o600 });
  await k.run(['key', 'change', '--new-pass-phrase-file', path.join(dir, 'phrase'), '--key-file', path.join(dir, 'a.key')]);
  const asked = await k.command(['user', 'list', '--key-file', path.join(dir, 'a.key')]);
  assert.equal(asked.status, 1);
  assert.match(asked.err, /opens with a pass phrase/);
  await k.start({ env: { KITH_PASS_PHRASE_FILE: path.join(dir, 'phrase') } });
  assert.equal((await k.nobody().get('//readyz')).status, 200);
});

const epochs = (k) => readFileSync(path.join(k.data, 'kith.keys'), 'utf8').split('\n').filter((l) => l.startsWith('epoch ')).map((l) => Number(l.split(' ')[1]));

test('the data key is changed while everybody works, and a server that is killed meanwhile goes on with it', async (t) => {
  const k = await house(t);
  await k.stop();
  await k.run(['demo', '--customers', '4000']);
  await k.start();
  const owner = await k.token('owner');
  const before = k.sql('SELECT COUNT(*) FROM customer')[0][0];
  const acked = [];
  let stops = false, n = 0;
  t.after(() => { stops = true; });
  const write = async () => {
    while (!stops) {
      const name = `rotating ${n += 1}`;
      const r = await owner.post('/customers', { claims: { name } }).catch(() => ({ status: 0 }));
      if (r.status === 201) acked.push(name);
      else await new Promise((done) => setTimeout(done, 5));
    }
  };
  const writers = [write(), write(), write()];
  await until(() => acked.length > 20);
  assert.match(await k.run(['key', 'rotate']), /under a new key, number 2/);
  assert.deepEqual(epochs(k), [2]);

  // Killed in the middle, as often as it takes to meet it there.
  let was = 0;
  for (let round = 0; round < 4; round += 1) {
    const command = spawn(bin, ['key', 'rotate', ...k.store.args], { stdio: 'ignore' });
    const isOver = new Promise((done) => command.on('close', done));
    await until(() => epochs(k).length === 2 || epochs(k)[0] > 2 + was, { ms: 10000, what: 'a second key' });
    await k.kill();
    await isOver;
    was += 1;
    await k.start();
    await until(() => epochs(k).length === 1, { ms: 30000, what: 'the end of the rotation' });
  }
  stops = true;
  await Promise.all(writers);
  assert.ok(epochs(k)[0] >= 3);
  const rows = new Set(k.sql("SELECT name FROM customer WHERE name LIKE 'rotating %'").map((r) => r[0]));
  assert.deepEqual(acked.filter((a) => !rows.has(a)), []);
  assert.ok(Number(k.sql('SELECT COUNT(*) FROM customer')[0][0]) >= Number(before) + acked.length);
  assert.match(await k.run(['check']), /sound/);
  await k.stop();
  if (isPostgres) return;
  const bytes = readFileSync(path.join(k.data, 'kith.db')), own = epochs(k)[0];
  for (let at = 4096 - 40; at < bytes.length; at += 4096) assert.equal(bytes[at], own);
});

test('a node that shares a database but not its keys is refused with a sentence, and goes with the first node’s', { skip: !isPostgres && 'one directory has one ring' }, async (t) => {
  const k = await house(t);
  await k.person('owner');
  const other = mkdtempSync(path.join(os.tmpdir(), 'kith-node-'));
  t.after(() => { rmSync(other, { recursive: true, force: true }); rmSync(`${other}.key`, { force: true }); });
  const list = (dir) => spawnSync(bin, ['user', 'list', '--data', dir, '--store', k.store.url], { encoding: 'utf8' });

  const refused = list(other);
  assert.equal(refused.status, 1, refused.stdout);
  assert.match(refused.stderr, /sealed with the keys of another installation than those in “.*kith-node-.*”/);

  for (const [from, to] of [[`${k.data}.key`, `${other}.key`], [path.join(k.data, 'kith.keys'), path.join(other, 'kith.keys')]]) writeFileSync(to, readFileSync(from), { mode: 0o600 });
  const taken = list(other);
  assert.equal(taken.status, 0, taken.stderr);
  assert.match(taken.stdout, /owner/);
});
