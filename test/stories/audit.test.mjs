// Who saw, who changed, who exported whose record; whether anybody tampered with what is written of it; how safe the house is.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { house, until } from './kith.mjs';

const mail = (v) => [{ type: 'email', value: v }];
const all = async (who, q) => (await who.must(200, 'GET', `/audit?limit=200&${q}`)).items;
const acts = (rows) => rows.map((r) => r.action);

test('who saw a record, who changed it and which exports may have held it is one question', async (t) => {
  const k = await house(t);
  const owner = await k.person('owner');
  const agent = await k.person('agent');
  const privacy = await k.person('privacy');
  const other = (await agent.must(201, 'POST', '/customers', { identities: mail('b@example.com') })).customer.id;
  await k.run(['export', 'customers', '--out', `${k.data}/x.csv`]);
  const id = (await agent.must(201, 'POST', '/customers', { identities: mail('a@example.com') })).customer.id;
  await agent.must(200, 'GET', `/customers/${id}/card`);
  await agent.must(200, 'PATCH', `/customers/${id}`, { city: 'Osaka' });
  await k.run(['export', 'customers', '--out', `${k.data}/y.csv`]);
  await until(async () => acts(await all(owner, `customer=${id}`)).includes('customer.view'), { what: 'the view' });

  const rows = await all(privacy, `customer=${id}`);
  assert.equal(rows.filter((r) => r.action === 'export.customers' && r.whole && !r.customer).length, 1); // the one before knew nobody of that name
  assert.equal((await all(privacy, `customer=${other}`)).filter((r) => r.whole).length, 2);
  assert.ok(rows.some((r) => r.action === 'customer.change' && r.actor.id === agent.staff.id && r.details === 'city'));
  assert.deepEqual(acts(await all(privacy, `customer=${id}&act=change`)), ['customer.change']);
  assert.deepEqual(acts(await all(privacy, `customer=${id}&act=export`)), ['export.customers']);
  assert.deepEqual(acts(await all(privacy, `act=customer.view&actor=${agent.staff.id}`)), ['customer.view']);
  assert.deepEqual(await all(privacy, `act=customer.view&actor=${owner.staff.id}`), []);
  const soon = new Date(Date.now() + 3600000).toISOString(), before = new Date(Date.now() - 3600000).toISOString();
  assert.deepEqual(await all(privacy, `customer=${id}&from=${soon}`), []);
  assert.deepEqual(await all(privacy, `customer=${id}&to=${before}`), []);
  assert.equal((await all(privacy, `customer=${id}&from=${before}&to=${soon}`)).length, rows.length);
  assert.equal((await privacy.get(`/audit?from=${soon}&to=${before}`)).body.field, 'to');
  assert.equal((await privacy.get('/audit?actor=ann')).body.field, 'actor');
  assert.equal((await agent.get('/audit')).status, 403);
  await (await k.person('administrator')).must(200, 'GET', '/audit');

  // page by page, the exports in their place
  const seen = [];
  for (let cursor = ''; cursor !== null; ) {
    const page = await privacy.must(200, 'GET', `/audit?customer=${id}&limit=2${cursor}`);
    seen.push(...page.items);
    cursor = page.next && `&cursor=${encodeURIComponent(page.next)}`;
  }
  assert.deepEqual(seen, rows);

  const said = await k.run(['audit', 'who', '--customer', id, '--json']); // the server holds the directory
  assert.equal(JSON.parse(said).items.length, rows.length);
  await k.stop();
  const alone = await k.run(['audit', 'who', '--customer', id]);
  assert.equal(alone.trim().split('\n').length, rows.length);
  assert.match(alone, /customer\.view\tagent/i);
  assert.equal((await k.command(['audit', 'who'])).status, 2);
});

test('who exported this customer is said of each export: with a condition or without, of customers and of orders', async (t) => {
  const k = await house(t);
  const owner = await k.person('owner');
  const privacy = await k.person('privacy');
  const made = async (name, city) => (await owner.must(201, 'POST', '/customers', { claims: { name, city }, identities: mail(`${name}@example.com`) })).customer;
  const ann = await made('ann', 'Osaka'), bob = await made('bob', 'Almaty'), cid = await made('cid', 'Osaka');
  const held = async (id) => (await all(privacy, `customer=${id}&act=export`)).map((r) => [r.action, r.held]);
  const out = `${k.data}/x.csv`;

  await k.run(['export', 'customers', '--where', "city = 'Osaka'", '--out', out]);
  assert.deepEqual(await held(ann.id), [['export.customers', 'yes']]);
  assert.deepEqual(await held(bob.id), []);

  const file = await owner.get(`/customers/export?where=${encodeURIComponent("city = 'Almaty'")}`);
  assert.equal(file.status, 200);
  assert.deepEqual(await held(bob.id), [['export.customers', 'yes']]);
  assert.equal((await held(ann.id)).length, 1);

  await k.run(['export', 'orders', '--out', out]);
  assert.equal((await held(bob.id)).length, 1); // he has none
  const api = await k.token('manager');
  await api.must(201, 'POST', '/orders', { number: '1', currency: 'EUR', identities: mail('bob@example.com'), lines: [{ sku: 'L', name: 'Lamp', quantity: 1, price: 4900 }] });
  await k.run(['export', 'orders', '--out', out]);
  await k.run(['export', 'orders', '--where', "city = 'Almaty'", '--out', out]);
  assert.equal((await held(bob.id)).length, 3);
  assert.equal((await held(ann.id)).length, 1);

  assert.deepEqual(await held(cid.id), [['export.customers', 'yes']]);

  const told = await k.run(['audit', 'who', '--customer', cid.id, '--act', 'export']);
  assert.match(told, /export\.customers.*many records, this one too csv filtered/);
  for (let n = 0; n < 7; n++) await k.run(['export', 'customers', '--where', n % 2 ? "city = 'Osaka'" : "city = 'Nowhere'", '--out', out]);
  const pages = [];
  for (let cursor = ''; cursor !== null;) {
    const page = await privacy.must(200, 'GET', `/audit?limit=2&act=export&customer=${cid.id}${cursor && `&cursor=${cursor}`}`);
    pages.push(...page.items);
    cursor = page.next;
  }
  assert.equal(pages.length, 4);
});

