// Automations: when an event happens and a condition holds, do actions; messages that leave the house are signed, tried again,
// held back while sending is held, and never go inside unless an administrator allowed it.
import test from 'node:test';
import assert from 'node:assert/strict';
import { createHmac, timingSafeEqual } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import os from 'node:os';
import path from 'node:path';
import { house, isPostgres, until } from './kith.mjs';

let n = 0;
const person = (k, claims = {}) => k.must(201, 'POST', '/customers', { identities: [{ type: 'external', value: `auto-${(n += 1)}` }], claims: { name: `Person ${n}`, ...claims } }).then((a) => a.customer.id);
const order = (k, customer, price = 100) => k.must(201, 'POST', '/orders', { number: `AU-${(n += 1)}`, customer, currency: 'EUR', lines: [{ sku: 'L-1', name: 'Lantern', quantity: 1, price }] });
const record = (k, id) => k.must(200, 'GET', `/customers/${id}`);
const tags = async (k, id) => (await record(k, id)).tags.map((x) => x.name ?? x);
const runs = async (k, a) => (await k.must(200, 'GET', `/automations/${a.id}/runs`)).items;
const sent = async (k, a) => (await k.must(200, 'GET', `/webhooks/deliveries?automation=${a.id}`)).items;

// A receiver as somebody outside would write it. `answer(request, response)`; what came stands in `got`.
function receiver(t, answer = (_, r) => r.writeHead(204).end(), tls) {
  const got = [];
  const take = (request, response) => {
    const parts = [];
    request.on('data', (p) => parts.push(p));
    request.on('end', () => {
      got.push({ method: request.method, url: request.url, headers: request.headers, body: Buffer.concat(parts) });
      answer(request, response, got.length);
    });
  };
  const server = tls ? https.createServer(tls, take) : http.createServer(take);
  t.after(() => { server.closeAllConnections(); server.close(); });
  return new Promise((done) => server.listen(0, '127.0.0.1', () => done({ got, port: server.address().port, url: `${tls ? 'https' : 'http'}://127.0.0.1:${server.address().port}/hook?from=kith` })));
}

// The signature, worked out by another implementation than ours.
function signed(message, secret) {
  const { t, v1 } = Object.fromEntries(message.headers['kith-signature'].split(',').map((p) => p.split('=')));
  const mac = createHmac('sha256', secret).update(`${t}.`).update(message.body).digest();
  return Math.abs(Date.now() / 1000 - Number(t)) < 600 && timingSafeEqual(mac, Buffer.from(v1, 'hex'));
}
const allow = (k, ...hosts) => k.must(200, 'PUT', '/webhooks/hosts', { hosts });

