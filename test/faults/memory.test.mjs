// The n-th allocation finds no memory: the request is answered, with an error or without, or the program stops cleanly and
// is there again within two seconds. Never a crash, and nothing acknowledged is lost.
import test from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { house, isPostgres, until } from '../stories/kith.mjs';

const isLong = process.env.KITH_FAULTS === 'long';
const skip = process.env.KITH_TEST_SLOW ? 'a sanitizer keeps its own memory' : isPostgres && 'asked on SQLite';
const places = Number(process.env.KITH_MALLOC_PLACES ?? (isLong ? 3000 : 120));

// A file of three numbers that the preloaded library and the test share.
function control(t) {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'kith-malloc-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const library = path.join(dir, 'malloc.so'), file = path.join(dir, 'control');
  execFileSync('cc', ['-shared', '-fPIC', '-O2', '-o', library, new URL('./malloc.c', import.meta.url).pathname]);
  writeFileSync(file, Buffer.alloc(24));
  const fd = openSync(file, 'r+');
  t.after(() => closeSync(fd));
  const put = (...numbers) => {
    const b = Buffer.alloc(24);
    numbers.forEach((n, i) => b.writeBigInt64LE(BigInt(n), i * 8));
    writeSync(fd, b, 0, 24, 0);
  };
  return {
    env: { LD_PRELOAD: library, KITH_MALLOC: file },
    fail: (n, times = 1) => put(0, n, times), // counts from now
    rest: () => { const b = Buffer.alloc(8); readSync(fd, b, 0, 8, 0); put(0, 0, 0); return Number(b.readBigInt64LE(0)); },
  };
}

test(`an allocation that fails at any of ${places} places is answered, or stops the program cleanly, and nothing acknowledged is lost`, { skip, timeout: 4 * 3600 * 1000 }, async (t) => {
  const memory = control(t);
  const k = await house(t);
  k.expectsMistakes = true; // 500 is an honest answer here
  await k.stop();
  await k.start({ env: memory.env });
  const api = await k.token('owner', ['read', 'write', 'intake', 'admin']);
  const owner = await k.person('owner');
  const kept = new Set();
  let stops = 0, theirs = 0, refusals = 0, slowest = 0;
  let told = 0; // where the log stood when memory was last made to fail: several threads may find none at once
  const said = () => k.log.slice(told);

  const contact = (n) => ({ channel: 'email', direction: 'in', source_id: n, identities: [{ type: 'email', value: `${n}@mail.example` }, { type: 'phone', value: `+4420794${String(60000 + (kept.size % 40000)).padStart(5, '0')}` }], claims: { name: `Пат ${n}`, city: 'Leeds' }, text: n });
  const first = await api.must(200, 'POST', '/intake', contact('first'));
  const id = first.customer.id;
  const script = (n) => [
    ['intake', () => api.post('/intake', contact(n)), () => kept.add(n)],
    ['card', () => api.get(`/customers/${id}/card`)],
    ['change', () => api.patch(`/customers/${id}`, { city: n })],
    ['bulk', () => api.lines('/bulk/intake', [contact(`${n}x`), contact(`${n}y`)]), (a) => a.body.forEach((l) => l.status === 200 && kept.add(`${n}${'xy'[l.line - 1]}`))],
    ['search', () => api.get('/search?q=pat')],
    ['list', () => api.get('/customers?limit=20')],
    ['count', () => api.post('/expressions/count', { text: 'city = "Leeds" and orders >= 0' })],
    ['session', () => owner.get('/session')],
  ];
  const play = async (n) => {
    for (const [what, ask, good] of script(n)) {
      let a;
      try {
        a = await ask();
      } catch {
        if (k.process.exitCode !== null || k.process.signalCode !== null) return; // it stopped
        refusals++; // the connection was let go
        continue;
      }
      if (a.status < 300) good?.(a);
      else {
        refusals++;
        assert.ok([500, 503, 507, 413].includes(a.status), `${what}: ${a.status} ${a.text.slice(0, 200)}`);
      }
    }
  };

  for (let i = 0; i < 3; i++) await play(`warm${i}`);
  memory.fail(1e15);
  await play('count');
  const all = memory.rest();
  assert.ok(all > 500, `only ${all} allocations`);

  const again = async (n) => {
    if (k.process.exitCode !== null || k.process.signalCode !== null) {
      const { code, signal } = await k.exited;
      await k.closed;
      const last = said();
      // our own code says so and stops; the libraries of names and numbers, which are not ours, may fall where they stand
      const isOurs = signal === 'SIGABRT' && /memory\.out|bad_alloc/.test(last);
      const isTheirs = !isOurs && /\/lib(icu|phonenumber|geocoding|stdc)/.test(last);
      assert.ok(isOurs || isTheirs, `allocation ${n} of ${all} ended it by ${signal ?? code}: ${last.slice(0, 3500)}`);
      stops++;
      if (isTheirs) theirs++;
      const from = Date.now();
      await k.start({ env: memory.env });
      slowest = Math.max(slowest, Date.now() - from);
    }
  };

  for (let i = 0; i < places; i++) {
    const n = 1 + Math.floor(((i + Math.random()) * all) / places);
    told = k.log.length;
    memory.fail(n, i % 5 === 4 ? 20 : 1);
    await play(`n${i}`);
    memory.rest();
    let answer;
    const next = await until(async () => { await again(n); answer = await api.post('/intake', contact(`after${i}`)).catch((e) => e); return answer.status === 200 && answer; }, { ms: 20000 })
      .catch((e) => assert.fail(`nothing goes on after allocation ${n}: ${e.message} ${answer?.status} ${answer?.text ?? answer} ${said().slice(0, 3500)}`));
    assert.ok(next.body.interaction.id);
    kept.add(`after${i}`);
  }

  t.diagnostic(`${all} allocations a script; ${refusals} answers were refusals, ${stops} stops (${theirs} inside libraries), the slowest start ${slowest} ms`);
  const there = k.sql("SELECT text FROM interaction WHERE channel = 'email'").map((r) => r[0]);
  assert.equal(new Set(there).size, there.length);
  assert.deepEqual([...kept].filter((n) => !there.includes(n)), []);
  await k.stop();
  assert.equal((await k.command(['check'])).status, 0);
  await k.start();
});

