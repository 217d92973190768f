// The form of requests and answers: keys, versions, methods, media, hostile bodies and paths, files, figures.
import test from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { house, raw, sleep, isPostgres, bin } from './kith.mjs';

test('the same Idempotency-Key answers the same and does it once, also when sent at the same time', async (t) => {
  const k = await house(t);
  await k.person('owner');
  const api = await k.token('owner');
  const body = { email: 'one@kith.example', name: 'One', role: 'agent' };
  const all = await Promise.all([...Array(8)].map(() => api.post('/staff', body, { 'Idempotency-Key': 'k-1' })));
  assert.deepEqual(all.map((a) => a.status), Array(8).fill(201), all.map((a) => a.text).join());
  assert.equal(new Set(all.map((a) => a.body.id)).size, 1);
  const again = await api.post('/staff', body, { 'Idempotency-Key': 'k-1' });
  assert.equal(again.status, 201);
  assert.equal(again.headers['idempotency-replayed'], 'true');
  assert.deepEqual(again.body, all[0].body);

  const other = await api.post('/staff', { ...body, name: 'Two' }, { 'Idempotency-Key': 'k-1' });
  assert.equal(other.status, 422);
  assert.equal(other.body.reason, 'GATE_KEY_OTHER');
  const elsewhere = await api.post('/tokens', { name: 'x', role: 'agent', scopes: ['read'] }, { 'Idempotency-Key': 'k-1' });
  assert.equal(elsewhere.status, 422);
  const somebody = await k.token('owner'); // a key belongs to who sent it
  assert.equal((await somebody.post('/staff', { ...body, email: 'two@kith.example' }, { 'Idempotency-Key': 'k-1' })).status, 201);
  for (const bad of ['x'.repeat(201), 'a b', 'ключ'.split('').map((c) => String.fromCharCode(c.charCodeAt(0) & 255 | 128)).join('')])
    assert.equal((await api.post('/staff', body, { 'Idempotency-Key': bad })).status, 422);
  // a refusal is not kept: the same key may be tried again
  assert.equal((await api.post('/staff', body, { 'Idempotency-Key': 'k-2' })).status, 409);
  assert.equal((await api.post('/staff', { ...body, email: 'three@kith.example' }, { 'Idempotency-Key': 'k-2' })).status, 201);
});

test('the same change with a key and a version, sent twice at once, is one change and no fault', async (t) => {
  const k = await house(t);
  const owner = await k.person('owner');
  const one = await owner.must(201, 'POST', '/staff', { email: 'one@kith.example', name: 'One', role: 'agent' });
  for (let version = 1; version < 6; version++) {
    const headers = { 'If-Match': `"${version}"`, 'Idempotency-Key': `v-${version}` };
    const all = await Promise.all([...Array(4)].map(() => owner.patch(`/staff/${one.id}`, { name: `n${version}` }, headers)));
    assert.deepEqual(all.map((a) => a.status), [200, 200, 200, 200], all.map((a) => a.text).join());
  }
  assert.equal((await owner.get(`/staff/${one.id}`)).body.version, 6);
});

test('a token\'s secret is shown once, not by a repeat', async (t) => {
  const k = await house(t);
  await k.person('owner');
  const api = await k.token('owner');
  const body = { name: 'x', role: 'agent', scopes: ['read'] };
  const first = await api.post('/tokens', body, { 'Idempotency-Key': 't-1' });
  const second = await api.post('/tokens', body, { 'Idempotency-Key': 't-1' });
  assert.match(first.body.token, /^[\w-]{43}$/);
  assert.equal(second.body.id, first.body.id);
  assert.ok(!('token' in second.body));
});

