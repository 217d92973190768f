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