test('an order of somebody who fits gives him a tag, a task and a notice to who is responsible, and a signed message leaves', async (t) => {
  const k = await house(t);
  const owner = await k.person('owner');
  const agent = await k.person('agent', { name: 'Otto' });
  const r = await receiver(t);
  await allow(owner, '127.0.0.1');
  const ann = await person(owner, { city: 'Dover' }), bob = await person(owner, { city: 'Leeds' });
  await owner.must(200, 'PATCH', `/customers/${ann}`, { owner: agent.staff.id });
  const stream = await agent.events('customer');

  const a = await owner.must(201, 'POST', '/automations', {
    name: 'Orders of Dover', event: 'order.added', where: 'city = dover and spent_365d > 0', is_on: true,
    actions: [{ kind: 'tag', tag: 'buyer' }, { kind: 'task', text: 'Say thank you', to: 'responsible', priority: 'high', days: 2 },
      { kind: 'notify', to: 'responsible', text: 'Dover has ordered' }, { kind: 'webhook', url: r.url }],
  });
  assert.match(a.secret, /^whsec_[\w-]{43}$/);
  assert.equal(a.failure, '');
  await order(owner, bob);
  const made = await order(owner, ann);
  await until(async () => (await tags(owner, ann)).includes('buyer'), { what: 'the tag' });
  await until(() => r.got.length === 1, { what: 'the message' });
  assert.deepEqual(await tags(owner, bob), []);

  const [message] = r.got;
  assert.equal(message.method, 'POST');
  assert.equal(message.url, '/hook?from=kith');
  assert.ok(signed(message, a.secret));
  assert.ok(!signed({ ...message, body: Buffer.concat([message.body, Buffer.from(' ')]) }, a.secret));
  assert.ok(!signed(message, 'whsec_another'));
  assert.equal(message.headers['kith-event'], 'order.added');
  assert.equal(message.headers['content-type'], 'application/json');
  const body = JSON.parse(message.body);
  assert.equal(body.id, message.headers['kith-delivery']);
  assert.deepEqual({ event: body.event, automation: body.automation, customer: body.customer, ref: body.ref },
    { event: 'order.added', automation: { id: a.id, name: a.name }, customer: { id: ann }, ref: made.id });
  assert.ok(!message.body.toString().includes('Person')); // ids only

  const task = (await agent.must(200, 'GET', '/tasks?view=mine')).items[0];
  assert.deepEqual([task.title, task.priority, task.assignee.id, task.customer.id], ['Say thank you', 1, agent.staff.id, ann]);
  const due = (Date.parse(task.due_at) - Date.now()) / 86400000;
  assert.ok(due > 1.9 && due < 3.1, task.due_at);
  const told = await stream.next('notice.added');
  const [notice] = (await agent.must(200, 'GET', '/notices')).items;
  assert.equal(told.body.id, notice.id);
  assert.deepEqual([notice.text, notice.customer.id, notice.seen_at], ['Dover has ordered', ann, null]);
  assert.equal((await owner.ask('POST', `/notices/${notice.id}/seen`)).status, 404); // not his
  await agent.must(204, 'POST', `/notices/${notice.id}/seen`);
  await agent.must(204, 'POST', `/notices/${notice.id}/seen`);
  assert.equal((await agent.must(200, 'GET', '/notices')).items.length, 0);
  assert.equal((await agent.must(200, 'GET', '/notices?state=all')).items.length, 1);

  const did = await until(async () => { const x = await runs(owner, a); return x[0]?.webhook === 'sent' && x; }, { what: 'the outcome' });
  assert.deepEqual(did.map((x) => [x.outcome, x.event, x.ref, x.depth, x.customer.id]), [['done', 'order.added', made.id, 0, ann]]);
  assert.ok((await owner.must(200, 'GET', '/automations')).items[0].last_at);

  // the secret is shown once and stands nowhere else
  assert.equal((await owner.must(200, 'GET', `/automations/${a.id}`)).secret, undefined);
  assert.ok(!k.log.includes(a.secret) && !k.sql('SELECT * FROM automation').flat().join('|').includes(a.secret));
  const other = await owner.must(200, 'POST', `/automations/${a.id}/secret`);
  assert.notEqual(other.secret, a.secret);
  await owner.must(202, 'POST', `/automations/${a.id}/test`);
  await until(() => r.got.length === 2, { what: 'the test message' });
  assert.ok(signed(r.got[1], other.secret) && !signed(r.got[1], a.secret));
  assert.deepEqual([JSON.parse(r.got[1].body).event, JSON.parse(r.got[1].body).customer], ['test', null]);

  // off: nothing more
  await owner.must(200, 'PATCH', `/automations/${a.id}`, { is_on: false });
  await order(owner, ann);
  const b = await owner.must(201, 'POST', '/automations', { name: 'All orders', event: 'order.added', is_on: true, actions: [{ kind: 'tag', tag: 'all' }] });
  await order(owner, bob);
  await until(async () => (await tags(owner, bob)).includes('all'), { what: 'the other automation' });
  assert.ok(!(await tags(owner, ann)).includes('all')); // its order came before
  assert.equal((await runs(owner, a)).length, 1);
  assert.equal((await runs(owner, b)).length, 1);
  await owner.must(204, 'DELETE', `/automations/${a.id}`);
  assert.equal((await owner.ask('GET', `/automations/${a.id}`)).status, 404);
  await owner.must(201, 'POST', '/automations', { name: 'orders of dover', event: 'order.added', actions: [{ kind: 'tag', tag: 'x' }] });
});

