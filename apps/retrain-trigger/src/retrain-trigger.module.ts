import { Module } from '@nestjs/common';
import { Platform } from '@gyre/platform';
import { RetrainTriggerController } from './retrain-trigger.http.js';
import { trigger } from './trigger.js';

@Module({
  controllers: [RetrainTriggerController],
  providers: [
    { provide: 'retrain-trigger', inject: [Platform], useFactory: (platform: Platform) => platform.run(trigger) },
  ],
})
export class RetrainTriggerModule {}
