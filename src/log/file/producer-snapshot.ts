import { CorruptFileError, NumberTooLargeError } from '../errors.ts'
import { crc32c } from '../record/crc32c.ts'
import { fitsNumber, readInt64 } from '../record/int64.ts'
import { readWholeFile } from './whole-file.ts'

const VERSION_AT = 0
const CRC_AT = VERSION_AT + 2
const COUNT_AT = CRC_AT + 4
const HEADER_SIZE = COUNT_AT + 4

const PRODUCER_ID_AT = 0
const EPOCH_AT = PRODUCER_ID_AT + 8
const LAST_SEQUENCE_AT = EPOCH_AT + 2
const LAST_OFFSET_AT = LAST_SEQUENCE_AT + 4
const OFFSET_DELTA_AT = LAST_OFFSET_AT + 8
const TIMESTAMP_AT = OFFSET_DELTA_AT + 4
const COORDINATOR_EPOCH_AT = TIMESTAMP_AT + 8
const TRANSACTION_FIRST_OFFSET_AT = COORDINATOR_EPOCH_AT + 4
const ENTRY_SIZE = TRANSACTION_FIRST_OFFSET_AT + 8

const VERSION = 1

/** Where one idempotent or transactional producer stood; -1 for whatever is not known. */
export interface ProducerState {
  producerId: bigint
  producerEpoch: number
  lastSequence: number
  lastOffset: number
  /** Of the producer's last batch: its first sequence is lastSequence - offsetDelta. */
  offsetDelta: number
  timestamp: number
  coordinatorEpoch: number
  /** First offset of the transaction that is open. */
  currentTransactionFirstOffset: number
}

/**
 * A `.snapshot` of a partition: the state of its producers up to, not including, the offset in the file's name. Big-endian:
 *
 * ```
 * | int16 version 1 | uint32 crc | int32 count |     crc = CRC-32C of everything behind it
 * count times 46 bytes:
 * | int64 producerId | int16 epoch | int32 lastSequence | int64 lastOffset | int32 offsetDelta | int64 timestamp |
 * | int32 coordinatorEpoch | int64 currentTransactionFirstOffset |
 * ```
 *
 * Worked: without producers the file is the 10 bytes `0001 48674bc7 00000000`; with one it is 56 bytes long.
 *
 * A broker writes it at each roll (for the new base offset), at a clean stop (for the log end offset) and after
 * recovery, and reads the newest one at its start, to refuse what a producer sends twice. A corrupt one it deletes, and
 * without one it only forgets those producers. loglady has no producer ids and writes none, but removes those that lie
 * beyond a log's end after a cut. Read without a lock.
 */
export interface ProducerSnapshot {
  producers: ProducerState[]
}

/** undefined if there is no such file. CorruptFileError: another version, a wrong CRC, a count that does not fit the size. */
export function readProducerSnapshot(path: string): ProducerSnapshot | undefined {
  const bytes = readWholeFile(path)
  return bytes === undefined ? undefined : decodeProducerSnapshot(bytes, path)
}

export function decodeProducerSnapshot(bytes: Buffer, path: string): ProducerSnapshot {
  if (bytes.length < HEADER_SIZE) {
    throw new CorruptFileError(`a snapshot has at least ${HEADER_SIZE} bytes, found ${bytes.length}`, { path })
  }
  const version = bytes.readInt16BE(VERSION_AT)
  if (version !== VERSION) {
    throw new CorruptFileError(`unknown version of a snapshot, expected ${VERSION}, found ${version}`, {
      path,
      position: 0,
    })
  }
  const expected = bytes.readUInt32BE(CRC_AT)
  const found = crc32c(bytes, COUNT_AT, bytes.length)
  if (found !== expected) {
    throw new CorruptFileError(`CRC mismatch, expected ${hex(expected)}, found ${hex(found)}`, {
      path,
      position: CRC_AT,
    })
  }
  const count = bytes.readInt32BE(COUNT_AT)
  // The count says nothing about memory: it only has to agree with the size.
  if (bytes.length !== HEADER_SIZE + count * ENTRY_SIZE) {
    const size = HEADER_SIZE + count * ENTRY_SIZE
    throw new CorruptFileError(`${count} producers take ${size} bytes, found ${bytes.length}`, {
      path,
      position: COUNT_AT,
    })
  }
  const producers: ProducerState[] = []
  for (let at = HEADER_SIZE; at < bytes.length; at += ENTRY_SIZE) producers.push(decodeEntry(bytes, at, path))
  return { producers }
}

function decodeEntry(bytes: Buffer, at: number, path: string): ProducerState {
  return {
    producerId: bytes.readBigInt64BE(at + PRODUCER_ID_AT),
    producerEpoch: bytes.readInt16BE(at + EPOCH_AT),
    lastSequence: bytes.readInt32BE(at + LAST_SEQUENCE_AT),
    lastOffset: numberAt(bytes, at + LAST_OFFSET_AT, path),
    offsetDelta: bytes.readInt32BE(at + OFFSET_DELTA_AT),
    timestamp: numberAt(bytes, at + TIMESTAMP_AT, path),
    coordinatorEpoch: bytes.readInt32BE(at + COORDINATOR_EPOCH_AT),
    currentTransactionFirstOffset: numberAt(bytes, at + TRANSACTION_FIRST_OFFSET_AT, path),
  }
}

function numberAt(bytes: Buffer, at: number, path: string): number {
  if (fitsNumber(bytes, at)) return readInt64(bytes, at)
  throw new NumberTooLargeError(`${bytes.readBigInt64BE(at)} is no whole number below 2^53`, { path, position: at })
}

function hex(crc: number): string {
  return crc.toString(16).padStart(8, '0')
}
