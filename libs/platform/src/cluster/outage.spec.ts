import { Outage } from './outage.js';

describe('an outage', () => {
  let now = Date.UTC(2026, 10, 22, 3);
  let lines: [message: string, fields: Record<string, unknown>][] = [];
  const anOutage = () => {
    lines = [];
    return new Outage(
      'MongoDB',
      (_, message, fields) => void lines.push([message, fields]),
      () => now,
    );
  };
  const refused = new Error('connection refused');

  it('is one when nothing has been answered for some seconds, and over with the next answer', () => {
    const outage = anOutage();
    outage.failed(refused);
    expect(outage.away).toBeNull();
    now += 5_000;
    expect(outage.away).toBe('MongoDB has not answered since 2026-11-22T03:00:00.000Z: Error: connection refused');
    outage.answered();
    expect(outage.away).toBeNull();
    now += 60_000;
    outage.failed(refused);
    expect(outage.away).toBeNull();
    expect(lines).toEqual([]);
  });

  it('is told once a minute, however many calls wait, and so is its end', () => {
    const outage = anOutage();
    const waits = [outage.wait(), outage.wait(), outage.wait()];
    for (let i = 0; i < 130; i++, now += 1_000) waits.forEach(() => outage.failed(refused));
    waits[0]?.();
    outage.failed(refused);
    now += 60_000;
    outage.failed(refused);
    outage.answered();
    outage.answered();
    expect(lines.map(([, { waiting }]) => waiting)).toEqual([3, 3, 3, 2, undefined]);
    expect(lines[0]).toEqual([
      'MongoDB does not answer; what needs it goes on trying',
      expect.objectContaining({ error: 'Error: connection refused' }),
    ]);
    expect(lines.at(-1)?.[0]).toBe('MongoDB answers again');
  });
});
