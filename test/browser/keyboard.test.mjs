// Without a mouse: a rule of a type changed after a look at what it would do, a review decided, a file imported. (The call, the
// table, segments and filters have their own in calls, customers and segments.)
import test from 'node:test';
import assert from 'node:assert/strict';
import { house, until } from '../stories/kith.mjs';
import { clean, open } from './browser.mjs';

/** Tab until it has the focus, and the focus is seen. */
async function reach(page, what) {
  await what.waitFor();
  for (let i = 0; i < 150; i++) {
    if (await what.evaluate((e) => e === document.activeElement)) {
      const ring = await what.evaluate((e) => [e, e.nextElementSibling, e.parentElement].some((x) => x && getComputedStyle(x).outlineStyle !== 'none'));
      assert.ok(ring, 'its focus is seen');
      return;
    }
    await page.keyboard.press('Tab');
  }
  assert.fail(`not reached by Tab: ${what}`);
}
async function press(page, what, key = 'Enter') {
  await reach(page, what);
  await page.keyboard.press(key);
}

test('a rule of a type is changed by keyboard, with a look at what it would do', async (t) => {
  const k = await house(t);
  await k.person('owner');
  const boss = await k.person('manager');
  const page = await open(t, k, boss);
  await page.goto('/settings/types');
  await press(page, page.getByRole('button', { name: 'Edit Country and city are known' }));
  const form = page.getByRole('form', { name: 'Edit Country and city are known' });
  await reach(page, form.getByLabel('Points'));
  await page.keyboard.press('Control+A');
  await page.keyboard.type('17');
  await press(page, form.getByRole('button', { name: 'What would change' }));
  await form.getByText('The rule holds for nobody now.').or(form.getByText(/^The rule holds for/)).first().waitFor();
  await press(page, form.getByRole('button', { name: 'Save' }));
  await page.getByText('+17 points').waitFor();
  assert.equal(await page.getByRole('button', { name: 'Edit Country and city are known' }).evaluate((e) => e === document.activeElement), true, 'the focus is back');
  await clean(page);
});

test('a review is opened from Today and decided by keyboard', async (t) => {
  const k = await house(t);
  await k.person('owner');
  const officer = await k.person('risk');
  await officer.must(201, 'POST', '/risk/blocks', { kind: 'device', value: 'device-of-before', reason: 'three charge-backs' });
  await officer.must(200, 'POST', '/screen', { id: 'signup-1', customer: { name: 'Qwrt Zxcv', email: 'buyer@kith.example', country: 'GB' }, device: 'device-of-before', payment: { method: 'card', card_name: 'Somebody Else', card_country: 'US' } });
  await until(async () => (await officer.must(200, 'GET', '/risk/queue')).items.length === 1, { what: 'the review' });
  const page = await open(t, k, officer);
  await page.goto('/');
  await press(page, page.getByRole('link', { name: 'Review Qwrt Zxcv' }));
  const dialog = page.getByRole('dialog', { name: 'Qwrt Zxcv' });
  await dialog.locator('textarea:focus').waitFor();
  await page.keyboard.type('known to us');
  await press(page, dialog.getByRole('button', { name: 'Fraud', exact: true }));
  await page.getByText('Nothing waits for review.').waitFor();
  assert.equal((await officer.must(200, 'GET', '/risk/queue?state=decided')).items[0].note, 'known to us');
  await clean(page);
});

test('a file is imported by keyboard', async (t) => {
  const k = await house(t);
  await k.person('owner');
  const page = await open(t, k, await k.person('administrator'));
  await page.goto('/settings/import');
  const field = page.getByLabel('CSV file');
  const chooser = page.waitForEvent('filechooser', { timeout: 30000 }); // asked for before the key: the browser must know that we take it
  await reach(page, field);
  await page.keyboard.press('Enter');
  await (await chooser).setFiles({ name: 'people.csv', mimeType: 'text/csv', buffer: Buffer.from('Full name,Mail\r\nBob Jones,bob@shop.example\r\n') });
  await page.getByText('people.csv').waitFor();
  await press(page, page.getByRole('button', { name: 'Upload' }));
  await page.getByRole('heading', { name: 'Columns' }).waitFor();
  await press(page, page.getByRole('button', { name: 'Try it (dry run)' }));
  await page.getByRole('heading', { name: 'What the dry run found' }).waitFor();
  await clean(page);
});