test('a record has a version; an older one is not written over', async (t) => {
  const k = await house(t);
  const owner = await k.person('owner');
  const one = await owner.must(201, 'POST', '/staff', { email: 'one@kith.example', name: 'One', role: 'agent' });
  const at = `/staff/${one.id}`;
  const first = await owner.get(at);
  assert.equal(first.headers.etag, '"1"');
  assert.equal((await owner.get(at, { 'If-None-Match': '"1"' })).status, 304);
  const changed = await owner.patch(at, { name: 'Uno' }, { 'If-Match': '"1"' });
  assert.equal(changed.headers.etag, '"2"');
  assert.equal((await owner.get(at, { 'If-None-Match': '"1"' })).status, 200);

  const late = await owner.patch(at, { name: 'Eins' }, { 'If-Match': '"1"' });
  assert.equal(late.status, 412);
  assert.equal(late.body.code, 'stale');
  assert.equal(late.headers.etag, '"2"');
  assert.equal((await owner.get(at)).body.name, 'Uno');
  assert.equal((await owner.patch(at, { name: 'Eins' }, { 'If-Match': 'two' })).status, 400);
  assert.equal((await owner.patch(at, { name: 'Eins' }, { 'If-Match': '*' })).status, 200);
  assert.equal((await owner.patch('/settings', { company: 'X' }, { 'If-Match': '"99"' })).status, 412);

  // without If-Match the later one stands, and none is lost on the way
  const many = await Promise.all([...Array(12).keys()].map((i) => owner.patch(at, { name: `n${i}` })));
  assert.deepEqual(many.map((a) => a.status), Array(12).fill(200), many.map((a) => a.text).join());
  assert.equal((await owner.get(at)).body.version, 3 + 12);
});

