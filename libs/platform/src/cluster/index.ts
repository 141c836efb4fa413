export { ClusterPlatform } from './cluster-platform.js';
export { CLUSTER_STEPS, type ClusterOptions, type KafkaOptions, type MongoOptions } from './options.js';
export { removeClusterPlatform } from './remove.js';
