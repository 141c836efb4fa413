import type { StreamedLifecycle, TimelineEntry } from '@gyre/contracts';
import { partsOf, reduce, START, type LiveState, type Message } from './live-state.js';

const decision = (
  offset: number,
  type: 'Promoted' | 'RetrainCommanded' = 'RetrainCommanded',
  model = 'm',
): StreamedLifecycle => {
  const told = { model, occurredAt: offset, actor: 'a', reason: '' };
  const event =
    type === 'Promoted' ? { ...told, type, version: 1, from: null, rollout: null, evidence: null } : { ...told, type };
  return { ...told, offset, type, event };
};
const entry = (offset: number): TimelineEntry => {
  const { model: _, ...rest } = decision(offset);
  return rest;
};
const after = (...messages: Message[]): LiveState => messages.reduce(reduce, START);
const calm: Message[] = [
  { type: 'opened' },
  { type: 'models', models: [] },
  { type: 'reading', resources: ['models', 'specs', 'deadletters'] },
];
const offsets = (state: LiveState) => state.byModel['m']?.entries?.map(({ offset }) => offset);

describe('the live state', () => {
  it('puts a streamed decision into the timeline once, in its place, and reads nothing for it but what it changed', () => {
    const state = after(
      ...calm,
      { type: 'entries', model: 'm', entries: [entry(4), entry(2)], complete: true },
      { type: 'lifecycle', entry: decision(7, 'Promoted') },
      { type: 'lifecycle', entry: decision(4) },
      { type: 'entries', model: 'm', entries: [entry(7), entry(1)], complete: false },
    );
    expect(offsets(state)).toEqual([7, 4, 2, 1]);
    expect(state.byModel['m']?.complete).toBe(true);
    expect([...state.stale].sort()).toEqual(['models', 'versions:m']);
  });

  it('does not take one decision for the whole timeline', () => {
    const state = after(...calm, { type: 'lifecycle', entry: decision(9) });
    expect(offsets(state)).toBeUndefined();
    expect(reduce(state, { type: 'wanted', resources: ['timeline:m'] }).stale).toContain('timeline:m');
  });

  it('reads numbers once, however many hints came', () => {
    const hints = Array.from({ length: 50 }, (): Message => ({ type: 'performance', model: 'm' }));
    const state = after(...calm, ...hints);
    expect([...state.stale].sort()).toEqual(['deadletters', 'labels:m', 'performance:m']);
    expect(reduce(state, { type: 'reading', resources: ['performance:m'] }).stale).not.toContain('performance:m');
  });

  it('distrusts all that it knows when a connection opens again', () => {
    const state = after(
      ...calm,
      { type: 'entries', model: 'm', entries: [entry(1)], complete: true },
      { type: 'lost' },
    );
    expect(state.connection).toBe('lost');
    expect(offsets(state)).toEqual([1]);
    const again = reduce(state, { type: 'opened' });
    expect(again.connection).toBe('live');
    expect([...again.stale].sort()).toEqual(['deadletters', 'models', 'specs', ...partsOf('m')].sort());
  });

  it('asks again for what could not be read, and says why', () => {
    const state = after(...calm, { type: 'failed', resource: 'labels:m', reason: 'not ready' });
    expect(state.stale).toContain('labels:m');
    expect(state.failure).toBe('not ready');
    expect(reduce(state, { type: 'models', models: [] }).failure).toBeNull();
  });
});
