import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

/** The process's Prometheus metrics. Names begin with `gyre_`, end in their unit, and are made once. */
export class Metrics {
  readonly registry = new Registry();

  constructor(options: { process: boolean } = { process: false }) {
    if (options.process) collectDefaultMetrics({ register: this.registry });
  }

  counter<L extends string = never>(name: string, help: string, labelNames: readonly L[] = []): Counter<L> {
    return (
      this.existing<Counter<L>>(name) ??
      new Counter({ name, help, labelNames: [...labelNames], registers: [this.registry] })
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
