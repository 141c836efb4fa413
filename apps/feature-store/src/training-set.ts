import { randomUUID } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { version } from '@duckdb/node-api';
import type { Platform } from '@gyre/platform';
import { archived, relation, type Archived, type ArchivedTable, type Offsets, type Template } from './archived.js';
import type { Layout } from './layout.js';
import { historyLayout, outcomesLayout, predictionsLayout } from './layouts.js';
import type { CommittedSegments, SegmentTable } from './segments.js';
import { literal } from './staging.js';
import { digestOf, type Recipe, type TrainingManifest } from './training-manifest.js';
import {
  chosenQuery,
  historyTemplate,
  joinedQuery,
  labelledQuery,
  outcomeTemplate,
  predictionTemplate,
} from './training-query.js';
import type { Warehouse } from './warehouse.js';

/** A training set as the trainer reads it. */
export interface TrainingSet {
  /** Parquet; columns prediction, predicted_at (ms), entity, label (DOUBLE), f0, f1, … (FLOAT, null is missing), oldest prediction first. */
  data: Uint8Array;
  manifest: TrainingManifest;
}

/** Serving has seen a revision whose history is still on its way to the log. */
export class HistoryIncomplete extends Error {
  constructor(readonly rows: number) {
    super(`the history of ${rows} predictions has not arrived yet`);
    this.name = 'HistoryIncomplete';
  }
}

/**
 * Builds training sets by a point-in-time join: labelled predictions with what the online store showed when they were made.
 *
 * Reads the committed segments of the archive and what still lies in the topics, newest first and no more than it needs.
 */
export class TrainingSets {
  constructor(
    private readonly platform: Platform,
    private readonly warehouse: Warehouse,
    private readonly committed: CommittedSegments,
  ) {}

  /** @throws HistoryIncomplete if a row's history has not arrived */
  build(recipe: Recipe): Promise<TrainingSet> {
    const { platform, warehouse, committed } = this;
    return warehouse.with((connection) => new Building(platform, warehouse, committed, connection, recipe).run());
  }

  /** The same set again, from its manifest, as long as the archive holds its rows. */
  rebuild(manifest: TrainingManifest): Promise<TrainingSet> {
    return this.build(manifest.recipe);
  }
}

/** One building, on a connection of its own. */
class Building {
  constructor(
    private readonly platform: Platform,
    private readonly warehouse: Warehouse,
    private readonly committed: CommittedSegments,
    private readonly connection: DuckDBConnection,
    private readonly recipe: Recipe,
  ) {}

  async run(): Promise<TrainingSet> {
    const { platform, committed, connection, recipe } = this;
    const { model, upTo } = recipe;
    // In this order: an outcome is in its topic after its prediction, a prediction after the history that it saw.
    const views = Object.keys(recipe.views);
    const ofPredictions = predictionTemplate(recipe);
    const ofHistory = Object.assign({}, ...views.map((view) => historyTemplate(view, recipe))) as Template;
    const from = <E>(layout: Layout<E>, names: readonly string[], template: Template, to?: Offsets) =>
      archived(platform, committed, connection, layout, names, template, to);
    const outcomes = await from(outcomesLayout, [model], outcomeTemplate, upTo?.outcomes);
    const predictions = await from(predictionsLayout, [model], ofPredictions, upTo?.predictions);
    const history = await from(historyLayout, views, ofHistory, upTo?.history);

    const labelled = await this.label(tableIn(outcomes, model));
    await this.choose(tableIn(predictions, model), labelled.oldest);
    const incomplete = await this.join(history, labelled.oldest);
    if (incomplete > 0) throw new HistoryIncomplete(incomplete);

    const ends = { outcomes: outcomes.ends, predictions: predictions.ends, history: history.ends };
    return this.finished(labelled.rows, ends);
  }

  /** Makes the table `labelled`. @returns its rows, and the time of its oldest prediction */
  private async label(table: ArchivedTable): Promise<{ rows: number; oldest: number }> {
    const { rowsMax, upTo } = this.recipe;
    let files = newest(table.files, rowsMax);
    for (;;) {
      const outcomes = relation(this.warehouse.archiveDir, { ...table, files }, outcomeTemplate, upTo?.outcomes);
      await this.connection.run(`CREATE OR REPLACE TEMP TABLE labelled AS ${labelledQuery(outcomes, this.recipe)}`);
      const [rows, oldest] = await this.numbers('SELECT count(*), min(predicted_at) FROM labelled');
      const found = { rows: rows ?? 0, oldest: oldest ?? Infinity };
      const wanted =
        found.rows < rowsMax ? table.files.slice(0, 2 * files.length) : reaching(table.files, found.oldest);
      if (wanted.length <= files.length) return found;
      files = wanted;
    }
  }

