import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  LastRecordsSearch,
  MergedRecords,
  type MergeOrder,
  type RecordStream,
  RecordsInTurns,
} from '../../src/log/merge.ts'
import type { RecordView } from '../../src/log/record-stream.ts'
import { plainRecord } from '../helpers/plain-records.ts'

interface Item {
  partition: number
  offset: number
  timestamp: number
}

/** A stream over a partition's items, from either end, that counts how many it was asked for. */
class ItemStream implements RecordStream {
  record: RecordView = plainRecord({})
  asked = 0
  readonly #items: Item[]

  constructor(items: Item[]) {
    this.#items = [...items]
  }

  next(): boolean {
    this.asked++
    const item = this.#items.shift()
    if (item === undefined) return false
    this.record = { ...this.record, offset: item.offset, timestamp: item.timestamp }
    return true
  }
}

type Partitions = Item[][]

function partitionsOf(...timestamps: number[][]): Partitions {
  return timestamps.map((list, partition) => list.map((timestamp, offset) => ({ partition, offset, timestamp })))
}

function forward(partitions: Partitions): ItemStream[] {
  return partitions.map(items => new ItemStream(items))
}

function backward(partitions: Partitions): ItemStream[] {
  return partitions.map(items => new ItemStream(items.toReversed()))
}

function drain(source: { next(): RecordStream | undefined; readonly streamNumber: number }): string[] {
  const order: string[] = []
  for (let stream = source.next(); stream !== undefined; stream = source.next()) {
    order.push(`${source.streamNumber}:${stream.record.offset}`)
  }
  return order
}

/** The plain definition: of all next records the best one, again and again. */
function mergedByDefinition(partitions: Partitions, order: MergeOrder, isBackward: boolean): string[] {
  const left = partitions.map(items => (isBackward ? items.toReversed() : [...items]))
  const result: string[] = []
  for (;;) {
    const heads = left.flatMap(items => items.slice(0, 1))
    if (isBackward) heads.reverse()
    const first = heads[0]
    if (first === undefined) return result
    const isBetter = (a: Item, b: Item) => (isBackward ? a.timestamp > b.timestamp : a.timestamp < b.timestamp)
    const best = order === 'partition' ? first : heads.reduce((a, b) => (isBetter(b, a) ? b : a))
    left[best.partition]!.shift()
    result.push(`${best.partition}:${best.offset}`)
  }
}

function lastByDefinition(partitions: Partitions, count: number, order: MergeOrder): string[] {
  return mergedByDefinition(partitions, order, true).slice(0, count).reverse()
}

function printLast(partitions: Partitions, count: number, order: MergeOrder, accept?: (record: RecordView) => boolean) {
  const search = new LastRecordsSearch(backward(partitions), { count, order, accept })
  while (!search.step(3)) {}
  const streams = partitions.map((items, partition) => {
    const first = search.firstOffsets[partition] ?? Number.POSITIVE_INFINITY
    return new ItemStream(items.filter(item => item.offset >= first))
  })
  const { turns } = search
  const source = turns === undefined ? new MergedRecords(streams, order) : new RecordsInTurns(streams, turns, accept)
  return { found: search.found, printed: drain(source) }
}

const anyPartitions = fc
  .array(fc.array(fc.integer({ min: -1, max: 6 }), { maxLength: 12 }), { maxLength: 6 })
  .map(lists => partitionsOf(...lists))
const anyOrder = fc.constantFrom<MergeOrder>('timestamp', 'partition')

test('the smallest timestamp comes first, and of equal ones the lower partition', () => {
  const partitions = partitionsOf([5, 7, 7], [5, 6], [4, 7])
  expect(drain(new MergedRecords(forward(partitions), 'timestamp'))).toEqual([
    '2:0',
    '0:0',
    '1:0',
    '1:1',
    '0:1',
    '0:2',
    '2:1',
  ])
})

test('backwards the largest timestamp comes first, and of equal ones the higher partition', () => {
  const partitions = partitionsOf([5, 7, 7], [5, 6], [4, 7])
  expect(drain(new MergedRecords(backward(partitions), 'timestamp', 'backward'))).toEqual([
    '2:1',
    '0:2',
    '0:1',
    '1:1',
    '1:0',
    '0:0',
    '2:0',
  ])
})

test('records of one partition never change places', () => {
  const partitions = partitionsOf([9, 1, 8], [5, 5])
  expect(drain(new MergedRecords(forward(partitions), 'timestamp'))).toEqual(['1:0', '1:1', '0:0', '0:1', '0:2'])
})

test('one partition after the other, in both directions', () => {
  const partitions = partitionsOf([9, 1], [], [5, 5])
  expect(drain(new MergedRecords(forward(partitions), 'partition'))).toEqual(['0:0', '0:1', '2:0', '2:1'])
  expect(drain(new MergedRecords(backward(partitions), 'partition', 'backward'))).toEqual(['2:1', '2:0', '0:1', '0:0'])
})

test('any partitions are merged as the definition says', () => {
  fc.assert(
    fc.property(anyPartitions, anyOrder, (partitions, order) => {
      expect(drain(new MergedRecords(forward(partitions), order))).toEqual(mergedByDefinition(partitions, order, false))
      const backwards = new MergedRecords(backward(partitions), order, 'backward')
      expect(drain(backwards)).toEqual(mergedByDefinition(partitions, order, true))
    }),
  )
})

test('the last N of any partitions are the backward merge, printed forwards', () => {
  fc.assert(
    fc.property(anyPartitions, anyOrder, fc.nat({ max: 80 }), (partitions, order, count) => {
      const expected = lastByDefinition(partitions, count, order)
      expect(printLast(partitions, count, order)).toEqual({ found: expected.length, printed: expected })
    }),
  )
})

test('the last N that a filter accepts', () => {
  const accept = ({ timestamp }: { timestamp: number }) => timestamp % 2 === 0
  fc.assert(
    fc.property(anyPartitions, anyOrder, fc.nat({ max: 20 }), (partitions, order, count) => {
      const all = partitions.flat()
      const isAccepted = (place: string) => accept(all.find(item => `${item.partition}:${item.offset}` === place)!)
      const expected = mergedByDefinition(partitions, order, true).filter(isAccepted).slice(0, count).reverse()
      // Plain merging from the first ones on shows what was refused too; the caller filters it.
      expect(printLast(partitions, count, order, accept).printed.filter(isAccepted)).toEqual(expected)
    }),
  )
})

test('the search looks at the last N and one more of each partition, however many there are', () => {
  const long = Array.from({ length: 5000 }, (_, i) => i)
  const streams = backward(partitionsOf(long, long, long))
  const search = new LastRecordsSearch(streams, { count: 10, order: 'timestamp' })
  expect(search.step(1_000_000)).toBe(true)
  expect(streams.reduce((sum, stream) => sum + stream.asked, 0)).toBeLessThanOrEqual(13)
})

test('the search stops in between when it is asked to', () => {
  const search = new LastRecordsSearch(backward(partitionsOf([1, 2, 3], [4])), { count: 4, order: 'timestamp' })
  expect([search.step(3), search.found, search.step(3), search.found]).toEqual([false, 3, true, 4])
})

test('more turns than were foreseen', () => {
  const long = Array.from({ length: 3000 }, (_, i) => i)
  const partitions = partitionsOf(long, long)
  expect(printLast(partitions, 5000, 'timestamp').printed).toEqual(lastByDefinition(partitions, 5000, 'timestamp'))
})
