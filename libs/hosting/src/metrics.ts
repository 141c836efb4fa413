import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

/** The process's Prometheus metrics. Names begin with `gyre_`, end in their unit, and are made once. */
export class Metrics {
  readonly registry = new Registry();

  constructor(options: { process: boolean } = { process: false }) {
    if (options.process) collectDefaultMetrics({ register: this.registry });
  }

  /** @param read puts the counter to where it is, at each scrape: for what is counted elsewhere */
  counter<L extends string = never>(
    name: string,
    help: string,
    labelNames: readonly L[] = [],
    read?: (counter: Counter<L>) => void,
  ): Counter<L> {
    const options = { name, help, labelNames: [...labelNames], registers: [this.registry] };
    if (read === undefined) return this.existing<Counter<L>>(name) ?? new Counter(options);
    return (
      this.existing<Counter<L>>(name) ??
      new Counter({
        ...options,
        collect: function collect(this: Counter<L>) {
          read(this);
        },
      })
    );
  }

  /** @param read sets the gauge at each scrape */
  gauge<L extends string = never>(
    name: string,
    help: string,
    labelNames: readonly L[] = [],
    read?: (gauge: Gauge<L>) => void | Promise<void>,
  ): Gauge<L> {
    const options = { name, help, labelNames: [...labelNames], registers: [this.registry] };
    if (read === undefined) return this.existing<Gauge<L>>(name) ?? new Gauge(options);
    return (
      this.existing<Gauge<L>>(name) ??
      new Gauge({
        ...options,
        collect: function collect(this: Gauge<L>) {
          return read(this);
        },
      })
    );
  }

  histogram<L extends string = never>(
    name: string,
    help: string,
    buckets: readonly number[],
    labelNames: readonly L[] = [],
  ): Histogram<L> {
    const options = { name, help, buckets: [...buckets], labelNames: [...labelNames], registers: [this.registry] };
    return this.existing<Histogram<L>>(name) ?? new Histogram(options);
  }

  private existing<M>(name: string): M | undefined {
    return this.registry.getSingleMetric(name) as M | undefined;
  }
}

/** Calls that were turned away for who made them. */
export function refusedCallers(metrics: Metrics): Counter<'protocol' | 'why'> {
  return metrics.counter('gyre_callers_refused_total', 'Calls refused for who made them, by protocol and why', [
    'protocol',
    'why',
  ]);
}
