// Whatever is written into any place of any row: an answer below 500, and the house stands. Rows and members are
// read from the document that the program prints.
import test from 'node:test';
import assert from 'node:assert/strict';
import { house } from './kith.mjs';

const well = (s) => Buffer.from(s).toString(); // no half surrogates

// The same numbers each run, so that a failure can be seen again.
function dice(seed) {
  let s = seed >>> 0;
  const next = () => { s = (Math.imul(s, 1664525) + 1013904223) >>> 0; return s / 4294967296; };
  return { next, of: (list) => list[Math.floor(next() * list.length)], below: (n) => Math.floor(next() * n) };
}

const sql = ["' OR '1'='1", "'; DROP TABLE staff; --", "1) UNION SELECT password FROM staff --", '" OR ""="', "\\'; SELECT pg_sleep(5); --", '%', '_%\'', "x' || (SELECT hash FROM token) || '"];
const texts = [...sql, '', ' ', '\u0000', '\u202Eevil\u202C', '👩‍👩‍👧‍👦'.repeat(20), 'é'.repeat(70000), 'x'.repeat(201), '\ud800', '\r\nSet-Cookie: a=b', '<script>alert(1)</script>',
  '=cmd|\'/c calc\'!A1', '../../etc/passwd', '-1', '1e999', 'NaN', 'true', '2026-02-30T00:00:00Z', '9999-12-31T23:59:59Z', '0000-01-01T00:00:00Z', '+99999999999999999999',
  'ﷺ'.repeat(50), 'a@b', 'ı'.repeat(40), '\u0301'.repeat(90), 'cus_zzzzzzzzzzzzz', 'cus_00000000000000'];
const numbers = [0, -1, 1, 2 ** 31, -(2 ** 31), 2 ** 53, -(2 ** 53), 1e15, 0.5, -0.0001, 1e300];
const others = [null, true, false, [], {}, [[]], { a: 1 }, [null], ['x'.repeat(300)]];

function value(d, schema, depth = 0) {
  const type = Array.isArray(schema?.type) ? schema.type[0] : schema?.type;
  if (d.next() < 0.15) return d.of([...others, d.of(texts), d.of(numbers)]);
  if (schema?.enum) return d.next() < 0.8 ? d.of(schema.enum) : d.of(texts);
  switch (type) {
    case 'object': return depth > 4 ? {} : object(d, schema, depth + 1);
    case 'array': return depth > 4 ? [] : [...Array(d.below(4))].map(() => value(d, schema.items, depth + 1));
    case 'integer': return d.of(numbers.filter(Number.isInteger));
    case 'number': return d.of(numbers);
    case 'boolean': return d.next() < 0.5;
    default:
      if (schema?.format === 'date-time') return d.of(['2026-01-01T00:00:00Z', '1969-12-31T23:59:60Z', ...texts]);
      return d.of([...texts, 'Ada', '+442079460018', 'ada@kith.example', 'EUR', 'Europe/London']);
  }
}

function object(d, schema, depth = 0) {
  const made = {};
  for (const [name, member] of Object.entries(schema?.properties ?? {}))
    if (schema.required?.includes(name) ? d.next() < 0.95 : d.next() < 0.5) made[name] = value(d, member, depth);
  return made;
}

// Rows that would end the story itself, or hash a password each time (those have stories of their own).
const passed = /^(delete \/api\/v1\/session|post \/api\/v1\/(setup|session|me\/password)|get \/api\/v1\/events)$/;

function* rows(doc) {
  for (const [path, methods] of Object.entries(doc.paths))
    for (const [method, op] of Object.entries(methods))
      if (!passed.test(`${method} ${path}`)) yield { path, method, op, where: `${method} ${path}` };
}

// Ids that are there, by their prefix, so that more than the door is tried.
async function realIds(owner) {
  const ids = [];
  const c = await owner.post('/customers', { claims: { name: 'Ada Byron' }, identities: [{ type: 'email', value: 'ada@kith.example' }] });
  if (c.status < 300) ids.push(c.body.customer.id);
  const o = await owner.post('/orders', { number: 'N-1', currency: 'EUR', customer: ids[0], lines: [{ sku: 'a', name: 'A', quantity: 1, price: 100 }] });
  if (o.status < 300) ids.push(o.body.id);
  const l = await owner.post('/phone-links', { kind: 'webhook', name: 'x' });
  if (l.status < 300) {
    ids.push(l.body.id);
    await owner.k.nobody().post(`/cti/${l.body.token}`, { event: 'newCall', from: '+442079460018', to: '100', direction: 'in', callId: '1' });
    const q = await owner.get('/calls?view=all');
    if (q.body.items?.length) ids.push(q.body.items[0].id);
  }
  if (ids[0]) {
    const t = await owner.post(`/customers/${ids[0]}/tasks`, { title: 'call' });
    if (t.status < 300) ids.push(t.body.id);
    const card = await owner.get(`/customers/${ids[0]}/card`);
    ids.push(...(card.body?.identities ?? []).map((i) => i.id));
  }
  return ids;
}

