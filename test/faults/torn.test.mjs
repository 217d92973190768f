// Files that were cut or damaged while the program did not run: what is whole is opened, what is not is refused by name,
// never served as if nothing were.
import test from 'node:test';
import assert from 'node:assert/strict';
import { closeSync, copyFileSync, mkdtempSync, openSync, readdirSync, rmSync, statSync, truncateSync, writeSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { house, isPostgres, until } from '../stories/kith.mjs';

const skip = isPostgres && 'the files of PostgreSQL are its own';
const note = (n) => ({ channel: 'email', direction: 'in', source_id: `m${n}`, identities: [{ type: 'email', value: `p${n}@mail.example` }], text: `m${n}` });

// A house with 60 contacts of which the log holds the last; killed. Gives what is needed to lay its files out again.
async function killed(t) {
  const k = await house(t);
  k.expectsMistakes = true;
  const api = await k.token('owner', ['read', 'write', 'intake', 'admin']);
  for (let n = 0; n < 30; n++) await api.must(200, 'POST', '/intake', note(n));
  await k.stop();
  await k.start();
  for (let n = 30; n < 60; n++) await api.must(200, 'POST', '/intake', note(n));
  await k.kill();
  const kept = mkdtempSync(path.join(os.tmpdir(), 'kith-kept-'));
  t.after(() => rmSync(kept, { recursive: true, force: true }));
  const files = readdirSync(k.data).filter((f) => statSync(path.join(k.data, f)).isFile());
  for (const f of files) copyFileSync(path.join(k.data, f), path.join(kept, f));
  // Without the index of the log, as after the machine was switched off, unless the machine went on.
  const lay = (withIndex = false) => {
    for (const f of readdirSync(k.data)) if (/^kith\.db/.test(f)) rmSync(path.join(k.data, f));
    for (const f of files) if (withIndex || !/-shm$/.test(f)) copyFileSync(path.join(kept, f), path.join(k.data, f));
  };
  return { k, api, lay, file: (f) => path.join(k.data, f) };
}

test('a log that was cut at any place opens with the contacts before the cut, in order, and sound', { skip }, async (t) => {
  const { k, api, lay, file } = await killed(t);
  const size = statSync(file('kith.db-wal')).size;
  let least = 60;
  for (const share of [0.999, 0.9, 0.5, 0.31, 0.1, 0.001, 0]) {
    lay();
    truncateSync(file('kith.db-wal'), Math.floor(size * share));
    await k.start();
    const rows = k.sql("SELECT text FROM interaction WHERE channel = 'email' ORDER BY id").map((r) => r[0]);
    assert.deepEqual(rows, Array.from({ length: rows.length }, (_, n) => `m${n}`));
    assert.ok(rows.length >= 30 && rows.length <= least, `${rows.length} after a cut at ${share}`);
    least = rows.length;
    assert.equal((await api.post('/intake', note(`after${share}`))).status, 200);
    await k.stop();
    const checked = await k.command(['check']);
    assert.equal(checked.status, 0, checked.err);
  }
  assert.equal(least, 30);
  await k.start();
});

test('a log that was damaged while the server was down is refused by name, is not served from, and opens as far as it is whole when that is asked for', { skip }, async (t) => {
  const { k, api, lay, file } = await killed(t);
  const flip = () => { const fd = openSync(file('kith.db-wal'), 'r+'); writeSync(fd, Buffer.from('damage'), 0, 6, 32 + 4120 + 2500); closeSync(fd); };
  lay(true);
  flip();
  const before = statSync(file('kith.db-wal')).size;

  for (let i = 0; i < 2; i++) await assert.rejects(k.start(), /kith\.db-wal is damaged at frame 2, and changes that were acknowledged lie behind it/);
  const checked = await k.command(['check']);
  assert.equal(checked.status, 1);
  assert.match(checked.err, /damaged at frame 2/);
  assert.equal(statSync(file('kith.db-wal')).size, before);

  const opened = await k.command(['check', '--repair', '--json']);
  assert.ok(JSON.parse(opened.out).found.some((f) => f.code === 'STORE_LOG_DAMAGED' && f.mended), opened.out);
  await k.start();
  const rows = (await api.must(200, 'GET', '/customers?limit=100')).items.length;
  assert.ok(rows >= 30 && rows < 60, `${rows}`);
});

test('a database that was cut or overwritten is refused or found by the check, and what is damaged is never answered as if it were whole', { skip }, async (t) => {
  const { k, api, lay, file } = await killed(t);
  await k.start();
  await k.stop(); // the log is in the database
  const whole = path.join(k.data, 'whole');
  copyFileSync(file('kith.db'), whole);
  const size = statSync(whole).size, page = 4096;
  const damages = {
    'cut to the half': (f) => truncateSync(f, Math.floor(size / 2 / page) * page),
    'cut within a page': (f) => truncateSync(f, size - 5000),
    'its first page overwritten': (f) => { const fd = openSync(f, 'r+'); writeSync(fd, Buffer.alloc(page, 0x5a), 0, page, 0); closeSync(fd); },
    'every fourth page overwritten': (f) => { const fd = openSync(f, 'r+'); for (let at = page * 3; at + page <= size; at += page * 4) writeSync(fd, Buffer.alloc(page / 2, 0xa5), 0, page / 2, at); closeSync(fd); },
  };
  for (const [what, damage] of Object.entries(damages)) {
    lay();
    rmSync(file('kith.db-wal'), { force: true });
    copyFileSync(whole, file('kith.db'));
    damage(file('kith.db'));
    const checked = await k.command(['check']);
    const started = await k.start().then(() => true, (e) => e);
    if (started === true) {
      for (const ask of ['/customers', '/search?q=mail', '/settings', '/audit']) {
        const a = await api.get(ask).catch(() => ({ status: 0 }));
        assert.ok([0, 200, 401, 404, 500, 503].includes(a.status), `${what}: ${ask}: ${a.status}`);
      }
      await k.stop();
    } else {
      assert.match(String(started), /kith: \S/, what); // one sentence
    }
    assert.ok(checked.status !== 0 || started !== true, `${what}: nothing noticed it`);
    assert.ok(checked.status === 0 || /\S/.test(checked.err), `${what}: the check says nothing`);
  }
  lay();
  await k.start();
  assert.equal((await api.must(200, 'GET', '/customers?limit=100')).items.length, 60);
});

test('a second server on the same directory is refused in one sentence, at once and while it is under load', { skip }, async (t) => {
  const k = await house(t);
  const api = await k.token('owner', ['read', 'write', 'intake', 'admin']);
  let over = false, n = 0;
  const work = (async () => { while (!over) await api.must(200, 'POST', '/intake', note(n++)); })();
  for (let i = 0; i < 3; i++) {
    const second = await k.command(['serve', '--listen', '127.0.0.1:0']);
    assert.equal(second.status, 1);
    assert.match(second.err, /^kith: [^\n]*(in use|holds|server)[^\n]*\n$/);
    assert.equal(second.out, '');
  }
  over = true;
  await work;
  await until(async () => (await api.must(200, 'GET', '/customers?limit=1')).items.length === 1, { what: 'the first one' });
});
