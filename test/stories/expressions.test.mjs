// Conditions: checked with the place of a fault, counted, explained; a segment fills, and who comes to fit enters it.
import assert from 'node:assert/strict';
import test from 'node:test';
import { house } from './kith.mjs';

const person = (n, claims) => ({ identities: [{ type: 'phone', value: `+44 20 7946 0${100 + n}` }, { type: 'email', value: `p${n}@example.com` }], claims });

async function until(what, found) {
  for (let i = 0; i < 200; i++) {
    const it = await found();
    if (it) return it;
    await new Promise((r) => setTimeout(r, 100));
  }
  assert.fail(`${what} did not come`);
}

test('a condition is checked: as text and as tree, with the place of a fault and the nearest name', async (t) => {
  const k = await house(t);
  const agent = await k.person('agent');

  const good = await agent.must(200, 'POST', '/expressions/check', { text: 'vip country=GB -city ~ "new"' });
  const tree = await agent.must(200, 'POST', '/expressions/check', { tree: good.tree });
  const bad = await agent.must(200, 'POST', '/expressions/check', { text: 'vip and contry = GB' });

  assert.equal(good.ok, true);
  assert.equal(good.text, 'vip and country = GB and not city ~ "new"');
  assert.deepEqual(tree, good);
  assert.equal(bad.ok, false);
  assert.equal(bad.error.position, 8);
  assert.equal(bad.error.nearest, 'country');
  assert.match(bad.error.reason, /Place 9: there is no attribute “contry”/);
});

test('a condition is counted and explains itself; a wrong one is refused with its member named', async (t) => {
  const k = await house(t);
  const agent = await k.person('agent');
  const ann = (await agent.must(201, 'POST', '/customers', person(1, { name: 'Ann Lee', city: 'LEEDS', country: 'GB' }))).customer.id;
  await agent.must(201, 'POST', '/customers', person(2, { name: 'Bob Ray', city: 'York', country: 'GB' }));

  const leeds = await agent.must(200, 'POST', '/expressions/count', { text: 'city = leeds and email.domain = "EXAMPLE.com"' });
  const why = await agent.must(200, 'GET', `/customers/${ann}/explain?text=${encodeURIComponent('city = York or not vip and phone ^= "+44"')}`);
  const wrong = await agent.ask('POST', '/expressions/count', { text: 'city >' });

  assert.equal(leeds.count, 1);
  assert.deepEqual(leeds.sample, [{ id: ann, name: 'Ann Lee' }]);
  assert.equal(why.holds, true);
  assert.deepEqual(why.lines.map((l) => [l.text, l.seen, l.verdict]), [
    ['city = York', 'leeds', false], ['vip', 'false', false], ['phone ^= "+44"', '+442079460101', true]]);
  assert.deepEqual([wrong.status, wrong.body.field], [422, 'text']);
});

test('the attributes are told in the language of who asks, the company\'s own among them', async (t) => {
  const k = await house(t);
  const boss = await k.person('administrator');
  await boss.must(201, 'POST', '/custom-attributes', { code: 'shoe_size', label: 'Shoe size', type: 'number' });
  await boss.must(201, 'POST', '/custom-attributes', { code: 'plan', label: 'Plan', type: 'choice', choices: ['Gold', 'Silver'] });

  const en = await boss.must(200, 'GET', '/attributes');
  const ja = (await boss.ask('GET', '/attributes', undefined, { 'Accept-Language': 'ja' })).body;
  const own = await boss.must(200, 'POST', '/expressions/check', { text: 'attr.shoe_size >= 42.5' });
  const other = await boss.must(200, 'POST', '/expressions/check', { text: 'attr.shoe_sise >= 42.5' });

  const label = (all, name) => all.items.find((a) => a.name === name)?.label;
  assert.equal(label(en, 'orders_30d'), 'Orders, 30 days');
  assert.equal(typeof label(ja, 'orders_30d'), 'string');
  assert.equal(label(en, 'attr.shoe_size'), 'Shoe size');
  assert.ok(en.lists.find((l) => l.name === 'orders').fields.some((f) => f.name === 'total'));
  const plan = en.items.find((a) => a.name === 'attr.plan');
  assert.deepEqual([plan.group, plan.maybe_unknown, plan.choices.map((c) => c.code)], ['own', true, ['Gold', 'Silver']]);
  const activity = en.items.find((a) => a.name === 'activity');
  assert.deepEqual([activity.choice_label, activity.maybe_unknown, activity.group], ['activity.', false, 'contacts']);
  assert.deepEqual(en.items.find((a) => a.name === 'country').offers, 'country');
  assert.equal(en.items.find((a) => a.name === 'spent_180d').days, 180);
  assert.ok(en.items.every((a) => a.group), 'each has a heading');
  assert.equal(own.ok, true);
  assert.equal(other.error.nearest, 'attr.shoe_size');
});

