/** An SQL identifier. */
export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** An SQL text. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
