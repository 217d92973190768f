// The pages of those who watch over the house: who saw whose record, and how safe the house is.
import test from 'node:test';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { bin, house, isPostgres, until } from '../stories/kith.mjs';
import { accessible, clean, fits, open } from './browser.mjs';

async function seen(k) {
  const owner = await k.person('owner', { name: 'Olga Berg' });
  const agent = await k.person('agent', { name: 'Sara Jones' });
  const { customer } = await agent.must(201, 'POST', '/customers', { identities: [{ type: 'email', value: 'ann@example.com' }] });
  await agent.must(200, 'PATCH', `/customers/${customer.id}`, { name: 'Ann Lee', city: 'Osaka' });
  await agent.must(200, 'GET', `/customers/${customer.id}/card`);
  await k.run(['export', 'customers', '--out', `${k.data}/x.csv`]);
  await until(async () => (await owner.get('/audit/people')).body.items.length > 0, { what: 'the count', ms: 30000 });
  return { owner, agent, id: customer.id };
}

test('the privacy officer finds the own page from Today, with words for what was done; who has no page yet is told so', async (t) => {
  const k = await house(t);
  const owner = await k.person('owner', { name: 'Olga Berg' });
  const privacy = await k.person('privacy', { name: 'Ines Duarte' });
  const branch = await k.person('branch');
  const { customer } = await owner.must(201, 'POST', '/customers', { identities: [{ type: 'email', value: 'ann@example.com' }] });
  await owner.must(201, 'POST', `/customers/${customer.id}/tasks`, { title: 'Ring', kind: 'call_back' });
  await owner.must(200, 'PATCH', `/customers/${customer.id}`, { city: 'Osaka' });
  const page = await open(t, k, privacy);
  await page.goto('/');
  await page.locator('main').getByRole('link', { name: 'Who did what' }).click();
  const table = page.getByRole('table', { name: 'Who did what' });
  await table.getByText('Call back', { exact: true }).waitFor();
  await table.getByText('Town', { exact: true }).waitFor();
  assert.doesNotMatch(await table.textContent(), /call_back|todo|[a-z]_[a-z]/);
  await accessible(page, 'who did what, in words');
  await clean(page);
  const other = await open(t, k, branch);
  await other.goto('/');
  await other.getByText('There is no page for branches yet.').waitFor();
  await accessible(other, 'today of a branch');
  await clean(other);
});

test('from a record to who saw it, by keys; what is asked stands in the address', async (t) => {
  const k = await house(t);
  const s = await seen(k);
  const page = await open(t, k, s.owner);
  await page.goto(`/customers/${s.id}`);
  await page.getByRole('link', { name: 'Who saw it' }).focus();
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Who saw the record of Ann Lee' }).waitFor();
  const table = page.getByRole('table', { name: 'Who did what' });
  await table.getByText('saw a customer').first().waitFor();
  await table.getByText(/^!?held this record$/).waitFor();
  await accessible(page, 'who saw a record');
  await page.getByLabel('What', { exact: true }).selectOption('change');
  await page.waitForURL(/act=change/);
  await table.getByText('changed a customer').waitFor();
  await table.getByText('saw a customer').first().waitFor({ state: 'detached' });
  await page.reload();
  await table.getByText('changed a customer').waitFor();
  await page.getByRole('link', { name: 'Ask anew' }).click();
  await page.getByRole('heading', { name: 'Records seen today' }).waitFor();
  await page.getByRole('link', { name: 'Sara Jones' }).first().click();
  await page.waitForURL(/actor=stf_/);
  await clean(page);
});

test('the limit of records a day is set on the page, and the narrow and the dark page stand', async (t) => {
  const k = await house(t);
  const s = await seen(k);
  const page = await open(t, k, s.owner, { width: 390, height: 844, theme: 'dark' });
  await page.goto('/settings/audit');
  await page.getByLabel(/Tell the audit/).fill('40');
  await page.getByRole('button', { name: 'Save' }).click();
  await until(async () => (await s.owner.get('/settings')).body.views_alert === 40, { what: 'the limit' });
  await fits(page, 'audit at 390');
  await accessible(page, 'audit, narrow and dark');
  await page.goto('/settings/security');
  await page.getByText(/^looked at \d/).waitFor();
  await fits(page, 'security at 390');
  await accessible(page, 'security, narrow and dark');
  await clean(page);
});

test('the security page says what to do, and tries the recovery key', async (t) => {
  const k = await house(t);
  const owner = await k.person('owner');
  const page = await open(t, k, owner);
  await page.goto('/settings/security');
  const line = page.locator('li', { hasText: 'Recovery key' }).last();
  await line.getByText('Nobody has checked the recovery key since the keys were made or changed.').waitFor();
  await accessible(page, 'security');
  await page.getByLabel(/Recovery key, as it stands/).fill('AAAAA-BBBBB');
  await page.getByRole('button', { name: 'Try it' }).press('Enter');
  await page.getByText('This is not the recovery key of this installation.').waitFor();
  await page.getByRole('button', { name: 'Look again' }).click();
  await page.getByText(/^looked at \d/).waitFor();
  await clean(page);
});

test('the recovery key is tried on the security page; restored, a house says on every page that nothing is sent until somebody releases it', { skip: isPostgres }, async (t) => {
  const k = await house(t);
  const recovery = /^kith: {5}((?:[0-9A-Z]{4}-){8}[0-9A-Z]{4})$/m.exec(k.log)[1];
  const owner = await k.person('owner', { email: 'o@kith.example' });
  const page = await open(t, k, owner);
  await page.goto('/settings/security');
  await page.getByLabel(/Recovery key, as it stands/).fill(recovery.toLowerCase());
  await page.getByRole('button', { name: 'Try it' }).press('Enter');
  await page.getByText('The recovery key fits').waitFor();
  await page.getByText('The recovery key was checked today.').waitFor();
  await clean(page);

  const at = mkdtempSync(path.join(os.tmpdir(), 'kith-restored-'));
  t.after(() => rmSync(at, { recursive: true, force: true }));
  await k.run(['backup', '--to', path.join(at, 'copy.kith')]);
  const restored = spawnSync(bin, ['restore', '--from', path.join(at, 'copy.kith'), '--data', path.join(at, 'back'), '--key-file', `${k.data}.key`], { encoding: 'utf8' });
  assert.equal(restored.status, 0, restored.stderr);
  const r = await house(t, { data: path.join(at, 'back'), env: { KITH_KEY_FILE: `${k.data}.key` } });
  const there = await open(t, r, await r.logIn('o@kith.example'));
  const banner = there.getByRole('status').filter({ hasText: 'This installation was restored from a backup: nothing is sent.' });
  for (const where of ['/settings/security', '/customers']) {
    await there.goto(where);
    await banner.waitFor();
  }
  await accessible(there, 'a restored house');
  await banner.getByRole('button', { name: 'Release sending' }).focus();
  await there.keyboard.press('Enter');
  await banner.waitFor({ state: 'detached' });
  await there.goto('/settings/security');
  await there.getByText(/^looked at \d/).waitFor();
  assert.equal(await banner.count(), 0);
  assert.equal((await (await r.logIn('o@kith.example')).get('/session')).body.sending_held, '');
  await clean(there);
});
