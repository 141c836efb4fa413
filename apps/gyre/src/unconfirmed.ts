/** A line for each process that did not say in time that it knows what was applied; empty where all did. */
export function notKnownYet({ unconfirmed = [] }: { unconfirmed?: string[] }): string {
  return unconfirmed.map((process) => `Not known everywhere yet: ${process}\n`).join('');
}
