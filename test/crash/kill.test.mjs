// kill −9 in the middle: everything acknowledged is there, nothing twice, and the house opens again. Writers on every
// door that exists write what they were answered into memory; the server is killed at a random moment.
import test from 'node:test';
import assert from 'node:assert/strict';
import { house, sleep } from '../stories/kith.mjs';
import { Doors } from './doors.mjs';

const rounds = Number(process.env.KITH_CRASH_ROUNDS || 8);
const startMs = 2000 * Number(process.env.KITH_TEST_SLOW ?? 1);

test(`after ${rounds} kills in the middle of writing at every door, everything acknowledged is there once`, { timeout: 4 * 3600 * 1000 }, async (t) => {
  const k = await house(t);
  const doors = await Doors.open(k);
  const starts = [];

  for (let round = 0; round < rounds; round++) {
    doors.begin();
    await sleep(10 + Math.random() * (round % 5 === 4 ? 2500 : 490)); // some live long enough for an import and its end
    await k.kill();
    await doors.end();
    const from = Date.now();
    await k.start();
    starts.push(Date.now() - from);
  }
  await doors.holds();

  await k.stop();
  const checked = await k.command(['check']);
  assert.equal(checked.status, 0, checked.err);
  const all = doors.acknowledged;
  t.diagnostic(`acknowledged: ${JSON.stringify(all)}; starts: middle ${starts.toSorted((a, b) => a - b)[starts.length >> 1]} ms, longest ${Math.max(...starts)} ms`);
  assert.ok(all.intakes > rounds && all.notes > rounds && all.tasks > rounds && all.orders > rounds && all.calls > 0 && all.actions > 0 && all.segments > 0, 'the writers wrote too little to show anything');
  assert.ok(starts.toSorted((a, b) => a - b)[starts.length >> 1] < startMs, `starts took ${starts} ms`);
});
