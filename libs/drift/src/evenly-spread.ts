/** Which of so many things to keep, so that those kept are evenly spread over all: rising indices, all of them where `kept` is no fewer. */
export function evenlySpread(all: number, kept: number): number[] {
  const wanted = Math.min(all, kept);
  return Array.from({ length: wanted }, (_, i) => Math.floor((i * all) / wanted));
}