test('a list has a weak tag by its content', async (t) => {
  const k = await house(t);
  const owner = await k.person('owner');
  const first = await owner.get('/tokens');
  assert.match(first.headers.etag, /^W\/"/);
  assert.equal((await owner.get('/tokens', { 'If-None-Match': first.headers.etag })).status, 304);
  await k.token('agent');
  assert.equal((await owner.get('/tokens', { 'If-None-Match': first.headers.etag })).status, 200);
});

test('methods, media and answers that are not ours are refused in the words of HTTP', async (t) => {
  const k = await house(t);
  const owner = await k.person('owner');
  const put = await owner.ask('PUT', '/settings', {});
  assert.equal(put.status, 405);
  assert.equal(put.headers.allow, 'GET, HEAD, PATCH, OPTIONS');
  assert.equal(put.body.code, 'method_not_allowed');
  const options = await owner.ask('OPTIONS', '/settings');
  assert.equal(options.status, 204);
  assert.equal(options.headers.allow, 'GET, HEAD, PATCH, OPTIONS');
  assert.equal(options.headers['access-control-allow-origin'], undefined);
  const head = await owner.ask('HEAD', '/settings');
  assert.equal(head.status, 200);
  assert.equal(head.text, '');
  assert.equal(Number(head.headers['content-length']), (await owner.get('/settings')).text.length);
  assert.equal((await owner.ask('TRACE', '/settings')).status >= 400, true);
  assert.equal((await owner.get('/nothing')).status, 404);
  assert.equal((await owner.get('/staff/cus_0000000000000')).body.code, 'not_found');
  assert.equal((await owner.get('/settings', { Accept: 'text/html' })).status, 406);
  for (const fine of ['*/*', 'application/*;q=0.1', 'text/html, application/json', 'application/problem+json'])
    assert.equal((await owner.get('/settings', { Accept: fine })).status, 200);
  const xml = await owner.ask('PATCH', '/settings', '<company/>', { 'Content-Type': 'application/xml' });
  assert.equal(xml.status, 415);
  assert.equal((await owner.patch('/settings', { company: 'Y' }, { 'Content-Type': 'application/json; charset=utf-8' })).status, 200);
  const query = await owner.get('/settings?verbose=1');
  assert.equal(query.status, 422);
  assert.equal(query.body.field, 'verbose');
  assert.equal((await owner.get('/staff?limit=0')).body.field, 'limit');
  assert.equal((await owner.get('/staff?limit=9999')).body.field, 'limit');
  assert.equal((await owner.get('/staff?limit=ten')).body.field, 'limit');
  for (const a of [put, xml, query, await owner.get('/settings')]) {
    assert.equal(a.headers['x-content-type-options'], 'nosniff');
    assert.equal(a.headers['cache-control'], 'no-store');
    assert.match(a.headers['content-security-policy'], /default-src 'none'/);
    assert.equal(a.headers.server, undefined);
  }
});

test('hostile JSON is refused at once and clearly, and nothing is kept of it', async (t) => {
  const k = await house(t);
  const owner = await k.person('owner');
  const before = (await owner.get('/settings')).text;
  const cases = [
    ['{"company": "a"', 400], ['', 200], ['[]', 400], ['null', 400], ['"x"', 400], ['{"company": "a"} x', 400],
    ['{"company": "a", "company": "b"}', 400], ['{"company": "a\u0000b"}', 400], ['{"company": "a\\u0000b"}', 400],
    [Buffer.from('7b22636f6d70616e79223a22ff22' + '7d', 'hex'), 400], [Buffer.from([0xef, 0xbb, 0xbf, 0x7b, 0x7d]), 400],
    ['{"company": 7}', 422], ['{"company": {"a": 1}}', 422], ['{"company": "' + 'x'.repeat(201) + '"}', 422],
    ['{"company": "line\\nfeed"}', 422], ["{'company': 'a'}", 400], ['{"company": NaN}', 400], ['{"lang": "xx"}', 422],
    ['{"a":'.repeat(100) + '1' + '}'.repeat(100), 400], ['['.repeat(30000), 400],
    ['{' + [...Array(4000).keys()].map((i) => `"k${i}": 1`).join() + '}', 422],
    ['{"company": 1e999}', 400], ['{"company": 99999999999999999999}', 400],
  ];
  for (const [body, status] of cases) {
    const from = Date.now();
    const a = await owner.ask('PATCH', '/settings', body === '' ? '{}' : body);
    const shown = `${String(body).slice(0, 60)}: ${a.status} ${a.text.slice(0, 200)}`;
    if (status === 400) assert.ok([400, 413, 422].includes(a.status), shown);
    else assert.equal(a.status, status, shown);
    assert.ok(Date.now() - from < 1000, shown);
    if (a.status >= 400) assert.ok(a.body.detail.length > 10 && a.body.code, shown);
  }
  const settings = JSON.parse(before);
  assert.equal((await owner.get('/settings')).body.company, settings.company);
  const big = await owner.ask('PATCH', '/settings', JSON.stringify({ company: 'x'.repeat(100000) }));
  assert.equal(big.status, 413);
  assert.equal((await owner.get('/settings')).status, 200);
});

test('paths lead nowhere but to what is there', async (t) => {
  const k = await house(t);
  const tricks = ['/../etc/passwd', '/..%2f..%2fetc/passwd', '/%2e%2e/%2e%2e/etc/passwd', '/api/v1/../../etc/passwd', '//etc/passwd',
    '/index.html%00.js', '/assets/..%5c..%5cetc', '/.%00./', '/api/v1/staff/..%2f..', '/api/v1//staff', '/api/v1/staff/', '/api',
    '/C:/windows/win.ini', '/proc/self/environ', '/kith.db', '/assets/kith.db', '/api/v1/%ff%fe', '/api/v1/' + 'a/'.repeat(2000)];
  for (const path of tricks) {
    const answer = await raw(k.origin, `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n`);
    const status = Number(/^HTTP\/1.1 (\d+)/.exec(answer)?.[1]);
    const isPage = status === 200 && /text\/html/.test(answer) && !/root:|SQLite/.test(answer);
    assert.ok(status >= 400 && status < 500 || isPage, `${path.slice(0, 60)}: ${answer.slice(0, 200)}`);
    assert.ok(!/root:x|SQLite format/.test(answer), path);
  }
  assert.equal((await k.nobody().get('//healthz')).status, 200);
});

test('the interface\'s pages are one file under its policy, with a tag, smaller when the browser takes that', async (t) => {
  const k = await house(t);
  const page = await k.nobody().get('//');
  if (page.status === 404) return t.skip('the interface is not built in');
  assert.equal(page.status, 200);
  assert.match(page.headers['content-type'], /text\/html/);
  const policy = page.headers['content-security-policy'];
  for (const word of ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "require-trusted-types-for 'script'"])
    assert.ok(policy.includes(word), policy);
  assert.ok(!/unsafe|\*/.test(policy));
  assert.equal(page.headers['cache-control'], 'no-cache');
  assert.equal((await k.nobody().get('//', { 'If-None-Match': page.headers.etag })).status, 304);
  assert.equal((await k.nobody().get('//calls')).text, page.text);
  assert.equal((await k.nobody().get('//no-such-file.js')).status, 404);
  assert.equal((await k.nobody().post('//', {})).status, 405);
  const script = /src="(\/[^"]+\.js)"/.exec(page.text)?.[1];
  if (script) {
    const plain = await k.nobody().get(`/${script}`);
    const small = await k.nobody().get(`/${script}`, { 'Accept-Encoding': 'gzip' });
    assert.match(plain.headers['content-type'], /javascript/);
    assert.equal(small.headers['content-encoding'], 'gzip');
    assert.ok(Number(small.headers['content-length']) < Number(plain.headers['content-length']));
    assert.notEqual(small.headers.etag, plain.headers.etag);
    assert.equal((await k.nobody().get(`/${script}`, { 'Accept-Encoding': 'gzip;q=0' })).headers['content-encoding'], undefined);
  }
});