test('every member of every row stands whatever is written into it', async (t) => {
  const k = await house(t);
  const owner = await k.person('owner');
  const doc = (await k.nobody().get('/openapi.json')).body;
  const ids = await realIds(owner);
  assert.ok(ids.length >= 4, `only ${ids}`);
  const d = dice(Number(process.env.KITH_HOSTILE_SEED ?? 20261122));
  const seen = {};
  const rounds = Number(process.env.KITH_HOSTILE_ROUNDS ?? 12);
  for (const row of rows(doc)) {
    for (let i = 0; i < rounds; i++) {
      const target = `/${row.path.replace(/\{(\w+)\}/g, () => (d.next() < 0.7 ? d.of(ids) : encodeURIComponent(well(d.of(texts).slice(0, 200)))))}`;
      const query = (row.op.parameters ?? []).filter((p) => p.in === 'query' && d.next() < 0.6)
        .map((p) => `${p.name}=${encodeURIComponent(well(String(value(d, p.schema)).slice(0, 300)))}`).join('&');
      const schema = row.op.requestBody?.content?.['application/json']?.schema;
      const body = schema ? JSON.stringify(object(d, schema)) : undefined;
      if (row.path === '/api/v1/staff' && body?.includes('"password"')) continue;
      const headers = d.next() < 0.1 ? { 'If-Match': d.of(['"1"', '"x"', '*', '"99999999999999999999"', '"-1"', 'W/"1"']) } : {};
      const a = await owner.ask(row.method.toUpperCase(), target + (query ? `?${query}` : ''), body, headers)
        .catch((e) => assert.fail(`${row.method} ${target}?${query} ${body?.length}: ${body?.slice(0, 600)} ${JSON.stringify(headers)}: ${e}; ${k.log.slice(-500)}`));
      const shown = `${row.method} ${target}?${query} ${body?.slice(0, 600)}: ${a.status} ${a.text.slice(0, 300)}`;
      assert.ok(a.status < 500, shown);
      if (a.status >= 400 && a.body) assert.ok(a.body.code && a.body.detail, shown);
      seen[a.status] = (seen[a.status] ?? 0) + 1;
    }
  }
  t.diagnostic(JSON.stringify(seen));
  assert.ok((seen[422] ?? 0) > 100, JSON.stringify(seen));
  assert.equal((await owner.get('/session')).status, 200);
  assert.equal(k.sql("SELECT COUNT(*) FROM staff WHERE role = 'owner'")[0][0], '1');
});

test('SQL in any text of any row is only text: nothing is slow, nothing is lost, nothing more is told', async (t) => {
  const k = await house(t);
  const owner = await k.person('owner');
  const doc = (await k.nobody().get('/openapi.json')).body;
  const ids = await realIds(owner);
  for (const row of rows(doc))
    for (const payload of sql) {
      const texts = (row.op.parameters ?? []).filter((p) => p.in === 'query' && p.schema.type === 'string' && !p.schema.enum);
      const wild = encodeURIComponent(payload);
      const targets = [`/${row.path.replace(/\{(\w+)\}/g, wild)}`, ...texts.map((p) => `/${row.path.replace(/\{(\w+)\}/g, ids[0])}?${p.name}=${wild}`)];
      for (const target of targets) {
        const from = Date.now();
        const a = await owner.ask(row.method.toUpperCase(), target, row.method === 'get' || row.method === 'delete' ? undefined : {});
        assert.ok(a.status < 500, `${row.method} ${target}: ${a.text}`);
        assert.ok(Date.now() - from < 2500, `${row.method} ${target} took ${Date.now() - from} ms`);
        assert.ok(!/argon2id|SQLITE_|syntax error|pg_catalog/.test(a.text), a.text);
      }
    }
  assert.equal(k.sql('SELECT COUNT(*) FROM staff')[0][0], '1');
});
