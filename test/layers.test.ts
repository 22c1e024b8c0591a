import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

/**
 * Who may import whom. THINK HARD ABOUT THE LAYERING BEFORE CHANGING THIS TABLE: a file imports from its own layer and
 * from the layers named here, all of which lie below it. The engine (src/log) knows nothing of the command line, and the command
 * line enters the engine by its door alone.
 */
const layers: { name: string; holds: (file: string) => boolean; mayImport: string[] }[] = [
  { name: 'errors', holds: file => file === 'log/errors.ts', mayImport: [] },
  { name: 'record', holds: file => file.startsWith('log/record/'), mayImport: ['errors'] },
  { name: 'file', holds: file => file.startsWith('log/file/'), mayImport: ['errors', 'record'] },
  { name: 'segment', holds: file => file.startsWith('log/segment/'), mayImport: ['errors', 'record', 'file'] },
  {
    name: 'partition log',
    holds: file => file.startsWith('log/partition-log/'),
    mayImport: ['errors', 'record', 'file', 'segment'],
  },
  {
    name: 'data directory',
    holds: file => /^log\/[^/]+\.ts$/.test(file) && !['log/errors.ts', 'log/index.ts'].includes(file),
    mayImport: ['errors', 'record', 'file', 'segment', 'partition log'],
  },
  {
    name: 'maintenance',
    holds: file => file.startsWith('log/maintenance/'),
    mayImport: ['errors', 'record', 'file', 'segment', 'partition log', 'data directory'],
  },
  {
    name: 'door',
    holds: file => file === 'log/index.ts',
    mayImport: ['errors', 'record', 'file', 'segment', 'partition log', 'data directory', 'maintenance'],
  },
  { name: 'cli', holds: file => file.startsWith('cli/'), mayImport: ['door'] },
  { name: 'commands', holds: file => file.startsWith('commands/'), mayImport: ['door', 'cli'] },
]

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const source = join(root, 'src')

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile() && entry.name.endsWith('.ts'))
    .map(entry => relative(source, join(entry.parentPath, entry.name)))
    .sort()
}

const files = filesBelow(source)
const layerOf = (file: string) => layers.find(layer => layer.holds(file))

function importsOf(file: string): string[] {
  const text = readFileSync(join(source, file), 'utf8')
  const matches = text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*'([^']+)'/g)
  return [...matches].map(match => match[1]!)
}

test('the tests see the source at all', () => {
  expect(files.length).toBeGreaterThan(40)
})

/** oclif finds these by their default export. */
const hasDefaultExport = (file: string) => file.startsWith('commands/') || file === 'cli/help.ts'

test.each(files)('src/%s keeps to its layer and to the house rules', file => {
  const layer = layerOf(file)
  expect(layer, 'no layer holds this file').toBeDefined()
  const imports = importsOf(file)
  for (const specifier of imports.filter(name => name.startsWith('.'))) {
    const target = relative(source, resolve(join(source, dirname(file)), specifier))
    const other = layerOf(target)
    expect(other, `${specifier} is in no layer`).toBeDefined()
    if (other !== layer) expect(layer!.mayImport, `${layer!.name} imports ${target}`).toContain(other!.name)
  }
  const builtins = /^(fs|path|os|zlib|util|crypto|stream|events|url|worker_threads|child_process)\b/
  expect(imports.filter(name => builtins.test(name))).toEqual([])
  // The format does no input or output.
  if (layer!.name === 'record') expect(imports.filter(name => /^node:(fs|net|child_process)/.test(name))).toEqual([])
  const text = readFileSync(join(source, file), 'utf8')
  expect(text.split('\n').length).toBeLessThanOrEqual(501)
  expect(text).not.toMatch(/\bprocess\.exit\(|\bconsole\.\w+\(/)
  if (!hasDefaultExport(file)) expect(text.includes('\nexport default')).toBe(false)
})

test.each(['test', 'bench'])('no file of %s has over 500 lines', folder => {
  const long = readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile() && entry.name.endsWith('.ts'))
    .map(entry => join(entry.parentPath, entry.name))
    .filter(path => readFileSync(path, 'utf8').split('\n').length > 501)
  expect(long).toEqual([])
})
