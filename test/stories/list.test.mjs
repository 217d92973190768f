// Customers as a table: filter, order, columns, pages; saved views; one action for many, stopped and taken back.
import assert from 'node:assert/strict';
import test from 'node:test';
import { house, until } from './kith.mjs';

const q = (o) => '?' + new URLSearchParams(o).toString();
const names = (page) => page.items.map((r) => r.name);

/** A house with people in it: [name, country, city, more claims]. */
async function people(t, rows) {
  const k = await house(t);
  const manager = await k.person('manager', { name: 'Mona "M" Reis' });
  const ids = {};
  for (const [name, country, city, more = {}, identities = []] of rows)
    ids[name] = (await manager.must(201, 'POST', '/customers', { claims: { name, country, city, ...more }, identities })).customer.id;
  return { k, manager, ids };
}
const five = [
  ['Bertha', 'DE', 'Köln'],
  ['anton', 'DE', 'Berlin'],
  ['Ирина', 'RU', 'Москва'],
  ['田中 愛子', 'JP', '東京', { language: 'ja' }],
  ['Huadong Parts', 'CN', '上海', { kind: 'company' }],
];

test('rows hold the columns asked for, in the order asked for', async (t) => {
  const { manager } = await people(t, five);

  const byName = await manager.must(200, 'GET', '/customers' + q({ sort: 'name', columns: 'name,country,tags,owner,is_vip,spent' }));
  const falling = await manager.must(200, 'GET', '/customers' + q({ sort: '-name', columns: 'name' }));

  assert.deepEqual(names(byName), ['anton', 'Bertha', 'Huadong Parts', 'Ирина', '田中 愛子']);
  assert.deepEqual(names(falling), names(byName).toReversed());
  const { id, ...row } = byName.items[4];
  assert.match(id, /^cus_/);
  assert.deepEqual(row, { name_lang: 'ja', name: '田中 愛子', country: 'JP', tags: [], owner: null, is_vip: false, spent: { amount: 0, currency: row.spent.currency } });
  assert.deepEqual(Object.keys(falling.items[0]), ['id', 'name_lang', 'name']);
});

test('names sort and are found whatever their case, in any script, and long ones whole', async (t) => {
  const long = (end) => `Ünal ${'x'.repeat(60)}${end}`;
  const all = ['Éclair', 'éclat', 'ÉCLIPSE', 'Пушкин', 'пушкарь', 'ПУШКО', long('A'), long('b')];
  const { manager } = await people(t, all.map((name) => [name, 'DE', 'Köln', { kind: 'company' }]));
  const want = all.toSorted((a, b) => (a.normalize('NFKC').toLowerCase() < b.normalize('NFKC').toLowerCase() ? -1 : 1));
  for (const where of ['', 'kind = company', 'country = DE']) {
    assert.deepEqual(names(await manager.must(200, 'GET', '/customers' + q({ sort: 'name', columns: 'name', where }))), want, where);
    assert.deepEqual(names(await manager.must(200, 'GET', '/customers' + q({ sort: '-name', columns: 'name', where }))), want.toReversed(), where);
  }
  const found = async (where) => names(await manager.must(200, 'GET', '/customers' + q({ where, sort: 'name', columns: 'name' })));
  assert.deepEqual(await found('name = "пУШКИН"'), ['Пушкин']);
  assert.deepEqual(await found('name = "éclair"'), ['Éclair']);
  assert.deepEqual(await found('name ^= "ПУШК"'), ['пушкарь', 'Пушкин', 'ПУШКО']);
  assert.deepEqual(await found('name ~ "CLA"'), ['Éclair', 'éclat']);
  assert.deepEqual(await found(`name = "${long('B')}"`), [long('b')]);
});

