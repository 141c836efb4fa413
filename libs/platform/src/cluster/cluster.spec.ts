import { jest } from '@jest/globals';
import { describeOnServers, testServers } from '../../../../tools/servers/index.mjs';
import { behavesLikeAPlatform } from '../contract/index.js';
import { harness } from './cluster.harness.js';

// Groups have to be joined, and FerretDB writes a few hundred states a second.
jest.setTimeout(240_000);

describeOnServers('Apache Kafka and MongoDB', await testServers(), () => behavesLikeAPlatform(harness));
