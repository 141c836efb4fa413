import type { StreamedLifecycle, TimelineEntry } from '@gyre/contracts';
import { knownTo, partsOf, reduce, START, type LiveState, type Message } from './live-state.js';

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

  describe('after a break', () => {
    const before: Message[] = [
      ...calm,
      { type: 'entries', model: 'm', entries: [entry(5), entry(1)], complete: true },
      { type: 'lost' },
      { type: 'opened' },
      // The stream tells what is new before what was missed has been read.
      { type: 'lifecycle', entry: decision(2_000) },
    ];

    it('reads back to what was known before it, whatever the stream has told since', () => {
      expect(knownTo(after(...before).byModel['m'])).toBe(5);
    });

    it('joins what was missed to what was known', () => {
      const state = after(...before, {
        type: 'entries',
        model: 'm',
        complete: false,
        entries: [entry(1_999), entry(6), entry(5)],
      });
      expect(offsets(state)).toEqual([2_000, 1_999, 6, 5, 1]);
      expect(state.byModel['m']?.complete).toBe(true);
      expect(knownTo(state.byModel['m'])).toBe(2_000);
    });

    it('forgets what was known where too much was missed to join it, and can be asked for it again', () => {
      const state = after(...before, {
        type: 'entries',
        model: 'm',
        complete: false,
        entries: [entry(1_999), entry(1_000)],
      });
      expect(offsets(state)).toEqual([2_000, 1_999, 1_000]);
      expect(state.byModel['m']?.complete).toBe(false);
      const older: Message = { type: 'older', model: 'm', before: 1_000, entries: [entry(999)], complete: false };
      expect(offsets(reduce(state, older))).toEqual([2_000, 1_999, 1_000, 999]);
    });

    it('does not take older decisions that were asked for before it and would leave a hole', () => {
      const state = after(
        ...before,
        { type: 'entries', model: 'm', entries: [entry(1_999), entry(1_000)], complete: false },
        { type: 'older', model: 'm', before: 1, entries: [entry(0)], complete: true },
      );
      expect(offsets(state)).toEqual([2_000, 1_999, 1_000]);
      expect(state.byModel['m']?.complete).toBe(false);
    });
  });
});
