// Who may what: the matrix of role × row is read from the document that the program prints, and tried.
import test from 'node:test';
import assert from 'node:assert/strict';
import { house, roles } from './kith.mjs';

const noId = (name) => ({
  token: 'no-such-token', mark: 'vip', number: '0',
}[name] ?? 'cus_00000000000000');

// Every documented row with what it needs to be called: unknown ids, an empty body.
function rows(doc) {
  const all = [];
  for (const [path, methods] of Object.entries(doc.paths))
    for (const [method, op] of Object.entries(methods)) {
      const target = path.replace(/\{(\w+)\}/g, (_, name) => noId(name));
      all.push({ path, method: method.toUpperCase(), op, target: `/${target}`, isPublic: op.security?.length === 0 });
    }
  return all;
}

const call = (who, row) =>
  row.path.endsWith('/events')
    ? who.ask(row.method, `${row.target}?topics=nonsense`)
    : who.ask(row.method, row.target, ['POST', 'PUT', 'PATCH'].includes(row.method) ? {} : undefined);

test('each role reaches exactly the rows that the document names for it', async (t) => {
  const k = await house(t);
  await k.person('owner');
  const doc = (await k.nobody().get('/openapi.json')).body;
  const all = rows(doc).filter((r) => !r.isPublic);
  assert.ok(all.length > 25, `only ${all.length} rows are documented`);
  let allowed = 0, refused = 0;
  for (const role of roles) {
    const token = await k.token(role, ['read', 'write', 'intake', 'vouch', 'cti', 'admin', 'metrics']);
    for (const row of all) {
      if (row.op['x-session-only'] || row.path.endsWith('/events')) continue;
      const a = await call(token, row);
      const where = `${role} ${row.method} ${row.path}: ${a.status} ${a.text.slice(0, 200)}`;
      if (row.op['x-roles'].includes(role)) {
        assert.ok(a.status !== 401 && a.body?.reason !== 'GATE_ROLE', where);
        assert.ok(a.status < 500, where);
        allowed += 1;
      } else {
        assert.equal(a.status, 403, where);
        assert.equal(a.body.reason, 'GATE_ROLE', where);
        refused += 1;
      }
    }
  }
  assert.ok(allowed > 100 && refused > 50, `${allowed} allowed, ${refused} refused`);
});

test('nobody gets past a row that is not public, nor a token without its scope, nor a token where a person is wanted', async (t) => {
  const k = await house(t);
  await k.person('owner');
  const all = rows((await k.nobody().get('/openapi.json')).body).filter((r) => !r.isPublic);
  const useless = await k.token('owner', ['metrics']);
  const wrong = k.nobody();
  wrong.token = 'x'.repeat(43);
  for (const row of all) {
    const none = await call(k.nobody(), row);
    assert.equal(none.status, 401, `${row.method} ${row.path}: ${none.text}`);
    assert.equal(none.body.code, 'unauthenticated');
    const bad = await call(wrong, row);
    assert.ok(bad.status === 401 || bad.status === 429, `${row.method} ${row.path}: ${bad.text}`);
    const a = await call(useless, row);
    assert.equal(a.status, 403, `${row.method} ${row.path}: ${a.text}`);
    assert.ok(row.op['x-session-only'] ? a.body.reason === 'GATE_SESSION_ONLY' : /GATE_SCOPE|GATE_ROLE/.test(a.body.reason), a.text);
  }
});

test('a member no row knows is refused by its name, and nothing changes', async (t) => {
  const k = await house(t);
  const owner = await k.person('owner');
  const doc = (await k.nobody().get('/openapi.json')).body;
  const before = JSON.stringify(k.sql('SELECT * FROM staff ORDER BY id')) + JSON.stringify(k.sql('SELECT * FROM setting ORDER BY name'));
  const audit = k.sql('SELECT COUNT(*) FROM audit')[0][0];
  const tempting = ['role', 'class', 'risk', 'points', 'id', 'created_at', 'version', 'is_active', 'staff_id', '__proto__'];
  let tried = 0;
  for (const row of rows(doc)) {
    const schema = row.op.requestBody?.content?.['application/json']?.schema;
    if (!schema || row.method === 'GET' || row.path.includes('/cti/') || row.path.endsWith('/setup')) continue;
    for (const name of tempting) {
      if (Object.keys(schema.properties ?? {}).includes(name)) continue;
      const body = `{"${name}": "owner"}`;
      const a = await owner.ask(row.method, row.target, body);
      const where = `${row.method} ${row.path} with ${name}: ${a.status} ${a.text.slice(0, 200)}`;
      assert.ok([422, 404].includes(a.status), where);
      if (a.status === 422) assert.equal(a.body.field, name, where);
      tried += 1;
    }
  }
  assert.ok(tried > 50, `only ${tried} tries`);
  assert.equal(JSON.stringify(k.sql('SELECT * FROM staff ORDER BY id')) + JSON.stringify(k.sql('SELECT * FROM setting ORDER BY name')), before);
  assert.equal(k.sql('SELECT COUNT(*) FROM audit')[0][0], audit);
});

