/**
 * Writes libs/drift/API.md: every export of the drift library, its declaration and its docstring, from the source itself. With --check it writes nothing and
 * fails if the page lacks an export or has one that is gone.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import ts from 'typescript';
import { root } from './pinned-node.mjs';

const folder = join(root, 'libs/drift');
const page = join(folder, 'API.md');
const KINDS = { class: 'class', function: 'function', constant: 'constant', type: 'type' };

const program = ts.createProgram([join(folder, 'src/index.ts')], {
  target: ts.ScriptTarget.ES2024,
  module: ts.ModuleKind.NodeNext,
  strict: true,
  types: [],
});
const checker = program.getTypeChecker();
const index = program.getSourceFile(join(folder, 'src/index.ts'));
const entries = checker
  .getExportsOfModule(checker.getSymbolAtLocation(index))
  .map((symbol) => ({
    name: symbol.name,
    symbol: symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol,
  }))
  .flatMap(({ name, symbol }) => symbol.declarations.map((node) => ({ name, symbol, node })));

const text = await format(write(entries), { ...(await resolveConfig(page)), filepath: page });
if (process.argv.includes('--check')) {
  const headings = (markdown) => new Set(markdown.match(/^### .*$/gm));
  const [wanted, there] = [headings(text), headings(readFileSync(page, 'utf8'))];
  const differing = [...wanted.symmetricDifference(there)];
  if (differing.length === 0) process.exit(0);
  console.error(
    `libs/drift/API.md is older than its source: ${differing.join(', ')}. Run \`node tools/drift-api.mjs\`.`,
  );
  process.exit(1);
}
writeFileSync(page, text);

function write(all) {
  const files = [...new Set(all.map(({ node }) => node.getSourceFile().fileName))];
  const sections = files.map((file) => {
    const own = all.filter(({ node }) => node.getSourceFile().fileName === file);
    const title = basename(file, '.ts');
    return `## ${title}\n\n${own.map(entry).join('\n\n')}`;
  });
  const contents = files.map((file) => {
    const title = basename(file, '.ts');
    const names = all.filter(({ node }) => node.getSourceFile().fileName === file).map(({ name }) => `\`${name}\``);
    return `- [${title}](#${title}): ${names.join(', ')}`;
  });
  return `# API of @gyre/drift\n\nWritten by \`node tools/drift-api.mjs\` from the source; do not edit.\n\n${contents.join('\n')}\n\n${sections.join('\n\n')}\n`;
}

function entry({ name, symbol, node }) {
  return `### ${kindOf(node)} \`${name}\`\n\n${docOf(symbol)}\n\n\`\`\`ts\n${declarationOf(node)}\n\`\`\``;
}

function kindOf(node) {
  if (ts.isClassDeclaration(node)) return KINDS.class;
  if (ts.isFunctionDeclaration(node)) return KINDS.function;
  return ts.isVariableDeclaration(node) ? KINDS.constant : KINDS.type;
}

/** The docstring as Markdown: its text, then its tags as a list. */
function docOf(symbol) {
  const said = ts.displayPartsToString(symbol.getDocumentationComment(checker));
  const tags = symbol
    .getJsDocTags(checker)
    .map(({ name, text = [] }) => `- _${name}_ ${ts.displayPartsToString(text).replace(/\s*\n\s*/g, ' ')}`);
  return [said.replace(/[<*]/g, '\\$&'), tags.join('\n').replace(/[<*]/g, '\\$&')]
    .filter((part) => part !== '')
    .join('\n\n');
}

/** The declaration without bodies and private members, its comments kept. */
function declarationOf(node) {
  const source = node.getSourceFile();
  if (ts.isClassDeclaration(node)) {
    const hidden = ts.ModifierFlags.Private | ts.ModifierFlags.Protected;
    const members = node.members
      .filter((member) => !(ts.getCombinedModifierFlags(member) & hidden))
      .map((member) => `  ${withoutBody(member, source)}`);
    return `class ${node.name.text}${generics(node, source)}${heritage(node, source)} {\n${members.join('\n')}\n}`;
  }
  if (ts.isFunctionDeclaration(node)) return withoutBody(node, source);
  if (ts.isVariableDeclaration(node))
    return `const ${node.name.getText(source)}: ${checker.typeToString(checker.getTypeAtLocation(node), node, ts.TypeFormatFlags.NoTruncation)}`;
  return node.getText(source).replace(/^export /, '');
}

function withoutBody(node, source) {
  const comment = ts
    .getJSDocCommentsAndTags(node)
    .filter((one) => ts.isClassElement(node) && ts.isJSDoc(one))
    .map((one) => `${one.getText(source)}\n  `)
    .join('');
  const end = node.body?.getStart(source) ?? node.initializer?.getFullStart() ?? node.end;
  const head = source.text
    .slice(node.getStart(source), end)
    .trim()
    .replace(/^export /, '')
    .replace(/\s*=$/, '');
  return `${comment}${head.replace(/;$/, '')};`;
}

function generics(node, source) {
  return node.typeParameters ? `<${node.typeParameters.map((one) => one.getText(source)).join(', ')}>` : '';
}

function heritage(node, source) {
  return (node.heritageClauses ?? []).map((one) => ` ${one.getText(source)}`).join('');
}
