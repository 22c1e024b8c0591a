import { readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'
import { DataDirectory } from '../../../src/log/data-directory.ts'
import { batchOf, readRecords, TestPartition } from '../../helpers/partition.ts'
import { rebuiltIndexes } from '../../helpers/rebuilt-indexes.ts'
import { sharedTemporaryFolder } from '../../helpers/temporary-folder.ts'

const BASE = '00000000000000000000'
const INTERVAL = 512
const COUNT = 300
/** Timestamps go up and down, so that by no means every batch raises the largest one. */
const timeOf = (i: number) => 1_700_000_000_000 + i * 10 + ((i * 7919) % 400)

function rebuilt(partition: TestPartition): { index: Buffer; timeIndex: Buffer } {
  return rebuiltIndexes(partition.file(`${BASE}.log`), Number(BASE), INTERVAL)
}

let original: TestPartition
const folder = sharedTemporaryFolder()

beforeAll(async () => {
  const partition = await TestPartition.create({ 'index.interval.bytes': INTERVAL }, folder)
  const writer = await partition.writer()
  for (let i = 0; i < COUNT; i++) await writer.append(batchOf([`value ${i}`], timeOf(i)))
  await writer.sync()
  await writer.close()
  original = partition
  return () => partition.close()
})

const replace = (file: string, change: (bytes: Buffer) => Buffer) => (partition: TestPartition) => {
  const path = partition.file(`${BASE}.${file}`)
  writeFileSync(path, change(readFileSync(path)))
}

const damages: [string, (partition: TestPartition) => void][] = [
  ['the offset index lost', partition => rmSync(partition.file(`${BASE}.index`))],
  ['the time index lost', partition => rmSync(partition.file(`${BASE}.timeindex`))],
  [
    'both lost',
    partition => {
      for (const kind of ['index', 'timeindex']) rmSync(partition.file(`${BASE}.${kind}`))
    },
  ],
  ['the offset index empty', partition => truncateSync(partition.file(`${BASE}.index`), 0)],
  ['the time index empty', partition => truncateSync(partition.file(`${BASE}.timeindex`), 0)],
  ['the offset index short', partition => truncateSync(partition.file(`${BASE}.index`), 24)],
  ['the offset index cut inside an entry', partition => truncateSync(partition.file(`${BASE}.index`), 29)],
  ['the time index cut inside an entry', partition => truncateSync(partition.file(`${BASE}.timeindex`), 31)],
  [
    'both padded with zeros',
    partition => {
      for (const kind of ['index', 'timeindex']) truncateSync(partition.file(`${BASE}.${kind}`), 12_000)
    },
  ],
  ['entries that point into batches', replace('index', bytes => shifted(bytes, 13))],
  [
    'entries that point to the batch before',
    replace('index', bytes => Buffer.concat([bytes.subarray(0, 4), bytes]).subarray(0, bytes.length)),
  ],
  [
    'the last entry beyond the end of the log',
    replace('index', bytes => {
      const copy = Buffer.concat([bytes, bytes.subarray(-8)])
      copy.writeInt32BE(COUNT + 50, copy.length - 8)
      copy.writeInt32BE(10_000_000, copy.length - 4)
      return copy
    }),
  ],
  ['negative entries', replace('index', bytes => Buffer.alloc(bytes.length, 0xff))],
  [
    'times that no batch has',
    replace('timeindex', bytes => {
      const copy = Buffer.from(bytes)
      for (let at = 7; at < copy.length; at += 12) copy[at]! ^= 0x55
      return copy
    }),
  ],
  [
    'times far in the future',
    replace('timeindex', bytes => {
      const copy = Buffer.from(bytes)
      for (let at = 2; at < copy.length; at += 12) copy[at] = 0x10
      return copy
    }),
  ],
  ['zeros all over', replace('index', bytes => Buffer.alloc(bytes.length))],
]

function shifted(bytes: Buffer, by: number): Buffer {
  const copy = Buffer.from(bytes)
  for (let at = 4; at < copy.length; at += 8) copy.writeInt32BE(copy.readInt32BE(at) + by, at)
  return copy
}

test('a closed segment has the very indexes that a fresh rebuild has', () => {
  const fresh = rebuilt(original)
  expect(fresh.index.length).toBeGreaterThan(100)
  expect(original.bytes(`${BASE}.index`)).toEqual(fresh.index)
  expect(original.bytes(`${BASE}.timeindex`)).toEqual(fresh.timeIndex)
})

describe.each(damages)('with %s', (_, damage) => {
  test('reads by offset and by time stay right', () => {
    const partition = original.copy()
    damage(partition)
    const log = DataDirectory.open(partition.path).partition('t', 0)
    for (let offset = 0; offset < COUNT; offset += 7) {
      const { records, error } = readRecords(log, offset)
      expect(error).toBeUndefined()
      expect(records[0]).toMatchObject({ offset, value: `value ${offset}` })
      expect(records).toHaveLength(COUNT - offset)
    }
    const times = Array.from({ length: COUNT }, (_, i) => timeOf(i))
    for (let i = 0; i < COUNT; i += 11) {
      const wanted = timeOf(i) - 3
      const first = times.findIndex(time => time >= wanted)
      expect(log.offsetForTimestamp(wanted)).toEqual({ offset: first, timestamp: times[first] })
    }
    expect(log.maxTimestamp()!.timestamp).toBe(Math.max(...times))
    const backward = log.backwardReader()
    let count = 0
    for (let header = backward.next(); header !== undefined; header = backward.next()) count += header.recordsCount
    expect(count).toBe(COUNT)
  })

  test('the next writer mends what it can see, and reindexing gives the same bytes as a fresh build', async () => {
    const partition = original.copy()
    damage(partition)
    await partition.append([['one more']], timeOf(COUNT))
    const { records, error } = partition.read()
    expect(error).toBeUndefined()
    expect(records).toHaveLength(COUNT + 1)
    const fresh = rebuilt(partition)
    expect(partition.bytes(`${BASE}.index`)).toEqual(fresh.index)
    expect(partition.bytes(`${BASE}.timeindex`)).toEqual(fresh.timeIndex)
    partition.close()
  })
})

test('an index of another segment is not believed', async () => {
  const partition = await TestPartition.create({ 'index.interval.bytes': INTERVAL, 'segment.bytes': 8192 })
  await partition.append(Array.from({ length: COUNT }, (_, i) => [`value ${i}`]))
  const [first, second] = partition.logs().map(name => name.replace('.log', ''))
  renameSync(partition.file(`${first}.index`), partition.file('spare'))
  renameSync(partition.file(`${second}.index`), partition.file(`${first}.index`))
  renameSync(partition.file('spare'), partition.file(`${second}.index`))
  for (let offset = 0; offset < COUNT; offset += 3) {
    const { records, error } = partition.read(offset)
    expect(error).toBeUndefined()
    expect(records[0]!.offset).toBe(offset)
  }
})
