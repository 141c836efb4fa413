import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

export interface WarehouseOptions {
  archiveDir: string;
  duckdbMemoryMegabytes: number;
  duckdbThreads: number;
}

/**
 * DuckDB in memory, over the Parquet files of the archive; one instance a process.
 * A database file would lock out other processes, and DuckDB's own memory limit is most of the machine.
 */
export class Warehouse {
  private constructor(
    private readonly instance: DuckDBInstance,
    /** Folder of the Parquet files. */
    readonly archiveDir: string,
    /** For files that nobody misses. */
    readonly scratchDir: string,
  ) {}

  static async open({ archiveDir, duckdbMemoryMegabytes, duckdbThreads }: WarehouseOptions): Promise<Warehouse> {
    const scratchDir = join(archiveDir, 'tmp');
    mkdirSync(scratchDir, { recursive: true });
    const instance = await DuckDBInstance.create(':memory:', {
      memory_limit: `${duckdbMemoryMegabytes}MB`,
      threads: String(duckdbThreads),
      temp_directory: scratchDir,
      autoinstall_known_extensions: 'false',
    });
    return new Warehouse(instance, archiveDir, scratchDir);
  }

  /** Runs work on a connection of its own, whose temporary tables end with it. */
  async with<T>(work: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
    const connection = await this.instance.connect();
    try {
      return await work(connection);
    } finally {
      connection.closeSync();
    }
  }

  close(): void {
    this.instance.closeSync();
  }
}