test('a message that is not taken waits and is tried again; a redirect is not followed; it can be sent again by hand', async (t) => {
  const k = await house(t);
  const owner = await k.person('owner');
  const elsewhere = await receiver(t);
  let way = (x) => x.writeHead(503, { 'Retry-After': '3600' }).end('later');
  const r = await receiver(t, (_, response) => way(response));
  await allow(owner, '127.0.0.1');
  const ann = await person(owner);
  const a = await owner.must(201, 'POST', '/automations', { name: 'Out', event: 'order.added', is_on: true, actions: [{ kind: 'webhook', url: r.url }] });
  await order(owner, ann);
  const tried = (state, reason, status) => until(async () => {
    const [d] = await sent(owner, a);
    return d?.tries > 0 && d.reason === reason && d.state === state && d.status === status && d;
  }, { what: `${state} ${reason} ${status}` });
  const first = await tried('waiting', 'status', 503);
  assert.ok(Date.parse(first.due_at) - Date.now() > 3000000, first.due_at); // as the receiver asked
  assert.equal((await runs(owner, a))[0].webhook, 'waiting');
  assert.equal((await owner.must(200, 'GET', '/automations')).items[0].waiting, 1);

  way = (x) => x.writeHead(302, { Location: `http://127.0.0.1:${elsewhere.port}/` }).end();
  await owner.must(200, 'POST', `/webhooks/deliveries/${first.id}/again`);
  await tried('waiting', 'redirect', 302);
  assert.equal(elsewhere.got.length, 0);

  way = (x) => x.writeHead(410).end(); // gone: never again
  await owner.must(200, 'POST', `/webhooks/deliveries/${first.id}/again`);
  await tried('dead', 'status', 410);
  assert.deepEqual((await owner.must(200, 'GET', '/webhooks/deliveries')).items.map((d) => d.id), [first.id]);
  assert.equal((await owner.must(200, 'GET', '/automations')).items[0].dead, 1);

  way = (x) => x.writeHead(200).end('thank you');
  const again = await owner.must(200, 'POST', `/webhooks/deliveries/${first.id}/again`);
  assert.deepEqual([again.state, again.tries], ['waiting', 0]);
  await tried('sent', undefined, 200);
  assert.equal((await owner.ask('POST', `/webhooks/deliveries/${first.id}/again`)).status, 409);
  assert.deepEqual(new Set(r.got.map((g) => JSON.parse(g.body).id)), new Set([first.id])); // one message, however often
  assert.deepEqual((await owner.must(200, 'GET', '/webhooks/deliveries')).items, []);
});

test('over HTTPS the certificate must be good', async (t) => {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'kith-hook-'));
  t.after(() => rmSync(dir, { recursive: true }));
  const make = (name, alt) => {
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '30', '-subj', '/CN=hook', '-addext', `subjectAltName=${alt}`,
      '-keyout', path.join(dir, `${name}.key`), '-out', path.join(dir, `${name}.pem`)], { stdio: 'ignore' });
    const read = (end) => execFileSync('cat', [path.join(dir, name + end)]);
    return { key: read('.key'), cert: read('.pem') };
  };
  const known = make('known', 'IP:127.0.0.1'), stranger = make('stranger', 'IP:127.0.0.1');
  const good = await receiver(t, undefined, known), bad = await receiver(t, undefined, stranger);
  const k = await house(t, { env: { SSL_CERT_FILE: path.join(dir, 'known.pem') } });
  const owner = await k.person('owner');
  await allow(owner, '127.0.0.1');
  const a = await owner.must(201, 'POST', '/automations', { name: 'Known', event: 'order.added', actions: [{ kind: 'webhook', url: good.url }] });
  const b = await owner.must(201, 'POST', '/automations', { name: 'Stranger', event: 'order.added', actions: [{ kind: 'webhook', url: bad.url }] });
  for (const x of [a, b]) await owner.must(202, 'POST', `/automations/${x.id}/test`);
  await until(() => good.got.length === 1, { what: 'the message' });
  assert.ok(signed(good.got[0], a.secret));
  await until(async () => (await sent(owner, b))[0].reason === 'tls', { what: 'the refusal' });
  assert.equal(bad.got.length, 0);
});

