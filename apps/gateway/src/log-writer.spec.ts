import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { segmentAt } from './log-segments.js';
import { LogWriter } from './log-writer.js';

const onLinux = process.platform === 'linux' ? describe : describe.skip;
onLinux('the writer of the prediction log', () => {
  let directory: string;
  beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'gyre-'))));
  afterEach(() => rmSync(directory, { recursive: true }));

  it('goes on in another file after a write that failed, also where what it left cannot be cut off', () => {
    const writer = LogWriter.open(directory, { segmentBytes: 1_000, fsync: false });
    // A device that has no room, and that cannot be cut.
    symlinkSync('/dev/full', segmentAt(directory, 1).path);
    expect(() => writer.append(Buffer.from('{}\n'), 1)).toThrow();
    writer.append(Buffer.from('{"sequence":2}\n'), 2);
    expect(readFileSync(segmentAt(directory, 2).path, 'utf8')).toBe('{"sequence":2}\n');
    writer.close();
  });
});
