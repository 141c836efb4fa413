import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { GaugeReader } from './gauge-reader.js';
import type { Logger } from './logger.js';

/** The process's Prometheus metrics. Names begin with `gyre_`, end in their unit, and are made once. */
export class Metrics {
  readonly registry = new Registry();

  /** @param options.log told of gauges that cannot be read */
  constructor(private readonly options: { process: boolean; log?: Pick<Logger, 'warn'> } = { process: false }) {
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

  /** @param read sets the gauge at each scrape; one that asks a server is of a gauge with labels, which is left out where no answer comes */
  gauge<L extends string = never>(
    name: string,
    help: string,
    labelNames: readonly L[] = [],
    read?: (gauge: Gauge<L>) => void | Promise<void>,
  ): Gauge<L> {
    const options = { name, help, labelNames: [...labelNames], registers: [this.registry] };
    if (read === undefined) return this.existing<Gauge<L>>(name) ?? new Gauge(options);
    const reader = new GaugeReader(name, read, this.options.log);
    return (
      this.existing<Gauge<L>>(name) ??
      new Gauge({
        ...options,
        collect: function collect(this: Gauge<L>) {
          return reader.read(this);
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
