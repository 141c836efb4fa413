import type { Model } from 'mongoose';
import type { StateDocument } from './schemas.js';
import { States, type Manner } from './states.js';

describe('the states of a group', () => {
  /** A collection that holds these ids, and what it was asked. */
  const collectionOf = (ids: Record<string, string | null>) => {
    const asked: unknown[] = [];
    const find = ({ _id }: { _id: string | { $in: string[] } }) => {
      asked.push(_id);
      const wanted = new Set(typeof _id === 'string' ? [_id] : _id.$in);
      const found = Object.entries(ids).filter(([id]) => wanted.has(id));
      return { toArray: async () => found.map(([id, json]) => ({ _id: id, version: { json, wakeAt: null } })) };
    };
    const manners: (Manner | undefined)[] = [];
    const trying = <T>(work: () => Promise<T>, manner?: Manner): Promise<T> => (manners.push(manner), work());
    const model = { collection: { find } } as unknown as Model<StateDocument>;
    return { states: new States(model, trying, { updatesMost: 500, scansForLists: false }), asked, manners };
  };

  it('are found in all partitions by one question, and the first partition that holds one shows', async () => {
    const { states, asked, manners } = collectionOf({ '002/a': '3', '001/a': '2', '000/a': null, '002/b': '4' });
    expect(await states.find(['a', 'b', 'c'], 3)).toEqual(
      new Map([
        ['a', '2'],
        ['b', '4'],
      ]),
    );
    expect(asked).toHaveLength(1);
    expect(manners).toEqual(['promptly']);
  });

  it('are found by more questions where one has no room for all', async () => {
    const { states, asked } = collectionOf({ '998/k0': '1' });
    const keys = Array.from({ length: 12 }, (_, i) => `k${i}`);
    expect(await states.find(keys, 999)).toEqual(new Map([['k0', '1']]));
    expect(asked).toHaveLength(3);
  });
});
