import { expect, test } from 'vitest'
import { BackwardPartitionRecords } from '../../src/log/backward-records.ts'
import { DataDirectory } from '../../src/log/data-directory.ts'
import { CorruptLogError } from '../../src/log/errors.ts'
import { CommittedView } from '../../src/log/isolation.ts'
import { PartitionRecords, type RecordView, type SkippedDamage } from '../../src/log/record-stream.ts'
import { type ExpectedRecord, expectedOffsets, expectedRecords, goldenCases } from '../helpers/golden.ts'
import { damagedPlace, MemoryLog, makeBatch, makeMarker } from '../helpers/memory-batches.ts'
import { rawBatch, rawMessage, rawRecord, rawWrapper, withCrc } from '../helpers/raw-batch.ts'

interface Stream {
  readonly record: RecordView
  next(): boolean
}

function valuesOf(stream: Stream): string[] {
  const values: string[] = []
  while (stream.next()) {
    const { bytes, valueStart, valueEnd, offset } = stream.record
    values.push(`${offset} ${bytes.toString('latin1', valueStart, valueEnd)}`)
  }
  return values
}

function toExpected(record: RecordView): Omit<ExpectedRecord, 'topic' | 'partition' | 'timestampType'> {
  const { offset, timestamp, bytes, keyStart, keyEnd, valueStart, valueEnd } = record
  return {
    offset,
    timestamp,
    keyB64: keyStart < 0 ? null : bytes.toString('base64', keyStart, keyEnd),
    valueB64: valueStart < 0 ? null : bytes.toString('base64', valueStart, valueEnd),
    headers: record.headers().map(([key, value]) => [key.toString(), value === null ? null : value.toString('base64')]),
  }
}

function readAll(stream: Stream): ReturnType<typeof toExpected>[] {
  const records = []
  while (stream.next()) records.push(toExpected(stream.record))
  return records
}

const abc = makeBatch(10, ['a', 'b', 'c'])
const de = makeBatch(13, ['d', 'e'])
const f = makeBatch(20, ['f'])

for (const golden of goldenCases()) {
  test(`a real broker's directory, forwards and backwards: ${golden.name}`, () => {
    const directory = DataDirectory.open(golden.logDirectory)
    const expected = Map.groupBy(expectedRecords(golden) ?? [], record => `${record.topic}/${record.partition}`)
    const committed = Map.groupBy(
      expectedRecords(golden, 'expected.committed.ndjson') ?? [],
      record => `${record.topic}/${record.partition}`,
    )
    for (const { topic, partition, logStartOffset, lastStableOffset, records } of expectedOffsets(golden)) {
      const name = `${topic}/${partition}`
      const log = directory.partition(topic, partition)
      const wanted = (expected.get(name) ?? []).map(
        ({ topic: _, partition: __, timestampType: ___, ...record }) => record,
      )
      expect(wanted.length, name).toBe(records)
      const from = logStartOffset
      const until = log.logEndOffset()
      expect(readAll(new PartitionRecords(log.reader({ from, until }), { from, until })), name).toEqual(wanted)
      const backwards = new BackwardPartitionRecords(log.backwardReader({ from, before: until }), { from, until })
      expect(readAll(backwards).reverse(), name).toEqual(wanted)

      const view = new CommittedView(log.reader({ from }))
      expect(view.lastStableOffset, name).toBe(lastStableOffset)
      const stable = (committed.get(name) ?? expected.get(name) ?? []).map(
        ({ topic: _, partition: __, timestampType: ___, ...record }) => record,
      )
      const isolated = { from, until, committed: view }
      expect(readAll(new PartitionRecords(log.reader({ from, until }), isolated)), name).toEqual(stable)
      const isolatedBackwards = new BackwardPartitionRecords(log.backwardReader({ from, before: until }), isolated)
      expect(readAll(isolatedBackwards).reverse(), name).toEqual(stable)
    }
    directory.close()
  })
}

test('a range begins and ends inside batches', () => {
  const log = new MemoryLog(abc, de, f)
  for (let from = 9; from < 22; from++) {
    for (let until = from; until < 23; until++) {
      const expected = ['10 a', '11 b', '12 c', '13 d', '14 e', '20 f'].filter(text => {
        const offset = Number(text.split(' ')[0])
        return offset >= from && offset < until
      })
      expect(valuesOf(new PartitionRecords(log.forward(), { from, until }))).toEqual(expected)
      expect(valuesOf(new BackwardPartitionRecords(log.backward(), { from, until }))).toEqual(expected.reverse())
    }
  }
})

