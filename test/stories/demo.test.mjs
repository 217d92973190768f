// `kith demo`: a house filled for a newcomer, and calls that come in by themselves.
import test from 'node:test';
import assert from 'node:assert/strict';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { spawn, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { house, bin, roles, sealedRows, until } from './kith.mjs';

const passPhrase = 'welcome to kith';

// A house whose server does not run.
async function closed(t) {
  const k = await house(t);
  await k.stop();
  return k;
}

const oneSentence = (r, status, why) => {
  assert.equal(r.status, status, r.err);
  assert.match(r.err, why);
  assert.equal(r.err.trimEnd().split('\n').length, 1, r.err);
};

test('an empty house is filled once, a filled one is refused with a sentence or passed over, and everybody can log in', async (t) => {
  const k = await closed(t);
  const filled = JSON.parse(await k.run(['demo', '--json']));
  assert.ok(filled.customers > 3000 && filled.orders > 12000 && filled.interactions > filled.orders && filled.identities > filled.customers, JSON.stringify(filled));
  assert.deepEqual(k.sql('SELECT COUNT(*) FROM customer')[0], [String(filled.customers)]);
  assert.equal(statSync(path.join(k.data, 'demo-calls')).mode & 0o777, 0o600);

  oneSentence(await k.command(['demo']), 1, /only an empty installation/);
  oneSentence(await k.command(['demo', '--customers', '10']), 1, /only an empty installation/);
  const passed = await k.command(['demo', '--fill-if-empty']);
  assert.deepEqual([passed.status, passed.out, passed.err], [0, '', '']);
  assert.deepEqual(k.sql('SELECT COUNT(*) FROM customer')[0], [String(filled.customers)]);

  await k.start();
  const state = (await k.nobody().get('/state')).body;
  assert.deepEqual([state.is_demo, state.has_owner], [true, true]);
  for (const role of roles) {
    const one = await k.logIn(`${role}@kith.example`, passPhrase);
    assert.equal(one.staff.role, role);
    assert.equal((await one.get('/session')).status, 200);
  }
  const operator = await k.logIn('operator@kith.example', passPhrase);
  const [{ id }] = (await operator.must(200, 'GET', '/customers?limit=1')).items;
  const line = (await operator.must(200, 'GET', `/customers/${id}/timeline`)).items.find((l) => l.channel === 'order');
  assert.equal(line.subject, line.order.number);
  assert.ok(line.text.length > 3);
});

test('the demo company has somebody of each type in several languages, somebody undecided, work for the risk officer, and automations that did something', async (t) => {
  const k = await closed(t);
  await k.run(['demo']);
  await k.start();
  const boss = await k.logIn('manager@kith.example', passPhrase);
  const where = async (text) => { // page by page: one that finds few ends after a while of looking
    const found = [];
    let next = '';
    do {
      const page = await boss.must(200, 'GET', `/customers?limit=50&where=${encodeURIComponent(text)}${next && `&cursor=${encodeURIComponent(next)}`}`);
      found.push(...page.items);
      next = page.next;
    } while (next);
    return found;
  };
  await until(async () => (await where('class = fraud_suspect')).length >= 3 && (await where('class = chatty')).length >= 3, { ms: 120000, what: 'the judgement' });

  for (const type of ['regular', 'chatty', 'freeloader', 'time_eater', 'interested', 'company', 'fraud_suspect']) {
    const people = await until(async () => { const v = await where(`class = ${type}`); return v.length >= 2 ? v : undefined; }, { ms: 120000, what: type });
    assert.ok(new Set(people.map((p) => p.country)).size >= 2, `${type}: ${people.map((p) => p.name)}`);
  }
  const [olivia] = await where('name = "Olivia Hartnell"');
  await until(async () => (await boss.must(200, 'GET', `/customers/${olivia.id}/judgement`)).class.is_undecided, { ms: 120000, what: 'one that is undecided' });
  for (const person of await where('class = chatty')) assert.equal((await boss.must(200, 'GET', `/customers/${person.id}/judgement`)).class.pin?.at ?? null, null);

  const risk = await k.logIn('risk@kith.example', passPhrase);
  const queue = await until(async () => { const v = (await risk.must(200, 'GET', '/risk/queue')).items; return v.length >= 3 ? v : undefined; }, { ms: 120000, what: 'the queue' });
  assert.deepEqual(queue.map((r) => r.kind).sort(), ['customer', 'screened', 'screened']);
  assert.equal((await risk.must(200, 'GET', '/risk/blocks')).items.length, 1);
  const [kevin] = await where('name = "Kevin Marsh"');
  const reports = (await risk.must(200, 'GET', `/customers/${kevin.id}/abuse-reports`)).items;
  assert.deepEqual(reports.map((r) => r.state), ['waiting']);
  assert.ok((await boss.must(200, 'GET', '/competitors')).names.length >= 2);

  await until(async () => (await boss.must(200, 'GET', '/automations')).items.every((a) => a.is_on && a.last_at), { ms: 120000, what: 'runs of the automations' });
  await until(async () => (await where('tag = "sample offered"')).length >= 3, { ms: 120000, what: 'the tag' });
  await until(async () => (await boss.must(200, 'GET', '/notices')).items.length >= 2, { ms: 120000, what: 'what the managers are told' });
});

test('a house that a server holds is not filled behind its back', async (t) => {
  const k = await house(t);
  for (const words of [['demo'], ['demo', '--fill-if-empty'], ['demo', '--customers', '5']])
    oneSentence(await k.command(words), 1, /in use by another kith|another Kith uses/);
  assert.equal((await k.nobody().get('//readyz')).status, 200);
  assert.deepEqual(k.sql('SELECT COUNT(*) FROM customer')[0], ['0']);
});

// What people are, without ids and times.
const people = [
  `SELECT v.value, c.kind, c.name, c.reading, c.form_of_address, c.lang, c.time_zone, c.country, c.city FROM customer c
     JOIN identity_owner o ON o.customer_id = c.id JOIN identity_value v ON v.id = o.value_id`,
  'SELECT o.number, o.total_minor, o.status, l.line, l.sku, l.quantity_milli FROM orders o JOIN order_line l ON l.order_id = o.id',
  'SELECT channel, trust, matched_by, subject, text FROM interaction',
  'SELECT k.key FROM customer_key k',
];

test('the same seed makes the same people on both stores, another seed others', async (t) => {
  const k = await closed(t);
  const filled = JSON.parse(await k.run(['demo', '--customers', '500', '--seed', '7', '--json']));
  assert.equal(filled.customers, 500);
  assert.ok(filled.seconds >= 0);
  const ours = people.map((sql) => k.sql(sql).map((r) => r.join('|')).sort());

  const others = ['7', '8'].map((seed) => {
    const data = mkdtempSync(path.join(os.tmpdir(), 'kith-story-'));
    t.after(() => { for (const p of [data, `${data}.key`]) rmSync(p, { recursive: true, force: true }); });
    execFileSync(bin, ['demo', '--data', data, '--customers', '500', '--seed', seed], { stdio: 'pipe' });
    return people.map((sql) =>
      sealedRows(data, sql).split('\n').filter((l) => l !== '').sort());
  });

  assert.ok(ours.every((rows) => rows.length >= 500));
  assert.deepEqual(ours, others[0]);
  assert.notDeepEqual(ours[0], others[1][0]);
  await k.start();
  assert.equal((await k.nobody().get('/state')).body.has_owner, false); // people yes, staff no: the first run comes
});

test('wrong words end with 2 and say what is wrong', async (t) => {
  const k = await closed(t);
  const cases = [
    [['--customers', '0'], /--customers/], [['--customers', 'many'], /--customers/], [['--customers', '99999999'], /--customers/],
    [['--customers', '5', '--seed', '-1'], /--seed/], [['--seed', '3'], /--seed/], [['--nonsense'], /--nonsense/], [['now'], /now/],
    [['--talk', '5'], /--serve/], [['--serve', '--talk', '0'], /--talk/], [['--json', '--json'], /--json/],
  ];
  for (const [words, why] of cases) oneSentence(await k.command(['demo', ...words]), 2, why);
  assert.match((await k.command(['demo', '--help'])).out, /usage: kith demo/);
  assert.deepEqual(k.sql('SELECT COUNT(*) FROM customer')[0], ['0']);
});

const freePort = () => new Promise((done) => {
  const s = net.createServer().listen(0, '127.0.0.1', () => { const { port } = s.address(); s.close(() => done(port)); });
});

test('the demo rings the operator who is ready, with the caller’s card, is answered, and hangs up', async (t) => {
  const k = await closed(t);
  const port = await freePort();
  const served = spawn(bin, ['demo', ...k.store.args, '--fill-if-empty', '--serve', '--listen', `127.0.0.1:${port}`, '--talk', '2'],
    { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise((done) => served.on('exit', done));
  let said = '';
  served.stdout.on('data', (p) => { said += p; });
  served.stderr.on('data', (p) => { k.log += p; });
  try {
    await until(() => /listening on/.test(said), { ms: 30000, what: 'the start' });
    assert.match(said, new RegExp(`http://127.0.0.1:${port}[^]*operator@kith.example[^]*${passPhrase}`));
    k.origin = `http://127.0.0.1:${port}`;
    const operator = await k.logIn('operator@kith.example', passPhrase);
    const at = await operator.events('call');

    const { call, card } = (await at.next('call.ringing', { ms: 15000 })).body;
    assert.equal(call.customer.id, card.customer.id);
    assert.ok(card.recent.length > 0 && card.orders.length > 0);
    assert.equal((await at.next('call.answered', { ms: 15000 })).body.id, call.id);
    assert.equal((await at.next('call.ended', { ms: 15000 })).body.id, call.id);
    assert.equal((await operator.must(200, 'GET', `/calls/${call.id}`)).call.cause, 'normalClearing');
    at.close();
  } finally {
    served.kill('SIGTERM');
    assert.equal(await ended, 0);
  }
});
