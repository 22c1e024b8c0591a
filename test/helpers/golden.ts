import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { delimiter, dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'

/**
 * Data that Kafka's own classes and a real broker wrote (test/fixtures/kafka-golden/README.md). Tests take whatever case
 * folders there are: a newer one needs no new test. LOGLADY_GOLDEN names more folders of the same shape.
 */
export const fixtureFolder = join(dirname(fileURLToPath(import.meta.url)), '../fixtures/kafka-golden')

/** A line of expected.ndjson: what a Java consumer got. */
export interface ExpectedRecord {
  topic: string
  partition: number
  offset: number
  timestamp: number
  timestampType: string
  keyB64: string | null
  valueB64: string | null
  headers: [string, string | null][]
}

/** A line of offsets.json; `records` counts those of expected.ndjson. */
export interface ExpectedOffsets {
  topic: string
  partition: number
  logStartOffset: number
  logEndOffset: number
  lastStableOffset: number
  records: number
}

/** One log directory of a broker with what consumers read from it. */
export interface GoldenCase {
  name: string
  folder: string
  logDirectory: string
}

/** The fixtures' own folder and those of LOGLADY_GOLDEN. */
export function goldenFolders(): string[] {
  const more = (process.env.LOGLADY_GOLDEN ?? '').split(delimiter).filter(folder => folder !== '')
  return [fixtureFolder, ...more]
}

/**
 * Every case folder (one with a log-dir) in a golden folder or in its `broker`. Of two with the same name and the same
 * files one is taken; if they differ both are, and the second's name says where it is.
 */
export function goldenCases(folders = goldenFolders()): GoldenCase[] {
  const cases = new Map<string, GoldenCase>()
  for (const folder of folders.flatMap(root => [root, join(root, 'broker')])) {
    for (const found of casesIn(folder)) {
      const other = cases.get(found.name)
      if (other === undefined) cases.set(found.name, found)
      else if (!sameFiles(other.folder, found.folder)) cases.set(found.folder, { ...found, name: found.folder })
    }
  }
  return [...cases.values()]
}

function casesIn(folder: string): GoldenCase[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .sort()
    .map(name => ({ name, folder: join(folder, name), logDirectory: join(folder, name, 'log-dir') }))
    .filter(found => existsSync(found.logDirectory))
}

function sameFiles(one: string, other: string): boolean {
  const files = filesBelow(one)
  if (files.join('\n') !== filesBelow(other).join('\n')) return false
  return files.every(file => readFileSync(join(one, file)).equals(readFileSync(join(other, file))))
}

function filesBelow(folder: string): string[] {
  const names = readdirSync(folder, { recursive: true }).map(String)
  return names.filter(name => statSync(join(folder, name)).isFile()).sort()
}

/** The records of expected.ndjson (.gz), in its order; undefined if the case has no such file. */
export function expectedRecords(golden: GoldenCase, file = 'expected.ndjson'): ExpectedRecord[] | undefined {
  const text = readMaybeZipped(join(golden.folder, file))
  if (text === undefined) return undefined
  const lines = text.split('\n').filter(line => line !== '')
  return lines.map(line => JSON.parse(line) as ExpectedRecord)
}

export function expectedOffsets(golden: GoldenCase): ExpectedOffsets[] {
  return JSON.parse(readFileSync(join(golden.folder, 'offsets.json'), 'utf8')) as ExpectedOffsets[]
}

function readMaybeZipped(path: string): string | undefined {
  if (existsSync(path)) return readFileSync(path, 'utf8')
  return existsSync(`${path}.gz`) ? gunzipSync(readFileSync(`${path}.gz`)).toString() : undefined
}

/** The partition's `.log` files by base offset; `.log.deleted` and the like are not part of the log. */
export function segmentFiles(logDirectory: string, topic: string, partition: number): string[] {
  const folder = join(logDirectory, `${topic}-${partition}`)
  const names = readdirSync(folder).filter(name => /^\d{20}\.log$/.test(name))
  return names.sort().map(name => join(folder, name))
}

/** Every `.log` file below the golden folders, those of the plain partition folders too. */
export function allLogFiles(folders = goldenFolders()): string[] {
  return folders.filter(existsSync).flatMap(folder =>
    filesBelow(folder)
      .filter(file => /(^|\/)\d{20}\.log$/.test(file))
      .map(file => join(folder, file)),
  )
}

/** golden-batches.txt: name → bytes of the line "none size=…" (hex on the next one), "LAT <hex>" and the like. */
export function goldenBatches(): Map<string, Buffer> {
  const batches = new Map<string, Buffer>()
  const lines = readFileSync(join(fixtureFolder, 'golden-batches.txt'), 'utf8').split('\n')
  for (const [index, line] of lines.entries()) {
    const sized = /^(\w+) size=/.exec(line)
    const inline = /^([A-Z][A-Z0-9]*(?: \w+)?) ([0-9a-f]{34,})$/.exec(line)
    if (sized !== null) batches.set(sized[1]!, Buffer.from(lines[index + 1]!.trim(), 'hex'))
    else if (inline !== null) batches.set(inline[1]!, Buffer.from(inline[2]!, 'hex'))
  }
  return batches
}

/** A golden path as the tests' titles show it. */
export function shortPath(path: string): string {
  const short = relative(fixtureFolder, path)
  return short.startsWith('..') ? path : short
}
