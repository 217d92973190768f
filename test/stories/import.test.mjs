// Files in and out: the command line with and without a server, uploads over HTTP, what is refused, what comes back.
import test from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync, existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { house, isPostgres, raw, until } from './kith.mjs';

const people = (n, from = 1) => {
  let text = 'id,First name,Last name,Phone,Email,City,Country\r\n';
  for (let i = from; i < from + n; i++) text += `${i},Pat ${i},Lee,+4479${String(i).padStart(8, '0')},p${i}@shop.example,"Leeds, West",United Kingdom\r\n`;
  return text;
};
const form = (parts) => {
  const b = `b${Math.random().toString(36).slice(2)}`;
  const body = Buffer.concat([
    ...parts.flatMap(([name, value, file]) => [
      Buffer.from(`--${b}\r\nContent-Disposition: form-data; name="${name}"${file ? `; filename="${file}"` : ''}\r\n\r\n`),
      Buffer.isBuffer(value) ? value : Buffer.from(value),
      Buffer.from('\r\n'),
    ]),
    Buffer.from(`--${b}--\r\n`),
  ]);
  return [body, { 'Content-Type': `multipart/form-data; boundary=${b}` }];
};
const upload = (api, kind, csv, name = 'people.csv') => api.post('/imports', ...form([['kind', kind], ['file', csv, name]]));
const settled = async (api, id) => {
  let one;
  await until(async () => !['running', 'checking', 'undoing'].includes((one = await api.must(200, 'GET', `/imports/${id}`)).state), { ms: 60000, what: 'the import' });
  return one;
};

