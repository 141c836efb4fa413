/**
 * Cuts rows into waves in which no entity comes twice, in order and as long as possible: a prediction must see its own row's features, not those
 * of a later row of the same entity.
 */
export function waves<R extends { entity: string }>(rows: readonly R[]): R[][] {
  const cut: R[][] = [];
  let wave: R[] = [];
  let entities = new Set<string>();
  for (const row of rows) {
    if (entities.has(row.entity)) {
      cut.push(wave);
      [wave, entities] = [[], new Set()];
    }
    wave.push(row);
    entities.add(row.entity);
  }
  if (wave.length > 0) cut.push(wave);
  return cut;
}

export function firstWave<R extends { entity: string }>(rows: readonly R[]): R[] {
  return waves(rows)[0] ?? [];
}
