import { readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { expect, test } from 'vitest'
import {
  type AbortedTransaction,
  decodeTransactionIndex,
  readTransactionIndex,
  TRANSACTION_ENTRY_SIZE,
  transactionIndexFault,
} from '../../../src/log/file/transaction-index.ts'
import { fixtureFolder } from '../../helpers/golden.ts'
import { goldenDumps } from '../../helpers/golden-dumps.ts'
import { goldenFiles, goldenName } from '../../helpers/golden-files.ts'
import { temporaryFolder } from '../../helpers/temporary-folder.ts'

const several = join(fixtureFolder, 'broker/transactions/log-dir/txn-0/00000000000000000007.txnindex')

function aborted(firstOffset: number, lastOffset: number): AbortedTransaction {
  return { producerId: 1n, firstOffset, lastOffset, lastStableOffset: lastOffset + 1 }
}

test('the transaction indexes of a broker read as kafka-dump-log printed them', () => {
  const dumps = goldenDumps('.txnindex')
  expect(dumps.length).toBeGreaterThan(5)
  for (const { path, lines } of dumps) {
    const { aborted } = readTransactionIndex(path)!
    const found = aborted.map(
      ({ producerId, firstOffset, lastOffset, lastStableOffset }) =>
        `version: 0 producerId: ${producerId} firstOffset: ${firstOffset} lastOffset: ${lastOffset} lastStableOffset: ${lastStableOffset}`,
    )
    expect(found, goldenName(path)).toEqual(lines.filter(line => line.startsWith('version: ')))
  }
})

test('every golden transaction index is whole and in order', () => {
  for (const path of goldenFiles('.txnindex')) {
    const index = readTransactionIndex(path)!
    expect(index.aborted.length, goldenName(path)).toBeGreaterThan(0)
    expect(transactionIndexFault(index, Number(basename(path, '.txnindex')))).toBeUndefined()
  }
})

test('the entry that the class comment works out', () => {
  expect(readTransactionIndex(join(fixtureFolder, 'golden-0/00000000000000000000.txnindex'))).toEqual({
    aborted: [{ producerId: 3000n, firstOffset: 114, lastOffset: 117, lastStableOffset: 118 }],
    trailingBytes: 0,
  })
})

test('a transaction index cut at any byte gives the whole entries before the cut', () => {
  const bytes = readFileSync(several)
  const all = decodeTransactionIndex(bytes, several).aborted
  for (let size = 0; size <= bytes.length; size++) {
    const index = decodeTransactionIndex(bytes.subarray(0, size), several)
    expect(index.aborted).toEqual(all.slice(0, Math.floor(size / TRANSACTION_ENTRY_SIZE)))
    expect(index.trailingBytes).toBe(size % TRANSACTION_ENTRY_SIZE)
  }
})

test('a missing index is undefined, an empty one has no entries', () => {
  const path = join(temporaryFolder(), '00000000000000000000.txnindex')
  expect(readTransactionIndex(path)).toBeUndefined()
  writeFileSync(path, '')
  expect(readTransactionIndex(path)).toEqual({ aborted: [], trailingBytes: 0 })
})

test('another version is named with its place', () => {
  const bytes = Buffer.from(readFileSync(several))
  bytes.writeInt16BE(7, TRANSACTION_ENTRY_SIZE)
  expect(() => decodeTransactionIndex(bytes, 'x.txnindex')).toThrowError(
    expect.objectContaining({
      code: 'LOGLADY_CORRUPT_FILE',
      path: 'x.txnindex',
      position: 34,
      message: 'unknown version of an aborted transaction, expected 0, found 7',
    }),
  )
})

test('an offset of 2^53 or more is named with its place', () => {
  const bytes = Buffer.from(readFileSync(several))
  bytes.writeBigInt64BE(2n ** 53n, 18)
  expect(() => decodeTransactionIndex(bytes, 'x.txnindex')).toThrowError(
    expect.objectContaining({ position: 18, message: '9007199254740992 is no offset' }),
  )
})

test('the check names markers below the segment, markers that go back, offsets that cross, and a cut entry', () => {
  const fault = (entries: AbortedTransaction[], trailingBytes = 0) =>
    transactionIndexFault({ aborted: entries, trailingBytes }, 100)
  expect(fault([aborted(20, 100), aborted(90, 103)])).toBeUndefined()
  expect(fault([aborted(20, 99)])).toBe('entry 0: the last offset 99 is below the base offset 100')
  expect(fault([aborted(20, 110), aborted(30, 110)])).toBe(
    'entry 1: the last offset 110 is not above 110, the one before',
  )
  expect(fault([aborted(112, 111)])).toBe('entry 0: the first offset 112 is above the last one, 111')
  expect(fault([aborted(20, 100)], 5)).toBe('5 bytes behind the last whole entry')
})
