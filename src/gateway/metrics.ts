/** Metrics: what Prometheus scrapes. Every label has few values, none of which a client chooses. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Route } from './address.ts';
import type { Catalog } from './catalog.ts';

/** From a cached answer to a long download, in seconds. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 300];

/** What is counted of one route and status. */
interface Counts {
  readonly requests: Counter.Internal;
  readonly durations: Histogram.Internal<'route'>;
  readonly bytes: Counter.Internal;
}

export class Metrics {
  readonly #registry = new Registry();
  readonly #requests: Counter<'route' | 'status'>;
  readonly #durations: Histogram<'route'>;
  readonly #bytes: Counter<'route'>;
  readonly #malformed: Counter;
  readonly #running: Gauge;
  readonly #counts = new Map<Route, Map<number, Counts>>();

  constructor(catalog: Catalog, stateAgeMs?: () => number) {
    const registers = [this.#registry];
    this.#requests = new Counter({
      name: 'weighlock_gateway_requests_total',
      help: 'Requests that were answered, by route and status; a status of 302 is a redirect to the store',
      labelNames: ['route', 'status'],
      registers,
    });
    this.#durations = new Histogram({
      name: 'weighlock_gateway_request_seconds',
      help: 'Time from a request to the end of its answer',
      labelNames: ['route'],
      buckets: BUCKETS,
      registers,
    });
    this.#bytes = new Counter({
      name: 'weighlock_gateway_sent_bytes_total',
      help: 'Bytes of bodies that the gateway itself sent',
      labelNames: ['route'],
      registers,
    });
    this.#malformed = new Counter({
      name: 'weighlock_gateway_malformed_total',
      help: 'Connections that sent no request, or did not end one in time',
      registers,
    });
    this.#running = new Gauge({
      name: 'weighlock_gateway_running_requests',
      help: 'Requests whose answer has not ended',
      registers,
    });
    new Gauge({
      name: 'weighlock_gateway_state_sequence',
      help: 'Sequence of the signed state that is believed now; absent where none is',
      registers,
      collect() {
        const sequence = sequenceOf(catalog);
        if (sequence === undefined) this.remove();
        else this.set(sequence);
      },
    });
    new Gauge({
      name: 'weighlock_gateway_state_believed',
      help: '1 where a signed state is believed now, 0 where nothing is served',
      registers,
      collect() {
        this.set(sequenceOf(catalog) === undefined ? 0 : 1);
      },
    });
    if (stateAgeMs) {
      new Gauge({
        name: 'weighlock_gateway_state_age_seconds',
        help: 'Time since the state that is believed was looked at',
        registers,
        collect() {
          this.set(stateAgeMs() / 1000);
        },
      });
    }
    collectDefaultMetrics({ register: this.#registry });
  }

  began(): void {
    this.#running.inc();
  }

  answered(
    route: Route,
    { status, bytes, seconds }: { readonly status: number; readonly bytes: number; readonly seconds: number },
  ): void {
    this.#running.dec();
    const counts = this.#countsOf(route, status);
    counts.requests.inc();
    counts.durations.observe(seconds);
    if (bytes > 0) counts.bytes.inc(bytes);
  }

  /** Looked up by route and status once: finding what labels stand for costs more than counting. */
  #countsOf(route: Route, status: number): Counts {
    const byStatus = this.#counts.get(route) ?? new Map<number, Counts>();
    this.#counts.set(route, byStatus);
    const known = byStatus.get(status);
    if (known !== undefined) return known;
    const counts = {
      requests: this.#requests.labels({ route, status }),
      durations: this.#durations.labels({ route }),
      bytes: this.#bytes.labels({ route }),
    };
    byStatus.set(status, counts);
    return counts;
  }

  malformed(): void {
    this.#malformed.inc();
  }

  async text(): Promise<{ readonly contentType: string; readonly text: string }> {
    return { contentType: this.#registry.contentType, text: await this.#registry.metrics() };
  }
}

function sequenceOf(catalog: Catalog): number | undefined {
  try {
    return catalog.now().sequence;
  } catch {
    return undefined;
  }
}
