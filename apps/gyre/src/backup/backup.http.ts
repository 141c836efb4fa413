import { Controller, HttpCode, Inject, Module, Post, Res, type DynamicModule } from '@nestjs/common';
import { GyreError } from '@gyre/contracts';
import { Needs, type HttpReply } from '@gyre/hosting';
import { backupOf, removeSnapshots, type DataPlaces } from './take.js';
import { tarOf } from './tar.js';

const PLACES = 'backup.places';

@Controller('v1/backup')
class BackupController {
  private underWay = false;

  constructor(@Inject(PLACES) private readonly places: DataPlaces | null) {}

  /** Everything that the platform keeps, as a tar archive, while it runs. */
  @Needs('admin')
  @Post()
  @HttpCode(200)
  async take(@Res() reply: HttpReply): Promise<void> {
    const { places } = this;
    if (places === null)
      throw new GyreError(
        'COMMAND_REFUSED',
        'on a cluster everything lies in Kafka and MongoDB; docs/operations.md tells how to back them up',
      );
    if (this.underWay)
      throw new GyreError('COMMAND_REFUSED', 'a backup is being taken already; take the next after it');
    this.underWay = true;
    try {
      await removeSnapshots(places.dir);
      const archive = tarOf(backupOf(places)).once('close', () => (this.underWay = false));
      reply.header('content-type', 'application/x-tar').send(archive);
    } catch (error) {
      this.underWay = false;
      throw error;
    }
  }
}

/** Backups of an embedded platform over HTTP. */
@Module({})
export class BackupModule {
  /** @param places null on a cluster, which is backed up otherwise */
  static of(places: DataPlaces | null): DynamicModule {
    return {
      module: BackupModule,
      controllers: [BackupController],
      providers: [{ provide: PLACES, useValue: places }],
    };
  }
}