test('the command imports by itself, and by the server that holds the directory', async (t) => {
  const k = await house(t);
  const file = path.join(k.data, 'people.csv');
  writeFileSync(file, people(300) + '301,"open\r\n');
  const tried = JSON.parse(await k.run(['import', 'customers', file, '--dry-run', '--json']));
  assert.deepEqual([tried.rows, tried.made, tried.rejected, tried.dry_run], [301, 300, 1, true]);
  const done = JSON.parse(await k.run(['import', 'customers', file, '--json']));
  assert.deepEqual([done.rows, done.made, done.changed, done.same, done.rejected], [301, 300, 0, 0, 1]);
  assert.match(readFileSync(`${file}.rejected.csv`, 'utf8'), /302,,The quote opened in this line is never closed\.,301,"open\r\n$/);
  await k.stop();
  const again = JSON.parse(await k.run(['import', 'customers', file, '--json']));
  assert.deepEqual([again.made, again.same, again.rejected], [0, 300, 1]);

  const map = path.join(k.data, 'map.json');
  writeFileSync(map, JSON.stringify({ columns: [{ from: 'Email', to: 'email' }, { from: 'City', to: 'heard_of_us' }] }));
  assert.equal(JSON.parse(await k.run(['import', 'customers', file, '--map', map, '--json'])).changed, 300);
  const cases = [
    [2, ['import', 'people', file], /customers, orders, interactions or all/],
    [1, ['import', 'customers', `${file}.none`], /No such file/],
    [1, ['import', 'orders', file], /"number" is needed/],
  ];
  writeFileSync(map, '{"columns": [{"from": "Nick", "to": "name"}]}');
  cases.push([1, ['import', 'customers', file, '--map', map], /no column "Nick"/]);
  for (const [status, words, why] of cases) {
    const r = await k.command(words);
    assert.equal(r.status, status, r.err);
    assert.match(r.err, why);
  }
  await k.start();
});

test('what an export writes an import takes back unchanged, and no cell runs in a spreadsheet', async (t) => {
  const k = await house(t);
  const api = await k.token('administrator');
  const evil = '=HYPERLINK("http://x.example","click")';
  await api.must(201, 'POST', '/customers', { identities: [{ type: 'email', value: 'eve@shop.example' }, { type: 'phone', value: '+442079460018' }], claims: { name: evil, city: '@SUM(A1)', company: 'A "B", C & D' } });
  const csv = (await api.ask('GET', '/customers/export')).text;
  assert.ok(csv.startsWith('\uFEFF'));
  assert.ok(csv.includes(`"'=HYPERLINK(""http://x.example"",""click"")"`), csv);
  assert.ok(csv.includes(`"'@SUM(A1)"`));
  assert.ok(csv.includes('+442079460018'));
  const file = path.join(k.data, 'all.csv');
  assert.equal((await k.run(['export', 'customers'])).replace(/^\uFEFF/, ''), csv.replace(/^\uFEFF/, ''));
  await k.run(['export', 'customers', '--out', file]);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const back = JSON.parse(await k.run(['import', 'customers', file, '--json']));
  assert.deepEqual([back.made, back.changed, back.same, back.rejected], [0, 0, 1, 0]);
  const lines = (await api.ask('GET', '/customers/export?format=ndjson')).body;
  assert.deepEqual([lines.length, lines[0].name, lines[0].phone], [1, evil, ['+442079460018']]);

  assert.equal((await api.get('/customers/export?wher=x')).status, 422);
  const wrong = await api.get('/customers/export?where=shoe%20%3D%201');
  assert.deepEqual([wrong.status, wrong.body.field], [422, 'where']);
  assert.equal((await api.get('/customers/export?where=orders%20%3E%203')).status, 200);
  const agent = await k.token('agent');
  assert.equal((await agent.get('/customers/export')).status, 403);
  assert.equal((await agent.get('/orders/export')).status, 403);
  assert.equal((await k.nobody().get('/customers/export')).status, 401);
  const audit = k.sql("SELECT COUNT(*) FROM audit WHERE action = 'export.customers'");
  assert.ok(Number(audit[0][0]) >= 4);
});

test('an upload is guessed, tried, run, and undone; orders and contacts too', async (t) => {
  const k = await house(t);
  const api = await k.token('manager');
  const made = await upload(api, 'customers', people(250));
  assert.equal(made.status, 201, made.text);
  assert.equal(made.body.state, 'ready');
  assert.deepEqual(made.body.map.columns.map((c) => c.to), ['external_id', 'given', 'family', 'phone', 'email', 'city', 'country']);
  const id = made.body.id;
  const look = await api.must(200, 'GET', `/imports/${id}/preview`);
  assert.deepEqual(look.rows[1].slice(0, 3), ['1', 'Pat 1', 'Lee']);
  assert.equal((await api.post(`/imports/${id}/undo`, {})).status, 409);
  await api.must(200, 'POST', `/imports/${id}/run`, { dry_run: true });
  const tried = await settled(api, id);
  assert.deepEqual([tried.state, tried.checked.made, tried.checked.rejected], ['ready', 250, 0]);
  assert.equal((await api.get('/customers?limit=1')).body.items.length, 0);
  await api.must(200, 'POST', `/imports/${id}/run`, {});
  assert.equal((await settled(api, id)).made, 250);

  const orders = await upload(api, 'orders', 'Order number;Date;Email;SKU;Item;Quantity;Price;Currency\nA1;2026-10-01;p1@shop.example;K;Kettle;2;25,00;EUR\nA1;2026-10-01;p1@shop.example;F;Filter;1;4,50;EUR\nA2;2026-10-02;p2@shop.example;K;Kettle;1;25,00;XYZ\n');
  await api.must(200, 'POST', `/imports/${orders.body.id}/run`, {});
  const taken = await settled(api, orders.body.id);
  assert.deepEqual([taken.rows, taken.made, taken.rejected], [3, 1, 1]);
  const calls = await upload(api, 'interactions', 'Ticket ID,Date,Email,Channel,Text\n9,2026-10-05 10:00,p1@shop.example,Phone call,Where is it?\n9,2026-10-05 10:00,p1@shop.example,Phone call,Where is it?\n');
  await api.must(200, 'POST', `/imports/${calls.body.id}/run`, {});
  assert.deepEqual([(await settled(api, calls.body.id)).made, (await settled(api, calls.body.id)).same], [1, 1]);

  for (const [one, left] of [[calls.body.id, 250], [orders.body.id, 250], [id, 0]]) {
    await api.must(200, 'POST', `/imports/${one}/undo`, {});
    const undone = await settled(api, one);
    assert.equal(undone.state, 'undone', undone.error);
    assert.equal(undone.stays, 0);
    assert.equal(Number(k.sql('SELECT COUNT(*) FROM customer')[0][0]), left);
  }
  assert.equal(Number(k.sql('SELECT COUNT(*) FROM identity_value')[0][0]), 0);
  await until(async () => (await api.must(200, 'GET', '/search?q=Pat')).items.length === 0, { ms: 10000, what: 'the search to forget them' });
});

test('a customer somebody has worked with since stays, and the import says so', async (t) => {
  const k = await house(t);
  const api = await k.token('administrator');
  const { body } = await upload(api, 'customers', people(3));
  await api.must(200, 'POST', `/imports/${body.id}/run`, {});
  await settled(api, body.id);
  const [[first]] = k.sql("SELECT customer_id FROM identity_owner o JOIN identity_value v ON v.id = o.value_id WHERE v.value = 'p1@shop.example'");
  const list = (await api.must(200, 'GET', '/customers')).items;
  assert.ok(first && list.length === 3);
  await api.must(201, 'POST', `/customers/${list[0].id}/notes`, { text: 'Called back' });
  await api.must(200, 'POST', `/imports/${body.id}/undo`, {});
  const undone = await settled(api, body.id);
  assert.deepEqual([undone.undone, undone.stays], [2, 1]);
});

test('what an import added to a known customer goes with it: handles, address, tags, texts', async (t) => {
  const k = await house(t);
  const api = await k.token('administrator');
  const { customer } = await api.must(201, 'POST', '/customers', { identities: [{ type: 'email', value: 'p1@shop.example' }], claims: { name: 'Pat' } });
  const before = await api.must(200, 'GET', `/customers/${customer.id}`);
  const { body } = await upload(api, 'customers', 'Email,Phone,Address,City,Tags\np1@shop.example,+447900000001,High Street 1,Leeds,vip list\n');
  await api.must(200, 'POST', `/imports/${body.id}/run`, {});
  assert.equal((await settled(api, body.id)).changed, 1);
  const filled = await api.must(200, 'GET', `/customers/${customer.id}`);
  assert.deepEqual([filled.identities.length, filled.addresses.length, filled.tags.length, filled.customer.city], [2, 1, 1, 'Leeds']);
  await api.must(200, 'POST', `/imports/${body.id}/undo`, {});
  const undone = await settled(api, body.id);
  assert.equal(undone.stays, 0);
  const after = await api.must(200, 'GET', `/customers/${customer.id}`);
  assert.deepEqual([after.identities.map((i) => i.value), after.addresses, after.tags, after.customer.city ?? ''], [before.identities.map((i) => i.value), [], [], '']);
});

test('uploads that are no form, too early cut, by the wrong people or of the wrong kind leave nothing behind', async (t) => {
  const k = await house(t);
  const api = await k.token('administrator');
  const agent = await k.token('agent');
  assert.equal((await api.post('/imports', 'a,b\n', { 'Content-Type': 'text/csv' })).status, 400);
  assert.equal((await upload(api, 'people', 'a,b\n')).status, 422);
  assert.equal((await upload(api, 'customers', '')).status, 422);
  assert.equal((await api.post('/imports', ...form([['file', 'a,b\n', 'x.csv'], ['kind', 'customers']]))).status, 422);
  assert.equal((await api.post('/imports', ...form([['kind', 'customers']]))).status, 400);
  assert.equal((await api.post('/imports', ...form([['kind', 'customers'], ['map', '{"colums": 1}'], ['file', 'Name\nA\n', 'x.csv']]))).status, 422);
  const late = await upload(agent, 'customers', Buffer.alloc(8 << 20, 'x')).catch((e) => ({ status: e.code }));
  assert.ok([403, 'EPIPE', 'ECONNRESET'].includes(late.status), `${late.status}`);
  assert.equal((await upload(agent, 'customers', 'Name\nA\n')).status, 403);
  assert.equal((await upload(k.nobody(), 'customers', 'Name\nA\n')).status, 401);
  const at = new URL(k.origin).host;
  const head = `POST /api/v1/imports HTTP/1.1\r\nHost: ${at}\r\nAuthorization: Bearer ${api.token}\r\nContent-Type: multipart/form-data; boundary=b\r\n`;
  const big = await raw(k.origin, `${head}Content-Length: 3000000000\r\n\r\n`);
  assert.match(big, /^HTTP\/1\.1 413 /);
  const start = '--b\r\nContent-Disposition: form-data; name="kind"\r\n\r\ncustomers\r\n--b\r\nContent-Disposition: form-data; name="file"; filename="x.csv"\r\n\r\nName\r\nAnna\r\n';
  await raw(k.origin, `${head}Content-Length: 100000\r\n\r\n${start}`, { ms: 500 });
  assert.equal((await api.get('/imports')).body.items.length, 0);
  if (!isPostgres) {
    const folder = path.join(k.data, 'imports');
    await until(() => !existsSync(folder) || readdirSync(folder).length === 0, { ms: 5000, what: 'the half file to go' });
  } else {
    await until(() => Number(k.sql('SELECT COUNT(*) FROM import_chunk')[0][0]) === 0, { ms: 5000, what: 'the half file to go' });
  }
  assert.equal((await api.get('/imports/imp_0000000000000')).status, 404);
});

test('an import that is cancelled stops between two batches, and goes on no more', async (t) => {
  const k = await house(t);
  const api = await k.token('administrator');
  const { body } = await upload(api, 'customers', people(20000));
  await api.must(200, 'POST', `/imports/${body.id}/run`, {});
  await until(async () => (await api.get(`/imports/${body.id}`)).body.rows > 0, { ms: 20000, what: 'the first batch' });
  await api.must(200, 'POST', `/imports/${body.id}/cancel`, {});
  const one = await settled(api, body.id);
  assert.equal(one.state, 'cancelled');
  assert.ok(one.rows > 0 && one.rows < 20000, `${one.rows}`);
  assert.equal(Number(k.sql('SELECT COUNT(*) FROM customer')[0][0]), one.made);
  await api.must(200, 'POST', `/imports/${body.id}/undo`, {});
  await settled(api, body.id);
  assert.equal(Number(k.sql('SELECT COUNT(*) FROM customer')[0][0]), 0);
});

test('a row of 10,000 columns, a cell of 100 MB and a NUL are named by their line, and the others come in', async (t) => {
  const k = await house(t);
  const file = path.join(k.data, 'odd.csv');
  const rows = [Buffer.from('Name,Email\nAnna,anna@shop.example\n'), Buffer.from(`${'x,'.repeat(10000)}\n`), Buffer.from('Bob,'), Buffer.alloc(100 << 20, 'y'), Buffer.from('\nC\0C,c@shop.example\nDora,dora@shop.example\n"never closed,e@shop.example\nFay,fay@shop.example\n')];
  writeFileSync(file, Buffer.concat(rows));
  const done = JSON.parse(await k.run(['import', 'customers', file, '--json', '--rejected', path.join(k.data, 'no.csv')]));
  assert.deepEqual([done.made, done.rejected], [3, 4]);
  const why = k.sql('SELECT line, why FROM import_reject ORDER BY line');
  assert.deepEqual(why.map(([line]) => Number(line)), [3, 4, 5, 7]);
  assert.match(why[0][1], /1,000 columns/);
  assert.match(why[1][1], /4 MB/);
  assert.match(why[2][1], /NUL/);
  assert.match(why[3][1], /never closed/);
});
