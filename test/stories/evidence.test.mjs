// What customers write in five languages is read within moments, counts in conditions and names where it was said; a colleague's
// impression is one key after the call.
import assert from 'node:assert/strict';
import test from 'node:test';
import { house, until } from './kith.mjs';

const letters = {
  en: ['Could you give me a discount? Next time I will order more.', 'It is too expensive, Rival & Sons is cheaper. Hurry, I need it today!', 'What is your favourite film? When does my order arrive?'],
  ru: ['Не могли бы вы сделать скидку? В следующий раз закажу больше.', 'Слишком дорого, в Rival & Sons дешевле. Срочно, нужно сегодня!', 'Какой ваш любимый фильм? Когда придёт мой заказ?'],
  ja: ['もう少し安くなりませんか？次はもっと買います。', '高いです。Rival & Sons のほうが安いです。至急お願いします！', '好きな映画は何ですか？注文はいつ届きますか？'],
  zh: ['能不能便宜点？下次我多买几个。', '太贵了，Rival & Sons 便宜。很急，马上要！', '你喜欢看什么电影？我的订单什么时候到？'],
  kk: ['Жеңілдік жасап бересіз бе? Келесі жолы көбірек аламын.', 'Тым қымбат, Rival & Sons арзан. Шұғыл керек, бүгін керек!', 'Сіз қандай кино көресіз? Тапсырысым қашан келеді?'],
};

const read = (who, id, fits, what) => until(async () => {
  const found = await who.must(200, 'GET', `/customers/${id}/evidence`);
  return fits(found) && found;
}, { ms: 20000, what });

test('what customers write in five languages is found, counted, and can be asked for', async (t) => {
  const k = await house(t);
  const boss = await k.person('manager'), agent = await k.person('agent');
  const named = await boss.must(200, 'PUT', '/competitors', { names: [' Rival & Sons ', 'Konkurent'] });
  assert.deepEqual(named.names, ['Rival & Sons', 'Konkurent']);
  const ids = {};
  for (const [lang, texts] of Object.entries(letters))
    for (const text of texts) {
      const answer = await agent.must(200, 'POST', '/intake', { channel: 'email', direction: 'in', identities: [{ type: 'email', value: `${lang}@kith.example` }], claims: { name: `Writer ${lang}` }, text });
      ids[lang] = answer.customer.id;
    }
  const quiet = (await agent.must(200, 'POST', '/intake', { channel: 'email', direction: 'in', identities: [{ type: 'email', value: 'quiet@kith.example' }], text: 'Please send the invoice. It is not expensive, and I am in no hurry.' })).customer.id;

  for (const lang of Object.keys(letters)) {
    const e = await read(agent, ids[lang], (x) => x.questions >= 3, `the questions in ${lang}`);
    const { asked_discount, promised_more, named_competitor, price_remarks, hurried, questions, off_matter, aggressive } = e;
    assert.deepEqual({ asked_discount, promised_more, named_competitor, price_remarks, hurried, questions, off_matter, aggressive },
      { asked_discount: 1, promised_more: 1, named_competitor: 1, price_remarks: 1, hurried: 1, questions: 3, off_matter: 1, aggressive: 0 }, lang);
    const rival = e.items.find((x) => x.kind === 'competitor_named');
    assert.equal(rival.phrase, 'rival & sons');
    const lines = (await agent.must(200, 'GET', `/customers/${ids[lang]}/timeline`)).items;
    assert.ok(lines.some((l) => l.id === rival.interaction && l.text.includes('Rival')), 'it names where it was said');
  }
  const calm = await agent.must(200, 'GET', `/customers/${quiet}/evidence`);
  assert.deepEqual([calm.price_remarks, calm.hurried, calm.items], [0, 0, []]);

  const count = async (text) => (await agent.must(200, 'POST', '/expressions/count', { text })).count;
  assert.equal(await count('asked_discount >= 1 and promised_more >= 1 and off_matter_share < 0.5'), 5);
  assert.equal(await count('asked_discount = 0'), 1);
  assert.equal(await count('off_matter_share is empty'), 1);
});

test('who is asked for by name is known, notes of colleagues tell what he wants, and questions about what is sold are to the matter', async (t) => {
  const k = await house(t);
  const boss = await k.person('manager'), anna = await k.person('agent', { name: 'Anna Petrova' });
  await boss.must(201, 'POST', '/products', { sku: 'OWL-7', name: 'Hollow oak statue' });
  const write = async (text) => (await anna.must(200, 'POST', '/intake', { channel: 'email', direction: 'in', identities: [{ type: 'email', value: 'w@kith.example' }], text })).customer.id;
  const id = await write('Может ли Анна мне перезвонить? Я хочу поговорить с Анной Petrova. What do you think of hollow oaks? Are you fond of summer rain?');
  const first = await read(anna, id, (x) => x.questions > 0, 'the questions');
  assert.deepEqual([first.questions, first.off_matter, first.asked_colleague], [3, 1, 1]);
  assert.equal(first.colleague.name, 'Anna Petrova');
  assert.equal(first.items.find((x) => x.kind === 'colleague_asked').staff.name, 'Anna Petrova');

  await anna.must(201, 'POST', `/customers/${id}/notes`, { text: 'Asks for a discount each time.' });
  const noted = await read(anna, id, (x) => x.asked_discount > 0, 'the note');
  assert.equal(noted.items.find((x) => x.kind === 'discount_asked').interaction, null);
});