  /** Makes the table `chosen`: the labelled predictions with what they recorded. */
  private async choose(table: ArchivedTable, oldest: number): Promise<void> {
    const { recipe, warehouse } = this;
    const files = reaching(table.files, oldest);
    const predictions = relation(
      warehouse.archiveDir,
      { ...table, files },
      predictionTemplate(recipe),
      recipe.upTo?.predictions,
    );
    await this.connection.run(`CREATE TEMP TABLE chosen AS ${chosenQuery(predictions, recipe)}`);
  }

  /** Makes the table `training_set`. @returns how many rows lack their history */
  private async join(history: Archived, oldest: number): Promise<number> {
    const { recipe, warehouse, connection } = this;
    const views = Object.keys(recipe.views);
    // The revision that a prediction saw is older than the prediction: at first one file more than its time asks for.
    const taken = new Map(views.map((view) => [view, reaching(tableIn(history, view).files, oldest).length + 1]));
    for (;;) {
      const relations = views.map((view): [string, string] => {
        const table = tableIn(history, view);
        const files = table.files.slice(0, taken.get(view));
        return [
          view,
          relation(warehouse.archiveDir, { ...table, files }, historyTemplate(view, recipe), recipe.upTo?.history),
        ];
      });
      await connection.run(`CREATE OR REPLACE TEMP TABLE training_set AS ${joinedQuery(new Map(relations), recipe)}`);
      const [incomplete = 0] = await this.numbers('SELECT count(*) FILTER (incomplete) FROM training_set');
      const exhausted = views.every((view) => (taken.get(view) ?? 0) >= tableIn(history, view).files.length);
      if (incomplete === 0 || exhausted) return incomplete;
      for (const view of views) taken.set(view, 2 * (taken.get(view) ?? 1));
    }
  }

  private async finished(
    labelled: number,
    upTo: Record<'outcomes' | 'predictions' | 'history', Offsets>,
  ): Promise<TrainingSet> {
    const { recipe, connection } = this;
    const features = recipe.inputs.map((feature, i) => ({ name: `f${i}`, feature }));
    const columns = [
      ...['prediction', 'predicted_at', 'entity', 'label'].map((name) => ({ name, feature: null })),
      ...features,
    ];
    const [rows = 0, parityMismatches = 0] = await this.numbers(
      'SELECT count(*), count(*) FILTER (mismatched) FROM training_set',
    );
    const manifest: TrainingManifest = {
      format: 1,
      recipe: { ...recipe, upTo: recipe.upTo ?? upTo },
      rows,
      digest: await digestOf(connection, 'training_set', recipe.inputs.length),
      columns,
      filters: [
        `predictions of ${recipe.model} whose label was known at or before ${recipe.asOf} ms`,
        `the newest ${recipe.rowsMax} of them, by the time of the prediction`,
        `without an entity, only those with ${recipe.inputs.length} features`,
        'none whose features could not be looked up',
      ],
      parityMismatches,
      unusable: labelled - rows,
      duckdb: version(),
    };
    return { data: await this.parquet(columns.map(({ name }) => name)), manifest };
  }

  private async parquet(columns: readonly string[]): Promise<Uint8Array> {
    const file = join(this.warehouse.scratchDir, `training-set-${randomUUID()}.parquet`);
    try {
      await this.connection.run(
        `COPY (SELECT ${columns.join(', ')} FROM training_set) TO ${literal(file)} (FORMAT parquet, COMPRESSION snappy)`,
      );
      return await readFile(file);
    } finally {
      await rm(file, { force: true });
    }
  }

  /** The first row of a query as numbers; null is undefined. */
  private async numbers(sql: string): Promise<(number | undefined)[]> {
    const [row = []] = (await this.connection.runAndReadAll(sql)).getRows();
    return row.map((value) => (value === null ? undefined : Number(value)));
  }
}

function tableIn({ tables }: Archived, name: string): ArchivedTable {
  return tables.get(name) ?? { files: [], tails: [] };
}

/** The newest files with so many rows in all, or a little more; at least one. */
function newest(files: readonly SegmentTable[], rowsWanted: number): SegmentTable[] {
  let rows = 0;
  const enough = files.findIndex((file) => (rows += file.rows) >= rowsWanted);
  return files.slice(0, enough < 0 ? files.length : enough + 1);
}

/** Files, newest first, that may hold rows of this time or later. */
function reaching(files: readonly SegmentTable[], from: number): SegmentTable[] {
  return files.filter(({ to }) => to >= from);
}
