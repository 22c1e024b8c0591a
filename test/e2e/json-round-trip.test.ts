import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { shell } from '../helpers/piped-loglady.ts'
import { seed } from '../helpers/seed.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'

interface ModelRecord {
  partition: number
  timestamp: number
  key: Buffer | null
  value: Buffer | null
  headers: [Buffer, Buffer | null][]
}

/** Bytes as a person may write them for `append -J`: base64 is always right, a string only for UTF-8. */
interface Spelling {
  base64: boolean
}

function isUtf8(bytes: Buffer): boolean {
  return Buffer.from(bytes.toString()).equals(bytes)
}

function spelled(bytes: Buffer | null, { base64 }: Spelling): unknown {
  if (bytes === null) return null
  return base64 || !isUtf8(bytes) ? { base64: bytes.toString('base64') } : bytes.toString()
}

function inputLine({ partition, timestamp, key, value, headers }: ModelRecord, spelling: Spelling): string {
  return JSON.stringify({
    value: spelled(value, spelling),
    timestamp,
    headers: headers.map(([name, content]) => [spelled(name, spelling), spelled(content, spelling)]),
    partition,
    key: spelled(key, spelling),
  })
}

/** What `read -J` has to print for it, but for topic and offset: UTF-8 as a string, everything else as base64. */
function canonical({ partition, timestamp, key, value, headers }: ModelRecord): object {
  const spelling = { base64: false }
  return {
    partition,
    timestamp,
    key: spelled(key, spelling),
    value: spelled(value, spelling),
    headers: headers.map(([name, content]) => [spelled(name, spelling), spelled(content, spelling)]),
  }
}

const PARTITIONS = 3

/**
 * Makes topic a out of the lines, then b of what `read -J a` prints, then c of b. Returns what the three print, but for topic
 * and offset.
 */
async function copies(lines: readonly string[]): Promise<string[]> {
  const folder = temporaryFolder()
  const file = (name: string) => join(folder, name)
  writeFileSync(file('input'), lines.map(line => `${line}\n`).join(''))
  const { exitCode, stderr } = await shell(
    [
      'set -o pipefail',
      `cat '${file('input')}' | loglady append a -J --partitions ${PARTITIONS} -q`,
      `loglady read a -J | tee '${file('a')}' | loglady append b -J --partitions ${PARTITIONS} -q`,
      `loglady read b -J | tee '${file('b')}' | loglady append c -J --partitions ${PARTITIONS} -q`,
      `loglady read c -J > '${file('c')}'`,
    ].join(' && '),
    { dir: join(folder, 'data') },
  )
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
  return ['a', 'b', 'c'].map(name =>
    readFileSync(file(name), 'utf8').replaceAll(/^\{"topic":"[abc]"|"offset":\d+,/gm, ''),
  )
}

/** The copies equal each other as bytes, and say what the model says, partition by partition. */
async function expectReproduced(records: readonly ModelRecord[], lines: readonly string[]): Promise<void> {
  const [first, second, third] = await copies(lines)
  expect(second === first).toBe(true)
  expect(third === first).toBe(true)
  const printed = first!
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(`{${line.slice(1)}`) as { partition: number })
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const found = printed.filter(record => record.partition === partition)
    const wanted = records.filter(record => record.partition === partition).map(canonical)
    for (const [i, record] of wanted.entries()) expect(found[i]).toEqual(record)
    expect(found).toHaveLength(wanted.length)
  }
}

const text = (value: string) => Buffer.from(value)
const plain: ModelRecord = { partition: 0, timestamp: 1_700_000_000_000, key: null, value: null, headers: [] }
const cases: ModelRecord[] = [
  plain,
  { ...plain, key: text(''), value: text('') },
  { ...plain, key: text('k') },
  { ...plain, key: text('k'), value: text('') },
  { ...plain, value: text('v'), headers: [[text(''), null]] },
  {
    ...plain,
    value: text('v'),
    headers: [
      [text('h'), null],
      [text('h'), text('')],
      [text('h'), text('1')],
      [text('g'), Buffer.from([0xff])],
      [text('h'), text('1')],
    ],
  },
  { ...plain, value: text('-1'), timestamp: -1 },
  { ...plain, value: text('0'), timestamp: 0 },
  { ...plain, value: text('largest'), timestamp: Number.MAX_SAFE_INTEGER },
  { ...plain, value: text('none behind it'), timestamp: -1 },
  { ...plain, value: text('earlier again'), timestamp: 5 },
  ...['fffe', 'c0af', 'eda080', 'f4908080', 'c3', '80', '61ff62', '00', 'efbbbf', 'efbfbd', 'efbfbf', 'f48fbfbf'].map(
    hex => ({
      ...plain,
      key: Buffer.from(hex, 'hex'),
      value: Buffer.from(hex, 'hex'),
      headers: [[text('bytes'), Buffer.from(hex, 'hex')]] as [Buffer, Buffer | null][],
    }),
  ),
  ...[
    '"',
    '\\',
    '\\u0041',
    '\u2028\u2029',
    '\r\n\t\b\f\0\x1f\x7f\x9f',
    '😀',
    'e\u0301',
    '{"base64":"AA=="}',
    'null',
  ].map(value => ({
    ...plain,
    key: text(value),
    value: text(value),
    headers: [[text(value), text(value)]] as [Buffer, Buffer | null][],
  })),
  { ...plain, value: Buffer.alloc(700_000, 0xfe) },
  { ...plain, value: Buffer.alloc(900_000, 'x\n') },
  { ...plain, value: text('\u0001'.repeat(200_000)) },
]

test('read -J | append -J twice gives the same lines for nulls, empties, double keys, odd times and bytes of any kind', async () => {
  const records = cases.flatMap(record => [0, 1, 2].map(partition => ({ ...record, partition })))
  await expectReproduced(
    records,
    records.map((record, i) => inputLine(record, { base64: i % 2 === 0 })),
  )
})

const anyBytes = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 30 }).map(text),
  fc.string({ maxLength: 30 }).map(text),
  fc.uint8Array({ maxLength: 30 }).map(bytes => Buffer.from(bytes)),
  fc.constant(text('')),
)
const anyBytesOrNull = fc.option(anyBytes, { freq: 6 })
const anyTimestamp = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 1_700_000_000_000, max: 1_700_000_000_100 }) },
  { weight: 1, arbitrary: fc.integer({ min: -1, max: 10 }) },
  { weight: 1, arbitrary: fc.nat({ max: Number.MAX_SAFE_INTEGER }) },
)
const anyRecord = fc.record({
  partition: fc.nat({ max: PARTITIONS - 1 }),
  timestamp: anyTimestamp,
  key: anyBytesOrNull,
  value: anyBytesOrNull,
  headers: fc.array(fc.tuple(fc.oneof(fc.constantFrom(text('a'), text('b')), anyBytes), anyBytesOrNull), {
    maxLength: 4,
  }),
})

test(`read -J | append -J twice gives the same lines for 5,000 random records in three partitions (seed ${seed})`, async () => {
  const samples = fc.sample(fc.tuple(anyRecord, fc.record({ base64: fc.boolean() })), { numRuns: 5000, seed })
  await expectReproduced(
    samples.map(([record]) => record),
    samples.map(([record, spelling]) => inputLine(record, spelling)),
  )
})
