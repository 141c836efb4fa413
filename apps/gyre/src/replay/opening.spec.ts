import { opening } from './opening.js';

const asked = { file: 'my.csv', rows: 1_200, directory: 'runs/my', resume: true };

describe('a replay', () => {
  it('says whether it goes on, begins, or begins because there is nothing to go on with', () => {
    expect(opening({ ...asked, before: 0 })).toBe('Going on at row 0 of 1,200 rows of my.csv');
    expect(opening({ ...asked, resume: false, before: undefined })).toBe('Replaying 1,200 rows of my.csv');
    expect(opening({ ...asked, before: undefined })).toBe(
      'No replay lies in runs/my, so that none can go on. Replaying 1,200 rows of my.csv from the start',
    );
  });
});
