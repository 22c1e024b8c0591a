import { expect, test } from 'vitest'
import { ValueMatcher } from '../../../src/cli/output/grep.ts'
import { type FilterFlags, RecordFilter } from '../../../src/cli/read/record-filter.ts'
import { type PlainRecord, plainRecord } from '../../helpers/plain-records.ts'

function accepts(flags: FilterFlags, record: PlainRecord): boolean {
  return new RecordFilter(flags).accepts(plainRecord(record))
}

test('the time of a record: from since on, before until', () => {
  const flags = { since: 10, until: 20 }
  expect([9, 10, 19, 20].map(timestamp => accepts(flags, { timestamp }))).toEqual([false, true, true, false])
  expect(accepts({ since: 0 }, { timestamp: -1 })).toBe(false)
})

test('the key, byte for byte; an empty one is not null', () => {
  const flags = { key: Buffer.from('ab') }
  expect(['ab', 'a', 'abc', 'ac', '', null].map(key => accepts(flags, { key, value: 'ab' }))).toEqual([
    true,
    false,
    false,
    false,
    false,
    false,
  ])
  expect(['', null].map(key => accepts({ key: Buffer.alloc(0) }, { key }))).toEqual([true, false])
})

test('all that is asked for must hold', () => {
  const flags = { since: 10, key: Buffer.from('k'), grep: new ValueMatcher('v') }
  expect(accepts(flags, { timestamp: 10, key: 'k', value: 'v' })).toBe(true)
  expect(accepts(flags, { timestamp: 9, key: 'k', value: 'v' })).toBe(false)
  expect(accepts(flags, { timestamp: 10, key: 'l', value: 'v' })).toBe(false)
  expect(accepts(flags, { timestamp: 10, key: 'k', value: 'w' })).toBe(false)
})

test('without a wish everything is accepted', () => {
  expect(new RecordFilter({}).isOpen).toBe(true)
  expect(new RecordFilter({ until: 0 }).isOpen).toBe(false)
  expect(accepts({}, { timestamp: -1 })).toBe(true)
})
