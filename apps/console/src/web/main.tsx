import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app.js';
import { LiveStore } from './store.js';
import 'uplot/dist/uPlot.min.css';
import './styles/base.css';
import './styles/page.css';
import './styles/top-bar.css';
import './styles/head.css';
import './styles/chart.css';
import './styles/timeline.css';
import './styles/incidents.css';
import './styles/labels.css';
import './styles/versions.css';
import './styles/overview.css';
import './styles/empty.css';
import './styles/dead-letters.css';

const store = new LiveStore();
store.start();
createRoot(document.getElementById('console') as HTMLElement).render(
  <StrictMode>
    <App store={store} />
  </StrictMode>,
);
