import nx from '@nx/eslint-plugin';
import prettier from 'eslint-config-prettier';
import tseslint from 'typescript-eslint';

/** Who may import whom: gyre > services > platform > contracts, and services > domain. Services meet only in contracts. */
const boundaries = [
  {
    sourceTag: 'layer:executable',
    onlyDependOnLibsWithTags: ['layer:service', 'layer:platform', 'layer:contracts', 'layer:domain'],
  },
  { sourceTag: 'layer:e2e', onlyDependOnLibsWithTags: ['layer:platform', 'layer:contracts', 'layer:domain'] },
  { sourceTag: 'layer:service', onlyDependOnLibsWithTags: ['layer:platform', 'layer:contracts', 'layer:domain'] },
  { sourceTag: 'layer:platform', onlyDependOnLibsWithTags: ['layer:platform', 'layer:contracts'] },
  { sourceTag: 'layer:contracts', onlyDependOnLibsWithTags: [], allowedExternalImports: ['zod'] },
  { sourceTag: 'layer:domain', onlyDependOnLibsWithTags: [], allowedExternalImports: ['fast-check'] },
];

/** An error of Node's own is of another realm than a test's, where it would be taken for none. */
const errors = {
  selector: "BinaryExpression[operator='instanceof'][right.name='Error']",
  message: 'Ask Error.isError.',
};

export default tseslint.config(
  { ignores: ['**/dist/**', '**/node_modules/**'] },
  ...tseslint.configs.recommended,
  {
    files: ['**/*.ts', '**/*.tsx'],
    plugins: { '@nx': nx },
    rules: {
      '@nx/enforce-module-boundaries': [
        'error',
        {
          allow: [
            '../../../tools/servers/index.mjs',
            '../../../../tools/servers/index.mjs',
            '../../../tools/servers/alertmanager.mjs',
            '../../../../tools/servers/secured-kafka.mjs',
          ],
          depConstraints: boundaries,
        },
      ],
      '@typescript-eslint/no-explicit-any': 'error',
      'no-restricted-syntax': ['error', errors],
    },
  },
  {
    files: ['**/*.ts', '**/*.tsx', '**/*.mjs'],
    rules: {
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      'max-lines': ['error', { max: 400, skipBlankLines: true, skipComments: true }],
    },
  },
  {
    // The domain has no clock and no chance of its own: replaying a stream gives the same decisions.
    files: ['libs/drift/src/**/*.ts', 'libs/learning/src/**/*.ts', 'libs/features/src/**/*.ts'],
    ignores: ['**/*.spec.ts'],
    rules: {
      'no-restricted-properties': [
        'error',
        { object: 'Math', property: 'random', message: 'Take a seeded generator as an argument.' },
        { object: 'Date', property: 'now', message: 'Take the time from the event.' },
      ],
      'no-restricted-syntax': [
        'error',
        errors,
        { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: 'Take the time from the event.' },
      ],
      'no-restricted-imports': ['error', { patterns: ['node:*'] }],
    },
  },
  prettier,
);