test('nothing goes inside unless an administrator allowed the host', async (t) => {
  const k = await house(t);
  const owner = await k.person('owner'), manager = await k.person('manager');
  const r = await receiver(t);
  const make = (url, who = owner, name = `To ${(n += 1)}`) => who.ask('POST', '/automations', { name, event: 'order.added', actions: [{ kind: 'webhook', url }] });
  const { port } = r;
  for (const host of ['127.0.0.1', 'localhost', 'LOCALHOST.', 'a.localhost', '127.1', '2130706433', '0x7f000001', '0177.0.0.1', '0.0.0.0', '[::1]', '[::ffff:127.0.0.1]', '[::ffff:7f00:1]',
    '10.1.2.3', '192.168.1.1', '172.16.0.1', '169.254.169.254', '100.64.0.1', '[fd00::1]', '[fe80::1]', '[64:ff9b::7f00:1]', '[2002:7f00:1::]', '224.0.0.1', '255.255.255.255']) {
    const a = await make(`http://${host}:${port}/`);
    assert.equal(a.status, 422, `${host}: ${a.text}`);
    assert.equal(a.body.field, 'actions');
    assert.equal(a.body.reason, 'AUTOMATION_URL_INSIDE', `${host}: ${a.text}`);
  }
  for (const url of ['file:///etc/passwd', 'gopher://example.com/', 'ftp://example.com/', 'javascript:alert(1)', 'example.com', 'http://', 'http:///x', '//example.com/', 'https://user:secret@example.com/', 'https://exa mple.com/',
    'https://example.com/\r\nX: 1', 'https://example.com/\u0000', `https://example.com/${'a'.repeat(1001)}`])
    assert.ok([400, 422].includes((await make(url)).status), url);
  assert.equal(k.log.includes('secret@'), false);
  assert.equal((await make('https://hooks.example.com/x', manager)).status, 403); // where messages go is an administrator's
  assert.equal((await manager.ask('PUT', '/webhooks/hosts', { hosts: ['127.0.0.1'] })).status, 403);
  for (const bad of ['http://10.0.0.1', 'a b', 'a/b', 'x@y', '']) assert.equal((await owner.ask('PUT', '/webhooks/hosts', { hosts: [bad] })).status, 422, bad);

  assert.deepEqual(await allow(owner, 'LocalHost', 'fd00::1'), { hosts: ['localhost', 'fd00::1'] });
  assert.equal((await make(`http://127.0.0.1:${port}/`)).status, 422); // the host as it is written
  const a = await make(`http://localhost:${port}/x`);
  assert.equal(a.status, 201, a.text);
  await owner.must(202, 'POST', `/automations/${a.body.id}/test`);
  await until(() => r.got.length === 1, { what: 'the message' });
  assert.equal((await manager.ask('PATCH', `/automations/${a.body.id}`, { name: 'Mine' })).status, 403);
  await manager.must(200, 'PATCH', `/automations/${a.body.id}`, { is_on: false });

  await allow(owner); // and it is not allowed any more
  await owner.must(202, 'POST', `/automations/${a.body.id}/test`);
  await until(async () => (await sent(owner, a.body))[0].reason === 'inside', { what: 'the refusal' });
  assert.equal(r.got.length, 1);
});

