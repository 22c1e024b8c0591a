import { CorruptFileError } from '../errors.ts'
import { fitsNumber, readInt64 } from '../record/int64.ts'
import { readWholeFile } from './whole-file.ts'

const VERSION_AT = 0
const PRODUCER_ID_AT = VERSION_AT + 2
const FIRST_OFFSET_AT = PRODUCER_ID_AT + 8
const LAST_OFFSET_AT = FIRST_OFFSET_AT + 8
const LAST_STABLE_OFFSET_AT = LAST_OFFSET_AT + 8
export const TRANSACTION_ENTRY_SIZE = LAST_STABLE_OFFSET_AT + 8

const VERSION = 0
/** 7.9 million aborted transactions in one segment. A `.log` of 2 GiB has room for more, as objects of several GB. */
const LIMIT = 256 * 1024 * 1024

export interface AbortedTransaction {
  producerId: bigint
  firstOffset: number
  /** Offset of the ABORT marker. */
  lastOffset: number
  /** What a read_committed reader could see at most when the marker was written. */
  lastStableOffset: number
}

/**
 * The `.txnindex` of a segment: the aborted transactions whose ABORT marker is in the segment. Big-endian, 34 bytes each:
 *
 * ```
 * | int16 version 0 | int64 producerId | int64 firstOffset | int64 lastOffset | int64 lastStableOffset |
 * ```
 *
 * Worked: `0000 0000000000000bb8 0000000000000072 0000000000000075 0000000000000076`: producer 3000 aborted what it
 * had written from offset 114 on with the marker at 117; readers of committed records may then go on to 118, exclusive.
 *
 * Entries stand in the order of their markers, so `lastOffset` strictly increases, and `firstOffset` may lie in an earlier
 * segment. Never preallocated, and made with its first entry: no file means nothing was aborted. A crash leaves the last
 * entry short, and a broker builds the file anew from the batches. Kafka alone writes it; loglady reads it without a lock.
 */
export interface TransactionIndex {
  aborted: AbortedTransaction[]
  /** Bytes of a last entry that was cut short. */
  trailingBytes: number
}

/** undefined if there is no such file. CorruptFileError at an entry of another version, or with an offset of 2^53. */
export function readTransactionIndex(path: string): TransactionIndex | undefined {
  const bytes = readWholeFile(path, LIMIT)
  return bytes === undefined ? undefined : decodeTransactionIndex(bytes, path)
}

export function decodeTransactionIndex(bytes: Buffer, path: string): TransactionIndex {
  const aborted: AbortedTransaction[] = []
  let at = 0
  for (; at + TRANSACTION_ENTRY_SIZE <= bytes.length; at += TRANSACTION_ENTRY_SIZE) {
    const version = bytes.readInt16BE(at + VERSION_AT)
    if (version !== VERSION) {
      throw new CorruptFileError(`unknown version of an aborted transaction, expected ${VERSION}, found ${version}`, {
        path,
        position: at,
      })
    }
    aborted.push({
      producerId: bytes.readBigInt64BE(at + PRODUCER_ID_AT),
      firstOffset: offsetAt(bytes, at + FIRST_OFFSET_AT, path),
      lastOffset: offsetAt(bytes, at + LAST_OFFSET_AT, path),
      lastStableOffset: offsetAt(bytes, at + LAST_STABLE_OFFSET_AT, path),
    })
  }
  return { aborted, trailingBytes: bytes.length - at }
}

/**
 * What is wrong in the file of the segment that begins at `baseOffset`, or undefined: Kafka's `TransactionIndex.sanityCheck`
 * (no marker below the segment) and what its writer sees to (markers increase).
 */
export function transactionIndexFault(index: TransactionIndex, baseOffset: number): string | undefined {
  let previous = baseOffset - 1
  for (const [n, { firstOffset, lastOffset }] of index.aborted.entries()) {
    if (lastOffset < baseOffset)
      return `entry ${n}: the last offset ${lastOffset} is below the base offset ${baseOffset}`
    if (lastOffset <= previous)
      return `entry ${n}: the last offset ${lastOffset} is not above ${previous}, the one before`
    if (firstOffset > lastOffset)
      return `entry ${n}: the first offset ${firstOffset} is above the last one, ${lastOffset}`
    previous = lastOffset
  }
  return index.trailingBytes === 0 ? undefined : `${index.trailingBytes} bytes behind the last whole entry`
}

function offsetAt(bytes: Buffer, at: number, path: string): number {
  if (fitsNumber(bytes, at)) return readInt64(bytes, at)
  throw new CorruptFileError(`${bytes.readBigInt64BE(at)} is no offset`, { path, position: at })
}
