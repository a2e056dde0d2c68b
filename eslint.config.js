import tseslint from 'typescript-eslint';
import path from 'node:path';

/**
 * What each room may import from. Everything not listed is refused, so a dependency can only point towards the tensor
 * core. `cli` is the edge and may use everything.
 */
const rooms = {
  'src/tensor': [],
  'src/nn': ['src/tensor'],
  'src/uncertainty': ['src/tensor', 'src/nn'],
  'src/operators': ['src/tensor', 'src/nn'],
  'src/forecasting': ['src/tensor', 'src/nn', 'src/operators'],
  'src/mri': ['src/tensor', 'src/nn', 'src/uncertainty'],
  'src/flows': ['src/tensor', 'src/nn', 'src/uncertainty'],
  solvers: [],
  datasets: ['src/tensor', 'solvers'],
  'src/runs': ['src/tensor', 'src/nn', 'datasets'],
  'src/experiments': [
    'src/tensor',
    'src/nn',
    'src/uncertainty',
    'src/operators',
    'src/forecasting',
    'src/mri',
    'src/flows',
    'src/runs',
    'solvers',
    'datasets',
  ],
  reports: ['src/runs', 'datasets'],
  server: ['src/runs', 'reports'],
};

const roomOf = (file) => Object.keys(rooms).find((room) => file === room || file.startsWith(room + '/'));

/** Refuses an import that crosses into a room the importing file's room may not know. */
const houseRules = {
  rules: {
    'imports-point-down': {
      meta: { type: 'problem', schema: [] },
      create(context) {
        const root = import.meta.dirname;
        const from = path.relative(root, context.filename).replaceAll('\\', '/');
        const room = roomOf(from);
        if (!room) return {};
        const check = (node) => {
          const source = node.source?.value;
          if (typeof source !== 'string' || !source.startsWith('.')) return;
          const to = path
            .relative(root, path.resolve(path.dirname(context.filename), source))
            .replaceAll('\\', '/');
          const target = roomOf(to);
          if (target === room) return;
          if (!target || !rooms[room].includes(target)) {
            context.report({
              node,
              message: `${room} may not import ${target ?? to}: it knows only ${rooms[room].join(', ') || 'itself'} (eslint.config.js, docs/architecture.md)`,
            });
          }
        };
        return {
          ImportDeclaration: check,
          ExportNamedDeclaration: check,
          ExportAllDeclaration: check,
          ImportExpression: (node) => check({ source: node.source }),
        };
      },
    },
  },
};

export default tseslint.config(
  { ignores: ['node_modules', 'coverage', 'docs', 'runs'] },
  ...tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: {
      parserOptions: {
        projectService: { allowDefaultProject: ['*.js', 'src/cli/*.mjs', 'bench/*.mjs'] },
        tsconfigRootDir: import.meta.dirname,
      },
    },
    plugins: { house: houseRules },
    rules: {
      'house/imports-point-down': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
    },
  },
  { files: ['**/*.js', '**/*.mjs'], ...tseslint.configs.disableTypeChecked },
);
