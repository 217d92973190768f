// What is known of addresses, networks and domains: files made by the command, used by the server at once.
import test from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { house, bin, until } from './kith.mjs';

const run = (words) =>
  new Promise((done) => {
    const p = spawn(bin, words, { stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '', err = '';
    p.stdout.on('data', (d) => { out += d; });
    p.stderr.on('data', (d) => { err += d; });
    p.on('close', (status) => done({ status, out, err }));
  });

function place(t) {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'kith-sources-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return (name, text) => { writeFileSync(path.join(dir, name), text); return path.join(dir, name); };
}

const geoip = '# Generated: Thu, 25 Jun 2026 04:33:59 GMT\n# Vendor:    IPFire Project\n# License:   CC BY-SA 4.0\n16777216,16777471,AU\n16777472,16778239,CN\n';
const row = async (who, key) => (await who.must(200, 'GET', '/sources')).items.find((r) => r.key === key);

test('a new house says what it does not know; after one command the running server knows it, with date, licence and attribution', async (t) => {
  const k = await house(t), file = place(t);
  const owner = await k.person('owner');
  const country = await row(owner, 'country');
  assert.deepEqual([country.state, country.records, country.date], ['missing', 0, '']);
  for (const key of ['disposable', 'free', 'famous', 'phone']) assert.equal((await row(owner, key)).state, 'loaded', key);
  assert.ok((await row(owner, 'famous')).records >= 300);
  const before = (await owner.must(200, 'GET', '/security')).lines.find((l) => l.check === 'sources');
  assert.equal(before.state, 'attention');
  assert.match(before.advice, /kith data update/);

  const files = [file('geoip', geoip), file('public_suffix_list.dat', '// ===BEGIN ICANN DOMAINS===\n// VERSION: 2026-01-02\ncom\n'), file('tor-exits.txt', '# date: 2026-11-01\n# licence: CC0\n192.0.2.1\n')];
  const made = await run(['data', 'update', '--data', k.data, ...files.flatMap((f) => ['--from', f]), '--json']);
  assert.equal(made.status, 0, made.err);
  assert.deepEqual(JSON.parse(made.out), { made: { country: 2, tor: 1, suffix: 1 }, passed: [] });

  const after = await row(owner, 'country');
  assert.deepEqual([after.records, after.date, after.licence, after.origin], [2, '2026-06-25', 'CC BY-SA 4.0', 'geoip']);
  assert.match(after.attribution, /IPFire/);
  assert.equal((await row(owner, 'tor')).licence, 'CC0');
  assert.equal((await row(owner, 'vpn')).state, 'missing');
  for (const name of readdirSync(path.join(k.data, 'sources'))) assert.equal(statSync(path.join(k.data, 'sources', name)).mode & 0o777, 0o600);

  // Everybody who works here may see whose data it is; nobody else.
  assert.equal((await row(await k.person('operator', { lang: 'ja' }), 'country')).records, 2);
  assert.equal((await k.nobody().get('/sources')).status, 401);
});

test('who writes from an address for one day is known by it on his record too', async (t) => {
  const k = await house(t);
  const api = await k.token('owner');
  for (const domain of ['mailinator.com', 'kith.example'])
    await api.must(200, 'POST', '/intake', { channel: 'form', identities: [{ type: 'email', value: `anna.weber@${domain}` }], claims: { name: 'Anna Weber' }, text: 'hello' });
  const count = async (text) => (await api.must(200, 'POST', '/expressions/count', { text })).count;
  await until(async () => (await count('risk_confidence >= 0')) === 2, { what: 'both judged', ms: 20000 });
  assert.equal(await count('risk > 0'), 1);
});

test('a sign-up is screened by the files from the moment the command ends; what no file tells is unknown, and no reason', async (t) => {
  const k = await house(t), file = place(t);
  const api = await k.token('owner');
  const said = { customer: { name: 'Anna Weber', email: 'anna.weber@mailinator.com', country: 'CN' }, ip: '1.0.0.7' };
  const screen = async () => {
    const a = await api.must(200, 'POST', '/screen', said);
    return { ...a, names: a.signals.map((s) => s.name) };
  };
  const before = await screen();
  assert.ok(before.unknown.includes('ip_country') && before.unknown.includes('network'), before.unknown.join());
  assert.ok(before.names.includes('disposable_email'), before.names.join()); // our own list is always there
  const made = await run(['data', 'update', '--data', k.data, '--from', file('geoip', geoip), '--from', file('tor.txt', '1.0.0.7\n')]);
  assert.equal(made.status, 0, made.err);
  const after = await screen();
  assert.ok(after.names.includes('ip_country') && after.names.includes('tor_network'), after.names.join());
  assert.ok(after.risk > before.risk && after.confidence > before.confidence);
  assert.ok(!after.unknown.includes('ip_country') && !after.unknown.includes('network'));
});

test('a file that is not what it should be is refused in one sentence with its line, and the server goes on with what it had', async (t) => {
  const k = await house(t), file = place(t);
  const owner = await k.person('owner');
  const ok = await run(['data', 'update', '--data', k.data, '--from', file('geoip', geoip)]);
  assert.equal(ok.status, 0, ok.err);
  const kept = readFileSync(path.join(k.data, 'sources', 'country'));
  const wrong = [
    [file('geoip', `${geoip}16778240,banana,JP\n`), [], /Line 6 of ‘geoip’/],
    [file('disposable.txt', 'throw.example\ngmail.com\n'), [], /gmail\.com/],
    [file('list.txt', '192.0.2.1\n'), [], /--kind/],
    [file('list.txt', '192.0.2.1\n'), ['--kind', 'weather'], /country, tor, vpn/],
    [file('c.mmdb', 'x'), [], /database/],
    ['/nonexistent', [], /cannot be read/],
  ];
  for (const [f, more, why] of wrong) {
    const r = await run(['data', 'update', '--data', k.data, '--from', f, ...more]);
    assert.equal(r.status, 1, `${f}: ${r.out}`);
    assert.match(r.err, why);
    assert.equal(r.err.trim().split('\n').length, 1);
  }
  assert.ok(kept.equals(readFileSync(path.join(k.data, 'sources', 'country'))));
  assert.equal((await row(owner, 'country')).records, 2);
  assert.equal((await run(['data', 'update'])).status, 2);
  assert.equal((await run(['data', 'forget', '--data', k.data])).status, 2);
});

test('files are made before the first start, and again from where they came', async (t) => {
  const file = place(t), data = mkdtempSync(path.join(os.tmpdir(), 'kith-sources-'));
  t.after(() => rmSync(data, { recursive: true, force: true }));
  const f = file('geoip', geoip);
  assert.equal((await run(['data', 'update', '--data', data, '--from', f])).status, 0);
  file('geoip', `${geoip}16778240,16779263,JP\n`);
  const again = await run(['data', 'update', '--data', data, '--json']);
  assert.equal(again.status, 0, again.err);
  assert.equal(JSON.parse(again.out).made.country, 3);
  const listed = JSON.parse((await run(['data', 'list', '--data', data, '--json'])).out);
  assert.equal(listed.find((r) => r.key === 'country').records, 3);
});