test('pages follow each other without a gap, also when what stood between them moved or went', async (t) => {
  const rows = Array.from({ length: 23 }, (_, i) => [`P${String(i).padStart(2, '0')}`, 'DE', 'Köln']);
  const { manager, ids } = await people(t, rows);
  for (const sort of ['name', '-name', 'created_at', '-created_at', '-orders', 'spent', '-last_contact_at']) {
    const seen = [];
    let cursor;
    do {
      const page = await manager.must(200, 'GET', '/customers' + q({ sort, limit: 5, columns: 'name', ...(cursor && { cursor }) }));
      seen.push(...names(page));
      cursor = page.next;
    } while (cursor);
    assert.equal(seen.length, 23, sort);
    assert.equal(new Set(seen).size, 23, sort);
  }
  const first = await manager.must(200, 'GET', '/customers' + q({ sort: 'name', limit: 5, columns: 'name' }));
  await manager.must(200, 'PATCH', `/customers/${ids.P04}`, { name: 'Z moved away' }); // the row the cursor stands on
  const second = await manager.must(200, 'GET', '/customers' + q({ sort: 'name', limit: 5, columns: 'name', cursor: first.next }));
  assert.deepEqual(names(second), ['P05', 'P06', 'P07', 'P08', 'P09']);
});

test('a filter chooses, and every way to the page chooses the same', async (t) => {
  const { manager, ids } = await people(t, five);
  assert.ok((await manager.put(`/customers/${ids.Bertha}/tags/${encodeURIComponent('Gold Club')}`)).status < 300);
  await manager.must(201, 'POST', `/customers/${ids.anton}/marks`, { mark: 'vip', reason: 'first customer' });
  const cases = [
    ['country = "DE"', ['anton', 'Bertha']],
    ['country = "DE" and not vip', ['Bertha']],
    ['vip', ['anton']],
    ['kind = company', ['Huadong Parts']],
    ['tag = "gold club"', ['Bertha']],
    ['lang = "ja"', ['田中 愛子']],
    ['country in ("RU", "JP")', ['Ирина', '田中 愛子']],
    ['orders >= 1', []],
    ['days_since(created_at) < 7 and country != "DE"', ['Huadong Parts', 'Ирина', '田中 愛子']],
    ['activity = new and kind = person and (country = "JP" or vip)', ['anton', '田中 愛子']],
  ];
  for (const [where, want] of cases)
    for (const sort of ['name', '-spent', '-last_contact_at', '-created_at']) {
      const page = await manager.must(200, 'GET', '/customers' + q({ where, sort, columns: 'name' }));
      assert.deepEqual(names(page).toSorted(), want.toSorted(), `${where} by ${sort}`);
      assert.deepEqual(await manager.must(200, 'GET', '/customers/count' + q({ where })), { count: want.length, how: 'exact' }, where);
    }
  const found = await until(async () => {
    const page = await manager.must(200, 'GET', '/customers' + q({ q: 'tanaka', sort: 'name', columns: 'name' }));
    return page.items.length || (await manager.must(200, 'GET', '/customers' + q({ q: 'Ирин', columns: 'name' }))).items.length ? page : null;
  }, { ms: 8000, what: 'free words' });
  assert.ok(found);
});

test('what the table does not know is refused by its name, never passed over', async (t) => {
  const { manager } = await people(t, five.slice(0, 1));
  const cases = [
    [{ wher: 'vip' }, 'wher'], [{ filter: 'vip' }, 'filter'], [{ sort: 'city' }, 'sort'], [{ sort: 'password' }, 'sort'], [{ sort: '--name' }, 'sort'],
    [{ columns: 'name,secret' }, 'columns'], [{ columns: 'attr.none' }, 'columns'], [{ columns: 'c.name; DROP TABLE customer' }, 'columns'],
    [{ limit: 0 }, 'limit'], [{ limit: 201 }, 'limit'], [{ limit: 'x' }, 'limit'], [{ cursor: 'abc' }, 'cursor'],
    [{ where: 'vipp' }, 'where'], [{ where: 'country = ' }, 'where'], [{ where: '1 = 1; DROP TABLE customer' }, 'where'], [{ where: '('.repeat(40) }, 'where'],
    [{ where: 'orders > "many"' }, 'where'], [{ where: '1'.repeat(3000) }, 'where'], [{ q: 'x'.repeat(300) }, 'q'],
  ];
  for (const [args, field] of cases) {
    const a = await manager.get('/customers' + q(args));
    assert.deepEqual([a.status, a.body.field], [422, field], JSON.stringify(args).slice(0, 80));
    assert.ok(a.body.detail.length > 10);
  }
  const first = await manager.must(200, 'GET', '/customers' + q({ limit: 1 }));
  assert.equal(first.items.length, 1);
  await manager.must(201, 'POST', '/customers', { claims: { name: 'Second' } });
  const page = await manager.must(200, 'GET', '/customers' + q({ limit: 1, sort: 'name' }));
  for (const other of [{ sort: '-name' }, { sort: 'created_at' }, { sort: 'name', where: 'vip' }]) {
    const a = await manager.get('/customers' + q({ limit: 1, cursor: page.next, ...other }));
    assert.deepEqual([a.status, a.body.field], [422, 'cursor'], 'a cursor of another list');
  }
  const hostile = await manager.get('/customers' + q({ where: `tag = "'; DROP TABLE customer; --\\" or 1=1"` }));
  assert.deepEqual([hostile.status, hostile.body.items], [200, []]);
  assert.equal((await manager.must(200, 'GET', '/customers')).items.length, 2);
});

