import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

export interface SiteFile {
  /** Content type. */
  type: string;
  bytes: Buffer;
  /** The same, packed; undefined where packing gains nothing. */
  gzip: Buffer | undefined;
  /** Quoted, of the content. */
  etag: string;
}

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.json': 'application/json; charset=utf-8',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
};

/** The built pages, held in memory. A name is looked up and never joined to a path, so no request can leave the folder. */
export class Site {
  private constructor(private readonly files: ReadonlyMap<string, SiteFile>) {}

  /** @param folder what `vite build` wrote; one that does not exist makes a site without files */
  static load(folder: URL): Site {
    const root = fileURLToPath(folder);
    const files = new Map<string, SiteFile>();
    if (existsSync(root)) {
      for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
        const type = TYPES[extname(entry.name)];
        if (!entry.isFile() || type === undefined) continue;
        const path = join(entry.parentPath, entry.name);
        files.set(relative(root, path).split(sep).join('/'), siteFile(readFileSync(path), type));
      }
    }
    return new Site(files);
  }

  /** @param name relative to the site, with slashes, such as `assets/index-4f2a.js` */
  file(name: string): SiteFile | undefined {
    return this.files.get(name);
  }

  names(): string[] {
    return [...this.files.keys()];
  }
}

function siteFile(bytes: Buffer, type: string): SiteFile {
  const packed = gzipSync(bytes);
  const etag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`;
  return { type, bytes, gzip: packed.length < bytes.length ? packed : undefined, etag };
}
