// What kind of customer somebody is: the reasons on his record, a correction, and the rules behind it with what a change would do.
import test from 'node:test';
import assert from 'node:assert/strict';
import { house, until } from '../stories/kith.mjs';
import { accessible, clean, fits, open } from './browser.mjs';

async function people(t) {
  const k = await house(t);
  await k.person('owner');
  const boss = await k.person('manager', { name: 'Dana Sommer' });
  const ids = [];
  for (const n of [0, 1]) {
    const { id } = (await boss.must(201, 'POST', '/customers', { claims: { name: `Ann ${n}`, city: 'Leeds', country: 'GB' }, identities: [{ type: 'phone', value: `+44 20 7946 010${n}` }, { type: 'email', value: `ann${n}@kith.example` }] })).customer;
    for (const order of [0, 1, 2]) await boss.must(201, 'POST', '/orders', { number: `J-${n}-${order}`, customer: id, currency: 'EUR', lines: [{ sku: 'L-1', name: 'Lantern', quantity: 1, price: 1000 }] });
    ids.push(id);
  }
  await until(async () => (await boss.must(200, 'GET', `/customers/${ids[1]}/judgement`)).class.leading === 'regular', { what: 'the judgement', ms: 30000 });
  return { k, boss, ids };
}

test('the record says what kind of customer it is, opens the reasons, and takes a correction that leads until it is taken back', async (t) => {
  const { k, boss, ids } = await people(t);
  const page = await open(t, k, boss);
  await page.goto(`/customers/${ids[0]}`);
  const panel = page.locator('section', { has: page.getByRole('heading', { name: 'Customer type' }) });
  await panel.getByText('Ordinary customer').waitFor();
  await panel.getByRole('button', { name: 'Why?' }).click();
  const dialog = page.getByRole('dialog', { name: 'Customer type' });
  await dialog.getByText('Telephone and e-mail are known').waitFor();
  await dialog.getByText('Country and city are known').waitFor();
  await dialog.getByRole('button', { name: 'Correct' }).click();
  await dialog.getByLabel('What is right?').selectOption({ label: 'Likes to talk' });
  await dialog.getByLabel('Reason').fill('an hour about her garden');
  await accessible(page, 'a correction');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.getByText(/Dana Sommer said so on .*: an hour about her garden/).waitFor();
  await dialog.getByRole('button', { name: 'Let the rules decide again' }).waitFor();
  await accessible(page, 'the reasons');
  await page.keyboard.press('Escape');
  await panel.getByText('Likes to talk').waitFor();
  await page.locator('h1').locator('..').getByText('Likes to talk').waitFor();
  await page.getByText('Be patient').waitFor();

  await panel.getByRole('button', { name: 'Why?' }).click();
  await dialog.getByRole('button', { name: 'Let the rules decide again' }).click();
  await dialog.getByRole('button', { name: 'Let the rules decide again' }).waitFor({ state: 'detached' });
  assert.equal((await boss.must(200, 'GET', `/customers/${ids[0]}/judgement`)).class.leading, 'regular');
  await clean(page);
});

test('a manager changes a rule, sees beforehand who would change, and everybody is looked at anew', async (t) => {
  const { k, boss, ids } = await people(t);
  const page = await open(t, k, boss);
  await page.goto('/settings/types');
  const type = page.getByRole('region', { name: 'Price-minded' });
  await type.getByRole('button', { name: 'New rule for “Price-minded”' }).click();
  const form = type.getByRole('form', { name: 'New rule for “Price-minded”' });
  await form.getByLabel('What people read').fill('Lives in Leeds');
  await form.getByRole('button', { name: 'Write it as text' }).click();
  await form.getByRole('textbox', { name: 'When it holds' }).fill('city = Leeds');
  await form.getByLabel('Points').fill('90');
  await form.getByRole('button', { name: 'What would change' }).click();
  await form.getByText('The rule holds for 2 customers.').waitFor();
  await form.getByText('“Price-minded”: 2 would come in, 0 would leave').waitFor();
  await form.getByRole('link', { name: 'Ann 1' }).waitFor();
  await accessible(page, 'a rule and what it would change');
  await fits(page, 'a rule and what it would change');
  await form.getByRole('button', { name: 'Save' }).click();
  await type.getByText('Lives in Leeds').waitFor();
  await until(async () => (await boss.must(200, 'GET', `/customers/${ids[1]}/judgement`)).class.leading === 'freeloader', { what: 'the new judgement', ms: 30000 });

  await type.getByRole('button', { name: 'Edit Lives in Leeds' }).click();
  const edit = type.getByRole('form', { name: 'Edit Lives in Leeds' });
  await edit.getByLabel('Points').fill('900');
  await edit.getByRole('button', { name: 'Cancel' }).click();
  await type.getByRole('button', { name: 'Thresholds and advice: Price-minded' }).click();
  const limits = type.getByRole('form', { name: 'Thresholds and advice: Price-minded' });
  await limits.getByLabel('Advice').fill('Offer the short answer first.');
  await accessible(page, 'thresholds');
  await limits.getByRole('button', { name: 'Save' }).click();
  await type.getByText('Offer the short answer first.').waitFor();
  await clean(page);
});

