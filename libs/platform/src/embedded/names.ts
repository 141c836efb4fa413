import type { DatabaseSync, StatementSync } from 'node:sqlite';

/** Numbers for the names of topics, producers and groups. Several connections may add names; none is ever taken back. */
export class Names {
  readonly #ids = new Map<string, number>();
  readonly #names = new Map<number, string>();
  /** Added in the transaction under way: forgotten when it is rolled back. */
  #uncertain: string[] = [];
  readonly #add: StatementSync;
  readonly #byName: StatementSync;
  readonly #byId: StatementSync;

  constructor(db: DatabaseSync) {
    this.#add = db.prepare('INSERT INTO names(name) VALUES (?) ON CONFLICT DO NOTHING');
    this.#byName = db.prepare('SELECT id FROM names WHERE name = ?');
    this.#byId = db.prepare('SELECT name FROM names WHERE id = ?');
  }

  /** Its number; undefined if it has none yet. */
  find(name: string): number | undefined {
    const known = this.#ids.get(name);
    if (known !== undefined) return known;
    const row = this.#byName.get(name) as { id: number } | undefined;
    if (row !== undefined) this.#keep(name, row.id);
    return row?.id;
  }

  /** Its number, given to it where it has none. Only inside a transaction. */
  idOf(name: string): number {
    const known = this.find(name);
    if (known !== undefined) return known;
    this.#add.run(name);
    this.#uncertain.push(name);
    return this.find(name) as number;
  }

  nameOf(id: number): string {
    const known = this.#names.get(id);
    if (known !== undefined) return known;
    const { name } = this.#byId.get(id) as { name: string };
    this.#keep(name, id);
    return name;
  }

  committed(): void {
    if (this.#uncertain.length > 0) this.#uncertain = [];
  }

  rolledBack(): void {
    for (const name of this.#uncertain) {
      const id = this.#ids.get(name);
      this.#ids.delete(name);
      if (id !== undefined) this.#names.delete(id);
    }
    this.#uncertain = [];
  }

  #keep(name: string, id: number): void {
    this.#ids.set(name, id);
    this.#names.set(id, name);
  }
}
