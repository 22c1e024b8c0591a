import { fstatSync } from 'node:fs'
import { type BatchFault, BatchHeader, RECORD_BATCH_OVERHEAD } from '../record/batch-header.ts'
import { readFully } from './read-fully.ts'

/**
 * `batch`: the header holds the next one. `end`: the file ends exactly here. `incomplete`: it ends inside a batch.
 * `zeros`: nothing but zero bytes up to the end of the file, which is what preallocation leaves. Else what is wrong.
 */
export type ScanOutcome = 'batch' | 'end' | 'incomplete' | 'zeros' | BatchFault

/** A block holds four of loglady's own batches of 256 KiB, so at most a quarter of it is copied to the front again. */
const DEFAULT_BLOCK_BYTES = 1 << 20
/** A walk over headers reads this much at once, and only the next header where batches are larger. */
const CHAIN_BLOCK_BYTES = 1 << 16
/** What a seek by the index needs, which leads to within 4 KiB of the record: a lookup by time opens every segment. */
const FIRST_BLOCK_BYTES = 1 << 14

/**
 * Goes over the batches of one `.log` file from a batch's start on, in blocks, without a lock: what it has shown once
 * is never read again, and what it could not show (`end`, `incomplete`, a fault) is read anew by the next call, because a
 * writer may have completed or replaced it meanwhile.
 *
 * `next` checks each batch with its CRC. `nextInChain` trusts the length fields and skips the bodies: for bytes that were
 * added during the own life of a process, of which a dead writer can only leave a prefix (protocol.md, One write).
 *
 * The block grows for a batch that does not fit, but only up to what the file really holds, never by a length field alone.
 */
export class BatchScanner {
  readonly header = new BatchHeader()
  /** Where the current batch starts in the file, or the place at which the scan stopped. */
  filePosition: number
  readonly #fd: number
  readonly #path: string
  readonly #blockBytes: number
  #block: Buffer
  /** Unread bytes of the block, and the file position of `#start`. */
  #start = 0
  #end = 0
  #blockPosition: number
  #currentSize = 0
  /** Doubles with each block, and the block with it: who wants one record should neither read nor allocate a mebibyte. */
  #readAhead = FIRST_BLOCK_BYTES

  constructor(fd: number, path: string, position: number, blockBytes = DEFAULT_BLOCK_BYTES) {
    this.#fd = fd
    this.#path = path
    this.#blockBytes = blockBytes
    this.#block = Buffer.allocUnsafeSlow(Math.min(blockBytes, FIRST_BLOCK_BYTES))
    this.filePosition = position
    this.#blockPosition = position
  }

  /** Behind the current batch: where the next call looks. */
  get nextPosition(): number {
    return this.filePosition + this.#currentSize
  }

  /** Goes on at another place, a batch's start. */
  seek(position: number): void {
    this.filePosition = position
    this.#currentSize = 0
    this.#blockPosition = position
    this.#start = 0
    this.#end = 0
  }

  /** The next call shows the current batch once more, from memory. */
  again(): void {
    this.#currentSize = 0
  }

  next(): ScanOutcome {
    this.#advance()
    let check = this.header.read(this.#block, this.#start, this.#end)
    // Twice, because the length may be known only after the first time.
    for (let tries = 0; check === 'incomplete' && tries < 2; tries++) {
      const filled = this.#fill(Math.max(this.header.sizeInBytes, RECORD_BATCH_OVERHEAD))
      if (this.#end === this.#start) return 'end'
      check = this.header.read(this.#block, this.#start, this.#end)
      if (!filled) break
    }
    if (check === 'whole' && !this.header.crcMatches()) check = 'crc'
    return this.#stop(check)
  }

  /** The next batch whose declared bytes the file has; its records and CRC are neither read nor checked. */
  nextInChain(fileSize: number): ScanOutcome {
    this.#advance()
    if (this.#end - this.#start < RECORD_BATCH_OVERHEAD) {
      this.seek(this.filePosition)
      const block = Math.min(this.#readAhead, CHAIN_BLOCK_BYTES)
      const wanted = this.header.sizeInBytes > CHAIN_BLOCK_BYTES ? RECORD_BATCH_OVERHEAD : block
      if (wanted > this.#block.length) this.#block = Buffer.allocUnsafeSlow(wanted)
      this.#end = this.#read(0, this.filePosition, wanted)
      this.#readAhead = Math.max(this.#readAhead, Math.min(block * 2, CHAIN_BLOCK_BYTES))
    }
    if (this.#end === this.#start) return 'end'
    const bytesInFile = fileSize - this.filePosition
    // Only the header's own bytes are looked at, so they must be here, whatever the file has behind them.
    const visible = this.#end - this.#start < RECORD_BATCH_OVERHEAD ? this.#end - this.#start : bytesInFile
    return this.#stop(this.header.read(this.#block, this.#start, this.#start + Math.min(visible, bytesInFile)))
  }

  #advance(): void {
    this.filePosition += this.#currentSize
    this.#start += this.#currentSize
    this.#currentSize = 0
    if (this.#start > this.#end) this.seek(this.filePosition)
  }

  #stop(check: ReturnType<BatchHeader['read']>): ScanOutcome {
    if (check === 'whole') {
      this.#currentSize = this.header.sizeInBytes
      return 'batch'
    }
    const zeros = check === 'length' && this.#onlyZerosFollow()
    // Forget what was read: it may be half of a write that is going on.
    this.seek(this.filePosition)
    return zeros ? 'zeros' : check
  }

  /** True if at least `size` bytes, or as many as fit a block, could be had from the current position on. */
  #fill(size: number): boolean {
    const have = this.#end - this.#start
    // Beyond a block's bytes a length field alone decides nothing.
    if (size > this.#blockBytes && fstatSync(this.#fd).size - this.filePosition < size) return this.#refresh()
    const wanted = Math.max(size, have + this.#readAhead)
    const blockBytes = Math.max(size, Math.min(wanted, this.#blockBytes))
    if (blockBytes > this.#block.length) {
      const larger = Buffer.allocUnsafeSlow(blockBytes)
      this.#block.copy(larger, 0, this.#start, this.#end)
      this.#block = larger
    } else {
      this.#block.copyWithin(0, this.#start, this.#end)
    }
    this.#blockPosition = this.filePosition
    this.#start = 0
    const room = this.#block.length - have
    const length = Math.min(room, Math.max(size - have, this.#readAhead))
    this.#readAhead = Math.min(this.#readAhead * 2, this.#blockBytes)
    this.#end = have + this.#read(have, this.#blockPosition + have, length)
    return this.#end >= size
  }

  /** The batch claims more than the file has: only the header is worth reading again. */
  #refresh(): false {
    this.#blockPosition = this.filePosition
    this.#start = 0
    this.#end = this.#read(0, this.filePosition, RECORD_BATCH_OVERHEAD)
    return false
  }

  #onlyZerosFollow(): boolean {
    const block = Buffer.allocUnsafe(CHAIN_BLOCK_BYTES)
    for (let position = this.filePosition; ; ) {
      const read = readFully(this.#fd, this.#path, block, 0, position, block.length)
      if (read === 0) return position > this.filePosition
      for (let i = 0; i < read; i++) if (block[i] !== 0) return false
      position += read
    }
  }

  #read(at: number, position: number, length: number): number {
    return readFully(this.#fd, this.#path, this.#block, at, position, length)
  }
}
