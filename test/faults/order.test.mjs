// The order in which files reach the disk: what the program does to its files is written down, and the power is cut after
// any of these acts. What is left in the worst case, in the case that names came and contents did not, and in the best,
// must open, with everything that was acknowledged until then.
import test from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { house, isPostgres } from '../stories/kith.mjs';

const isLong = process.env.KITH_FAULTS === 'long';
const skip = process.env.KITH_TEST_SLOW ? 'a sanitizer wants to be loaded first' : isPostgres && 'the files are PostgreSQL\'s';
const note = (n) => ({ channel: 'email', direction: 'in', source_id: `m${n}`, identities: [{ type: 'email', value: `p${n}@mail.example` }], text: `m${n}` });

// The record as a list of acts, each with the place where it ends.
function acts(file) {
  const all = readFileSync(file);
  const list = [];
  for (let at = 0; at < all.length;) {
    const end = all.indexOf(10, at);
    const act = JSON.parse(all.subarray(at, end).toString());
    act.bytes = all.subarray(end + 1, end + 1 + act.n);
    at = end + 1 + act.n;
    act.end = at;
    list.push(act);
  }
  return list;
}

// A disk on which acts are done; sure is what a power cut leaves of a file or of the names in a directory.
class Disk {
  constructor() {
    this.names = new Map(); // path → file
    this.sureNames = new Map();
    this.folders = new Set();
    this.sureFolders = new Set();
  }

  file(name) {
    if (!this.names.has(name)) this.names.set(name, { now: Buffer.alloc(0), sure: Buffer.alloc(0) });
    return this.names.get(name);
  }

  do(a) {
    const f = () => this.file(a.path);
    if (a.what === 'create') f();
    else if (a.what === 'empty') f().now = Buffer.alloc(0);
    else if (a.what === 'write') {
      const x = f(), size = Math.max(x.now.length, a.at + a.n), now = Buffer.alloc(size);
      x.now.copy(now);
      a.bytes.copy(now, a.at);
      x.now = now;
    } else if (a.what === 'size') {
      const x = f(), now = Buffer.alloc(a.at);
      x.now.copy(now);
      x.now = now;
    } else if (a.what === 'rename' || a.what === 'link') {
      this.names.set(a.to, f());
      if (a.what === 'rename') this.names.delete(a.path);
    } else if (a.what === 'unlink') this.names.delete(a.path);
    else if (a.what === 'mkdir') this.folders.add(a.path);
    else if (a.what === 'sync' && this.names.has(a.path)) this.names.get(a.path).sure = this.names.get(a.path).now;
    else if (a.what === 'sync') { // a directory: its names are sure
      const inside = (p) => path.dirname(p) === a.path;
      for (const p of [...this.sureNames.keys()]) if (inside(p) && !this.names.has(p)) this.sureNames.delete(p);
      for (const [p, x] of this.names) if (inside(p)) this.sureNames.set(p, x);
      for (const p of this.folders) if (inside(p)) this.sureFolders.add(p);
    }
  }

  // Lays out what is left. worst: nothing that is not sure; names: names without contents; best: all of it.
  lay(top, how) {
    rmSync(top, { recursive: true, force: true });
    mkdirSync(top, { recursive: true });
    const names = how === 'worst' ? this.sureNames : this.names;
    const folders = how === 'worst' ? this.sureFolders : this.folders;
    for (const d of folders) mkdirSync(d, { recursive: true, mode: 0o700 });
    for (const [p, x] of names) {
      if (how === 'worst' && path.dirname(p) !== top && !folders.has(path.dirname(p))) continue;
      mkdirSync(path.dirname(p), { recursive: true, mode: 0o700 });
      writeFileSync(p, how === 'best' ? x.now : x.sure, { mode: 0o600 });
    }
  }
}

test('whenever the power goes between two acts on files, from the first start on, the house opens with everything acknowledged', { skip, timeout: 3600000 }, async (t) => {
  const top = mkdtempSync(path.join(os.tmpdir(), 'kith-order-'));
  const aside = mkdtempSync(path.join(os.tmpdir(), 'kith-order-'));
  t.after(() => { rmSync(top, { recursive: true, force: true }); rmSync(aside, { recursive: true, force: true }); });
  const library = path.join(aside, 'record.so'), record = path.join(aside, 'record');
  execFileSync('cc', ['-shared', '-fPIC', '-O2', '-w', '-o', library, new URL('./record.c', import.meta.url).pathname]);
  const data = path.join(top, 'house');

  process.env.LD_PRELOAD = library; // the first start is part of it
  process.env.KITH_RECORD = record;
  process.env.KITH_RECORD_BELOW = top;
  let k;
  try {
    k = await house(undefined, { data });
  } finally {
    for (const name of ['LD_PRELOAD', 'KITH_RECORD', 'KITH_RECORD_BELOW']) delete process.env[name];
  }
  t.after(() => k.stop());
  const acknowledged = []; // [how long the record was, what was acknowledged]
  const size = () => statSync(record).size;
  const listening = size();
  const code = /set-up code (\S+)/.exec(k.said)[1];
  const setUp = await k.nobody().post('/setup', { code, email: 'dana@kith.example', name: 'Dana', password: 'a lamp beside the river', company: 'Lamps', lang: 'en', time_zone: 'UTC', base_currency: 'EUR', region: 'GB' });
  assert.equal(setUp.status, 200, setUp.text);
  acknowledged.push([size(), 'owner']);
  const dana = await k.logIn('dana@kith.example');
  for (let n = 0; n < 6; n++) {
    const a = await dana.post('/intake', note(n));
    assert.equal(a.status, 200, a.text);
    acknowledged.push([size(), `m${n}`]);
  }
  await k.stop();
  const all = acts(record);
  assert.ok(all.length > 50, `only ${all.length} acts were seen`);

  // After each act on a file that is not the engine's, and after some of the engine's.
  const own = all.flatMap((a, i) => (/kith\.db(-wal|-journal)?$/.test(a.path) ? [] : [i]));
  const engines = all.length - own.length;
  const some = Array.from({ length: isLong ? 200 : 14 }, (_, i) => Math.floor(((i + Math.random()) * all.length) / (isLong ? 200 : 14)));
  const cuts = [...new Set([...own, ...some, all.length - 1])].sort((a, b) => a - b);
  const most = isLong ? cuts.length : 40;
  const chosen = cuts.length <= most ? cuts : cuts.filter((_, i) => i === cuts.length - 1 || Math.floor((i * most) / cuts.length) !== Math.floor(((i - 1) * most) / cuts.length));

  const disk = new Disk();
  let done = 0, tried = 0;
  for (const cut of chosen) {
    while (done <= cut) disk.do(all[done++]);
    const upTo = all[cut].end;
    const must = acknowledged.filter(([at]) => at <= upTo).map(([, what]) => what);
    for (const how of ['worst', 'names', 'best']) {
      disk.lay(top, how);
      const where = `${how} after act ${cut} of ${all.length}, ${all[cut].what} ${path.basename(all[cut].path)}${upTo < listening ? ', before it was ready' : ''}`;
      await k.start().catch((e) => assert.fail(`${where}: ${e.message}`));
      tried++;
      if (must.length) {
        const there = new Set(k.sql("SELECT text FROM interaction WHERE channel = 'email'").map((r) => r[0]));
        if (k.sql("SELECT email FROM staff WHERE email = 'dana@kith.example'").length) there.add('owner');
        assert.deepEqual(must.filter((m) => !there.has(m)), [], where);
      }
      await k.kill();
    }
  }
  t.diagnostic(`${all.length} acts, ${engines} of the engine; ${tried} times opened`);
});