test('a segment fills; who comes to fit enters it, and conditions and lists can name it', async (t) => {
  const k = await house(t);
  const boss = await k.person('manager');
  const agent = await k.person('agent');
  await agent.must(201, 'POST', '/customers', person(1, { name: 'Ann Lee', city: 'Leeds' }));
  const bob = (await agent.must(201, 'POST', '/customers', person(2, { name: 'Bob Ray', city: 'York' }))).customer.id;

  const seg = await boss.must(201, 'POST', '/segments', { name: 'Of Leeds', text: 'city = leeds' });
  assert.equal((await agent.ask('POST', '/segments', { name: 'Mine', text: 'vip' })).status, 403);
  const one = () => boss.must(200, 'GET', '/segments').then((s) => s.items.find((g) => g.id === seg.id));
  await until('the filling', async () => { const g = await one(); return !g.is_filling && g.count === 1; });
  await agent.must(200, 'PATCH', `/customers/${bob}`, { city: 'Leeds' });
  await until('Bob', async () => (await one()).count === 2);

  const members = await boss.must(200, 'GET', `/segments/${seg.id}/members`);
  assert.deepEqual(members.items.map((m) => m.name).sort(), ['Ann Lee', 'Bob Ray']);
  const live = await boss.must(200, 'GET', `/segments/${seg.id}`);
  assert.equal(live.count, 2);
  assert.equal(live.sample.length, 2);
  const count = await boss.must(200, 'POST', '/expressions/count', { text: 'segment("of leeds") and name ~ bob' });
  assert.equal(count.count, 1);
  const list = await boss.must(200, 'GET', `/customers?where=${encodeURIComponent('not segment("Of Leeds")')}`);
  assert.equal(list.items.length, 0);

  const outer = await boss.must(201, 'POST', '/segments', { name: 'Outer', text: 'segment("Of Leeds") and vip' });
  assert.equal((await boss.ask('PATCH', `/segments/${seg.id}`, { text: 'segment(outer)' })).status, 422);
  assert.equal((await boss.ask('DELETE', `/segments/${seg.id}`)).status, 409);
  await boss.must(204, 'DELETE', `/segments/${outer.id}`);
  await boss.must(204, 'DELETE', `/segments/${seg.id}`);
  assert.equal((await boss.ask('GET', `/segments/${seg.id}`)).status, 404);
});

