// Story: one box that finds whoever it is by whatever is remembered, right after it was written.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { house, until } from './kith.mjs';

const ids = (found) => found.items.map((i) => i.id);
const search = (who, q, more = '') => who.must(200, 'GET', `/search?q=${encodeURIComponent(q)}${more}`);

test('a customer is found by any part of what is known of him, in any script', async (t) => {
  const k = await house(t);
  const agent = await k.person('agent');
  const make = async (claims, ...identities) => (await agent.must(201, 'POST', '/customers', { claims, identities })).customer.id;
  const pushkin = await make({ name: 'Александр Пушкин' }, { type: 'phone', value: '+7 495 012-34-56' });
  const anna = await make({ name: 'Anna Pushkina', company: 'Huadong Parts' }, { type: 'email', value: 'anna.pushkina.12@mail.example' });
  const aiko = await make({ name: '田中 愛子', reading: 'たなか あいこ', language: 'ja' }, { type: 'phone', value: '+81 3-5550-0142' });
  const nur = await make({ name: 'Нұрсұлтан Әбішұлы' }, { type: 'card', value: '7000000012' });
  await agent.must(201, 'POST', '/orders', { number: 'P-10482', customer: aiko, currency: 'EUR', lines: [{ sku: 'FX-2', name: 'Filter', quantity: 1, price: 920 }] });
  await until(async () => ids(await search(agent, '7000000')).length === 1, { what: 'the index', ms: 2000 });

  for (const [q, who] of [
    ['Pushkin', pushkin], ['Пушкин', pushkin], ['ушк', pushkin], ['8 (495) 012', pushkin], ['3456', pushkin], ['+7495', pushkin],
    ['pushkina.12@', anna], ['anna push', anna], ['huadong', anna], ['tanaka', aiko], ['田中', aiko], ['タナカ', aiko], ['03-5550', aiko],
    ['nursul', nur], ['әбіш', nur], ['000012', nur],
  ]) assert.ok(ids(await search(agent, q)).includes(who), q);
  assert.equal(ids(await search(agent, 'Пушкин'))[0], pushkin);

  const byPhone = (await search(agent, '5550 01')).items[0];
  assert.deepEqual([byPhone.type, byPhone.kind, byPhone.title, byPhone.title_lang, byPhone.matched.by], ['customer', 'person', '田中 愛子', 'ja', 'phone']);
  const [mark] = byPhone.matched.marks;
  assert.equal([...byPhone.matched.text].slice(mark.from, mark.from + mark.length).join(''), '5550-01');
  const order = (await search(agent, '10482')).items.find((i) => i.type === 'order');
  assert.deepEqual([order.title, order.customer.id, order.customer.name], ['P-10482', aiko, '田中 愛子']);
  for (const q of ['zzzz', '%', '*', '"', "' OR 1=1 --", 'NEAR(q z)', 'q AND', '-', '😀', '\u202Eabc', '()']) assert.deepEqual((await search(agent, q)).items, [], q);
});

test('what was changed is found by the new and no longer by the old within a second', async (t) => {
  const k = await house(t);
  const agent = await k.person('agent');
  const { customer } = await agent.must(201, 'POST', '/customers', { claims: { name: 'Clementine Archer' }, identities: [{ type: 'email', value: 'clem@one.example' }] });
  const found = async (q) => ids(await search(agent, q)).includes(customer.id);
  await until(() => found('ementi'), { what: 'the new customer', ms: 1000 });

  await agent.must(200, 'PATCH', `/customers/${customer.id}`, { name: 'Beatrice Archer' });
  await agent.must(201, 'POST', `/customers/${customer.id}/identities`, { type: 'phone', value: '+44 20 7946 0018' });
  await until(async () => (await found('eatric')) && (await found('6001')) && !(await found('ementi')), { what: 'the change', ms: 1000 });
  const tag = await agent.put(`/customers/${customer.id}/tags/${encodeURIComponent('Gartenfreund')}`);
  assert.ok(tag.status < 300, tag.text);
  await until(() => found('tenfreu'), { what: 'the tag', ms: 1000 });
});

test('the search refuses what is no question, and whom it is not for', async (t) => {
  const k = await house(t);
  const agent = await k.person('agent');
  for (const [query, field] of [['', 'q'], ['?q=', 'q'], ['?q=a&limit=0', 'limit'], ['?q=a&limit=51', 'limit'], ['?q=' + 'x'.repeat(201), 'q'], ['?query=x', 'query'], ['?q=a&sort=b', 'sort']]) {
    const a = await agent.get('/search' + query);
    assert.deepEqual([a.status, a.body.field], [422, field], query);
  }
  assert.ok([400, 422].includes((await agent.get('/search?q=%00')).status));
  assert.ok([400, 422].includes((await agent.get('/search?q=%FF')).status));
  assert.equal((await (await k.person('branch')).get('/search?q=a')).status, 403);
  assert.equal((await k.nobody().get('/search?q=a')).status, 401);
});

test('an index that is behind after a kill is written when the house opens again', async (t) => {
  const k = await house(t);
  const agent = await k.person('agent');
  const { customer } = await agent.must(201, 'POST', '/customers', { claims: { name: 'Theodora Finch' }, identities: [] });
  await k.kill();
  await k.start();
  await until(async () => ids(await search(agent, 'eodor')).includes(customer.id), { what: 'the index', ms: 3000 });
});

test('a condition beside the words keeps those who fulfil it; one that is not right is words, and is told', async (t) => {
  const k = await house(t);
  const agent = await k.person('agent');
  const made = {};
  for (const [i, [name, country, city]] of [['Anna Pushkina', 'RU', 'Moscow'], ['Boris Pushkin', 'RU', 'Omsk'], ['Clara Pushkova', 'DE', 'Berlin'], ['Dora Lang', 'RU', 'Omsk']].entries())
    made[name] = (await agent.must(201, 'POST', '/customers', { claims: { name, country, city }, identities: [{ type: 'phone', value: `+44 20 7946 012${i}` }] })).customer.id;
  const find = (q) => agent.must(200, 'GET', '/search?limit=10&q=' + encodeURIComponent(q));
  const names = async (q) => (await find(q)).items.map((f) => f.title).sort();
  await until(async () => (await names('pushk')).length === 3, { what: 'the index' });

  assert.deepEqual(await names('pushk country = RU'), ['Anna Pushkina', 'Boris Pushkin']);
  assert.deepEqual(await names('pushk country = RU -city = omsk'), ['Anna Pushkina']);
  assert.deepEqual(await names('country = RU city = omsk'), ['Boris Pushkin', 'Dora Lang']);
  assert.equal((await find('pushk country = RU')).where, 'country = RU');
  assert.equal((await find('pushk')).where, undefined);
  assert.deepEqual(await names('anna pushkina'), ['Anna Pushkina']);
  const wrong = await find('pushk contry = RU');
  assert.match(wrong.trouble, /country/);
  for (const q of ['anna - maria', '-anna', 'vip', 'no way', 'name', '(anna', 'a = ', '"', 'orders', 'any', 'days_since(x) > 3'])
    assert.ok(Array.isArray((await find(q)).items), q);
});
