import { ATTRIBUTES, BatchHeader, MAGIC, PRODUCER_ID, RECORD_BATCH_OVERHEAD } from './batch-header.ts'

/** Bits 7 to 15 of the attributes mean nothing, and no writer sets them. */
const UNUSED_ATTRIBUTES = 0xff80

/**
 * The first position at or behind `start` where a whole batch of magic 2 with a valid CRC begins, or -1. It says that valid
 * bytes come behind damage, not that they were appended there: a value may itself hold batches, so a caller must also look
 * at the offsets and at what follows.
 */
export function findBatch(bytes: Buffer, start: number, end: number): number {
  const header = new BatchHeader()
  let candidate = findBatchCandidate(bytes, start, end, header)
  while (candidate >= 0) {
    if (candidate + header.sizeInBytes <= end && header.crcMatches()) return candidate
    candidate = findBatchCandidate(bytes, candidate + 1, end, header)
  }
  return -1
}

/**
 * The next position whose 61 bytes can be the header of a batch, which may go on beyond `end`: for those who search a file
 * block by block. `header` is left at it, its CRC unchecked.
 *
 * The magic byte is the cheap filter: the native search for it passes over text without a stop. Of random bytes one position
 * in 256 has it, and one in some 10^8 of those gets through the other fields to a CRC.
 */
export function findBatchCandidate(bytes: Buffer, start: number, end: number, header = new BatchHeader()): number {
  const last = end - RECORD_BATCH_OVERHEAD
  let at = start
  while (at <= last) {
    const magicAt = bytes.indexOf(2, at + MAGIC)
    if (magicAt < 0) return -1
    at = magicAt - MAGIC
    if (at > last) return -1
    if (looksLikeHeader(bytes, at, end, header)) return at
    at++
  }
  return -1
}

function looksLikeHeader(bytes: Buffer, at: number, end: number, header: BatchHeader): boolean {
  if ((bytes.readUInt16BE(at + ATTRIBUTES) & UNUSED_ATTRIBUTES) !== 0) return false
  const check = header.read(bytes, at, end)
  if (check !== 'whole' && check !== 'incomplete') return false
  return header.producerEpoch >= -1 && header.baseSequence >= -1 && bytes.readInt32BE(at + PRODUCER_ID) >= -1
}