test('automations that wake each other stop after five, and it is told; one that acts for one customer too often as well', async (t) => {
  const k = await house(t);
  const boss = await k.person('manager');
  const ann = await person(boss);
  const make = (name, event, where, ...actions) => boss.must(201, 'POST', '/automations', { name, event, where, is_on: true, actions });
  const on = await make('On', 'customer.changed', 'city = dover and not tag = hot', { kind: 'tag', tag: 'hot' });
  const off = await make('Off', 'customer.changed', 'city = dover and tag = hot', { kind: 'untag', tag: 'hot' });
  await boss.must(200, 'PATCH', `/customers/${ann}`, { city: 'Dover' });
  const both = async () => [...await runs(boss, on), ...await runs(boss, off)].sort((x, y) => x.depth - y.depth);
  await until(async () => (await both()).some((x) => x.outcome === 'loop'), { ms: 15000, what: 'the stop' });
  assert.deepEqual((await both()).map((x) => [x.depth, x.outcome]), [[0, 'done'], [1, 'done'], [2, 'done'], [3, 'done'], [4, 'done'], [5, 'loop']]);
  const shown = (await boss.must(200, 'GET', '/automations')).items.filter((x) => x.stopped);
  assert.deepEqual(shown.map((x) => x.stopped), ['loop']);
  assert.ok(shown[0].stopped_at);
  assert.match(k.log, /automation\.stopped automation=aut_\w+ why=loop/);
  for (const x of [on, off]) await boss.must(200, 'PATCH', `/automations/${x.id}`, { is_on: false });

  // the same the long way round: by way of a segment's coming and going
  const seg = await boss.must(201, 'POST', '/segments', { name: 'Hot', text: 'tag = warm' });
  const leaves = await make('Leaves', 'segment.left', '', { kind: 'tag', tag: 'warm' });
  const enters = await make('Enters', 'segment.entered', '', { kind: 'untag', tag: 'warm' });
  await until(async () => !(await boss.must(200, 'GET', '/segments')).items[0].is_filling, { what: 'the filling' });
  await boss.must(200, 'PUT', `/customers/${ann}/tags/warm`);
  const round = async () => [...await runs(boss, leaves), ...await runs(boss, enters)].sort((x, y) => x.depth - y.depth);
  await until(async () => (await round()).some((x) => x.outcome === 'loop'), { ms: 90000, what: 'the stop' });
  assert.deepEqual((await round()).map((x) => [x.depth, x.outcome, x.ref]), [0, 1, 2, 3, 4, 5].map((d) => [d, d === 5 ? 'loop' : 'done', seg.id]));
  for (const x of [leaves, enters]) await boss.must(200, 'PATCH', `/automations/${x.id}`, { is_on: false });

  const bob = await person(boss);
  const often = await make('Often', 'order.added', '', { kind: 'priority', priority: 'urgent' });
  const once = await boss.must(201, 'POST', '/automations', { name: 'Once', event: 'order.added', is_on: true, again_days: 0, actions: [{ kind: 'task', text: 'First order' }] });
  for (let i = 0; i < 24; i += 1) await order(boss, bob);
  await until(async () => (await runs(boss, often)).some((x) => x.outcome === 'often'), { ms: 15000, what: 'the limit' });
  await order(boss, ann);
  await until(async () => (await runs(boss, often)).some((x) => x.customer.id === ann), { what: 'the other customer' });
  const did = (await runs(boss, often)).filter((x) => x.customer.id === bob);
  assert.deepEqual([did.filter((x) => x.outcome === 'done').length, did.filter((x) => x.outcome === 'often').length], [20, 1]);
  assert.equal((await runs(boss, once)).filter((x) => x.customer.id === bob).length, 1);
  assert.equal((await boss.must(200, 'GET', '/tasks?view=open')).items.find((x) => x.customer.id === bob).priority, 2);
});

