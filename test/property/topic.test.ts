import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { DataDirectory, type NewRecord, type Place, type TopicRecord } from '../../src/log/index.ts'
import { partitionForKey } from '../../src/log/record/murmur2.ts'
import { runs, seed } from '../helpers/seed.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'

interface ModelRecord {
  partition: number
  offset: number
  timestamp: number
  key: string | null
  value: string | null
  headers: [string, string | null][]
}

const text = fc.string({ unit: 'grapheme', maxLength: 8 })
const record = fc.record({
  // Few keys, so that they come again.
  key: fc.option(fc.constantFrom('', 'a', 'b', 'ä', 'long key')),
  value: fc.option(text),
  timestamp: fc.integer({ min: 0, max: 60 }),
  headers: fc.array(fc.tuple(text, fc.option(text)), { maxLength: 2 }),
})

const setting = fc.record({
  partitions: fc.integer({ min: 1, max: 4 }),
  compression: fc.constantFrom('none', 'gzip', 'snappy', 'lz4', 'zstd'),
  partitioner: fc.constantFrom('murmur2', 'round-robin', 'sticky'),
  batchBytes: fc.constantFrom(1, 1000, 100_000),
})

const place = fc.oneof(
  fc.constantFrom<Place>('beginning', 'end'),
  fc.nat(70).map(time => new Date(time)),
)

test(`a topic is read as it was appended: partitions by key, merged by time, from and until anywhere (seed ${seed})`, async () => {
  await fc.assert(
    fc.asyncProperty(
      setting,
      fc.array(fc.array(record, { minLength: 1, size: 'medium' }), { minLength: 1, maxLength: 4 }),
      fc.array(fc.tuple(place, place), { minLength: 4, maxLength: 4 }),
      async ({ partitions, ...options }, runsOfRecords, ranges) => {
        const directory = DataDirectory.open(join(temporaryFolder(), 'data'), { create: true })
        await directory.createTopic('t', { partitions, config: { 'segment.bytes': 4096, 'index.interval.bytes': 100 } })
        for (const records of runsOfRecords) await directory.append('t', records, options)
        const byPartition = await readPartitions(directory, partitions)
        checkAgainstInput(byPartition, runsOfRecords.flat(), options.partitioner)
        expect(await read(directory.read('t'))).toEqual(mergeByTime(byPartition))
        expect(await read(directory.read('t', { order: 'partition' }))).toEqual(byPartition.flat())
        for (const [from, until] of ranges) {
          const expected = byPartition.map(list => list.slice(indexOf(list, from), indexOf(list, until)))
          expect(await read(directory.read('t', { from, until }))).toEqual(mergeByTime(expected))
        }
        const everything = directory.follow('t', { until: new Map(byPartition.map((list, p) => [p, list.length])) })
        expect(await read(everything)).toEqual(mergeByTime(byPartition))
        directory.close()
      },
    ),
    { seed, numRuns: runs(15) },
  )
})

async function readPartitions(directory: DataDirectory, partitions: number): Promise<ModelRecord[][]> {
  const lists: ModelRecord[][] = []
  for (let partition = 0; partition < partitions; partition++) {
    lists.push(await read(directory.read('t', { partitions: [partition] })))
  }
  return lists
}

async function read(records: AsyncIterable<TopicRecord>): Promise<ModelRecord[]> {
  const list: ModelRecord[] = []
  for await (const { partition, offset, timestamp, key, value, headers } of records) {
    list.push({
      partition,
      offset,
      timestamp,
      key: key && `${key}`,
      value: value && `${value}`,
      headers: headers.map(([name, bytes]) => [name, bytes && `${bytes}`]),
    })
  }
  return list
}

/** Offsets are dense; every record is there once; of one partition, and of one key, they keep the order of appending. */
function checkAgainstInput(lists: ModelRecord[][], input: NewRecord[], partitioner: string): void {
  for (const list of lists) expect(list.map(({ offset }) => offset)).toEqual(list.map((_, i) => i))
  const withoutPlace = ({ key, value, timestamp, headers }: ModelRecord) => ({ key, value, timestamp, headers })
  const found = lists.flat().map(withoutPlace)
  const sorted = (records: object[]) => records.map(item => JSON.stringify(item)).sort()
  expect(sorted(found)).toEqual(sorted(input.map(item => withoutPlace(item as ModelRecord))))
  if (partitioner !== 'murmur2') return
  for (const [partition, list] of lists.entries()) {
    const keyed = (records: { key?: unknown }[]) =>
      records.filter(({ key }) => key !== null && homeOf(key as string, lists.length) === partition)
    expect(list.filter(({ key }) => key !== null).map(withoutPlace)).toEqual(
      keyed(input).map(item => withoutPlace(item as ModelRecord)),
    )
  }
}

function homeOf(key: string, partitions: number): number {
  const bytes = Buffer.from(key)
  return partitionForKey(bytes, 0, bytes.length, partitions)
}

/** Always the smallest next timestamp, ties from the lower partition, found by looking at all of them each time. */
function mergeByTime(lists: ModelRecord[][]): ModelRecord[] {
  const left = lists.map(list => [...list])
  const merged: ModelRecord[] = []
  for (;;) {
    const heads = left.map(list => list[0]).filter(head => head !== undefined)
    if (heads.length === 0) return merged
    const next = heads.reduce((best, head) => (head.timestamp < best.timestamp ? head : best))
    merged.push(left[lists.findIndex(list => list[0]?.partition === next.partition)]!.shift()!)
  }
}

/** What a place means in a partition: the first record with the time or a later one. */
function indexOf(list: ModelRecord[], place: Place): number {
  if (place === 'beginning') return 0
  const found = place === 'end' ? -1 : list.findIndex(({ timestamp }) => timestamp >= (place as Date).getTime())
  return found < 0 ? list.length : found
}
