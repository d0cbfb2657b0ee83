/** The unit tests of the packages that have faults, with one of them planted. */
import { fileURLToPath } from 'node:url';
import tests from '../../jest.config.mjs';

const unit = tests.projects.find(({ displayName }) => displayName === 'unit');
const here = (file) => fileURLToPath(new URL(file, import.meta.url));

export default {
  ...unit,
  testMatch: ['<rootDir>/packages/{core,flow,engine}/src/**/*.test.ts'],
  transform: Object.fromEntries(
    Object.entries(unit.transform).map(([files, [, options]]) => [files, [here('planting.mjs'), options]]),
  ),
  setupFiles: [here('fixed-seed.mjs')],
  testTimeout: 30_000,
};
