import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { parseOffsetRange } from '../../../src/cli/offset-grammar.ts'
import { type RangeOptions, resolveRange } from '../../../src/cli/read/positions.ts'
import { DataDirectory, OffsetOutOfRangeError } from '../../../src/log/index.ts'
import { appendRecords } from '../../helpers/append-records.ts'
import { sharedTemporaryFolder } from '../../helpers/temporary-folder.ts'

const start = 1_700_000_000_000
const dir = join(sharedTemporaryFolder(), 'data')

beforeAll(async () => {
  const values = Array.from({ length: 20 }, (_, i) => ({ value: `v${i}`, timestamp: start + 1000 * i }))
  await appendRecords(dir, 'numbers', values)
})

function resolve(text: string, options: Partial<RangeOptions> = {}) {
  const directory = DataDirectory.open(dir)
  try {
    const range = parseOffsetRange(text)
    const { from, until, untilTimestamp } = resolveRange(directory.partition('numbers', 0), {
      range,
      end: 20,
      ...options,
    })
    return [from, until, untilTimestamp]
  } finally {
    directory.close()
  }
}

test.each([
  ['beginning', 0, undefined],
  ['earliest', 0, undefined],
  ['end', 20, undefined],
  ['7', 7, undefined],
  ['20', 20, undefined],
  ['+3', 3, undefined],
  ['+20', 20, undefined],
  ['5:8', 5, 8],
  [':3', 0, 3],
  ['17:', 17, undefined],
  ['17:400', 17, 400],
  ['8:5', 8, 8],
  ['+2:end', 2, 20],
  [`@${start + 4000}`, 4, undefined],
  [`@${start + 4001}`, 5, undefined],
  [`@${start + 90_000}`, 20, undefined],
  [`@${start + 3500}:@${start + 6000}`, 4, 6],
  [`3:@${start + 6000}`, 3, 6],
])('%s is from %j until %j', (text, from, until) => {
  expect(resolve(text)).toEqual([from, until, undefined])
})

test('a time that has not come yet ends the range when it comes', () => {
  expect(resolve(`3:@${start + 90_000}`)).toEqual([3, undefined, start + 90_000])
})

test('stored is the committed offset, or the beginning of those that have none', () => {
  expect(resolve('stored', { stored: 12 })).toEqual([12, undefined, undefined])
  expect(resolve('stored')).toEqual([0, undefined, undefined])
})

test('the end is the last stable offset where that is asked for', () => {
  expect(resolve('end', { end: 15 })).toEqual([15, undefined, undefined])
  expect(resolve('17', { end: 15 })).toEqual([17, undefined, undefined])
})

test.each(['21', '+21', '21:30'])('%s begins beyond the end', text => {
  expect(() => resolve(text)).toThrow(OffsetOutOfRangeError)
  expect(resolve(text, { clamp: true })[0]).toBe(20)
})

test('an offset that was removed is refused, or clamped to the log start', async () => {
  const golden = join(import.meta.dirname, '../../fixtures/kafka-golden/broker/deleted/log-dir')
  const log = DataDirectory.open(golden).partition('records-deleted', 0)
  const options = { range: parseOffsetRange('10'), end: 394 }
  expect(() => resolveRange(log, options)).toThrow(expect.objectContaining({ nearest: 222 }))
  expect(resolveRange(log, { ...options, clamp: true }).from).toBe(222)
  expect(resolveRange(log, { ...options, range: parseOffsetRange('+5') }).from).toBe(227)
})
