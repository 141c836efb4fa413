export interface NumericSummary {
  mean: number;
  deviation: number;
  min: number;
  median: number;
  max: number;
}

/** @param values rising, at least one */
export function summaryOf(values: Float64Array): NumericSummary {
  const n = values.length;
  let sum = 0;
  for (let i = 0; i < n; i += 1) sum += values[i]! / n;
  let squares = 0;
  for (let i = 0; i < n; i += 1) squares += (values[i]! - sum) ** 2;
  return {
    mean: sum,
    deviation: Math.sqrt(squares / Math.max(1, n - 1)),
    min: values[0]!,
    median: (values[(n - 1) >> 1]! + values[n >> 1]!) / 2,
    max: values[n - 1]!,
  };
}
