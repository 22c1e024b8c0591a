import { expect, test } from 'vitest'
import { CorruptLogError } from '../../src/log/errors.ts'
import { CommittedView } from '../../src/log/isolation.ts'
import { PartitionRecords } from '../../src/log/record-stream.ts'
import { damagedPlace, MemoryLog, makeBatch, makeMarker } from '../helpers/memory-batches.ts'

function transactional(baseOffset: number, producerId: bigint, ...values: string[]): Buffer {
  return makeBatch(baseOffset, values, { producerId, producerEpoch: 0, baseSequence: 0, isTransactional: true })
}

function valuesOf(records: PartitionRecords): string[] {
  const values: string[] = []
  while (records.next()) values.push(records.record.value()!.toString())
  return values
}

function viewOf(log: MemoryLog, options = {}): CommittedView {
  return new CommittedView(log.forward(), options)
}

function readCommitted(log: MemoryLog): PartitionRecords {
  return new PartitionRecords(log.forward(), { committed: viewOf(log) })
}

test('aborted records are dropped, committed and plain ones between them are not', () => {
  const log = new MemoryLog(
    transactional(0, 1n, 'aborted'),
    transactional(1, 2n, 'committed'),
    makeBatch(2, ['plain']),
    transactional(3, 1n, 'aborted too'),
    makeMarker(4, 2n, 'COMMIT'),
    makeMarker(5, 1n, 'ABORT'),
    transactional(6, 1n, 'second try'),
    makeMarker(7, 1n, 'COMMIT'),
  )
  expect(valuesOf(readCommitted(log))).toEqual(['committed', 'plain', 'second try'])
  expect(viewOf(log).lastStableOffset).toBe(8)
})

test('nothing from the first open transaction on is delivered, plain records neither', () => {
  const log = new MemoryLog(makeBatch(0, ['before']), transactional(1, 1n, 'open'), makeBatch(2, ['after']))
  expect(viewOf(log).lastStableOffset).toBe(1)
  const records = readCommitted(log)
  expect(valuesOf(records)).toEqual(['before'])
  expect(records.position).toBe(1)
})

test('what was held back is delivered once its transaction has ended', () => {
  const log = new MemoryLog(transactional(0, 1n, 'a'), transactional(1, 2n, 'b'), makeBatch(2, ['c']))
  const records = readCommitted(log)
  expect(valuesOf(records)).toEqual([])
  log.batches.push(makeMarker(3, 1n, 'ABORT'))
  expect(valuesOf(records)).toEqual([])
  expect(records.position).toBe(1)
  log.batches.push(makeMarker(4, 2n, 'COMMIT'), makeBatch(5, ['d']))
  expect(valuesOf(records)).toEqual(['b', 'c', 'd'])
  expect(records.position).toBe(6)
})

test('of several transactions of one producer each has its own end', () => {
  const batches: Buffer[] = []
  for (let i = 0; i < 20; i++) {
    batches.push(transactional(2 * i, 7n, `t${i}`), makeMarker(2 * i + 1, 7n, i % 3 === 0 ? 'COMMIT' : 'ABORT'))
  }
  expect(valuesOf(readCommitted(new MemoryLog(...batches)))).toEqual(['t0', 't3', 't6', 't9', 't12', 't15', 't18'])
})

test('an empty batch that compaction left begins no transaction', () => {
  const empty = makeBatch(0, [], { producerId: 1n, isTransactional: true, lastOffsetDelta: 3 })
  const log = new MemoryLog(empty, makeBatch(4, ['a']))
  expect(valuesOf(readCommitted(log))).toEqual(['a'])
})

test('a marker of nothing, and an empty one, end nothing', () => {
  const emptyMarker = makeBatch(1, [], { producerId: 9n, isTransactional: true, isControl: true, lastOffsetDelta: 0 })
  const log = new MemoryLog(
    makeMarker(0, 9n, 'ABORT'),
    emptyMarker,
    transactional(2, 9n, 'a'),
    makeMarker(3, 9n, 'COMMIT'),
  )
  expect(valuesOf(readCommitted(log))).toEqual(['a'])
})

test('before a damaged place everything decided is delivered, then comes the damage', () => {
  const log = new MemoryLog(makeBatch(0, ['a']), transactional(1, 1n, 'b'), damagedPlace, makeMarker(3, 1n, 'COMMIT'))
  const records = readCommitted(log)
  expect(records.next()).toBe(true)
  expect(() => records.next()).toThrow(CorruptLogError)
})

test('a damaged place can be passed over', () => {
  const log = new MemoryLog(transactional(0, 1n, 'a'), damagedPlace, makeMarker(3, 1n, 'ABORT'), makeBatch(4, ['b']))
  const committed = viewOf(log, { skipDamage: true })
  const records = new PartitionRecords(log.forward(), { committed, onDamage: () => {} })
  expect(valuesOf(records)).toEqual(['b'])
})

test('the pass can be made in steps', () => {
  const log = new MemoryLog(transactional(0, 1n, 'a'), makeMarker(1, 1n, 'ABORT'), makeBatch(2, ['b']))
  const view = viewOf(log, { inSteps: true })
  expect([view.advance(1), view.lastStableOffset]).toEqual([false, 0])
  expect([view.advance(1), view.lastStableOffset]).toEqual([false, 2])
  expect([view.advance(5), view.lastStableOffset]).toEqual([true, 3])
})
