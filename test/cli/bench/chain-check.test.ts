import { describe, expect, test } from 'vitest'
import { ChainHash, putHead } from '../../../src/cli/bench/chain.ts'
import { ChainCheck, isWhole, type ReadBack } from '../../../src/cli/bench/chain-check.ts'

function chain(count: number, size: number): Buffer[] {
  const hash = new ChainHash()
  return Array.from({ length: count }, (_, sequence) => {
    const record = Buffer.alloc(size, 'x')
    putHead(hash, sequence, record, 0, size)
    return record
  })
}

function check(records: readonly (Buffer | null)[], expected: number): ReadBack {
  const checker = new ChainCheck(expected)
  for (const record of records) {
    if (record === null) checker.accept(Buffer.alloc(0), -1, -1)
    else checker.accept(Buffer.concat([Buffer.from('..'), record]), 2, 2 + record.length)
  }
  return checker.finish()
}

const whole = { lost: 0, duplicated: 0, outOfOrder: 0, altered: 0 }

test('a record is its number, a hash and its body, in letters', () => {
  expect(chain(43, 30)[42]!.toString()).toMatch(/^0000002a[0-9a-f]{16}x{6}$/)
})

test('equal bodies have different hashes, as each covers the one before', () => {
  const hashes = chain(1000, 24).map(record => record.toString().slice(8))
  expect(new Set(hashes).size).toBe(1000)
})

test.each([1, 2, 7, 8, 12, 16, 20, 23, 24, 25, 31, 100, 1000])('records of %i bytes pass as they were sent', size => {
  const found = check(chain(500, size), 500)
  expect(found).toEqual({ records: 500, ...whole, problem: undefined })
  expect(isWhole(found)).toBe(true)
})

describe.each([24, 100])('of records of %i bytes', size => {
  const records = chain(100, size)

  test('the first, one in the middle and the last are missed', () => {
    for (const lost of [0, 50, 99]) {
      const found = check(records.toSpliced(lost, 1), 100)
      expect(found).toMatchObject({ records: 99, ...whole, lost: 1 })
      expect(isWhole(found)).toBe(false)
    }
    expect(check(records.toSpliced(50, 1), 100).problem).toBe('offset 50 holds record 51, expected 50')
    expect(check(records.toSpliced(99, 1), 100).problem).toBe('1 of 100 records are missing at the end')
  })

  test('a run of lost ones is counted', () => {
    expect(check(records.toSpliced(20, 30), 100)).toMatchObject({ records: 70, ...whole, lost: 30 })
    expect(check([], 100)).toMatchObject({ records: 0, ...whole, lost: 100 })
  })

  test('one that comes twice is told, at once or later', () => {
    for (const again of [11, 60, 100]) {
      const found = check(records.toSpliced(again, 0, records[10]!), 100)
      expect(found).toMatchObject({ records: 101, ...whole, duplicated: 1 })
      expect(found.problem).toBe(`offset ${again} holds record 10 once more`)
    }
  })

  test('two that changed places are out of order, and nothing is lost', () => {
    const found = check(records.toSpliced(30, 2, records[31]!, records[30]!), 100)
    expect(found).toMatchObject({ records: 100, ...whole, outOfOrder: 1 })
    expect(found.problem).toBe('offset 30 holds record 31, expected 30')
  })

  test('one that was lost while another came twice is not made up for', () => {
    const found = check(records.toSpliced(30, 1, records[29]!), 100)
    expect(found).toMatchObject({ records: 100, ...whole, lost: 1, duplicated: 1 })
  })

  test('a flipped bit at any byte of a record is found', () => {
    for (let byte = 0; byte < size; byte++) {
      const altered = Buffer.from(records[40]!)
      altered[byte]! ^= 1
      const found = check(records.toSpliced(40, 1, altered), 100)
      expect(isWhole(found), `byte ${byte}`).toBe(false)
    }
  })

  test('a record that was cut short, or lengthened, or is null is altered', () => {
    const cut = records[40]!.subarray(0, size - 1)
    const long = Buffer.concat([records[40]!, Buffer.from('y')])
    for (const other of [cut, long, null]) {
      expect(isWhole(check((records as (Buffer | null)[]).toSpliced(40, 1, other), 100))).toBe(false)
    }
    expect(check(records.toSpliced(40, 1, long), 100)).toMatchObject({ ...whole, altered: 1 })
  })

  test('a record of another chain is found', () => {
    const foreign = Buffer.from(records[40]!)
    chain(41, size + 1)[40]!.copy(foreign)
    expect(isWhole(check(records.toSpliced(40, 1, foreign), 100))).toBe(false)
  })

  test('more records than were sent are found', () => {
    const more = chain(101, size)
    expect(check(more, 100)).toMatchObject({ records: 101, ...whole, altered: 1 })
  })
})

describe('of records too short for a number', () => {
  const records = chain(100, 12)

  test('loss, doubling, a swap and a changed byte are found, though not told apart', () => {
    const altered = Buffer.from(records[40]!)
    altered[3] = altered[3] === 0x61 ? 0x62 : 0x61
    for (const other of [
      records.toSpliced(40, 1),
      records.toSpliced(40, 0, records[40]!),
      records.toSpliced(40, 2, records[41]!, records[40]!),
      records.toSpliced(40, 1, altered),
      records.slice(0, 99),
      [...records, records[99]!],
    ]) {
      expect(isWhole(check(other, 100))).toBe(false)
    }
    expect(check(records.slice(0, 99), 100)).toMatchObject({
      lost: 1,
      problem: '1 of 100 records are missing at the end',
    })
    expect(check(records.toSpliced(40, 1), 100).problem).toBe(
      'the record at offset 40 does not follow the one before it',
    )
  })
})