test('reading of VIP records is shown apart, and who sees unusually many is told', async (t) => {
  const k = await house(t);
  const owner = await k.person('owner');
  const agent = await k.person('agent');
  await owner.must(200, 'PATCH', '/settings', { views_alert: 3 });
  const ids = [];
  for (let i = 0; i < 5; i++) ids.push((await agent.must(201, 'POST', '/customers', { identities: mail(`n${i}@example.com`) })).customer.id);
  await owner.must(201, 'POST', `/customers/${ids[0]}/marks`, { mark: 'vip', reason: 'friend of the house' });
  for (const id of [...ids, ...ids]) await agent.must(200, 'GET', `/customers/${id}/card`);

  await until(async () => acts(await all(owner, 'act=alert.views')).length === 1, { what: 'the alert', ms: 60000 });
  const { items, limit } = await owner.must(200, 'GET', '/audit/people');
  const mine = items.find((p) => p.id === agent.staff.id);
  assert.deepEqual([mine.seen, mine.vips, mine.is_over, limit], [5, 1, true, 3]); // each record once, however often
  assert.deepEqual(new Set((await all(owner, 'vip=true&act=customer.view')).map((r) => r.customer)), new Set([ids[0]]));
});

test('the audit is verified while the server works, also against a seal that was kept elsewhere', async (t) => {
  const k = await house(t);
  const agent = await k.person('agent');
  await agent.must(201, 'POST', '/customers', { identities: mail('a@example.com') });
  let head;
  await until(async () => {
    head = JSON.parse(await k.run(['audit', 'verify', '--json']));
    return head.unsealed === 0 && head.seals > 0;
  }, { what: 'the seal' });
  assert.equal(head.wrong, 0);
  const against = await k.run(['audit', 'verify', '--head', `${head.head}:${head.chain}`]);
  assert.match(against, /the audit is whole/);
  const forged = await k.command(['audit', 'verify', '--head', `${head.head}:${'0'.repeat(64)}`]);
  assert.equal(forged.status, 1);
  assert.match(forged.out, /is not the one that was kept elsewhere/);
});

test('the doctor says what was looked at, in the language of who asks, and the recovery key is tried', async (t) => {
  const k = await house(t);
  const owner = await k.person('owner');
  const manager = await k.person('manager');
  const report = await owner.must(200, 'GET', '/security');
  const states = Object.fromEntries(report.lines.map((l) => [l.check, l.state]));
  assert.equal(states.audit, 'ok');
  assert.equal(states.clock, 'ok');
  assert.equal(states.recovery, 'attention');
  assert.ok(report.lines.every((l) => l.title && l.reason && (l.state === 'ok' || l.advice)), JSON.stringify(report.lines));
  assert.equal((await manager.get('/security')).status, 403);
  const russian = await k.person('owner', { lang: 'ru' });
  assert.match((await russian.must(200, 'GET', '/security')).lines.find((l) => l.check === 'clock').title, /Часы/);
  const wrong = await owner.post('/security/recovery', { key: 'AAAA-BBBB' });
  assert.deepEqual([wrong.status, wrong.body.field], [422, 'key']);

  const paper = /([0-9A-Z]{4}-){7,}[0-9A-Z]{4}/.exec(k.said + k.log)?.[0];
  assert.ok(paper, 'the first start prints the recovery key');
  await owner.must(204, 'POST', '/security/recovery', { key: paper.toLowerCase() });
  assert.equal((await owner.must(200, 'GET', '/security')).lines.find((l) => l.check === 'recovery').state, 'ok');
  await k.run(['backup', '--to', `${k.data}-copy`]);
  t.after(() => rmSync(`${k.data}-copy`, { force: true }));
  const backup = (await owner.must(200, 'GET', '/security')).lines.find((l) => l.check === 'backup');
  assert.deepEqual([backup.state, backup.reason.includes(`${k.data}-copy`)], ['ok', true]);
  const said = JSON.parse((await k.command(['doctor', '--json'])).out);
  assert.deepEqual(said.lines.map((l) => l.check), report.lines.map((l) => l.check));
  await k.stop();
  const alone = await k.command(['doctor']);
  assert.match(alone.out, /Audit: /);
});
