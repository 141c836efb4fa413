const SMALLEST = `kind: FeatureView
name: market
entity: region
fields: { price: float, demand: float }
---
kind: Model
name: price-direction
features: [market.*]
label: { name: class, type: binary }`;

/** Nothing has been applied yet: says what to do. */
export function Empty({ views }: { views: number }) {
  return (
    <section className="empty">
      <h1>Nothing to keep right yet</h1>
      <p className="lead">
        {views === 0
          ? 'Gyre is running and knows no model. '
          : `Gyre is running and knows ${views === 1 ? 'a feature view' : `${views} feature views`}, but no model. `}
        This page fills by itself as soon as there is one.
      </p>
      <ol className="ways">
        <li>
          <h2>See it work</h2>
          <p>
            Two and a half years of an electricity market, replayed in minutes: drift, retraining, proof, promotion.
          </p>
          <pre>
            <code>npm run demo</code>
          </pre>
        </li>
        <li>
          <h2>Bring your own model</h2>
          <p>Say what you send and what is to be predicted. Everything else has a default.</p>
          <pre>
            <code>{SMALLEST}</code>
          </pre>
          <pre>
            <code>gyre apply -f spec.yaml</code>
          </pre>
        </li>
      </ol>
    </section>
  );
}