test('a custom attribute is a column and a filter without further ado', async (t) => {
  const { k, manager, ids } = await people(t, five.slice(0, 2));
  const admin = await k.person('administrator');
  await admin.must(201, 'POST', '/custom-attributes', { code: 'shoe_size', label: 'Shoe size', type: 'number' });
  await admin.must(201, 'POST', '/custom-attributes', { code: 'colour', label: 'Colour', type: 'choice', choices: ['red', 'blue'] });
  const put = async (code, value) => {
    const a = await manager.put(`/customers/${ids.Bertha}/attributes/${code}`, { value });
    assert.ok(a.status < 300, a.text);
  };
  await put('shoe_size', 38.5);
  await put('colour', 'blue');

  const { columns } = (await manager.must(200, 'GET', '/meta')).lists.customers;
  const page = await manager.must(200, 'GET', '/customers' + q({ sort: 'name', columns: 'name,attr.shoe_size,attr.colour' }));
  const filtered = await manager.must(200, 'GET', '/customers' + q({ where: 'attr.shoe_size >= 38 and attr.colour = "blue"', columns: 'name' }));

  const size = columns.find((c) => c.name === 'attr.shoe_size');
  assert.deepEqual([size.title, size.value_type], ['Shoe size', 'number']);
  assert.deepEqual(columns.find((c) => c.name === 'attr.colour').choices, ['red', 'blue']);
  assert.deepEqual([page.items[0]['attr.shoe_size'], page.items[0]['attr.colour']], [null, null]);
  assert.deepEqual([Number(page.items[1]['attr.shoe_size']), page.items[1]['attr.colour']], [38.5, 'blue']);
  assert.deepEqual(names(filtered), ['Bertha']);
});

test('a custom attribute that a view or a segment uses is not taken out of use, and they are named', async (t) => {
  const { k, manager } = await people(t, five.slice(0, 1));
  const admin = await k.person('administrator');
  const size = await admin.must(201, 'POST', '/custom-attributes', { code: 'shoe_size', label: 'Shoe size', type: 'number' });
  await admin.must(201, 'POST', '/custom-attributes', { code: 'shoe_size_b', label: 'Other', type: 'number' });
  const out = () => [['DELETE', `/custom-attributes/${size.id}`], ['PATCH', `/custom-attributes/${size.id}`, { is_active: false }]];
  const users = [
    ['/views', { name: 'Big feet', where: 'vip and (city = Rome or attr.shoe_size > 45)' }, 'the view “Big feet” (Mona "M" Reis)'],
    ['/views', { name: 'Feet', is_shared: true, columns: [{ name: 'name' }, { name: 'attr.shoe_size' }] }, 'the view “Feet”, which everybody sees'],
    ['/segments', { name: 'Giants', text: 'not attr.shoe_size < 46' }, 'the segment “Giants”'],
  ];
  await manager.must(201, 'POST', '/views', { name: 'Others', where: 'attr.shoe_size_b > 3 or city = "attr.shoe_size"', columns: [{ name: 'attr.shoe_size_b' }] });
  let last;
  for (const [path, body, who] of users) {
    if (last) await manager.must(204, 'DELETE', last);
    last = `${path}/${(await manager.must(201, 'POST', path, body)).id}`;
    for (const request of out()) {
      const a = await admin.ask(...request);
      assert.equal(a.status, 409, who);
      assert.ok(a.body.detail.includes(who) && !a.body.detail.includes('Others'), a.body.detail);
    }
  }
  await admin.must(200, 'PATCH', `/custom-attributes/${size.id}`, { label: 'Size of shoes' }); // a name may change
  await manager.must(200, 'PATCH', last, { text: 'vip' });
  await admin.must(...[200, ...out()[1]]);
  await admin.must(...[204, ...out()[0]]); // it is out of use already
});