test('a dry run says what would have happened, and changes nothing', async (t) => {
  const k = await house(t);
  const boss = await k.person('manager'), agent = await k.person('agent');
  const ann = await person(boss, { city: 'Dover' }), bob = await person(boss, { city: 'Leeds' });
  for (const c of [ann, ann, bob]) await order(boss, c);
  const dry = (body) => boss.must(200, 'POST', '/automations/dry-run', body);
  const seen = await until(async () => { const d = await dry({ event: 'order.added', where: 'city = dover' }); return d.events === 3 && d; }, { what: 'the events' });
  assert.deepEqual([seen.runs, seen.customers, seen.sample.map((c) => c.id), seen.is_partial], [2, 1, [ann], false]);
  const all = await dry({ event: 'order.added', again_days: 1, days: 30 });
  assert.deepEqual([all.events, all.runs, all.customers], [3, 2, 2]);
  assert.equal((await dry({ event: 'segment.left' })).events, 0);
  assert.equal((await boss.ask('POST', '/automations/dry-run', { event: 'order.added', where: 'citty = dover' })).status, 422);
  assert.equal((await boss.ask('POST', '/automations/dry-run', { event: 'session.ended' })).status, 422);
  assert.equal((await agent.ask('POST', '/automations/dry-run', { event: 'order.added' })).status, 403);
  const a = await boss.must(201, 'POST', '/automations', { name: 'Dover', event: 'order.added', where: 'city = dover', actions: [{ kind: 'tag', tag: 'x' }] });
  assert.equal((await boss.must(200, 'POST', `/automations/${a.id}/dry-run`, {})).runs, 2);
  assert.deepEqual(await tags(boss, ann), []);
  assert.deepEqual(await runs(boss, a), []);
});

test('what is wrong with an automation is said by name', async (t) => {
  const k = await house(t);
  const boss = await k.person('manager'), marketer = await k.person('marketer');
  const good = { name: 'A', event: 'order.added', where: '', actions: [{ kind: 'tag', tag: 'x' }] };
  const refused = async (status, field, change) => {
    const a = await boss.ask('POST', '/automations', { ...good, ...change });
    assert.deepEqual([a.status, a.body.field?.split('[')[0]], [status, field], JSON.stringify(change) + a.text);
  };
  await refused(422, 'name', { name: ' ' });
  await refused(422, 'event', { event: 'customer.exploded' });
  await refused(422, 'where', { where: 'citty = x' });
  await refused(422, 'where', { where: 'city =' });
  await refused(422, 'segment', { segment: 'seg_0000000000001' });
  await refused(422, 'segment', { event: 'segment.left', segment: 'seg_0000000000001' });
  await refused(422, 'again_days', { again_days: -1 });
  await refused(422, 'actions', { actions: [] });
  await refused(422, 'actions', { actions: Array(11).fill({ kind: 'tag', tag: 'x' }) });
  for (const action of [{ kind: 'offer' }, { kind: 'tag' }, { kind: 'tag', tag: 'a,b' }, { kind: 'tag', tag: 'x', text: 'y' }, { kind: 'task' }, { kind: 'task', text: 'x', to: 'managers' }, { kind: 'task', text: 'x', to: 'colleague' },
    { kind: 'task', text: 'x', to: 'colleague', staff: 'stf_0000000000001' }, { kind: 'priority' }, { kind: 'notify', text: 'x' }, { kind: 'notify', to: 'managers' }, { kind: 'webhook' }, { kind: 'tag', tag: 'x', days: 2 }])
    await refused(422, 'actions', { actions: [action] });
  const a = await boss.must(201, 'POST', '/automations', good);
  await refused(409, 'name', { name: 'a' });
  assert.equal((await marketer.ask('GET', '/automations')).status, 403);
  assert.equal((await boss.ask('POST', `/automations/${a.id}/test`)).status, 403);
  assert.equal((await boss.ask('PATCH', `/automations/${a.id}`, { name: 'B' }, { 'If-Match': '"7"' })).status, 412);
  const b = await boss.must(200, 'PATCH', `/automations/${a.id}`, { name: 'B', where: 'attr.size = "xl"' }).catch((e) => e);
  assert.match(String(b), /422/);

  // an attribute that a condition names stays; a segment that is taken away is told
  const owner = await k.person('owner');
  const def = await owner.must(201, 'POST', '/custom-attributes', { code: 'size', label: 'Size', type: 'text' });
  await boss.must(200, 'PATCH', `/automations/${a.id}`, { where: 'attr.size = "xl"' });
  const used = await owner.ask('PATCH', `/custom-attributes/${def.id}`, { is_active: false });
  assert.equal(used.status, 409);
  assert.match(used.text, /the automation “A”/);
  const seg = await boss.must(201, 'POST', '/segments', { name: 'S', text: 'city = dover' });
  const c = await boss.must(201, 'POST', '/automations', { ...good, name: 'C', event: 'segment.entered', segment: seg.id, is_on: true });
  assert.equal(c.segment.name, 'S');
  await boss.must(204, 'DELETE', `/segments/${seg.id}`);
  assert.match((await boss.must(200, 'GET', `/automations/${c.id}`)).failure, /no such segment/);
  await boss.must(200, 'PATCH', `/automations/${c.id}`, { is_on: false });
});