test('lists of orders, calls, tasks and members keep to the customers that a condition chooses, page by page', async (t) => {
  const k = await house(t);
  const boss = await k.person('manager');
  const ids = {};
  for (const [i, [name, city]] of [['Ann', 'Leeds'], ['Bob', 'York'], ['Cid', 'Leeds']].entries())
    ids[name] = (await boss.must(201, 'POST', '/customers', person(i, { name, city }))).customer.id;
  let n = 0;
  for (const name of ['Ann', 'Bob', 'Cid', 'Bob', 'Ann', 'Bob', 'Ann']) {
    await boss.must(201, 'POST', '/orders', { number: `N-${n}`, customer: ids[name], at: `2026-01-0${1 + n++}T10:00:00Z`, currency: 'EUR', lines: [{ sku: 'L-1', name: 'Lamp', price: 5000, quantity: 1 }] });
    await boss.must(201, 'POST', `/customers/${ids[name]}/tasks`, { title: `for ${name} ${n}` });
  }
  const q = (o) => '?' + new URLSearchParams(o);
  const where = 'city = leeds';

  const all = await boss.must(200, 'GET', '/orders' + q({ where }));
  const first = await boss.must(200, 'GET', '/orders' + q({ where, limit: 2 }));
  const second = await boss.must(200, 'GET', '/orders' + q({ where, limit: 2, cursor: first.next }));
  assert.deepEqual(all.items.map((o) => o.number), ['N-6', 'N-4', 'N-2', 'N-0']);
  assert.equal(all.next, null);
  assert.deepEqual([...first.items, ...second.items].map((o) => o.number), ['N-6', 'N-4', 'N-2', 'N-0']);
  assert.equal(second.next, null);
  assert.equal((await boss.ask('GET', '/orders' + q({ limit: 2, cursor: first.next }))).status, 422, 'a cursor of another filter');
  assert.deepEqual((await boss.must(200, 'GET', '/orders' + q({ where, number: 'N-' }))).items.map((o) => o.number), ['N-0', 'N-2', 'N-4', 'N-6']);
  assert.equal((await boss.must(200, 'GET', '/orders' + q({ where, customer: ids.Bob }))).items.length, 0);
  assert.equal((await boss.must(200, 'GET', '/orders' + q({ where, customer: ids.Ann }))).items.length, 3);

  const tasks = await boss.must(200, 'GET', '/tasks' + q({ view: 'open', where: 'name = bob' }));
  assert.deepEqual(tasks.items.map((x) => x.title), ['for Bob 2', 'for Bob 4', 'for Bob 6']);

  const seg = await boss.must(201, 'POST', '/segments', { name: 'Everybody', text: 'created_at > 2000-01-01' });
  await until('the filling', async () => (await boss.must(200, 'GET', `/segments/${seg.id}/members`)).items.length === 3);
  assert.deepEqual((await boss.must(200, 'GET', `/segments/${seg.id}/members` + q({ where }))).items.map((m) => m.name).sort(), ['Ann', 'Cid']);

  for (const path of ['/orders', '/calls', '/calls?view=queue', '/tasks', `/segments/${seg.id}/members`, '/customers', '/customers/count', '/customers/export', '/orders/export']) {
    const a = await boss.ask('GET', path + (path.includes('?') ? '&' : '?') + q({ where: 'cty = leeds' }).slice(1));
    assert.deepEqual([a.status, a.body.field, a.body.args?.nearest], [422, 'where', 'city'], path);
  }
});

test('calls keep to the customers that a condition chooses, in the log and in the queue', async (t) => {
  const k = await house(t);
  const boss = await k.person('owner', { extensions: ['101'] });
  const link = await boss.must(201, 'POST', '/phone-links', { kind: 'webhook', name: 'Desk phones' });
  for (const [i, city] of ['Leeds', 'York'].entries()) await boss.must(201, 'POST', '/customers', person(i, { name: `P${i}`, city }));
  for (const [i, from] of ['+44 20 7946 0100', '+44 20 7946 0101', '+44 20 7946 0100', '+44 20 7946 0999'].entries())
    await k.nobody().must(200, 'POST', `//api/v1/cti/${link.token}`, { event: 'newCall', direction: 'in', from, to: '+442079460000', callId: `c${i}`, user: ['101'] });

  for (const view of ['queue', 'all']) {
    const some = await boss.must(200, 'GET', `/calls?view=${view}&where=${encodeURIComponent('city = leeds')}`);
    const every = await boss.must(200, 'GET', `/calls?view=${view}`);
    assert.deepEqual([every.items.length, some.items.map((c) => c.customer.name)], [4, ['P0', 'P0']], view);
  }
});
