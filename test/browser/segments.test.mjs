// Segments: written with completion and the nearest name, counted while typing, kept, changed, taken away and brought back.
import test from 'node:test';
import assert from 'node:assert/strict';
import { house } from '../stories/kith.mjs';
import { accessible, clean, fits, open } from './browser.mjs';

test('a manager writes a segment, is told the nearest name, sees the count and who is in it', async (t) => {
  const k = await house(t);
  await k.person('owner');
  const boss = await k.person('manager', { name: 'Dana Sommer' });
  for (const [i, city] of ['Leeds', 'Leeds', 'York'].entries())
    await boss.must(201, 'POST', '/customers', { claims: { name: `Ann ${i}`, city }, identities: [{ type: 'phone', value: `+44 20 7946 010${i}` }] });
  const page = await open(t, k, boss);

  await page.goto('/segments');
  await page.getByText('There are no segments yet').waitFor();
  await page.getByRole('button', { name: 'New segment' }).click();
  await page.getByLabel('Name').fill('Of Leeds');
  const area = page.getByLabel('Condition');
  await area.pressSequentially('last_con');
  await page.getByRole('button', { name: /^last_contact_at/ }).click();
  assert.equal(await area.inputValue(), 'last_contact_at');
  await area.fill('cty = leeds');
  await page.getByRole('button', { name: 'city', exact: true }).click();
  assert.equal(await area.inputValue(), 'city = leeds');
  await page.getByText('2 customers now').waitFor();
  await accessible(page, 'the segment being written');
  await page.getByRole('button', { name: 'Save' }).click();

  const row = page.getByRole('row', { name: /Of Leeds/ });
  await row.getByText('city = leeds').waitFor();
  await row.getByRole('cell', { name: '2', exact: true }).waitFor({ timeout: 30000 });
  await accessible(page, 'segments');
  await fits(page, 'segments');
  await row.getByRole('button', { name: 'Remove Of Leeds' }).click();
  await page.getByText('There are no segments yet').waitFor();
  await page.getByRole('button', { name: 'Undo' }).click();
  await row.getByText('city = leeds').waitFor();
  await row.getByRole('link', { name: 'Of Leeds' }).click();
  await page.getByText('Ann 0').first().waitFor();
  await clean(page);
});

test('an operator sees segments and changes none', async (t) => {
  const k = await house(t);
  await k.person('owner');
  const boss = await k.person('manager');
  const sara = await k.person('operator');
  await boss.must(201, 'POST', '/segments', { name: 'VIP', text: 'vip' });
  const page = await open(t, k, sara, { width: 390, height: 700 });
  await page.goto('/segments');
  await page.getByRole('link', { name: 'VIP' }).waitFor();
  assert.equal(await page.getByRole('button', { name: 'New segment' }).count(), 0);
  await fits(page, 'segments on a telephone');
  await clean(page);
});
