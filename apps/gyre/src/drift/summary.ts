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
  const median = (values[(n - 1) >> 1]! + values[n >> 1]!) / 2;
  // From the median on, so that the mean of equal values is that value, and their deviation 0.
  let sum = 0;
  for (let i = 0; i < n; i += 1) sum += values[i]! - median;
  const mean = median + sum / n;
  let squares = 0;
  for (let i = 0; i < n; i += 1) squares += (values[i]! - mean) ** 2;
  return {
    mean,
    deviation: Math.sqrt(squares / Math.max(1, n - 1)),
    min: values[0]!,
    median,
    max: values[n - 1]!,
  };
}
