// The program from a shell: people and tokens with and without a running server, start and end, a second server.
import test from 'node:test';
import assert from 'node:assert/strict';
import http from 'node:http';
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, statSync, existsSync, writeFileSync, chownSync, readdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { house, bin, passPhrase, sleep, isPostgres } from './kith.mjs';

test('people and tokens are made while the server runs and while it does not', async (t) => {
  const k = await house(t);
  await k.person('owner', { email: 'o@kith.example' });
  await k.stop();
  await k.run(['user', 'add', '--email', 'Still@kith.example', '--name', 'Still', '--role', 'agent', '--extension', '7', '--password-stdin'], `${passPhrase}\n`);
  const token = (await k.run(['token', 'add', '--name', 'x', '--role', 'owner'])).trim();
  assert.match(token, /^[\w-]{43}$/);
  await k.start();
  const api = k.nobody();
  api.token = token;
  const people = (await api.get('/staff')).body.items;
  assert.deepEqual(people.map((p) => p.email), ['o@kith.example', 'still@kith.example']);
  assert.deepEqual(people[1].extensions, ['7']);
  await k.run(['user', 'add', '--email', 'now@kith.example', '--name', 'Now', '--role', 'operator']);
  assert.equal((await api.get('/staff')).body.items.length, 3);
  const list = (await k.run(['user', 'list'])).trimEnd().split('\n');
  assert.deepEqual(list.map((l) => l.split('\t')[2]), ['owner', 'agent', 'operator']);
  if (!isPostgres) assert.equal(statSync(path.join(k.data, 'kith.sock')).mode & 0o777, 0o600);

  const still = await k.logIn('still@kith.example');
  await k.run(['user', 'reset', '--email', 'still@kith.example', '--password-stdin'], 'the tall green heron');
  await sleep(700);
  assert.equal((await still.get('/session')).status, 401);
  await k.logIn('still@kith.example', 'the tall green heron');
  await k.run(['user', 'disable', '--email', 'still@kith.example']);
  assert.equal((await k.nobody().post('/session', { email: 'still@kith.example', password: 'the tall green heron' })).status, 401);
});

test('what a command refuses it says in one sentence, with the right exit status', async (t) => {
  const k = await house(t);
  await k.person('owner', { email: 'o@kith.example' });
  const cases = [
    [1, ['user', 'add', '--email', 'o@kith.example', '--name', 'x', '--role', 'agent'], /already/],
    [1, ['user', 'add', '--email', 'nonsense', '--name', 'x', '--role', 'agent'], /e-mail/],
    [1, ['user', 'add', '--email', 'p@kith.example', '--name', 'x', '--role', 'agent', '--password-stdin'], /12/, 'short'],
    [1, ['user', 'disable', '--email', 'q@kith.example'], /q@kith\.example/],
    [1, ['user', 'disable', '--email', 'o@kith.example'], /last owner/],
    [1, ['token', 'add', '--name', 'x', '--role', 'agent', '--scope', 'everything'], /everything/],
    [2, ['user', 'add', '--email', 'p@kith.example', '--name', 'x', '--role', 'king'], /--role/],
    [2, ['user', 'add', '--email', 'p@kith.example', '--role', 'agent'], /--name/],
    [2, ['user', 'add', '--nonsense'], /--nonsense/],
    [2, ['user', 'fly'], /add, list/],
    [2, ['token', 'add', '--name', 'x', '--role', 'agent', '--days', '0'], /--days/],
  ];
  for (const [status, words, why, input] of cases) {
    const r = await k.command(words, input);
    assert.equal(r.status, status, `${words.join(' ')}: ${r.err}`);
    assert.match(r.err, why);
    assert.equal(r.err.trimEnd().split('\n').length, 1, r.err);
    assert.equal(r.out, '');
  }
});