test('who asks while there is no memory is never misread, or told that what he said is wrong', { skip, timeout: 600000 }, async (t) => {
  const memory = control(t);
  const k = await house(t);
  k.expectsMistakes = true;
  await k.stop();
  await k.start({ env: memory.env });
  const api = await k.token('owner', ['read', 'admin']);
  // the reader of JSON loses the sixteenth byte of a text when it finds no memory for more: here the backslash before a quotation mark
  const ask = () => api.post('/expressions/count', { text: 'city = "Leeds" and orders >= 0' });
  for (let i = 0; i < 3; i++) await ask();
  let all = 0, refusals = 0, stops = 0;
  for (let i = 0; i < 3; i++) {
    memory.fail(1e15);
    assert.equal((await ask()).status, 200);
    all = Math.max(all, memory.rest());
  }
  const { text: right } = await ask();
  for (let i = 0; i < 2 * all; i++) {
    const n = 1 + (i >> 1);
    memory.fail(n, i % 2 ? 20 : 1);
    const a = await ask().catch(() => undefined);
    memory.rest();
    if (a?.status === 200) assert.equal(a.text, right, `allocation ${n} of ${all}`);
    else if (a) {
      refusals++;
      assert.ok([500, 503, 507, 413].includes(a.status), `allocation ${n} of ${all}: ${a.status} ${a.text.slice(0, 200)}`);
    }
    if (!a) await until(async () => k.process.exitCode !== null || k.process.signalCode !== null || (await ask().catch(() => undefined))?.status === 200, { ms: 20000 });
    if (k.process.exitCode === null && k.process.signalCode === null) continue;
    await k.exited;
    await k.closed;
    await k.start({ env: memory.env });
    stops++;
  }
  t.diagnostic(`${all} allocations; ${refusals} answers were refusals, ${stops} stops`);
  assert.ok(refusals > 0);
});