test('what a rule goes by stands under it, with the day and the message, and no key of a type is read on the screen', async (t) => {
  const { k, boss, ids } = await people(t);
  const says = (source_id, text) => boss.must(200, 'POST', '/intake', { channel: 'email', direction: 'in', source_id, identities: [{ type: 'email', value: 'ann0@kith.example' }], claims: {}, text });
  await boss.must(200, 'PUT', '/competitors', { names: ['Lamplight & Co'] });
  await says('m-1', 'Could you do it cheaper?');
  await says('m-2', 'Give me a discount, and next time I will order more.');
  await boss.must(200, 'POST', `/customers/${ids[0]}/impression`, { impression: 'freeloader' });
  await until(async () => (await boss.must(200, 'GET', `/customers/${ids[0]}/evidence`)).asked_discount === 2, { what: 'the reading', ms: 30000 });
  await until(async () => (await boss.must(200, 'GET', `/customers/${ids[0]}/judgement`)).class.leading === 'freeloader', { what: 'the judgement', ms: 30000 });
  const page = await open(t, k, boss);
  await page.goto(`/customers/${ids[0]}`);
  const panel = page.locator('section', { has: page.getByRole('heading', { name: 'Customer type' }) });
  await panel.getByRole('button', { name: 'Why?' }).click();
  const dialog = page.getByRole('dialog', { name: 'Customer type' });
  const rule = dialog.getByRole('listitem').filter({ hasText: 'Asks for a discount' }).filter({ hasText: '+30' });
  await rule.getByText(/^asked for a discount, .*“cheaper|^asked for a discount, /).first().waitFor();
  const read = rule.getByRole('button', { name: /^Read: asked for a discount, / });
  assert.equal(await read.count(), 2);
  await read.last().click();
  await rule.getByText('Could you do it cheaper?').waitFor();
  assert.equal(await read.last().getAttribute('aria-expanded'), 'true');
  await accessible(page, 'the message behind a rule');
  await read.last().click();
  await rule.getByText('Could you do it cheaper?').waitFor({ state: 'detached' });
  await dialog.getByText(/^impression of Dana Sommer: Price-minded, /).waitFor();
  await dialog.getByText('A colleague\'s impression, 180 days is “Price-minded” · known: Price-minded').waitFor();
  assert.doesNotMatch(await dialog.textContent(), /freeloader|[a-z]_[a-z]|[*]|\.\. /);
  await clean(page);
});

test('a manager keeps the names of competitors beside the types; who only looks after risk reads them', async (t) => {
  const k = await house(t);
  await k.person('owner');
  const boss = await k.person('manager');
  const officer = await k.person('risk');
  const page = await open(t, k, boss);
  await page.goto('/settings/types');
  const part = page.getByRole('region', { name: 'Competitors' });
  const names = part.getByLabel('Names as customers write them, one on each line');
  assert.equal(await part.getByRole('button', { name: 'Save' }).isDisabled(), true);
  await names.fill('  Lamplight & Co \n\nx');
  await part.getByRole('button', { name: 'Save' }).click();
  await part.getByRole('alert').waitFor();
  await accessible(page, 'a name that is too short');
  await names.fill('  Lamplight & Co \n\nBright Attic');
  await part.getByRole('button', { name: 'Save' }).click();
  await page.getByText('Kept. New messages are read with it.').waitFor();
  assert.deepEqual((await boss.must(200, 'GET', '/competitors')).names, ['Lamplight & Co', 'Bright Attic']);
  await fits(page, 'competitors');
  await clean(page);

  const reader = await open(t, k, officer);
  await reader.goto('/settings/types');
  await reader.getByText('Lamplight & Co, Bright Attic').waitFor();
  assert.equal(await reader.getByRole('region', { name: 'Competitors' }).getByRole('textbox').count(), 0);
  await clean(reader);
});