test('whatever a condition may ask of a customer, the list is filtered by it, also in an order of another table', async (t) => {
  const { manager } = await people(t, five.slice(0, 2));
  const { items } = await manager.must(200, 'GET', '/attributes');
  assert.ok(items.length > 60);
  const value = (a) => ({ yes_no: 'true', number: '1', money: '1', time: '2024-01-31', day: '2024-01-31', choice: a.choices?.[0]?.code })[a.type] ?? '"x"';
  for (const a of items)
    for (const where of [`${a.name} = ${value(a)}`, `not ${a.name} = ${value(a)}`, ...(['number', 'money', 'time', 'day'].includes(a.type) ? [`${a.name} >= ${value(a)}`] : [])])
      for (const sort of ['name', '-spent']) {
        const got = await manager.get('/customers' + q({ where, sort }));
        assert.equal(got.status, 200, `${where} by ${sort}: ${got.text}`);
      }
});

test('/meta tells each column, its filters and the forms; every filter it tells is one the list takes', async (t) => {
  const { manager } = await people(t, five.slice(0, 1));
  const meta = await manager.must(200, 'GET', '/meta');
  const { columns } = meta.lists.customers;

  assert.ok(columns.length > 20);
  const fill = { number: '3', money: '3', time: '2024-01-31', choice: null };
  let filters = 0;
  for (const c of columns) {
    assert.ok(c.label || c.title, c.name);
    await manager.must(200, 'GET', '/customers' + q({ columns: c.name }));
    if (c.is_sortable) await manager.must(200, 'GET', '/customers' + q({ sort: '-' + c.name }));
    for (const o of c.operators) {
      const value = o.code.startsWith('days') ? '3' : c.type === 'choice' ? c.choices[0] : (fill[c.type] ?? '"x"');
      const where = o.text.replace('{a}', c.attribute).replace('{v}', value).replace('{w}', value);
      const a = await manager.get('/customers' + q({ where }));
      assert.equal(a.status, 200, `${where}: ${a.text}`);
      filters += 1;
    }
  }
  assert.ok(filters > 40);
  const form = meta.forms.customer_new.fields.map((f) => f.name);
  for (const name of ['kind', 'name', 'company', 'language', 'country', 'heard_of_us']) assert.ok(form.includes(name), name);
});

test('a view is kept for oneself or, by a manager, for everybody', async (t) => {
  const { k, manager } = await people(t, five);
  const agent = await k.person('agent', { name: 'Agnes' });
  const body = { name: 'Japan', where: 'country = "JP"', sort: '-spent', columns: [{ name: 'name', width: 300 }, { name: 'city' }] };

  const own = await agent.must(201, 'POST', '/views', body);
  const shared = await manager.must(201, 'POST', '/views', { ...body, name: 'For all', is_shared: true });
  const ofAgent = (await agent.must(200, 'GET', '/views')).items;
  const ofManager = (await manager.must(200, 'GET', '/views')).items;

  assert.deepEqual(ofAgent.map((v) => v.code || v.name), ['all', 'mine', 'vip', 'cooling', 'new', 'companies', 'For all', 'Japan']);
  assert.deepEqual(ofManager.map((v) => v.code || v.name), ['all', 'mine', 'vip', 'cooling', 'new', 'companies', 'For all']);
  assert.equal(ofManager[1].where, 'owner = "Mona \\"M\\" Reis"');
  for (const v of ofManager) await manager.must(200, 'GET', '/customers' + q({ where: v.where, sort: v.sort }));
  assert.deepEqual(own.columns, [{ name: 'name', width: 300 }, { name: 'city', width: 0 }]);
  assert.deepEqual([own.is_own, own.may_change, shared.is_shared], [true, true, true]);
  assert.equal((await agent.patch(`/views/${shared.id}`, { name: 'x' })).status, 403);
  assert.equal((await manager.patch(`/views/${own.id}`, { name: 'x' })).status, 404);
  assert.deepEqual([(await agent.post('/views', { ...body, is_shared: true })).status], [403]);
  const changed = await agent.must(200, 'PATCH', `/views/${own.id}`, { name: 'Nippon' });
  assert.deepEqual([changed.name, changed.where, changed.version], ['Nippon', body.where, 2]);
  assert.equal((await agent.ask('PATCH', `/views/${own.id}`, { name: 'late' }, { 'If-Match': '"1"' })).status, 412);
  for (const [bad, field] of [[{ ...body, where: 'nonsense =' }, 'where'], [{ ...body, sort: 'x' }, 'sort'], [{ ...body, columns: [{ name: 'nope' }] }, 'columns[0].name'],
    [{ ...body, columns: [{ name: 'name', width: 9 }] }, 'columns[0].width'], [{ ...body, name: ' ' }, 'name'], [{ ...body, colour: 'red' }, 'colour']]) {
    const a = await agent.post('/views', bad);
    assert.deepEqual([a.status, a.body.field], [422, field], JSON.stringify(bad));
  }
  await agent.must(204, 'DELETE', `/views/${own.id}`);
  assert.equal((await agent.get('/views')).body.items.length, 7);
});

