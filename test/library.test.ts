import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from './helpers/temporary-folder.ts'

const root = join(import.meta.dirname, '..')

/** A folder of somebody's own package that has loglady as a dependency. */
function userPackage(): string {
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'package.json'), '{ "name": "user", "type": "module" }\n')
  mkdirSync(join(folder, 'node_modules', '@types'), { recursive: true })
  symlinkSync(root, join(folder, 'node_modules', 'loglady'))
  for (const name of ['node', '../undici-types']) {
    symlinkSync(join(root, 'node_modules', '@types', name), join(folder, 'node_modules', '@types', name))
  }
  return folder
}

test('the example runs in a package that depends on loglady, and says what it did', () => {
  const folder = userPackage()
  cpSync(join(root, 'examples', 'library.mjs'), join(folder, 'library.mjs'))
  const output = execFileSync(process.execPath, ['library.mjs'], { cwd: folder, encoding: 'utf8' })
  expect(output.split('\n')).toEqual([
    'written to partition 0 at 0',
    'written to partition 1 at 0',
    '0:0 alice one apple',
    '1:0 dave two pears',
    '0:1 alice three plums',
    'just in: four quinces',
    'orders-0/00000000000000000000.log clean',
    'orders-1/00000000000000000000.log clean',
    'orders-2/00000000000000000000.log clean',
    '',
  ])
})

const consumer = `
import { DataDirectory, type FileReport, inspect, isWrong, LogladyError, RecordCursor, type TopicRecord } from 'loglady'

const directory: DataDirectory = DataDirectory.open('data', { create: true, onNote: (note: string) => note })
await directory.createTopic('t', { partitions: 2, config: { 'segment.bytes': 1048576, preallocate: false } })
await directory.alterTopic('t', { config: new Map([['segment.bytes', undefined]]) })

async function* source() {
  yield { value: 'text' }
  yield { key: new Uint8Array(2), value: null, headers: { h: 'v', n: null }, timestamp: new Date(), partition: 1 }
}
const summary = await directory.append('t', source(), { sync: 'batch', compression: 'lz4', onAck: ack => ack.baseOffset })
const durable: number | undefined = summary.partitions[0]?.durableOffset

const records: AsyncGenerator<TopicRecord> = directory.read('t', { from: new Map([[0, 5]]), until: new Date() })
for await (const { topic, partition, offset, key, value, headers } of records) {
  const text: string = topic + partition + offset + (key?.toString('hex') ?? '') + (value ?? '')
  for (const [name, bytes] of headers) name.concat(text, bytes?.toString() ?? '')
}
await directory.append('copy', directory.follow('t', { isolation: 'read_committed', signal: AbortSignal.timeout(10) }))

const log = directory.partition('t', 0)
const cursor = new RecordCursor()
const reader = log.reader({ from: log.logStartOffset(), until: log.logEndOffset() })
for (let batch = reader.next(); batch !== undefined; batch = reader.next()) cursor.open(batch)

let report: FileReport | undefined
for await (report of inspect('data')) if (report.kind === 'log' && isWrong(report.verdict)) report.maxTimestamp.toFixed()

try {
  // @ts-expect-error a record has a value, be it null
  await directory.append('t', [{ key: 'k' }])
  // @ts-expect-error there is no such policy
  await directory.topicAppender('t', { sync: 'always' })
} catch (error) {
  if (error instanceof LogladyError) error.describe().concat(error.code, error.hint ?? '')
}
export { durable }
`

test('a program in strict TypeScript finds all types in the package', () => {
  const folder = userPackage()
  writeFileSync(join(folder, 'consumer.ts'), consumer)
  const compilerOptions = {
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: false,
    noEmit: true,
    target: 'es2024',
    lib: ['es2024'],
    types: ['node'],
    module: 'nodenext',
    preserveSymlinks: true,
  }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['consumer.ts'] }))
  const tsc = join(root, 'node_modules', '.bin', 'tsc')
  expect(spawnSync(tsc, ['-p', folder], { encoding: 'utf8' })).toMatchObject({ stdout: '', status: 0 })
})

test('the package’s types and code come from one place', () => {
  const { exports, types } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  expect(exports['.'].types).toBe(types)
  expect(exports['.'].default).toBe(types.replace('.d.ts', '.js'))
})
