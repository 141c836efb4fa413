import { FeaturesEvent, LabelEvent } from '@gyre/contracts';
import { readSpecs } from '@gyre/hosting';
import { RowReader, type RowRules } from './rows.js';

const VIEW = `
kind: FeatureView
name: shop
entity: customer
fields:
  amount: float
  items: int
  member: bool
  city: string
  note: { type: string, nullable: true }
  card: { type: string, private: true }
  score: { type: float, nullable: true }
`;
const LABELS: Record<string, string> = {
  numbers: '{ name: class, type: multiclass, classes: 3 }',
  words: '{ name: class, type: multiclass, classes: [low, high] }',
  truth: '{ name: class, type: binary, classes: [false, true] }',
  regression: '{ name: class, type: regression }',
  blanks: '{ name: class, type: binary, classes: [" on", "on"] }',
};

function reader(
  header: string,
  { labels = 'numbers', time = null as string | null, inputs = '[shop.*]' } = {},
): RowReader {
  const text = `${VIEW}---\nkind: Model\nname: churn\nfeatures: ${inputs}\nlabel: ${LABELS[labels]}\n`;
  const { views, models } = readSpecs(text, 'spec.yaml');
  const rules: RowRules = {
    file: 'shop.csv',
    base: 'shop',
    columns: header.split(','),
    views,
    model: models[0] as RowRules['model'],
    start: Date.UTC(2000, 0, 1),
    intervalMs: 1_000,
    timeColumn: time,
  };
  return new RowReader(rules);
}

const HEADER = 'amount,items,member,city,note,card,score,class';

describe('a row of a CSV file', () => {
  it('becomes an event of the fields’ types, at its place in time', () => {
    const row = reader(HEADER).read(3, ['1.50', '2', 'True', 'Oslo', '', '1234', '', '2']);
    expect(row.features).toEqual([
      {
        id: 'shop-f-3',
        type: 'features',
        view: 'shop',
        entity: 'row-3',
        time: '2000-01-01T00:00:03.000Z',
        values: { amount: 1.5, items: 2, member: true, city: 'Oslo', note: null, card: '1234', score: null },
      },
    ]);
    expect(FeaturesEvent.safeParse(row.features[0]).success).toBe(true);
    expect([row.label, row.truth]).toEqual([2, 2]);
  });

  it('keeps what is not of its type as text, so that ingestion refuses it with its reason', () => {
    const [event] = reader(HEADER).read(0, ['n/a', 'NaN', 'maybe', '', '', '', 'Infinity', '0']).features;
    expect(event?.values).toMatchObject({ amount: 'n/a', items: 'NaN', member: 'maybe', city: '', score: 'Infinity' });
  });

  it('may have blanks around its numbers and truths, and no value where there is nothing else', () => {
    const row = reader(HEADER).read(0, [' 1.5 ', ' 2', 'True ', ' Oslo', '', '', '  ', '2']);
    expect(row.features[0]?.values).toMatchObject({ amount: 1.5, items: 2, member: true, city: ' Oslo', score: null });
  });

  it('is about the entity in its column, where there is one', () => {
    expect(reader(`customer,${HEADER}`).read(0, ['ada', '1', '1', '1', '', '', '', '', '0']).entity).toBe('ada');
    expect(() => reader(`customer,${HEADER}`).read(7, ['', '1', '1', '1', '', '', '', '', '0'])).toThrow(
      /row 7 .*"customer" is empty/,
    );
  });

  it.each([
    ['numbers', '1.0', 1, 1],
    ['numbers', '3', '3', null],
    ['words', 'high', 'high', 1],
    ['truth', 'true', true, 1],
    ['regression', '-2.5', -2.5, -2.5],
    ['regression', 'tall', 'tall', null],
    ['regression', '', null, null],
    ['words', ' high ', 'high', 1],
    ['words', ' tall ', ' tall ', null],
    ['blanks', ' on', ' on', 0],
    ['numbers', '  ', null, null],
    ['regression', '  ', null, null],
  ])('has a label among %s: %j', (labels, text, label, truth) => {
    const row = reader(HEADER, { labels }).read(0, ['1', '1', '1', '', '', '', '', text]);
    expect([row.label, row.truth]).toEqual([label, truth]);
  });

  it('has a label event that names the prediction', () => {
    const event = reader(HEADER).labelEvent(5, 'p.q.r', 1, Date.UTC(2000, 0, 1, 0, 0, 9));
    expect(LabelEvent.parse(event)).toEqual({
      id: 'shop-l-5',
      type: 'label',
      model: 'churn',
      prediction: 'p.q.r',
      value: 1,
      time: '2000-01-01T00:00:09.000Z',
    });
  });

  it.each([
    ['2026-11-22T14:05:00Z', Date.UTC(2026, 10, 22, 14, 5)],
    ['2026-11-22 15:05:00+01:00', Date.UTC(2026, 10, 22, 14, 5)],
    ['2026-11-22', Date.UTC(2026, 10, 22)],
    ['1795356300', Date.UTC(2026, 10, 22, 14, 5)],
    ['1795356300000', Date.UTC(2026, 10, 22, 14, 5)],
    [' 2026-11-22 ', Date.UTC(2026, 10, 22)],
  ])('may bring its own time: %s', (text, at) => {
    expect(reader(`${HEADER},when`, { time: 'when' }).read(0, ['1', '1', '1', '', '', '', '', '0', text]).at).toBe(at);
  });

  it('must not be before the row above, nor at a time that has no zone', () => {
    const cells = (when: string) => ['1', '1', '1', '', '', '', '', '0', when];
    const rows = reader(`${HEADER},when`, { time: 'when' });
    rows.read(0, cells('2026-01-02'));
    expect(() => rows.read(1, cells('2026-01-01'))).toThrow(
      /row 1 .*column "when" is "2026-01-01", before the row above/,
    );
    expect(() => rows.read(2, cells('2026-01-03T10:00:00'))).toThrow(/row 2 .*its zone/);
  });
});

describe('a file', () => {
  it('must have the label and every field that the model reads, unless it may be null', () => {
    expect(() => reader('amount,items,member,city')).toThrow(/no column "class" \(the label of model churn\)/);
    expect(() => reader('amount,items,class')).toThrow(
      'shop.csv has no column "member" (a field of view shop); its columns are amount, items, class',
    );
    expect(() => reader('amount,class', { inputs: '[shop.amount, shop.score]' })).not.toThrow();
  });
});
