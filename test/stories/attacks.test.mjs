// Every member of every row that changes something, one at a time, with hostile values: what is refused changes nothing
// and says where it is wrong; what is accepted is to be seen as it was written.
import test from 'node:test';
import assert from 'node:assert/strict';
import { raw, until } from './kith.mjs';
import { fieldOf, fingerprint, settled, furnished, members, typeOf, withMember } from './attacks.mjs';

const texts = {
  'SQL that ends the statement': "x'; DROP TABLE customer; DROP TABLE staff; --",
  'SQL that is always true': "' OR '1'='1",
  'SQL that asks for more': "x') UNION SELECT password FROM staff --",
  'SQL that waits': "x'; SELECT pg_sleep(4); --",
  'SQL in a backslash': "\\'; DELETE FROM customer; --",
  'one letter': 'Ж',
  'five hundred letters': 'é'.repeat(500),
  'right to left': '\u202Eمحمد שלום\u202C',
  emoji: '👩‍👩‍👧‍👦 😀 𠮷',
  marks: 'Z̸̡̛͔a̵l̶g̷o̴'.normalize('NFD'),
  script: '<script>alert(1)</script><img src=x onerror=alert(1)>',
  formula: '=cmd|\'/c calc\'!A1',
  path: '../../../../etc/passwd',
  'printf and template': '%s%n%x {{7*7}} ${7*7}',
};
const never = {
  NUL: 'a\u0000b',
  'half a surrogate': 'a\ud800b',
  'half a million letters': 'x'.repeat(500000),
};

// Takes a word from a fixed list, or is a key that no page shows.
const hidden = /(^|\.)(source_id|ip|kind|type|state|status|currency|role|lang|language|channel|direction|theme|outcome|question|mark|time_zone|country|base_currency|region|scopes|address_kind)$/;

const holds = (x, text) => (typeof x === 'string' ? x.includes(text) : x !== null && typeof x === 'object' && Object.values(x).some((v) => holds(v, text)));

// Sends what was refused once more, { row, no: [[body, status] …] } of each row: the answer is the same and the store is what it
// was. To let the store come to rest takes seconds, so many rows go together: who makes what he is sent to may tidy up after
// another of his kind, and goes in a turn of his own.
async function changesNothing(f, all) {
  for (let rest = all.filter((x) => x.no.length); rest.length;) {
    const kinds = new Set(), later = [], turn = [];
    for (const x of rest) {
      const kind = x.row.name.split('/')[3];
      if (!x.row.to.isFixed && kinds.has(kind)) { later.push(x); continue; }
      if (!x.row.to.isFixed) kinds.add(kind);
      turn.push({ ...x, to: await x.row.to() });
    }
    const before = await settled(f.k);
    for (const { row, to, no } of turn)
      for (const [body, status] of no) {
        const a = await f.owner.ask(row.method, to, body);
        assert.equal(a.status, status, `${row.name}: ${String(body).slice(0, 300)}: ${a.text.slice(0, 300)}`);
      }
    const now = fingerprint(f.k), moved = Object.keys(now).filter((n) => now[n] !== before[n]);
    assert.deepEqual(moved, [], `something refused has changed the store, of ${turn.map((x) => x.row.name).join(', ')}; acts before: ${before.acts}; after: ${now.acts}`);
    rest = later;
  }
}

test('every row takes the request that this story knows', async (t) => {
  const { owner, writing } = await furnished(t);
  for (const row of writing) {
    let a;
    do a = await owner.ask(row.method, await row.to(), row.body?.());
    while (a.body?.reason === 'BULK_OVER'); // it was quicker than we
    assert.ok(a.status < 300, `${row.name}: ${a.status} ${a.text}`);
  }
  assert.ok(writing.length > 35);
});

