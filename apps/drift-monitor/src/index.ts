export { DriftMonitorModule } from './drift-monitor.module.js';