const run = (words, env = {}) =>
  new Promise((done) => {
    const p = spawn(bin, words, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
    let out = '', err = '';
    p.stdout.on('data', (d) => { out += d; });
    p.stderr.on('data', (d) => { err += d; });
    p.on('close', (status) => done({ status, out, err }));
  });

test('wrong words end with 2 and say what is wrong; help and version end with 0', async () => {
  for (const words of [[], ['fly'], ['serve'], ['serve', '--data'], ['serve', '--data', '/tmp', '--listen', 'here'], ['serve', '--data', '/tmp', '--listen', '1.2.3.4:99999'],
    ['serve', '--data', '/tmp', '--tls-cert', 'x'], ['serve', '--data', '/tmp', '--data', '/var'], ['openapi', 'x'], ['check']]) {
    const r = await run(words, { KITH_DATA: undefined });
    assert.equal(r.status, 2, words.join(' ') + r.err);
    assert.ok(r.err.length > 10);
  }
  assert.match((await run(['fly'])).err, /^kith: there is no command 'fly'/);
  assert.match((await run(['help'])).out, /usage: kith serve/);
  for (const [words, first, others] of [[['--help'], 'serve', true], [['serve', '--help'], 'serve', false], [['import', '--help'], 'import', false], [['user', 'add', '-h'], 'user', false],
    [['backup', '--help'], 'backup', false], [['key', '-h'], 'key', false], [['data', '--help'], 'data', false]]) {
    const r = await run(words);
    assert.deepEqual([r.status, r.err], [0, ''], words.join(' '));
    assert.ok(r.out.startsWith(`usage: kith ${first} `), r.out);
    assert.equal(/kith (doctor|classify)/.test(r.out), others, r.out);
    assert.match(r.out, /--key-file FILE with every command/);
  }
  assert.match((await run(['import', '--help'])).out, /kith import all/);
  assert.match((await run(['demo', '--help'])).out, /^usage: kith demo .*\n.*--customers N/);
  assert.match((await run(['version'])).out, /^kith \d/);
  const open = await run(['serve', '--data', '/nonexistent/place']);
  assert.equal(open.status, 1);
  assert.match(open.err, /nonexistent/);
});

test('whoever only reads is told of a mistyped directory, and nothing is made in it', async (t) => {
  const home = mkdtempSync(path.join(tmpdir(), 'kith-typo-'));
  t.after(() => rmSync(home, { recursive: true }));
  const data = path.join(home, 'nowhere');
  const file = path.join(home, 'people.csv');
  writeFileSync(file, 'Name,Phone\nAnna,+44 20 7946 0018\n');
  for (const words of [['export', 'customers'], ['user', 'list'], ['user', 'disable', '--email', 'o@kith.example'], ['import', 'customers', file, '--dry-run'],
    ['doctor'], ['check'], ['classify'], ['release'], ['audit', 'verify'], ['backup', '--to', path.join(home, 'copy.kith')]]) {
    const r = await run([...words, '--data', data]);
    assert.deepEqual([r.status, r.err], [1, `kith: there is no store in ${data}\n`], words.join(' '));
    assert.equal(r.out, '');
  }
  assert.deepEqual([existsSync(data), existsSync(`${data}.key`)], [false, false]);
  const lost = await run(['import', 'customers', path.join(home, 'lost.csv'), '--data', data]);
  assert.equal(lost.status, 1);
  assert.match(lost.err, /lost\.csv cannot be read: No such file/);
});

test('a configuration file says the same as the command line, which goes before it', async (t) => {
  const k = await house(t);
  await k.stop();
  const file = path.join(k.data, 'kith.conf');
  writeFileSync(file, '# the house\nlisten = 127.0.0.1:1\nproxy = 10.0.0.1\n');
  await k.start({ args: ['--config', file] }); // --listen 127.0.0.1:0 of the command line wins
  assert.equal((await k.nobody().get('//healthz')).status, 200);
  await k.stop();
  writeFileSync(file, 'colour = red\n');
  const bad = await run(['serve', ...k.store.args, '--config', file]);
  assert.equal(bad.status, 2);
  assert.match(bad.err, /line 1.*colour/);
});

test('an address of the network without TLS or a proxy is refused with a sentence', async (t) => {
  const k = await house(t);
  await k.stop();
  const r = await run(['serve', ...k.store.args, '--listen', '0.0.0.0:0']);
  assert.equal(r.status, 1);
  assert.match(r.err, /clear text/);
});

test('a second server on the same directory is refused, and the first goes on', { skip: isPostgres }, async (t) => {
  const k = await house(t);
  const second = await run(['serve', ...k.store.args, '--listen', '127.0.0.1:0']);
  assert.equal(second.status, 1);
  assert.match(second.err, /kith: .+/);
  assert.equal((await k.nobody().get('//healthz')).status, 200);
});

test('check finds the store sound, and says so when it is not', { skip: isPostgres }, async (t) => {
  const k = await house(t);
  await k.person('owner');
  assert.match(await k.run(['check']), /sound/);
  await k.stop();
  assert.match(await k.run(['check']), /sound/);
  writeFileSync(path.join(k.data, 'kith.db'), Buffer.alloc(65536, 7));
  assert.equal((await k.command(['check'])).status, 1);
});

test('told to stop under load, it answers what it accepted, loses none of it and is gone in ten seconds', async (t) => {
  const k = await house(t);
  await k.person('owner');
  const api = await k.token('owner');
  const agent = new http.Agent({ keepAlive: true, maxSockets: 24 });
  const acked = [], refused = [];
  let n = 0, isStopping = false, afterStop = 0;
  const writer = async () => {
    for (;;) {
      const name = `load ${n++}`;
      try {
        const a = await api.ask('POST', '/tokens', { name, role: 'agent', scopes: ['read'] }, {}, { agent });
        if (a.status === 201) { acked.push(a.body.id); afterStop += isStopping; }
        else refused.push(a.status);
      } catch (e) {
        return e.code ?? e.message;
      }
    }
  };
  const writers = [...Array(24)].map(writer);
  await sleep(600);
  const from = Date.now();
  isStopping = true;
  const end = await k.stop();
  const reasons = await Promise.all(writers);
  agent.destroy();
  assert.deepEqual(end, { code: 0, signal: null });
  assert.ok(Date.now() - from < 10000);
  assert.ok(acked.length > 50, `${acked.length} acknowledged`);
  assert.ok(refused.every((s) => s === 503), refused.join());
  assert.ok(reasons.every((r) => /ECONNREFUSED|ECONNRESET|EPIPE|hang up/.test(r)), reasons.join());
  if (!isPostgres) assert.ok(!existsSync(path.join(k.data, 'kith.sock')));

  await k.start();
  const kept = new Set();
  let cursor = '';
  do {
    const page = await api.must(200, 'GET', `/tokens?limit=200${cursor}`);
    for (const i of page.items) kept.add(i.id);
    cursor = page.next && `&cursor=${encodeURIComponent(page.next)}`;
  } while (cursor);
  assert.deepEqual(acked.filter((id) => !kept.has(id)), []);
});

test('killed in the middle of writing, it has everything it acknowledged', async (t) => {
  const k = await house(t);
  await k.person('owner');
  const api = await k.token('owner');
  const acked = [];
  let isKilled = false;
  const writer = async (w) => {
    for (let i = 0; !isKilled; i++) {
      const a = await api.post('/tokens', { name: `w${w} ${i}`, role: 'agent', scopes: ['read'] }).catch(() => null);
      if (a?.status === 201) acked.push(a.body.id);
    }
  };
  for (let round = 0; round < 3; round++) {
    isKilled = false;
    const before = acked.length;
    const writers = [0, 1, 2, 3, 4, 5].map(writer);
    while (acked.length - before < 12) await sleep(5);
    await k.kill();
    isKilled = true;
    await Promise.all(writers);
    await k.start();
  }
  const rows = k.sql('SELECT COUNT(*) FROM token')[0][0];
  assert.ok(Number(rows) >= acked.length + 1, `${rows} rows, ${acked.length} acknowledged`);
  assert.ok(acked.length > 30);
});

test('told to stop with streams open it is gone at once', async (t) => {
  const k = await house(t);
  const one = await k.person('operator');
  const streams = [await one.events(), await one.events()];
  const from = Date.now();
  k.process.kill('SIGTERM');
  assert.deepEqual(await k.exited, { code: 0, signal: null });
  assert.ok(Date.now() - from < 3000, `${Date.now() - from} ms`);
  for (const s of streams) await s.ended(500);
});

test('whoever may not read a directory is told so, and not that nothing is there', { skip: isPostgres || process.getuid() !== 0 }, async (t) => {
  const k = await house(t);
  await k.stop();
  chmodSync(k.data, 0o700);
  const place = mkdtempSync(path.join(tmpdir(), 'kith-bin-')); // where everybody may run it, whoever's this folder is
  t.after(() => rmSync(place, { recursive: true, force: true }));
  chmodSync(place, 0o755);
  copyFileSync(bin, path.join(place, 'kith'));
  for (const words of [['check'], ['doctor'], ['backup', '--to', '/tmp/never.kith'], ['data', 'list']]) {
    const p = spawnSync(path.join(place, 'kith'), [...words, '--data', k.data], { cwd: place, uid: 65534, gid: 65534, encoding: 'utf8' });
    assert.equal(p.status, 1, `${p.error} ${p.stdout}`);
    assert.match(p.stderr, /^kith: .*Permission denied\n$/, words.join(' '));
  }
});

test('root on another user\'s directory leaves no file of root\'s there', { skip: isPostgres || process.getuid() !== 0 }, async (t) => {
  const k = await house(t);
  await k.stop();
  const uid = 65534; // nobody
  for (const name of ['.', ...readdirSync(k.data)]) chownSync(path.join(k.data, name), uid, uid);
  chownSync(`${k.data}.key`, uid, uid);
  await k.run(['user', 'add', '--email', 'o@kith.example', '--name', 'O', '--role', 'owner']);
  for (const name of readdirSync(k.data)) assert.equal(statSync(path.join(k.data, name)).uid, uid, name);
});
