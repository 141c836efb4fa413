export { RetrainTriggerModule } from './retrain-trigger.module.js';
