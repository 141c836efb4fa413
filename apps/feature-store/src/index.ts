export { FeatureStoreModule } from './feature-store.module.js';