test('nothing that was sent writes lines or colours into the log', async (t) => {
  const k = await house(t);
  const evil = '\u001b[31mred\u001b[0m';
  await k.nobody().get(`/staff/${encodeURIComponent('x\nlevel=error event=forged')}`);
  await k.nobody().get(`/staff?${encodeURIComponent('a\r\nlevel=error event=forged')}=1`);
  await raw(k.origin, `GET /api/v1/settings HTTP/1.1\r\nHost: x\r\nUser-Agent: ${evil}\r\nConnection: close\r\n\r\n`);
  await k.nobody().post('/session', { email: 'a\nlevel=error event=forged\u001b[31m@x.example', password: 'hunter2 hunter2 hunter2' });
  await raw(k.origin, `GET /api/v1/settings HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${evil}\r\nConnection: close\r\n\r\n`);
  await sleep(100);
  assert.ok(k.log.length > 0);
  assert.ok(!/^level=error event=forged/m.test(k.log) && !k.log.includes('event=forged '), k.log);
  assert.ok(!/[\u0000-\u0009\u000b-\u001f]/.test(k.log), JSON.stringify(k.log));
  assert.ok(!/hunter2|x\.example|127\.0\.0\.1:|Bearer/.test(k.log), k.log);
});

test('alive, ready and figures are there for those who watch the machine, and for no one else', async (t) => {
  const k = await house(t);
  await k.person('owner');
  assert.equal((await k.nobody().get('//healthz')).text, 'ok\n');
  assert.equal((await k.nobody().get('//readyz')).text, 'ready\n');
  const figures = await k.nobody().get('//metrics');
  assert.match(figures.headers['content-type'], /text\/plain; version=0.0.4/);
  assert.match(figures.text, new RegExp(`kith_info\\{version="[\\d.]+",store="${isPostgres ? 'postgresql' : 'sqlite'}"\\} 1`));
  const seen = new Set();
  for (const line of figures.text.trimEnd().split('\n')) {
    assert.match(line, /^(# (HELP|TYPE) kith_\w+ .+|kith_\w+(\{[^}]*\})? -?\d+)$/);
    const name = /^kith_\w+/.exec(line)?.[0];
    if (name && !line.includes('{')) { assert.ok(!seen.has(name), name); seen.add(name); }
  }
  assert.ok(seen.size >= 15);
  const wrong = k.nobody();
  wrong.token = 'y'.repeat(43);
  assert.equal((await wrong.get('//metrics')).status, 401);
  assert.equal((await (await k.token('owner', ['read', 'write', 'admin'])).get('//metrics')).status, 403);
  assert.equal((await (await k.token('owner', ['metrics'])).get('//metrics')).status, 200);
});

test('the document of the API is whole: each reference leads somewhere, each name in a path is described', async (t) => {
  const k = await house(t);
  const served = (await k.nobody().get('/openapi.json')).body;
  assert.deepEqual(JSON.parse(execFileSync(bin, ['openapi'], { encoding: 'utf8' })), served);
  assert.equal(served.openapi, '3.1.0');
  const ids = new Set();
  const walk = (x) => {
    if (Array.isArray(x)) return x.forEach(walk);
    if (x === null || typeof x !== 'object') return undefined;
    if (typeof x.$ref === 'string') {
      let at = served;
      for (const part of x.$ref.slice(2).split('/')) at = at?.[part];
      assert.ok(at, x.$ref);
    }
    if (x.type === 'object' && x.required && x.properties) for (const r of x.required) assert.ok(r in x.properties, r);
    if (x.type === 'array') assert.ok(x.items, JSON.stringify(x));
    return Object.values(x).forEach(walk);
  };
  walk(served);
  for (const [path, methods] of Object.entries(served.paths))
    for (const [method, op] of Object.entries(methods)) {
      const where = `${method} ${path}`;
      assert.ok(['get', 'post', 'put', 'patch', 'delete'].includes(method), where);
      assert.ok(!ids.has(op.operationId), `${where}: ${op.operationId} twice`);
      ids.add(op.operationId);
      assert.ok(op.summary, where);
      assert.ok(Object.keys(op.responses).some((s) => /^2\d\d$/.test(s)), where);
      const names = [...path.matchAll(/\{(\w+)\}/g)].map((m) => m[1]);
      const described = (op.parameters ?? []).filter((p) => p.in === 'path').map((p) => p.name);
      assert.deepEqual(described.sort(), names.sort(), where);
      if (op.security.length) assert.ok(op['x-roles'].length > 0, where);
    }
  assert.ok(ids.size > 25);
});

test('meta tells roles, languages and the rules of what comes in', async (t) => {
  const k = await house(t);
  const meta = await (await k.person('branch')).must(200, 'GET', '/meta');
  assert.deepEqual(meta.languages, ['en', 'ja', 'zh', 'kk', 'ru']);
  assert.equal(meta.roles.length, 9);
  assert.equal(meta.inputs['PATCH /api/v1/me'].properties.text_size.maximum, 150);
});

test('a public row has a budget for each network', async (t) => {
  const k = await house(t);
  const ask = (from) => k.nobody(from).post('/setup', {});
  const got = [];
  for (let i = 0; i < 25; i++) got.push(await ask('127.0.9.1'));
  assert.equal(got[0].status, 422);
  const last = got.at(-1);
  assert.equal(last.status, 429);
  assert.ok(Number(last.headers['retry-after']) >= 1);
  assert.equal((await ask('127.0.9.2')).status, 422);
});

test('a page asked for with a session carries who sits there, safely and never to be kept; without one it is a plain file', async (t) => {
  const k = await house(t);
  const owner = await k.person('owner', { name: 'Dana </script><script>alert(1)</script> & Söhne' });
  const page = (cookie, path = '/customers/cus_1?order=ord_2', method = 'GET') => fetch(new URL(path, k.origin), { method, headers: cookie ? { cookie } : {} });

  const hers = await page(owner.cookie);
  const html = await hers.text();
  assert.equal(hers.status, 200);
  assert.equal(hers.headers.get('cache-control'), 'no-store');
  assert.equal(hers.headers.get('etag'), null);
  assert.match(hers.headers.get('content-security-policy'), /script-src 'self';/);
  const blocks = [...html.matchAll(/<script type="application\/json" id="first">(.*?)<\/script>/gs)];
  assert.equal(blocks.length, 1);
  const { me, state } = JSON.parse(blocks[0][1]);
  assert.equal(me.staff.name, 'Dana </script><script>alert(1)</script> & Söhne');
  assert.deepEqual(me, (await owner.get('/session')).body);
  assert.deepEqual(state, (await owner.get('/state')).body);
  assert.equal([...html.matchAll(/<script/g)].length, 2, 'the interface and the block');
  assert.equal((await page(owner.cookie, '/', 'HEAD')).status, 200);

  for (const cookie of ['', 'kith=nobody', 'kith=' + 'x'.repeat(300), 'other=1']) {
    const plain = await page(cookie);
    assert.equal(plain.status, 200);
    assert.doesNotMatch(await plain.text(), /id="first"/);
    assert.ok(plain.headers.get('etag'));
  }
  assert.equal((await page(owner.cookie, '/calls', 'POST')).status, 405);
  assert.equal((await page(owner.cookie, '/nothing.js')).status, 404);
  await owner.delete('/session');
  await sleep(1000); // an ended session is refused within a second
  assert.doesNotMatch(await (await page(owner.cookie)).text(), /id="first"/);
});
