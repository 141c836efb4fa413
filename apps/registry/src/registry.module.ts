import { Module } from '@nestjs/common';
import { Platform } from '@gyre/platform';
import { keep } from './keep.js';
import { RegistryController } from './registry.http.js';

@Module({
  controllers: [RegistryController],
  providers: [{ provide: 'registry', inject: [Platform], useFactory: (platform: Platform) => platform.run(keep) }],
})
export class RegistryModule {}