const settled = (who, id) =>
  until(async () => {
    const b = await who.must(200, 'GET', `/bulk-actions/${id}`);
    return ['done', 'cancelled', 'failed', 'undone', 'undo_failed'].includes(b.state) ? b : null;
  }, { ms: 20000, what: 'the action' });

test('one action changes the chosen ones, and the whole of it is taken back; what was changed since stays', async (t) => {
  const { k, manager, ids } = await people(t, five);
  const agent = await k.person('agent', { name: 'Agnes' });
  const chosen = [ids.Bertha, ids.anton, ids['Ирина']];

  const tag = await agent.must(202, 'POST', '/customers/bulk', { action: 'tag_add', value: 'Winter', ids: chosen });
  const city = await agent.must(202, 'POST', '/customers/bulk', { action: 'set', field: 'city', value: 'Bonn', ids: chosen });
  const owner = await agent.must(202, 'POST', '/customers/bulk', { action: 'owner', value: agent.staff.id, ids: chosen });
  const mark = await agent.must(202, 'POST', '/customers/bulk', { action: 'do_not_contact', reason: 'asked by letter', ids: [ids.anton] });
  for (const b of [tag, city, owner, mark]) assert.equal((await settled(agent, b.id)).state, 'done');

  const columns = 'name,city,tags,owner';
  const now = (await manager.must(200, 'GET', '/customers' + q({ where: 'tag = "winter"', sort: 'name', columns }))).items;
  assert.deepEqual(now.map((r) => [r.name, r.city, r.tags, r.owner?.name]), [['anton', 'Bonn', ['Winter'], 'Agnes'], ['Bertha', 'Bonn', ['Winter'], 'Agnes'], ['Ирина', 'Bonn', ['Winter'], 'Agnes']]);
  assert.equal((await manager.must(200, 'GET', `/customers/${ids.anton}`)).marks[0].mark, 'do_not_contact');
  const history = (await manager.must(200, 'GET', `/customers/${ids.Bertha}/history`)).items;
  assert.ok(history.some((h) => h.field === 'city' && h.old === 'Köln' && h.new === 'Bonn' && h.source === 'bulk' && h.staff?.name === 'Agnes'), JSON.stringify(history));

  await manager.must(200, 'PATCH', `/customers/${ids.anton}`, { city: 'Potsdam' });
  await agent.must(202, 'POST', `/bulk-actions/${city.id}/undo`);
  const undone = await settled(agent, city.id);
  assert.deepEqual([undone.state, undone.changed, undone.moved], ['undone', 2, 1]);
  const after = (await manager.must(200, 'GET', '/customers' + q({ where: 'tag = "winter"', sort: 'name', columns }))).items;
  assert.deepEqual(after.map((r) => r.city), ['Potsdam', 'Köln', 'Москва']);
  assert.equal((await agent.post(`/bulk-actions/${city.id}/undo`)).status, 409);
});