test('hostile text in every member is refused by the member’s name, or comes back as it was written', async (t) => {
  const f = await furnished(t);
  const { owner } = f;
  const again = [];
  let accepted = 0, refused = 0;
  for (const row of f.writing.filter((r) => r.body)) {
    const no = [];
    for (const [path, schema] of members(row.schema, row.body())) {
      if (typeOf(schema) !== 'string') continue;
      for (const [name, text] of [...Object.entries(texts), ...Object.entries(never)]) {
        const to = await row.to();
        const body = JSON.stringify(withMember(row.body(), path, text));
        const begun = Date.now();
        const a = await owner.ask(row.method, to, body);
        const where = `${row.name} ${fieldOf(path)}, ${name}: ${a.status} ${a.text.slice(0, 400)}`;
        assert.ok(a.status < 500, where);
        assert.ok(Date.now() - begun < 2500, `${where}: ${Date.now() - begun} ms`);
        if (a.status < 300) {
          accepted += 1;
          assert.ok(!(name in never), where);
          assert.ok(!schema.enum && !schema.format, where);
          if (row.hides || hidden.test(fieldOf(path))) continue;
          const views = [await row.view(a.body, to)].flat();
          const seen = await Promise.all(views.map((v) => owner.must(200, 'GET', v)));
          assert.ok(seen.some((s) => holds(s, text.trim())), `${where}: not to be seen in ${views}`);
        } else {
          refused += 1;
          assert.ok(a.body.code && a.body.detail?.length > 5, where);
          if (a.status === 422) assert.ok(a.body.field && fieldOf(path).startsWith(a.body.field.split(/[.[]/)[0]), where);
          assert.ok(!/SELECT|syntax|sqlite|constraint|pg_/i.test(a.text.replaceAll(/x'.*?--|"value":"[^"]*"/g, '')) || /SQL/.test(name), where);
          if (name !== 'half a million letters') no.push([body, a.status]);
        }
      }
    }
    again.push({ row, no });
  }
  await changesNothing(f, again);
  t.diagnostic(`${accepted} accepted, ${refused} refused`);
  assert.ok(accepted > 500 && refused > 300, `${accepted} accepted, ${refused} refused`);
  assert.equal((await owner.get('/customers?limit=1')).status, 200);
});

test('numbers, times, yes and no, and lists that are none are refused by name, and nothing changes', async (t) => {
  const f = await furnished(t);
  const wrong = {
    integer: ['"12"', 'true', '{}', '[]', '0.5', '1e400', '9223372036854775808', '-9223372036854775809', '"٣"'],
    number: ['"2"', 'false', '{}', '1e400', '-1e400', '"1e3"', '"NaN"'],
    boolean: ['"true"', '1', '0', '{}', '[]', '"yes"'],
    array: ['"a"', '7', '{}', 'true', '[[]]', '[null]', '[7]', JSON.stringify(Array(600).fill('x'))],
    object: ['"a"', '7', '[]', 'true', '{"no_such_member": 1}'],
    time: ['"yesterday"', '"2026-02-30T00:00:00Z"', '"2026-01-01"', '7', '"9999999-01-01T00:00:00Z"', '"2026-01-01T25:00:00Z"', '"٢٠٢٦-01-01T00:00:00Z"'],
    code: ['"../../etc/passwd"', '"EN"', '"no such word"', '7', '["en"]', '"en\\u0000"'],
  };
  const again = [];
  let tried = 0;
  for (const row of f.writing.filter((r) => r.body)) {
    const no = [];
    for (const [path, schema] of members(row.schema, row.body())) {
      const kind = schema.enum ? 'code' : schema.format === 'date-time' ? 'time' : typeOf(schema);
      for (const bytes of wrong[kind] ?? []) {
        const body = JSON.stringify(withMember(row.body(), path, '@here@')).replace('"@here@"', bytes);
        const a = await f.owner.ask(row.method, await row.to(), body);
        const where = `${row.name} ${fieldOf(path)}=${bytes.slice(0, 60)}: ${a.status} ${a.text.slice(0, 300)}`;
        assert.ok(a.status >= 400 && a.status < 500, where);
        if (a.status === 422) assert.ok(fieldOf(path).startsWith(a.body.field) || a.body.field.startsWith(fieldOf(path)), where);
        no.push([body, a.status]);
        tried += 1;
      }
    }
    again.push({ row, no });
  }
  await changesNothing(f, again);
  assert.ok(tried > 300, `${tried} tried`);
});

test('JSON that is deep, huge, doubled, cut or no UTF-8 is refused by every row at once, and nothing changes', async (t) => {
  const f = await furnished(t);
  for (const row of f.writing.filter((r) => r.body)) {
    const fine = JSON.stringify(row.body()), first = Object.keys(row.body())[0], rest = fine.slice(1);
    const bad = [
      ['deep lists', `{"${first}":${'['.repeat(30000)}`, [400, 413]],
      ['deep objects', `{"a":`.repeat(9000), [400, 413]],
      ['a member twice', `{"${first}":null,${rest}`, [400]],
      ['four thousand members', `{${[...Array(4000).keys()].map((i) => `"m${i}":1`).join()},${rest}`, [400, 413, 422]],
      ['cut', fine.slice(0, -1), [400]],
      ['more behind it', `${fine} {}`, [400]],
      ['a list', `[${fine}]`, [400, 422]],
      ['null', 'null', [400, 422]],
      ['bytes that are no UTF-8', Buffer.concat([Buffer.from(`{"${first}":"`), Buffer.from([0xc0, 0x80, 0xff]), Buffer.from(`",${rest}`)]), [400]],
      ['a NUL', Buffer.concat([Buffer.from(fine), Buffer.from([0])]), [400]],
      ['a mark of byte order', Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(fine)]), [400]],
      ['comments', `/* */${fine}`, [400]],
      ['single quotes', fine.replaceAll('"', "'"), [400]],
    ];
    const to = await row.to(), before = await settled(f.k);
    for (const [name, body, statuses] of bad) {
      const begun = Date.now();
      const a = await f.owner.ask(row.method, to, body);
      const where = `${row.name}, ${name}: ${a.status} ${a.text.slice(0, 200)}`;
      assert.ok(statuses.includes(a.status), where);
      assert.ok(a.body.code && a.body.detail.length > 5, where);
      assert.ok(Date.now() - begun < 1500, `${where}: ${Date.now() - begun} ms`);
    }
    assert.deepEqual(fingerprint(f.k), before, row.name);
  }
});

test('a hundred megabytes are refused by every row before they are sent, and packed bodies are not unpacked', async (t) => {
  const f = await furnished(t);
  const session = `Cookie: ${f.owner.cookie}\r\nX-Kith: 1\r\nOrigin: ${f.k.origin}\r\n`;
  const before = await settled(f.k);
  for (const row of f.writing.filter((r) => r.body)) {
    const target = `/api/v1${await row.to()}`;
    const answer = await raw(f.k.origin, `${row.method} ${target} HTTP/1.1\r\nHost: x\r\n${session}Content-Type: application/json\r\nContent-Length: 104857600\r\n\r\n{"a":`, { ms: 2000 });
    assert.match(answer, /^HTTP\/1\.1 413 /, `${row.name}: ${answer.slice(0, 200)}`);
  }
  assert.notEqual(before, undefined);
  const packed = await f.owner.ask('PATCH', '/settings', Buffer.from('1f8b08000000000000ffabae05000043bfa6a302000000', 'hex'), { 'Content-Encoding': 'gzip' });
  assert.ok([400, 415].includes(packed.status), packed.text);
  assert.equal((await f.owner.get('/session')).status, 200);
});

test('an id of nobody, of something else and no id at all answer the same, for every row', async (t) => {
  const f = await furnished(t);
  const bodies = Object.fromEntries(f.writing.map((r) => [r.name, r.body]));
  const before = await settled(f.k);
  let tried = 0;
  for (const [path, methods] of Object.entries(f.doc.paths)) {
    if (!path.includes('{id}')) continue;
    const kind = path.split('/')[3];
    const real = f.ids[kind] ?? 'ses_0000000000001';
    const prefix = { sessions: 'ses', tokens: 'tok', addresses: 'adr', holdings: 'hld', relations: 'rel', proposals: 'prp', history: 'hst', 'custom-attributes': 'atr' }[kind] ?? real.slice(0, 3);
    const another = kind === 'orders' ? f.ids.customers : f.ids.orders;
    const nobody = [`${prefix}_${'0'.repeat(12)}1`, another.replace(/^.../, prefix)];
    const none = [another, real.slice(0, -1), `${real}0`, `${real}%20`, real.toUpperCase(), real.slice(4), '1', "1'%20OR%20'1'='1", '-1', 'null'];
    for (const method of Object.keys(methods)) {
      const answers = new Set();
      for (const id of [...nobody, ...none]) {
        const needed = method === 'get' ? (methods.get.parameters ?? []).filter((p) => p.in === 'query' && p.required).map((p) => `${p.name}=name`).join('&') : '';
        const target = `/${path.replace('{id}', id).replace('{mark}', 'vip').replace('{tag}', 'fair').replace('{code}', 'remark')}${needed && `?${needed}`}`;
        const a = await f.owner.ask(method.toUpperCase(), target, bodies[`${method} ${path}`]?.());
        assert.equal(a.status, 404, `${method} ${target}: ${a.status} ${a.text}`);
        assert.equal(a.body.code, 'not_found');
        if (nobody.includes(id)) answers.add(a.text);
        tried += 1;
      }
      assert.equal(answers.size, 1, `${method} ${path}: ${[...answers].join('\n')}`);
    }
  }
  assert.ok(tried > 200, `${tried}`);
  assert.deepEqual(fingerprint(f.k), before);
});

test('reading changes nothing, whatever is asked, and a filter nobody knows is refused by name', async (t) => {
  const f = await furnished(t);
  const wrong = { integer: ['-1', '0', '9e9', '1;2', '99999999999999999999', '', '%00'], string: ["' OR '1'='1", "x'; DROP TABLE customer; --", '\u0000', '%', '\u202Eevil', 'é'.repeat(500), '[]'] };
  const before = await settled(f.k);
  let tried = 0;
  for (const [path, methods] of Object.entries(f.doc.paths)) {
    const op = methods.get;
    if (!op || /\/(cti\/|events)/.test(path)) continue; // a telephone link's GET is the one that tells something
    const target = `${path.startsWith('/api/v1') ? '' : '/'}/${path.replace('/api/v1/', '').replace('{id}', f.ids[path.split('/')[3]] ?? 'ses_0000000000001').replace(/^\//, '')}`;
    const queries = (op.parameters ?? []).filter((p) => p.in === 'query');
    for (const p of queries)
      for (const value of wrong[typeOf(p.schema)] ?? []) {
        const a = await f.owner.get(`${target}?${p.name}=${encodeURIComponent(value)}`);
        assert.ok(a.status < 500, `${target} ${p.name}=${value}: ${a.status} ${a.text.slice(0, 200)}`);
        if (typeOf(p.schema) === 'integer' && value !== '') assert.ok([400, 422].includes(a.status), `${target} ${p.name}=${value}: ${a.status}`);
        tried += 1;
      }
    if (!path.startsWith('/api/v1') || op.security?.length === 0) continue;
    const a = await f.owner.get(`${target}?no_such_filter=1`);
    assert.deepEqual([a.status, a.body?.field], [422, 'no_such_filter'], target);
  }
  assert.ok(tried > 100, `${tried}`);
  assert.deepEqual(fingerprint(f.k), before);
});

test('money and goods cannot overflow, go below nothing or come back twice', async (t) => {
  const f = await furnished(t);
  const line = (more) => ({ number: `M${f.next()}`, customer: f.ids.customers, currency: 'EUR', lines: [{ sku: 's', name: 'n', quantity: 1, price: 1, ...more }] });
  const before = await settled(f.k);
  const most = Number.MAX_SAFE_INTEGER;
  for (const body of [line({ price: -1 }), line({ quantity: -1 }), line({ quantity: 0 }), line({ quantity: 0.0001 }), line({ quantity: 1e9 }), line({ quantity: 1e300 }), line({ quantity: 1000000, price: 9e18 }),
    { ...line({}), discount: 2 }, { ...line({}), discount: -1 }, { ...line({}), currency: 'XXQ' }, { ...line({}), currency: '€' }, { ...line({}), lines: [] }, { ...line({}), lines: Array(501).fill(line({}).lines[0]) },
    { ...line({}), lines: Array(400).fill({ sku: 's', name: 'n', quantity: 1000000, price: most }) }]) {
    const a = await f.owner.post('/orders', body);
    assert.equal(a.status, 422, `${JSON.stringify(body).slice(0, 200)}: ${a.status} ${a.text.slice(0, 200)}`);
  }
  assert.deepEqual(fingerprint(f.k), before);
  const order = await f.owner.must(201, 'POST', '/orders', line({ quantity: 3, price: 100 }));
  const back = await Promise.all([...Array(8)].map(() => f.owner.post(`/orders/${order.id}/returns`, { line: 1, quantity: 1 })));
  assert.deepEqual(back.map((a) => a.status).sort(), [201, 201, 201, 422, 422, 422, 422, 422]);
  const after = await f.owner.must(200, 'GET', `/orders/${order.id}`);
  assert.deepEqual([after.returned.amount, after.returns.length], [300, 3]);
});

test('a bomb is refused within a second, and others are served meanwhile', async (t) => {
  const f = await furnished(t);
  const head = '{"channel":"email","text":"';
  const bombs = ['['.repeat(900000), '{"a":'.repeat(150000), `{"channel":"email","claims":{${[...Array(60000).keys()].map((i) => `"${i.toString(36)}":1`).join()}}}`,
    `${head}${'\\u0000'.repeat(100000)}"}`, `${head}${'x'.repeat(900000)}"}`, `{"channel":"email","identities":[${Array(40000).fill('{"type":"email","value":"a@b.example"}').join().slice(0, 900000)}`];
  for (const [i, bomb] of bombs.entries()) {
    const begun = Date.now();
    const [a, other] = await Promise.all([f.owner.ask('POST', '/intake', bomb), f.other.get(`/customers/${f.ids.customers}/card`)]);
    assert.ok(a.status >= 400 && a.status < 500, `bomb ${i}: ${a.status} ${a.text.slice(0, 200)}`);
    assert.equal(other.status, 200);
    assert.ok(Date.now() - begun < 1500, `bomb ${i}: ${Date.now() - begun} ms`);
  }
});

test('the sessions and notes of others are not to be had by their ids', async (t) => {
  const f = await furnished(t);
  const mine = (await f.owner.must(200, 'GET', '/sessions')).items[0].id;
  const unknown = await f.other.delete('/sessions/ses_0000000000001');
  const theirs = await f.other.delete(`/sessions/${mine}`);
  assert.deepEqual([theirs.status, theirs.text], [unknown.status, unknown.text]);
  assert.equal((await f.owner.get('/session')).status, 200);
});

test('whatever Host a request names, no answer speaks of it', async (t) => {
  const f = await furnished(t);
  const session = `Cookie: ${f.owner.cookie}\r\n`;
  const targets = ['/', '/calls', '/api/v1/state', '/api/v1/session', '/api/v1/phone-links', '/api/v1/customers', '/api/v1/openapi.json', '/api/v1/nothing', '/healthz'];
  for (const host of ['evil.example', 'evil.example:80', '127.0.0.1.evil.example', 'localhost'])
    for (const target of targets) {
      const answer = await raw(f.k.origin, `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nX-Forwarded-Host: evil.example\r\nForwarded: host=evil.example\r\n${session}Connection: close\r\n\r\n`);
      assert.match(answer, target === '/api/v1/session' ? /^HTTP\/1\.1 200 / : /^HTTP\/1\.1 \d/, `${host} ${target}: ${answer.slice(0, 300)}`);
      assert.ok(!/evil\.example|^Location:/im.test(answer), `${host} ${target}: ${answer.slice(0, 300)}`);
    }
  const made = await raw(f.k.origin, `POST /api/v1/phone-links HTTP/1.1\r\nHost: evil.example\r\nOrigin: http://evil.example.net\r\n${session}X-Kith: 1\r\nContent-Type: application/json\r\nContent-Length: 34\r\nConnection: close\r\n\r\n{"kind":"webhook","name":"theirs"}`);
  assert.match(made, /^HTTP\/1\.1 403 /, made.slice(0, 300));
  for (const host of ['', 'a b', 'a\\b', 'a/b', 'a@b', 'x'.repeat(300)])
    assert.match(await raw(f.k.origin, `GET /api/v1/state HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`), /^HTTP\/1\.1 400 /, host.slice(0, 40));
});

test('a language that is none is no way to a file', async (t) => {
  const f = await furnished(t);
  const tricks = ['../../etc/passwd', '..%2f..%2fetc%2fpasswd', 'en/../../x', 'en\u0000', 'EN', 'xx', 'en'.repeat(200)];
  for (const lang of tricks) {
    const word = lang.replaceAll('\u0000', '%00');
    for (const target of [`/calls/say?lang=${word}`, `/state?lang=${word}`])
      assert.ok([400, 422].includes((await f.owner.get(target)).status), target);
    for (const [method, target] of [['PATCH', '/me'], ['PATCH', '/settings'], ['PATCH', '/calls/say'], ['PATCH', `/customers/${f.ids.customers}`]]) {
      if (target.startsWith('/customers') && ['EN', 'xx'].includes(lang)) continue; // any language may be spoken
      assert.ok([400, 422].includes((await f.owner.ask(method, target, { lang })).status), `${target} ${lang}`);
    }
    if (!lang.includes('\u0000')) assert.equal((await f.k.nobody().get('/session', { 'Accept-Language': lang })).body.title, 'Log in first');
  }
  for (const name of ['/i18n/en.json', '/i18n/../kith.db', '/assets/%2e%2e/kith.db', '/en/../../kith.db', '/zh%00.json'])
    assert.ok([400, 404].includes((await f.k.nobody().get(`/${name}`)).status), name);
});

test('events of a telephone system that come twice, turned round or not at all leave one call each, and a forged number proves nothing', async (t) => {
  const f = await furnished(t);
  const vip = (await f.owner.must(201, 'POST', '/customers', { claims: { name: 'Vera' }, identities: [{ type: 'phone', value: '+442079460055' }] })).customer.id;
  assert.ok((await f.owner.post(`/customers/${vip}/marks`, { mark: 'vip', reason: 'spends much' })).status < 300);
  const tell = (event, callId, more = {}) => f.k.nobody().must(200, 'POST', `/cti/${f.link.token}`, { event, callId, from: '+442079460055', direction: 'in', user: ['100'], ...more });
  const orders = [['newCall', 'newCall', 'answer', 'answer', 'hangup', 'hangup'], ['hangup', 'answer', 'newCall'], ['answer', 'newCall', 'hangup'], ['newCall', 'hangup', 'answer'], ['answer', 'hangup'], ['newCall', 'hangup']];
  for (const [i, events] of orders.entries()) for (const event of events) await tell(event, `o${i}`);

  assert.deepEqual(f.k.sql("SELECT source_id, COUNT(*) FROM call WHERE source_id LIKE 'o%' GROUP BY source_id ORDER BY source_id"), orders.map((_, i) => [`o${i}`, '1']));
  assert.deepEqual(f.k.sql("SELECT COUNT(*) FROM call WHERE source_id LIKE 'o%' AND state <> 'ended'"), [['0']]);

  const at = await f.owner.events('call');
  await tell('newCall', 'forged', { name: '<b>Vera</b>‮' });
  const { call, card } = (await at.next('call.ringing', { fits: (b) => b.call.e164 === '+442079460055' })).body;
  assert.equal(call.customer.id, vip);
  assert.ok(card.advice.some((a) => /check|prov|ask/i.test(JSON.stringify(a))), JSON.stringify(card.advice));
  await tell('answer', 'forged');
  await tell('hangup', 'forged');
  await until(() => f.k.sql(`SELECT trust FROM interaction WHERE channel = 'call' AND customer_id IN (SELECT customer_id FROM customer_mark WHERE mark = 'vip')`).length > 0, { what: 'the line' });
  assert.ok(f.k.sql("SELECT DISTINCT trust FROM interaction WHERE channel = 'call' AND customer_id IN (SELECT customer_id FROM customer_mark WHERE mark = 'vip')").every(([trust]) => trust === 'presented'));
});

test('hostile words of a telephone system, in every member and each of its three dresses, lose no call and forge none', async (t) => {
  const f = await furnished(t);
  const at = `/cti/${f.link.token}`;
  const fine = { event: 'newCall', callId: 'h', from: '+442079460066', to: '+442079460000', direction: 'in', user: '100', queue: 'sales', cause: 'busy', answeringNumber: '100', callerId: '+442079460066', name: 'Nora' };
  const wild = { ...texts, ...never, 'a line break': 'a\r\nX: y', withheld: 'anonymous', 'no number': '+'.repeat(40), 'many digits': '9'.repeat(300), sip: 'sip:<script>@evil.example;x=1' };
  let n = 0;
  const calls = () => Number(f.k.sql('SELECT COUNT(*) FROM call')[0][0]);
  for (const member of Object.keys(fine)) {
    const before = calls();
    let taken = 0;
    for (const [name, text] of Object.entries(wild)) {
      if (text.length > 300000) continue; // over the limit of the row: a story of its own
      const sent = { ...fine, callId: `w${(n += 1)}`, [member]: text };
      const form = new URLSearchParams(Object.entries(sent).map(([k, v]) => [k, v.toWellFormed?.() ?? v])).toString();
      const answers = [
        await f.k.nobody().post(at, JSON.stringify(sent)),
        await f.k.nobody().post(at, form, { 'Content-Type': 'application/x-www-form-urlencoded' }),
        await f.k.nobody().get(`${at}?${form}`),
      ];
      for (const [i, a] of answers.entries()) {
        assert.ok(a.status < 500, `${member}, ${name}, dress ${i}: ${a.status} ${a.text.slice(0, 300)}`);
        taken += a.status === 200;
        if (a.status >= 400) assert.ok(a.status === 414 || a.status === 431 || (a.body.code && a.body.detail.length > 5), a.text);
      }
    }
    assert.ok(calls() - before <= taken, `${member}: ${calls() - before} calls of ${taken} events`);
  }
  for (const view of ['queue', 'all', 'mine', 'missed']) assert.equal((await f.owner.get(`/calls?view=${view}`)).status, 200);
  const stream = await f.owner.events('call');
  await f.k.nobody().must(200, 'POST', at, { ...fine, callId: 'after', from: '+442079460067', callerId: undefined });
  assert.equal((await stream.next('call.ringing', { fits: (b) => b.call.e164 === '+442079460067' })).body.call.state, 'ringing');
});

test('what nobody may yet be trusted to send, log-in and set-up, stands hostile words too', async (t) => {
  const f = await furnished(t);
  const before = await settled(f.k);
  let n = 0;
  for (const [name, text] of [...Object.entries(texts), ...Object.entries(never)])
    for (const body of [{ email: text, password: 'a lamp beside the river' }, { email: 'owner1@kith.example', password: text }]) {
      const a = await f.k.nobody(`127.0.${(n += 1) % 200}.7`).post('/session', body);
      assert.ok([400, 401, 413, 422, 429].includes(a.status), `${name}: ${a.status} ${a.text.slice(0, 200)}`);
      assert.equal(a.headers['set-cookie'], undefined);
    }
  for (const [name, text] of Object.entries(texts))
    for (const member of ['code', 'email', 'name', 'company', 'lang', 'time_zone', 'base_currency', 'region']) {
      const body = { code: 'x', email: 'a@kith.example', name: 'A', password: 'a lamp beside the river', company: 'C', lang: 'en', time_zone: 'UTC', base_currency: 'EUR', region: 'GB', [member]: text };
      const a = await f.k.nobody(`127.1.${(n += 1) % 200}.7`).post('/setup', body);
      assert.ok(a.status >= 400 && a.status < 500, `${name} ${member}: ${a.status} ${a.text.slice(0, 200)}`);
    }
  assert.deepEqual(fingerprint(f.k), before);
  assert.ok(!/DROP TABLE|river|alert\(1\)/.test(f.k.log), 'a word that was sent stands in the log');
});
