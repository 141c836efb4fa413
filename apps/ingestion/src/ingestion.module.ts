import { Module } from '@nestjs/common';
import { Catalog, Config } from '@gyre/hosting';
import { Platform } from '@gyre/platform';
import { accept } from './accept.js';
import { IngestionConfig } from './ingestion.config.js';
import { IngestionController } from './ingestion.http.js';
import { NewestLetters } from './newest-letters.js';

@Module({
  controllers: [IngestionController],
  providers: [
    {
      provide: NewestLetters,
      inject: [Platform],
      useFactory: (platform: Platform) => new NewestLetters(platform),
    },
    {
      provide: 'ingestion',
      inject: [Platform, Config, Catalog],
      useFactory: (platform: Platform, config: Config, catalog: Catalog) => {
        const { distinctWithin } = config.read('ingestion', IngestionConfig);
        const specs = {
          view: (name: string) => catalog.view(name),
          model: (name: string) => catalog.model(name),
          views: () => catalog.allViews(),
          isKnownUpTo: (appendedAt: number) => catalog.isKnownUpTo(appendedAt),
        };
        return platform.run(accept({ ...specs, distinctWithin }));
      },
    },
  ],
})
export class IngestionModule {}
