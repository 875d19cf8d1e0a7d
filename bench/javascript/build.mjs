// Builds check.js into a component: `node build.mjs WIT OUTPUT`.
import { readFile, writeFile } from 'node:fs/promises';
import { componentize } from '@bytecodealliance/componentize-js';

const [witPath, output] = process.argv.slice(2);
const source = await readFile(new URL('check.js', import.meta.url), 'utf8');
const disableFeatures = ['stdio', 'random', 'clocks', 'http', 'fetch-event'];
const { component } = await componentize(source, { witPath, worldName: 'auth-check', disableFeatures });
await writeFile(output, component);
