import { expect, test } from 'vitest'
import { DataDirectory } from '../../src/log/data-directory.ts'
import { CorruptLogError } from '../../src/log/errors.ts'
import { CommittedView } from '../../src/log/isolation.ts'
import { PartitionValues } from '../../src/log/partition-values.ts'
import { PartitionRecords, type RecordSelection, type SkippedDamage } from '../../src/log/record-stream.ts'
import { expectedOffsets, expectedRecords, goldenCases } from '../helpers/golden.ts'
import { damagedPlace, MemoryLog, makeBatch } from '../helpers/memory-batches.ts'
import { rawBatch, rawMessage, rawRecord, rawWrapper } from '../helpers/raw-batch.ts'

const newline = Buffer.from('\n')

/** Everything in blocks of `blockSize`, larger ones where a value needs it; like the command's loop. */
function copyAll(values: PartitionValues, blockSize = 100): string {
  const blocks: Buffer[] = []
  let block = Buffer.alloc(blockSize)
  let at = 0
  for (;;) {
    const outcome = values.copy(block, at)
    at = values.outputEnd
    if (outcome === 'full' && at === 0) {
      block = Buffer.alloc(values.requiredSize)
      continue
    }
    blocks.push(block.subarray(0, at))
    if (outcome === 'end') return Buffer.concat(blocks).toString('latin1')
    block = Buffer.alloc(blockSize)
    at = 0
  }
}

function valuesOf(log: MemoryLog, selection: RecordSelection = {}, blockSize = 100): string {
  return copyAll(new PartitionValues(new PartitionRecords(log.forward(), selection), newline), blockSize)
}

for (const golden of goldenCases()) {
  test(`a real broker's directory: ${golden.name}`, () => {
    const directory = DataDirectory.open(golden.logDirectory)
    const committed = expectedRecords(golden, 'expected.committed.ndjson') ?? []
    for (const { topic, partition, logStartOffset: from, logEndOffset } of expectedOffsets(golden)) {
      const log = directory.partition(topic, partition)
      const isHere = (record: { topic: string; partition: number }) =>
        record.topic === topic && record.partition === partition
      const textOf = (records: { valueB64: string | null }[]) =>
        records.map(({ valueB64 }) => `${Buffer.from(valueB64 ?? '', 'base64').toString('latin1')}\n`).join('')
      const records = new PartitionRecords(log.reader({ from, until: logEndOffset }), { from, until: logEndOffset })
      const values = new PartitionValues(records, newline)
      const expected = (expectedRecords(golden) ?? []).filter(isHere)
      expect(copyAll(values)).toBe(textOf(expected))
      expect(values.count).toBe(expected.length)
      if (!committed.some(isHere)) continue
      const view = new CommittedView(log.reader({ from }))
      const isolated = new PartitionRecords(log.reader({ from }), { from, committed: view })
      expect(copyAll(new PartitionValues(isolated, newline))).toBe(textOf(committed.filter(isHere)))
    }
    directory.close()
  })
}

test('a range, blocks of any size, and values that are larger than a block', () => {
  const log = new MemoryLog(makeBatch(0, ['a', 'b'.repeat(50), '', 'd']), makeBatch(4, ['e'.repeat(200), 'f']))
  const all = ['a', 'b'.repeat(50), '', 'd', 'e'.repeat(200), 'f']
  for (const blockSize of [1, 2, 3, 51, 52, 53, 300]) {
    expect(valuesOf(log, {}, blockSize)).toBe(all.map(value => `${value}\n`).join(''))
  }
  expect(valuesOf(log, { from: 1, until: 5 })).toBe(`${all.slice(1, 5).join('\n')}\n`)
})

test('copying goes on when the log has grown', () => {
  const log = new MemoryLog(makeBatch(0, ['a']))
  const values = new PartitionValues(new PartitionRecords(log.forward()), newline)
  expect(copyAll(values)).toBe('a\n')
  log.batches.push(makeBatch(1, ['b', 'c']))
  expect(copyAll(values)).toBe('b\nc\n')
  expect(values.count).toBe(3)
})

test('legacy entries and wrappers', () => {
  const inner = [0, 1, 2].map(offset => rawMessage({ offset, value: `inner ${offset}` }))
  const log = new MemoryLog(
    rawMessage({ magic: 0, offset: 1, value: 'old' }),
    rawWrapper('gzip', inner, { offset: 4 }),
    rawMessage({ offset: 5, value: null }),
  )
  for (const blockSize of [1, 5, 8, 100]) {
    expect(valuesOf(log, {}, blockSize)).toBe('old\ninner 0\ninner 1\ninner 2\n\n')
    expect(valuesOf(log, { from: 3, until: 4 }, blockSize)).toBe('inner 1\n')
  }
})

test('what was copied before damaged records is kept, and the damage names the first offset that is missing', () => {
  const records = Buffer.concat([rawRecord({ value: 'fine' }), Buffer.from([0x7e, 0, 0])])
  const log = new MemoryLog(rawBatch(records, { baseOffset: 5, count: 2 }), makeBatch(10, ['next']))
  const values = new PartitionValues(new PartitionRecords(log.forward()), newline)
  const block = Buffer.alloc(100)
  expect(() => values.copy(block, 0)).toThrow(CorruptLogError)
  expect(block.toString('latin1', 0, values.outputEnd)).toBe('fine\n')

  const reports: SkippedDamage[] = []
  expect(valuesOf(log, { onDamage: damage => reports.push(damage) })).toBe('fine\nnext\n')
  expect(reports).toEqual([expect.objectContaining({ firstOffset: 6, lastOffset: 6 })])
})

test('a damaged place between batches', () => {
  const log = new MemoryLog(makeBatch(0, ['a']), damagedPlace, makeBatch(2, ['b']))
  expect(() => valuesOf(log)).toThrow(CorruptLogError)
  expect(valuesOf(log, { onDamage: () => {} })).toBe('a\nb\n')
})