test('all that a filter finds is changed, each once, also where the action changes what the filter asks', async (t) => {
  const rows = Array.from({ length: 130 }, (_, i) => [`P${i}`, i % 2 ? 'DE' : 'FR', 'Köln']);
  const { k, manager } = await people(t, rows);
  const agent = await k.person('agent');

  assert.equal((await agent.post('/customers/bulk', { action: 'tag_add', value: 'x', all: true, where: 'country = "DE"' })).status, 403);
  const made = await manager.must(202, 'POST', '/customers/bulk', { action: 'set', field: 'country', value: 'at', all: true, where: 'country = "DE"' });
  const done = await settled(manager, made.id);

  assert.deepEqual([done.state, done.changed, done.looked], ['done', 65, 130]);
  assert.equal((await manager.must(200, 'GET', '/customers/count' + q({ where: 'country = "AT"' }))).count, 65);
  assert.equal((await agent.get(`/bulk-actions/${made.id}`)).status, 404); // not his own
  await manager.must(202, 'POST', `/bulk-actions/${made.id}/undo`);
  await settled(manager, made.id);
  assert.equal((await manager.must(200, 'GET', '/customers/count' + q({ where: 'country = "DE"' }))).count, 65);
});

test('tags go, marks go, attributes are set and cleared, for many as for one', async (t) => {
  const { k, manager, ids } = await people(t, five.slice(0, 3));
  const admin = await k.person('administrator');
  await admin.must(201, 'POST', '/custom-attributes', { code: 'colour', label: 'Colour', type: 'choices', choices: ['red', 'blue'] });
  const all = Object.values(ids);
  const run = async (body) => settled(manager, (await manager.must(202, 'POST', '/customers/bulk', { ids: all, ...body })).id);
  const rows = async () => (await manager.must(200, 'GET', '/customers' + q({ sort: 'name', columns: 'name,tags,owner,attr.colour' }))).items;

  await run({ action: 'tag_add', value: ' Press ' });
  await run({ action: 'set', field: 'attr.colour', value: 'blue; red' });
  await run({ action: 'do_not_contact', reason: 'moved away' });
  assert.deepEqual((await rows()).map((r) => [r.tags, r['attr.colour'].toSorted()]), all.map(() => [['Press'], ['blue', 'red']]));
  assert.equal((await manager.must(200, 'GET', '/customers/count' + q({ where: 'do_not_contact' }))).count, 3);

  const again = await run({ action: 'tag_add', value: 'press' });
  assert.equal(again.changed, 0); // it was there
  await run({ action: 'tag_remove', value: 'PRESS' });
  const cleared = await run({ action: 'set', field: 'attr.colour', value: '' });
  await run({ action: 'may_contact' });
  assert.deepEqual((await rows()).map((r) => [r.tags, r['attr.colour'] ?? []]), all.map(() => [[], []]));
  assert.equal((await manager.must(200, 'GET', '/customers/count' + q({ where: 'do_not_contact' }))).count, 0);
  await manager.must(202, 'POST', `/bulk-actions/${cleared.id}/undo`);
  await settled(manager, cleared.id);
  assert.deepEqual((await rows())[0]['attr.colour'].toSorted(), ['blue', 'red']);
});

test('an action is stopped; what it did can still be taken back', async (t) => {
  const rows = Array.from({ length: 200 }, (_, i) => [`P${i}`, 'DE', 'Köln']);
  const { manager } = await people(t, rows);

  const made = await manager.must(202, 'POST', '/customers/bulk', { action: 'tag_add', value: 'half', all: true, where: 'country = "DE"' });
  const stopped = await manager.post(`/bulk-actions/${made.id}/cancel`);
  assert.ok([200, 409].includes(stopped.status), stopped.text); // 409: it was quicker
  const end = await settled(manager, made.id);
  const { count } = await manager.must(200, 'GET', '/customers/count' + q({ where: 'tag = "half"' }));
  assert.equal(count, end.changed);
  if (stopped.status === 200) assert.equal(end.state, 'cancelled');
  assert.equal((await manager.post(`/bulk-actions/${made.id}/cancel`)).status, 409);
  await manager.must(202, 'POST', `/bulk-actions/${made.id}/undo`);
  assert.equal((await settled(manager, made.id)).state, 'undone');
  assert.equal((await manager.must(200, 'GET', '/customers/count' + q({ where: 'tag = "half"' }))).count, 0);
});