test('an administrator makes no owner, changes none, and a token makes none stronger than itself', async (t) => {
  const k = await house(t);
  const owner = await k.person('owner');
  const admin = await k.person('administrator');
  const refuse = async (who, method, target, body, reason) => {
    const a = await who.ask(method, target, body);
    assert.equal(a.status, 403, a.text);
    assert.equal(a.body.reason, reason);
  };
  await refuse(admin, 'POST', '/staff', { email: 'x@kith.example', name: 'X', role: 'owner' }, 'STAFF_ROLE_GIVE');
  await refuse(admin, 'PATCH', `/staff/${admin.staff.id}`, { role: 'owner' }, 'STAFF_ROLE_GIVE');
  await refuse(admin, 'PATCH', `/staff/${owner.staff.id}`, { password: 'quite another lamp 9' }, 'STAFF_OWNER_TOUCH');
  await refuse(admin, 'PATCH', `/staff/${owner.staff.id}`, { is_active: false }, 'STAFF_OWNER_TOUCH');
  await refuse(admin, 'POST', '/tokens', { name: 'x', role: 'owner', scopes: ['read'] }, 'STAFF_ROLE_GIVE');
  const weak = await k.token('administrator', ['admin']);
  await refuse(weak, 'POST', '/tokens', { name: 'x', role: 'manager', scopes: ['read'] }, 'TOKEN_MORE');
});

test('the last owner cannot be demoted or shut out, not even by two owners who do it to each other at once', async (t) => {
  const k = await house(t);
  const one = await k.person('owner');
  const alone = await one.patch(`/staff/${one.staff.id}`, { role: 'manager' });
  assert.equal(alone.status, 409);
  assert.equal(alone.body.reason, 'STAFF_LAST_OWNER');
  assert.equal((await one.patch(`/staff/${one.staff.id}`, { is_active: false })).status, 409);
  assert.equal((await k.command(['user', 'disable', '--email', one.staff.email])).status, 1);

  for (let round = 0; round < 5; round++) {
    const two = await k.person('owner');
    const both = await Promise.all([
      one.patch(`/staff/${two.staff.id}`, { role: 'manager' }),
      two.patch(`/staff/${one.staff.id}`, { role: 'manager' }),
    ]);
    const owners = k.sql("SELECT email FROM staff WHERE role = 'owner' AND is_active = 1");
    assert.equal(owners.length, 1, both.map((a) => a.text).join(' '));
    if (owners[0][0] !== one.staff.email) { // the other one stayed: give it back
      assert.equal((await two.patch(`/staff/${one.staff.id}`, { role: 'owner' })).status, 200);
      assert.equal((await two.patch(`/staff/${two.staff.id}`, { role: 'agent' })).status, 200);
      Object.assign(one, await k.logIn(one.staff.email));
    }
  }
});

test('the audit list is for the owner, the administrator and the privacy officer, and pages back to the beginning', async (t) => {
  const k = await house(t);
  const owner = await k.person('owner');
  const privacy = await k.person('privacy');
  const operator = await k.person('operator');
  assert.equal((await operator.get('/audit')).status, 403);
  for (let i = 0; i < 5; i++) await owner.must(200, 'PATCH', '/me', { name: `Olga ${i}` });
  const seen = [];
  let cursor = '';
  do {
    const page = await privacy.must(200, 'GET', `/audit?limit=3${cursor}`);
    assert.ok(page.items.length <= 3);
    seen.push(...page.items);
    cursor = page.next && `&cursor=${encodeURIComponent(page.next)}`;
  } while (cursor);
  assert.equal(seen.length, Number(k.sql('SELECT COUNT(*) FROM audit')[0][0]));
  assert.equal(seen.filter((l) => l.action === 'staff.change' && l.actor.name === 'Olga 4').length, 5);
  assert.equal(seen.at(-1).action, 'staff.add');
  const mine = await privacy.must(200, 'GET', `/audit?staff=${owner.staff.id}`);
  assert.ok(mine.items.every((l) => l.actor.id === owner.staff.id));
  assert.equal((await privacy.get('/audit?cursor=nonsense')).body.field, 'cursor');
});
