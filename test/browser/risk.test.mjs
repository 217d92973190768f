// Risk: a doubtful sign-up waits for a person, who sees the signs and decides; weights are changed after a look; the block list.
import test from 'node:test';
import assert from 'node:assert/strict';
import { house } from '../stories/kith.mjs';
import { accessible, clean, fits, open } from './browser.mjs';

async function doubtful(t) {
  const k = await house(t);
  await k.person('owner');
  const officer = await k.person('risk', { name: 'Hugo Lambert' });
  await officer.must(201, 'POST', '/risk/blocks', { kind: 'device', value: 'device-of-before', reason: 'three charge-backs' });
  const screened = await officer.must(200, 'POST', '/screen', { id: 'signup-1', customer: { name: 'Qwrt Zxcv', email: 'buyer@kith.example', country: 'GB' }, device: 'device-of-before', payment: { method: 'card', card_name: 'Somebody Else', card_country: 'US' } });
  assert.ok(screened.risk >= 67, JSON.stringify(screened));
  return { k, officer };
}

test('the risk officer reviews who waits, sees the signs with their points, and his verdict is kept', async (t) => {
  const { k, officer } = await doubtful(t);
  const page = await open(t, k, officer);
  await page.goto('/risk');
  await page.getByRole('button', { name: 'Review Qwrt Zxcv' }).click();
  const dialog = page.getByRole('dialog', { name: 'Qwrt Zxcv' });
  await dialog.getByText(/^High · \d+ of 100/).waitFor();
  await dialog.getByText('On the block list').first().waitFor();
  await dialog.getByText(/^Not known: /).waitFor();
  await accessible(page, 'a review');
  await dialog.getByLabel('Why').fill('the device is known to us');
  await dialog.getByRole('button', { name: 'Fraud', exact: true }).click();
  await page.getByText('Nothing waits for review.').waitFor();
  await page.getByRole('tab', { name: 'Decided' }).click();
  await page.getByText('the device is known to us').waitFor();
  await accessible(page, 'what was decided');
  await fits(page, 'what was decided');
  await clean(page);
});

test('weights are looked at before they are kept, values go on and off the block list, and ways to pay are the company’s', async (t) => {
  const { k, officer } = await doubtful(t);
  const page = await open(t, k, officer);
  await page.goto('/risk');
  await page.getByRole('tab', { name: 'Signs and weights' }).click();
  const points = page.getByRole('spinbutton').first(), before = Number(await points.inputValue());
  await points.fill(String(before + 5));
  await page.getByRole('button', { name: 'What would change' }).click();
  await page.getByText(/Nobody’s level would change|→/).waitFor();
  await accessible(page, 'a weight and what it would change');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText(`as shipped: ${before}`).waitFor();
  await fits(page, 'signs and weights');

  await page.getByRole('tab', { name: 'Block list' }).click();
  await page.getByText('three charge-backs').waitFor();
  await page.getByLabel('Value').fill('Bad@Kith.example');
  await page.getByLabel('Reason').fill('says so himself');
  await page.getByRole('button', { name: 'Put on the list' }).click();
  await page.getByText('bad@kith.example').waitFor();
  await accessible(page, 'the block list');
  await page.getByRole('button', { name: 'Take bad@kith.example off the list' }).click();
  await page.getByText('It was taken off the list.').waitFor();

  await page.getByRole('tab', { name: 'Ways to pay' }).click();
  await page.getByText('WebMoney', { exact: true }).waitFor();
  await page.getByLabel('Name').fill('Gift voucher');
  await page.getByLabel('Code (as the shop sends it)').fill('voucher');
  await page.getByRole('button', { name: 'Add a way to pay' }).click();
  await page.getByRole('listitem').getByText('Gift voucher').waitFor();
  await accessible(page, 'ways to pay');
  await fits(page, 'ways to pay');
  await clean(page);
});

test('a complaint is written down on the record, waits on Today and on the Risk page, and counts once it is confirmed', async (t) => {
  const { k, officer } = await doubtful(t);
  const operator = await k.person('operator', { name: 'Sara Jones' });
  const { id } = (await operator.must(201, 'POST', '/customers', { claims: { name: 'Ann Ash' }, identities: [{ type: 'email', value: 'ann@kith.example' }] })).customer;
  const desk = await open(t, k, operator);
  await desk.goto(`/customers/${id}`);
  const part = desk.getByRole('region', { name: 'Complaints about this customer' });
  await part.scrollIntoViewIfNeeded();
  await part.getByText('Nobody has complained.').waitFor();
  await part.getByRole('button', { name: 'Record a complaint' }).click();
  await part.getByLabel('What is said against this customer').fill('She sold our lamps as her own.');
  await part.getByLabel('Who complains').fill('Mr Pohl');
  await accessible(desk, 'a complaint');
  await part.getByRole('button', { name: 'Save' }).click();
  await part.getByText('She sold our lamps as her own.').waitFor();
  assert.equal(await part.getByRole('button', { name: 'Record a complaint' }).evaluate((e) => e === document.activeElement), true);
  assert.equal(await part.getByRole('button', { name: 'Confirm: it counts' }).count(), 0);
  await clean(desk);

  const page = await open(t, k, officer);
  await page.goto('/');
  await page.getByRole('link', { name: 'Review Qwrt Zxcv' }).waitFor();
  assert.equal(await page.getByText('Nothing waits for you now.').count(), 0);
  await accessible(page, 'what waits for the risk officer');
  await page.getByRole('link', { name: 'Review Qwrt Zxcv' }).click(); // to this one, not to the list
  await page.getByRole('dialog', { name: 'Qwrt Zxcv' }).getByText(/^High · \d+ of 100/).waitFor();
  await page.keyboard.press('Escape');
  await page.keyboard.press('[');
  await page.getByRole('link', { name: 'Review Ann Ash' }).click();
  assert.equal(await page.getByRole('tab', { name: 'Complaints' }).getAttribute('aria-selected'), 'true');
  const row = page.getByRole('listitem').filter({ hasText: 'Ann Ash' });
  await row.getByText('by Mr Pohl').waitFor();
  await accessible(page, 'complaints');
  await row.getByLabel('Note').fill('three buyers say the same');
  await row.getByRole('button', { name: 'Confirm: it counts' }).click();
  await page.getByText('No complaint waits for a decision.').waitFor();
  await fits(page, 'complaints');
  const [report] = (await officer.must(200, 'GET', `/customers/${id}/abuse-reports`)).items;
  assert.deepEqual([report.state, report.note, report.name], ['confirmed', 'three buyers say the same', 'Ann Ash']);
  await clean(page);
});
