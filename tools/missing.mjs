/**
 * Ends a check that cannot be made for want of something. In CI (`CI=true`) that is a failure, for a check that nothing can fail guards nothing; elsewhere
 * it says so and the work goes on.
 * @param {string} what it needs, and how it is had
 * @returns {never}
 */
export function endForWantOf(what) {
  const isCi = process.env.CI === 'true';
  console.error(`${isCi ? 'FAILED' : 'SKIPPED'}: ${what}`);
  process.exit(isCi ? 1 : 0);
}
