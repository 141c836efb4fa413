/**
 * The same as bare-server.mjs behind NestJS's own gRPC transport, as its documentation sets it up. A process of its own; takes the model's file, prints
 * its address on standard output.
 */
import 'reflect-metadata';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { GrpcMethod, Transport } from '@nestjs/microservices';
import { bareModel, PROTO } from './bare-model.mjs';

const answer = await bareModel(process.argv[2]);

class Inference {
  infer(request) {
    return answer(request);
  }
}
const method = Object.getOwnPropertyDescriptor(Inference.prototype, 'infer');
GrpcMethod('GRPCInferenceService', 'ModelInfer')(Inference.prototype, 'infer', method);
Controller()(Inference);
class App {}
Module({ controllers: [Inference] })(App);

const url = `127.0.0.1:${await freePort()}`;
const loader = { keepCase: true, longs: Number };
const options = { package: 'inference', protoPath: PROTO, loader, url };
const app = await NestFactory.createMicroservice(App, { transport: Transport.GRPC, options, logger: ['error'] });
await app.listen();
console.log(url);

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}
