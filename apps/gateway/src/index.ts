export { GatewayModule, gatewayKnowsEnough } from './gateway.module.js';