test('an action that lacks what it needs fails with the reason, and goes on when that is there again', async (t) => {
  const { k, manager } = await people(t, Array.from({ length: 120 }, (_, i) => [`P${i}`, 'DE', 'Köln']));
  const admin = await k.person('administrator');
  let failed, field;
  for (let i = 0; i < 20 && failed?.state !== 'failed'; i += 1) { // now and then it may be quicker than we are
    field = await admin.must(201, 'POST', '/custom-attributes', { code: `size_${i}`, label: 'Size', type: 'number' });
    const made = await manager.must(202, 'POST', '/customers/bulk', { action: 'set', field: `attr.size_${i}`, value: '7', all: true });
    await admin.must(204, 'DELETE', `/custom-attributes/${field.id}`);
    failed = await settled(manager, made.id);
  }
  assert.deepEqual([failed.state, failed.is_own], ['failed', true]);
  assert.ok(failed.failure.includes(`attr.${field.code}`), failed.failure);
  assert.equal((await admin.must(200, 'GET', `/bulk-actions/${failed.id}`)).is_own, false);

  const again = await manager.must(202, 'POST', `/bulk-actions/${failed.id}/resume`);
  assert.deepEqual([again.state, again.failure], ['running', '']);
  assert.equal((await settled(manager, failed.id)).state, 'failed'); // what it lacks is still not there
  await admin.must(200, 'PATCH', `/custom-attributes/${field.id}`, { is_active: true });
  await manager.must(202, 'POST', `/bulk-actions/${failed.id}/resume`);
  const done = await settled(manager, failed.id);
  assert.deepEqual([done.state, done.looked, done.changed, done.failure], ['done', 120, 120, '']);
  assert.equal((await manager.must(200, 'GET', '/customers/count' + q({ where: `attr.${field.code} = 7` }))).count, 120);
  assert.equal((await manager.post(`/bulk-actions/${failed.id}/resume`)).status, 409);
});

test('an action that cannot be is refused by name, and nothing changes', async (t) => {
  const { manager, ids } = await people(t, five);
  const all = Object.values(ids);
  const cases = [
    [{ action: 'erase', ids: all }, 'action'], [{ ids: all }, 'action'], [{ action: 'tag_add', ids: all }, 'value'], [{ action: 'tag_add', value: 'x'.repeat(61), ids: all }, 'value'],
    [{ action: 'tag_add', value: 'x' }, 'ids'], [{ action: 'tag_add', value: 'x', ids: [] }, 'ids'], [{ action: 'tag_add', value: 'x', ids: all, all: true }, 'ids'],
    [{ action: 'tag_add', value: 'x', ids: ['ord_0000000000001'] }, 'ids[0]'], [{ action: 'tag_add', value: 'x', ids: all, where: 'vip' }, 'where'],
    [{ action: 'tag_add', value: 'x', all: true, where: 'vipp' }, 'where'], [{ action: 'owner', value: 'nobody', ids: all }, 'value'],
    [{ action: 'do_not_contact', ids: all }, 'reason'], [{ action: 'set', field: 'name', value: 'x', ids: all }, 'field'], [{ action: 'set', field: 'owner_id', value: 'x', ids: all }, 'field'],
    [{ action: 'set', field: 'country', value: 'Germany', ids: all }, 'value'], [{ action: 'set', field: 'income_band', value: 'huge', ids: all }, 'value'], [{ action: 'set', field: 'attr.none', value: 'x', ids: all }, 'field'],
    [{ action: 'tag_add', field: 'city', value: 'x', ids: all }, 'field'], [{ action: 'tag_add', value: 'x', ids: Array(1001).fill(all[0]) }, 'ids'], [{ action: 'tag_add', value: 'x', ids: all, dry: true }, 'dry'],
  ];
  for (const [body, field] of cases) {
    const a = await manager.post('/customers/bulk', body);
    assert.deepEqual([a.status, a.body.field], [422, field], JSON.stringify(body).slice(0, 100));
  }
  assert.deepEqual((await manager.must(200, 'GET', '/bulk-actions')).items, []);
});
