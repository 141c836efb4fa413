import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app.js';
import { LiveStore } from './store.js';
import 'uplot/dist/uPlot.min.css';
import './styles/base.css';
import './styles/page.css';
import './styles/chart.css';
import './styles/timeline.css';

const store = new LiveStore();
store.start();
createRoot(document.getElementById('console') as HTMLElement).render(
  <StrictMode>
    <App store={store} />
  </StrictMode>,
);