test('after a call one key says what the operator thinks: it names him, can be corrected, moves with the call and is taken back', async (t) => {
  const k = await house(t);
  const owner = await k.person('owner'), anna = await k.person('operator', { name: 'Anna', extensions: ['101'] });
  const link = await owner.must(201, 'POST', '/phone-links', { kind: 'webhook', name: 'PBX', region: 'GB' });
  const id = (await owner.must(201, 'POST', '/customers', { claims: { name: 'Bob' }, identities: [{ type: 'phone', value: '+44 20 7946 0018' }] })).customer.id;
  const other = (await owner.must(201, 'POST', '/customers', { claims: { name: 'Rob' } })).customer.id;
  for (const event of ['newCall', 'answer', 'hangup'])
    await k.nobody().must(200, 'POST', `/cti/${link.token}`, { event, callId: 'c1', from: '+442079460018', to: '+442079460000', direction: 'in', user: ['101'], ...(event === 'answer' && { answeringNumber: '101' }) });
  const [call] = (await anna.must(200, 'GET', '/calls?view=all')).items;
  const impression = async (who) => (await anna.must(200, 'GET', `/customers/${who}/evidence`)).impression;

  await anna.must(200, 'PATCH', `/calls/${call.id}`, { impression: 'time_eater' });
  assert.equal(await impression(id), null, 'while the call is not closed it counts for nothing');
  const done = await anna.must(200, 'POST', `/calls/${call.id}/wrap-up`, { outcome: 'solved', impression: 'chatty', note: 'Просит скидку.' });
  assert.equal(done.impression, 'chatty');
  const given = await impression(id);
  assert.deepEqual([given.key, given.staff.name], ['chatty', 'Anna']);
  assert.equal(new Date(given.until) - new Date(given.at), 180 * 86400000);
  await read(anna, id, (x) => x.asked_discount === 1, "the call's note");
  assert.equal((await anna.must(200, 'POST', '/expressions/count', { text: 'impression = chatty' })).count, 1);

  await anna.must(200, 'PATCH', `/calls/${call.id}`, { impression: 'interested' });
  assert.equal((await impression(id)).key, 'interested');
  await anna.must(200, 'PATCH', `/calls/${call.id}`, { customer: other });
  assert.equal(await impression(id), null);
  assert.equal((await impression(other)).key, 'interested');

  const typed = await anna.must(200, 'POST', `/customers/${id}/impression`, { impression: 'company' });
  assert.equal(typed.impression.key, 'company');
  const none = await anna.must(200, 'POST', `/customers/${id}/impression`, { impression: null });
  assert.equal(none.impression, null);
  assert.equal((await anna.ask('POST', `/customers/${id}/impression`, {})).body.field, 'impression');
  assert.equal((await anna.must(200, 'PATCH', `/calls/${call.id}`, { impression: null })).impression, '');
  assert.equal(await impression(other), null);
  assert.deepEqual((await anna.ask('POST', `/customers/${id}/impression`, { impression: 'fraud_suspect' })).status, 422);
  const marketer = await k.person('marketer');
  assert.equal((await marketer.ask('POST', `/customers/${id}/impression`, { impression: 'chatty' })).status, 403);
  assert.equal((await marketer.ask('GET', `/customers/${id}/evidence`)).status, 403);
});

test('the list of competitors refuses what is no name and who may not change it', async (t) => {
  const k = await house(t);
  const boss = await k.person('manager'), agent = await k.person('agent');
  const bad = await boss.ask('PUT', '/competitors', { names: ['Fine', 'x'] });
  assert.deepEqual([bad.status, bad.body.field, bad.body.reason], [422, 'names[1]', 'COMPETITOR_NAME']);
  assert.equal((await boss.ask('PUT', '/competitors', { names: ['a\nb'] })).status, 422);
  assert.equal((await boss.ask('PUT', '/competitors', { names: Array.from({ length: 201 }, (_, i) => `Shop ${i}`) })).status, 422);
  assert.equal((await agent.ask('PUT', '/competitors', { names: [] })).status, 403);
  assert.deepEqual((await agent.must(200, 'GET', '/competitors')).names, []);
});
