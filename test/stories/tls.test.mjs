// From outside: TLS of one's own, or a listed proxy in front.
import test from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { house, passPhrase, sleep, until } from './kith.mjs';

function certificate(k, name) {
  const cert = path.join(k.data, 'cert.pem'), key = path.join(k.data, 'key.pem');
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '30', '-subj',
    `/CN=${name}`, '-keyout', key, '-out', cert], { stdio: 'ignore' });
  return ['--tls-cert', cert, '--tls-key', key];
}

test('over TLS the cookie is bound to this host and to TLS, and the certificate is read again on SIGHUP', async (t) => {
  const k = await house(t);
  await k.person('owner', { email: 'o@kith.example' });
  await k.stop();
  await k.start({ args: certificate(k, 'first.example') });
  assert.match(k.origin, /^https:/);
  const a = await k.nobody().post('/session', { email: 'o@kith.example', password: passPhrase });
  assert.equal(a.status, 200);
  assert.match(a.headers['set-cookie'][0], /^__Host-kith=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=604800; Secure$/);
  assert.match(a.headers['strict-transport-security'], /max-age=\d+/);
  assert.equal(a.certificate.subject.CN, 'first.example');
  const owner = await k.logIn('o@kith.example');
  assert.equal((await owner.patch('/me', { name: 'Olga' })).status, 200);
  assert.equal((await owner.patch('/me', { name: 'Olga' }, { Origin: k.origin.replace('https', 'http') })).status, 403);
  const plain = a.headers['set-cookie'][0].split(';')[0].replace('__Host-', '');
  assert.equal((await k.nobody().get('/session', { Cookie: plain })).status, 401);

  certificate(k, 'second.example');
  k.process.kill('SIGHUP');
  await until(async () => (await k.nobody().get('//healthz')).certificate.subject.CN === 'second.example', { what: 'the new certificate' });
  assert.equal((await owner.get('/session')).status, 200);
});

test('a listed proxy tells who the client is and that it spoke TLS; others are not believed', async (t) => {
  const k = await house(t);
  const owner = await k.person('owner', { email: 'o@kith.example' });
  await owner.get('/session');
  const told = { 'X-Forwarded-For': '203.0.113.9', 'X-Forwarded-Proto': 'https' };
  const body = { email: 'o@kith.example', password: passPhrase };
  const unbelieved = await k.nobody().post('/session', body, told);
  assert.match(unbelieved.headers['set-cookie'][0], /^kith=/);
  await k.stop();

  await k.start({ args: ['--proxy', '127.0.0.1'] });
  const a = await k.nobody().post('/session', body, told);
  assert.match(a.headers['set-cookie'][0], /^__Host-kith=.*; Secure$/);
  const back = await k.nobody().get('/sessions', { ...told, Cookie: a.headers['set-cookie'][0].split(';')[0] });
  assert.deepEqual(back.body.items.map((s) => s.peer), ['203.0.113.9', '127.0.0.1', '127.0.0.1']);
  assert.equal((await k.nobody().get('//metrics', told)).status, 401);
  // budgets are the client's, not the proxy's
  const guess = (ip) => k.nobody().post('/session', { ...body, password: 'a wrong guess again' }, { 'X-Forwarded-For': ip });
  const seen = [];
  for (let i = 0; i < 12; i++) seen.push((await guess('198.51.100.1')).status);
  assert.equal(seen.at(-1), 429);
  assert.equal((await guess('198.51.100.2')).status, 401);
  assert.equal((await guess('evil, 198.51.100.1')).status, 429); // the right-most hop counts, not what the client wrote
  await sleep(10);
});