test('the position is behind what was delivered, and at the end behind what never will be', () => {
  const log = new MemoryLog(abc, makeMarker(13, 1n, 'COMMIT'))
  const records = new PartitionRecords(log.forward(), { from: 11 })
  expect(records.position).toBe(11)
  records.next()
  expect(records.position).toBe(12)
  records.next()
  expect(records.position).toBe(13)
  expect(records.next()).toBe(false)
  expect(records.position).toBe(14)
  expect(records.isAtEnd).toBe(false)
})

test('the position never goes beyond the end that was asked for', () => {
  const records = new PartitionRecords(new MemoryLog(abc, de).forward(), { from: 10, until: 12 })
  expect(valuesOf(records)).toEqual(['10 a', '11 b'])
  expect(records.position).toBe(12)
  expect(records.isAtEnd).toBe(true)
})

test('reading goes on when the log has grown', () => {
  const log = new MemoryLog(abc)
  const records = new PartitionRecords(log.forward(), { from: 12 })
  expect(valuesOf(records)).toEqual(['12 c'])
  log.batches.push(de)
  expect(valuesOf(records)).toEqual(['13 d', '14 e'])
  expect(records.position).toBe(15)
})

test('control records and empty batches are passed over', () => {
  const empty = makeBatch(30, [], { lastOffsetDelta: 4 })
  const log = new MemoryLog(makeMarker(9, 1n, 'ABORT'), abc, empty, makeBatch(35, ['g']))
  expect(valuesOf(new PartitionRecords(log.forward()))).toEqual(['10 a', '11 b', '12 c', '35 g'])
  expect(valuesOf(new BackwardPartitionRecords(log.backward()))).toEqual(['35 g', '12 c', '11 b', '10 a'])
})

test('batches that end before a time are left out unread', () => {
  const unreadable = withCrc(makeBatch(1, ['x'], { maxTimestamp: 500 }).fill(0xff, 61))
  const log = new MemoryLog(unreadable, abc)
  expect(valuesOf(new PartitionRecords(log.forward(), { since: 501 }))).toEqual(['10 a', '11 b', '12 c'])
  expect(valuesOf(new BackwardPartitionRecords(log.backward(), { since: 501 })).length).toBe(3)
  expect(() => valuesOf(new PartitionRecords(log.forward(), { since: 500 }))).toThrow(CorruptLogError)
})

test('records that are damaged under a right CRC are damage with its place and offsets', () => {
  const records = Buffer.concat([rawRecord({ value: 'fine' }), Buffer.from([0x7e, 0, 0])])
  const log = new MemoryLog(rawBatch(records, { baseOffset: 5, count: 2 }), abc)
  const stream = new PartitionRecords(log.forward())
  expect(stream.next()).toBe(true)
  const damage = { path: 'memory', firstOffset: 6, lastOffset: 6 }
  expect(() => stream.next()).toThrow(expect.objectContaining({ name: 'CorruptLogError', ...damage }))

  const reports: SkippedDamage[] = []
  const skipping = new PartitionRecords(log.forward(), { onDamage: report => reports.push(report) })
  expect(valuesOf(skipping)).toEqual(['5 fine', '10 a', '11 b', '12 c'])
  expect(reports).toEqual([expect.objectContaining(damage)])
  expect(() => valuesOf(new BackwardPartitionRecords(log.backward()))).toThrow(CorruptLogError)
})

test('a damaged place is thrown, or told and passed over', () => {
  const log = new MemoryLog(abc, damagedPlace, de)
  expect(() => valuesOf(new PartitionRecords(log.forward()))).toThrow(CorruptLogError)
  const reports: SkippedDamage[] = []
  const stream = new PartitionRecords(log.forward(), { onDamage: report => reports.push(report) })
  expect(valuesOf(stream)).toEqual(['10 a', '11 b', '12 c', '13 d', '14 e'])
  expect(reports.length).toBe(1)
})

test('the records of a legacy wrapper are delivered from the middle of it', () => {
  const inner = [0, 1, 2].map(offset => rawMessage({ offset, value: `v${offset}` }))
  const log = new MemoryLog(
    rawWrapper('gzip', inner, { offset: 12 }),
    rawMessage({ magic: 0, offset: 13, value: 'old' }),
  )
  expect(valuesOf(new PartitionRecords(log.forward(), { from: 11 }))).toEqual(['11 v1', '12 v2', '13 old'])
  expect(valuesOf(new PartitionRecords(log.forward(), { until: 12 }))).toEqual(['10 v0', '11 v1'])
  expect(valuesOf(new BackwardPartitionRecords(log.backward(), { from: 11 }))).toEqual(['13 old', '12 v2', '11 v1'])
})
