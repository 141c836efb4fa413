/** Tests run as built: the same JavaScript that production runs, workers and child processes included. */
export default {
  roots: ['apps', 'libs'],
  testMatch: ['**/dist/**/*.spec.js'],
  modulePathIgnorePatterns: ['<rootDir>/.nx/'],
  testEnvironment: '<rootDir>/tools/jest-environment.cjs',
  transform: {},
  globalSetup: '<rootDir>/tools/servers/jest-setup.mjs',
  globalTeardown: '<rootDir>/tools/servers/jest-teardown.mjs',
  maxWorkers: 2,
  testTimeout: 60_000,
};