test('a restored installation sends nothing until a person says so', { skip: isPostgres }, async (t) => {
  const k = await house(t);
  const owner = await k.person('owner', { email: 'o@kith.example' });
  let is_open = false;
  const r = await receiver(t, (_, response) => response.writeHead(is_open ? 200 : 503).end());
  await allow(owner, '127.0.0.1');
  const a = await owner.must(201, 'POST', '/automations', { name: 'Out', event: 'order.added', is_on: true, actions: [{ kind: 'webhook', url: r.url }] });
  await owner.must(202, 'POST', `/automations/${a.id}/test`);
  const [d] = await until(async () => { const x = await sent(owner, a); return x[0].reason && x; }, { what: 'the first try' });
  const file = path.join(k.data, 'b.kith');
  await k.run(['backup', '--to', file]);
  await k.stop();
  await k.run(['restore', '--from', file, '--replace']);
  await k.start();
  const again = await k.logIn('o@kith.example');
  assert.equal((await again.must(200, 'GET', '/session')).sending_held, 'restored');
  is_open = true;
  await again.must(200, 'POST', `/webhooks/deliveries/${d.id}/again`);
  await order(again, await person(again));
  await until(async () => (await sent(again, a)).length === 2, { what: 'the second message in line' });
  await new Promise((done) => setTimeout(done, 1200)); // three looks
  assert.equal(r.got.length, 1);
  assert.deepEqual((await sent(again, a)).map((x) => [x.state, x.tries]), [['waiting', 0], ['waiting', 0]]);
  await again.must(204, 'POST', '/sending/release');
  await until(() => r.got.length === 3, { what: 'both messages' });
});

test('a type that is judged anew begins an automation, and its condition asks which it is now', async (t) => {
  const k = await house(t);
  const boss = await k.person('manager');
  const ann = await person(boss), bob = await person(boss);
  await boss.must(201, 'POST', '/automations', { name: 'Business', event: 'customer.judged', where: 'class = company', is_on: true, actions: [{ kind: 'tag', tag: 'account' }] });
  const all = await boss.must(201, 'POST', '/automations', { name: 'Any type', event: 'customer.judged', is_on: true, actions: [{ kind: 'tag', tag: 'judged' }] });
  for (const [id, name] of [[bob, 'chatty'], [ann, 'company']]) await boss.must(200, 'POST', `/customers/${id}/judgement/correct`, { class: name, reason: 'told by phone' });
  await until(async () => (await runs(boss, all)).length >= 2, { ms: 15000, what: 'both' });
  await until(async () => (await tags(boss, ann)).includes('account'), { ms: 15000, what: 'the tag' });
  assert.deepEqual((await tags(boss, bob)).filter((x) => x === 'account'), []);
});
