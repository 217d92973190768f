// Automations: a manager says when, and, then; sees what it would have done; it acts, and tells what it did; an administrator
// sends messages out, gets the secret once, sees what was given up and sends it again. At telephone width, light and dark.
import test from 'node:test';
import assert from 'node:assert/strict';
import http from 'node:http';
import { house, until } from '../stories/kith.mjs';
import { accessible, clean, fits, open } from './browser.mjs';

const order = (k, customer, n) => k.must(201, 'POST', '/orders', { number: `BR-${n}`, customer, currency: 'EUR', lines: [{ sku: 'L-1', name: 'Lantern', quantity: 1, price: 100 }] });
const shot = async (page, name) => process.env.KITH_SHOTS && page.screenshot({ path: `${process.env.KITH_SHOTS}/${name}.png`, fullPage: true });

test('a manager makes an automation by the form, sees what it would have done, and what it did; who is told sees it at once', async (t) => {
  const k = await house(t);
  await k.person('owner');
  const boss = await k.person('manager', { name: 'Dana Sommer' });
  const ann = (await boss.must(201, 'POST', '/customers', { claims: { name: 'Ann Lee', city: 'Dover' }, identities: [{ type: 'account', value: 'ann' }] })).customer.id;
  await order(boss, ann, 1);
  await boss.must(200, 'PATCH', `/customers/${ann}`, { owner: boss.staff.id });
  const page = await open(t, k, boss);
  await page.goto('/settings/automations');
  await page.getByText('There are no automations yet').waitFor();
  await accessible(page, 'no automations');
  await page.getByRole('button', { name: 'New automation' }).click();
  await page.getByLabel('Name', { exact: true }).fill('Thanks to Dover');
  await page.getByText('It would have acted once for 1 customer.').waitFor();
  await page.getByRole('button', { name: 'Add a condition', exact: true }).click();
  await page.locator('select[data-column]').first().selectOption('attribute city');
  await page.locator('#automation-condition input').first().fill('Dover');
  await until(async () => (await page.locator('#automation-condition .said').textContent()) === 'city = "Dover"', { what: 'the condition' });
  await page.getByText('It would have acted once for 1 customer.').waitFor();
  await page.locator('aside').getByText('Ann Lee').waitFor();

  const action = (n) => page.getByRole('group', { name: `Action ${n}` });
  await action(1).getByLabel('Tag', { exact: true }).fill('thanked');
  await page.getByRole('button', { name: 'Add an action' }).click();
  await action(2).getByLabel('What to do').selectOption('task');
  await action(2).getByLabel('What is to be done').fill('Say thank you');
  await action(2).getByLabel('Priority').selectOption('high');
  await action(2).getByLabel('Due in days').fill('2');
  await page.getByRole('button', { name: 'Add an action' }).click();
  await action(3).getByLabel('What to do').selectOption('notify');
  await action(3).getByLabel('What to say').fill('Dover has ordered');
  assert.equal(await action(3).getByLabel('What to do').locator('option[value=webhook]').count(), 0); // an administrator's
  assert.equal(await page.locator('option[value=offer]').count(), 0);
  await page.getByLabel('For the same customer').selectOption('days');
  await page.getByText('It would have acted once').waitFor();
  await accessible(page, 'an automation being written');
  await fits(page, 'an automation being written');
  await shot(page, 'automation-form');
  await page.setViewportSize({ width: 320, height: 700 });
  await fits(page, 'an automation being written on a telephone');
  await shot(page, 'automation-form-320');
  await page.setViewportSize({ width: 1440, height: 900 });
  await page.getByRole('button', { name: 'Save' }).click();

  const one = page.getByRole('region', { name: 'Thanks to Dover' });
  await one.getByText('City is “Dover”').waitFor();
  await one.getByText('give the tag “thanked”').waitFor();
  await one.getByText('tell the responsible colleague: “Dover has ordered”').waitFor();
  await one.getByText('has not acted yet').waitFor();
  await order(boss, ann, 2);
  await page.getByText('Ann Lee: Dover has ordered').waitFor({ timeout: 20000 }); // as a passing line, on any page
  await one.getByRole('button', { name: 'What it did: Thanks to Dover' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('link', { name: 'Ann Lee' }).waitFor();
  await dialog.getByText('done').waitFor();
  await accessible(page, 'what it did');
  await shot(page, 'automation-runs');
  await page.keyboard.press('Escape');
  await accessible(page, 'automations');
  await fits(page, 'automations');

  await one.getByRole('switch').uncheck();
  await one.getByText('off ·').waitFor();
  await one.getByRole('button', { name: 'Edit Thanks to Dover' }).click();
  assert.equal(await action(2).getByLabel('What is to be done').inputValue(), 'Say thank you');
  await page.getByLabel('Name', { exact: true }).fill('Thanks');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('heading', { name: 'Thanks', exact: true }).waitFor();
  await page.getByRole('button', { name: 'Remove Thanks' }).click();
  await page.getByText('There are no automations yet').waitFor();
  await page.getByRole('button', { name: 'Undo' }).click();
  await page.getByRole('heading', { name: 'Thanks', exact: true }).waitFor();

  await page.goto('/');
  const told = page.locator('section', { has: page.getByRole('heading', { name: 'Told by automations' }) });
  await told.getByText('Dover has ordered').waitFor();
  await accessible(page, 'a notice');
  await fits(page, 'a notice');
  await told.getByRole('button', { name: 'I have seen: Dover has ordered' }).click();
  await told.waitFor({ state: 'detached' });
  await clean(page);
});

test('an administrator sends messages out, has the secret shown once, and sends again what was given up', async (t) => {
  const k = await house(t);
  const owner = await k.person('owner', { name: 'Olga' });
  let status = 410;
  const got = [];
  const server = http.createServer((q, r) => { got.push(q.headers['kith-signature']); q.resume(); r.writeHead(status).end(); });
  t.after(() => { server.closeAllConnections(); server.close(); });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const page = await open(t, k, owner);
  await page.goto('/settings/automations');
  await page.getByRole('button', { name: 'New automation' }).click();
  await page.getByLabel('Name', { exact: true }).fill('Out');
  const action = page.getByRole('group', { name: 'Action 1' });
  await action.getByLabel('What to do').selectOption('webhook');
  await action.getByLabel('Address').fill(`http://127.0.0.1:${server.address().port}/hook`);
  await page.getByRole('button', { name: 'Save' }).first().click();
  await page.getByRole('alert').getByText('is inside your own network').waitFor();
  await accessible(page, 'a refusal');
  const hosts = page.locator('section', { has: page.getByRole('heading', { name: 'Hosts inside that may be reached' }) });
  await hosts.getByRole('textbox').fill('127.0.0.1 crm.lan');
  await hosts.getByRole('button', { name: 'Save' }).click();
  await page.getByText('The hosts were kept.').waitFor();
  await page.getByRole('button', { name: 'Save' }).first().click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText(/^whsec_/).waitFor();
  await accessible(page, 'the secret');
  await dialog.getByRole('button', { name: 'I have kept it' }).click();
  const one = page.getByRole('region', { name: 'Out' });
  await one.getByRole('button', { name: 'Send a test message for Out' }).click();
  await until(() => got.length === 1, { what: 'the message' });
  await until(async () => (await owner.must(200, 'GET', '/webhooks/deliveries')).items.length === 1, { what: 'that it was given up' });
  await page.reload();
  await one.getByText('1 message was given up').waitFor();
  const dead = page.getByRole('region', { name: 'Messages that were given up' });
  await dead.getByText('the receiver answered 410').waitFor();
  await accessible(page, 'a message that was given up');
  await shot(page, 'automation-dead');
  status = 204;
  await dead.getByRole('button', { name: /^Send again: Out/ }).click();
  await dead.waitFor({ state: 'detached' });
  await until(() => got.length === 2, { what: 'the message again' });
  await until(async () => (await owner.must(200, 'GET', `/webhooks/deliveries?automation=${(await owner.must(200, 'GET', '/automations')).items[0].id}`)).items[0].state === 'sent', { what: 'that it arrived' });
  await one.getByRole('button', { name: 'Messages of Out' }).click();
  await dialog.getByText('message arrived').waitFor();
  await accessible(page, 'its messages');
  await page.keyboard.press('Escape');

  for (const [lang, theme, text_size] of [['ru', 'dark', 100], ['kk', 'light', 150], ['ja', 'dark', 100], ['zh', 'light', 100]]) {
    await owner.must(200, 'PATCH', '/me', { lang, theme, text_size });
    for (const width of [1440, 390, 320]) {
      await page.setViewportSize({ width, height: 800 });
      await page.goto('/settings/automations');
      await page.locator('main h1').first().waitFor();
      await page.locator('main section h2').first().waitFor();
      await page.locator('[data-new]').click();
      await page.locator('aside .count').waitFor();
      await accessible(page, `${lang} at ${width}`);
      await fits(page, `${lang} at ${width}`);
      await shot(page, `automation-${lang}-${width}`);
    }
  }
  await clean(page);
});
