import { Module } from '@nestjs/common';
import { Catalog, Metrics } from '@gyre/hosting';
import { Platform } from '@gyre/platform';
import { ConsoleController } from './console.http.js';
import { LiveStream } from './live-stream.js';
import { SignInController } from './sign-in.http.js';
import { Site } from './site.js';

/** The console: the built pages, and the stream that keeps them live. */
@Module({
  controllers: [ConsoleController, SignInController],
  providers: [
    { provide: Site, useFactory: () => Site.load(new URL('./web/', import.meta.url)) },
    {
      provide: LiveStream,
      inject: [Platform, Catalog, Metrics],
      useFactory: (platform: Platform, catalog: Catalog, metrics: Metrics) => {
        const stream = new LiveStream(() => catalog.allModels().map((model) => model.name));
        stream.open(platform);
        metrics.gauge('gyre_console_stream_clients', 'Browsers and tools connected to the live stream', [], (gauge) =>
          gauge.set(stream.clients),
        );
        return stream;
      },
    },
  ],
})
export class ConsoleModule {}
