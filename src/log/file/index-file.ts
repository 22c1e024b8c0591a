import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { StorageError } from '../errors.ts'

/** The last steps of a search read this many bytes at once; the steps before them read one entry each. */
const BLOCK_BYTES = 512
/** What `scan` reads at once: large enough that the calls do not count, small enough for any number of open indexes. */
const SCAN_BYTES = 64 * 1024

/**
 * What `.index` and `.timeindex` have in common: entries of one size, sorted, with zeros behind them for as long as a
 * broker has the file open or if it was killed.
 *
 * ```
 * | entry 0 | entry 1 | … | entry e-1 | 00 00 00 … |          a broker preallocates segment.index.bytes (10 MiB) and
 *                                     ^ `entries`            trims on roll and clean stop; loglady never preallocates
 * ```
 *
 * The end of the data is the first entry behind slot 0 that is all zero: offsets and positions (offset index) and
 * timestamps (time index) increase, so only slot 0 can be zero and mean it, and there it says no more than "byte 0".
 * A file whose last entry is not zero is not padded, which one read of one entry tells; else the end is found by halving:
 * 21 reads in the 1,310,720 slots of a 10 MiB index. Nothing ever reads the file whole but `scan`.
 *
 * An index has no checksum and is never evidence (a power cut may leave any bytes in it): what comes out of here is
 * checked against the batch that it points to, and every offset, position and timestamp may be nonsense, negative
 * ones included. A search in unsorted bytes still ends and gives some entry.
 *
 * Readers take no lock. A writer appends entries and may cut the last ones; bytes that are gone by the time they are read
 * count as zeros, hence as "byte 0 of the segment". A file that was replaced stays readable through this descriptor.
 */
export abstract class IndexFile<Entry> {
  readonly path: string
  readonly baseOffset: number
  readonly entrySize: number
  /** Of the file when it was opened or last refreshed, padding and a torn last entry included. */
  sizeInBytes = 0
  /** Entries before the padding. */
  entries = 0
  readonly #descriptor: number
  readonly #block: Buffer
  #blockFirst = 0
  #blockEntries = 0

  protected constructor(path: string, descriptor: number, baseOffset: number, entrySize: number) {
    this.path = path
    this.baseOffset = baseOffset
    this.entrySize = entrySize
    this.#descriptor = descriptor
    this.#block = Buffer.allocUnsafe(BLOCK_BYTES)
    try {
      this.refresh()
    } catch (error) {
      closeSync(descriptor)
      throw error
    }
  }

  /** Looks at the file's size and end again. */
  refresh(): void {
    this.#blockEntries = 0
    this.sizeInBytes = guard(this.path, 'look at', () => fstatSync(this.#descriptor).size)
    this.entries = this.#findEnd(Math.floor(this.sizeInBytes / this.entrySize))
  }

  /** Zero bytes behind the last entry that a broker reserved; 0 in a file that was trimmed. */
  get paddingBytes(): number {
    return (Math.floor(this.sizeInBytes / this.entrySize) - this.entries) * this.entrySize
  }

  /** Bytes behind the last whole slot; not 0 only in a file that was cut or written short. */
  get trailingBytes(): number {
    return this.sizeInBytes % this.entrySize
  }

  /** Entry `n` of 0 … entries-1, as the bytes have it. */
  entry(n: number): Entry {
    if (!Number.isInteger(n) || n < 0 || n >= this.entries) {
      throw new RangeError(`index entry ${n} of ${this.entries} in ${this.path}`)
    }
    return this.decode(this.#block, this.#locate(n))
  }

  /** Every entry in file order, for whoever checks or prints the whole file. */
  *scan(): Generator<Entry> {
    const perRead = Math.floor(SCAN_BYTES / this.entrySize)
    const bytes = Buffer.allocUnsafe(Math.min(perRead, this.entries) * this.entrySize)
    for (let first = 0; first < this.entries; first += perRead) {
      const count = Math.min(perRead, this.entries - first)
      this.#read(bytes, first, count)
      for (let i = 0; i < count; i++) yield this.decode(bytes, i * this.entrySize)
    }
  }

  close(): void {
    closeSync(this.#descriptor)
  }

  protected abstract decode(bytes: Buffer, at: number): Entry

  /** What the entries are sorted by. */
  protected abstract key(bytes: Buffer, at: number): number

  /** The largest entry whose key is ≤ target, or -1. */
  protected search(target: number): number {
    this.#blockEntries = 0
    const perBlock = Math.floor(BLOCK_BYTES / this.entrySize)
    // Below `low` every key is ≤ target, from `high` on every key is above it.
    let low = 0
    let high = this.entries
    while (low < high) {
      if (high - low <= perBlock && this.#blockEntries <= 1) this.#load(low, high - low)
      const middle = low + Math.floor((high - low) / 2)
      if (this.key(this.#block, this.#locate(middle)) <= target) low = middle + 1
      else high = middle
    }
    return low - 1
  }

  #findEnd(slots: number): number {
    if (slots === 0 || !this.#isZero(slots - 1)) return slots
    // A single slot of zeros was trimmed to that size, so somebody meant it.
    if (slots === 1) return 1
    let low = 1
    let high = slots - 1
    while (low < high) {
      const middle = low + Math.floor((high - low) / 2)
      if (this.#isZero(middle)) high = middle
      else low = middle + 1
    }
    return low === 1 && this.#isZero(0) ? 0 : low
  }

  #isZero(n: number): boolean {
    const at = this.#locate(n)
    for (let i = at; i < at + this.entrySize; i++) if (this.#block[i] !== 0) return false
    return true
  }

  /** Where entry `n` stands in the block, which is loaded with it alone if it does not hold it yet. */
  #locate(n: number): number {
    if (n < this.#blockFirst || n >= this.#blockFirst + this.#blockEntries) this.#load(n, 1)
    return (n - this.#blockFirst) * this.entrySize
  }

  #load(first: number, count: number): void {
    this.#read(this.#block, first, count)
    this.#blockFirst = first
    this.#blockEntries = count
  }

  #read(bytes: Buffer, first: number, count: number): void {
    const length = count * this.entrySize
    let done = 0
    while (done < length) {
      const position = first * this.entrySize + done
      const got = guard(this.path, 'read', () => readSync(this.#descriptor, bytes, done, length - done, position))
      if (got === 0) break
      done += got
    }
    bytes.fill(0, done, length)
  }
}

/** A descriptor for reading; undefined if there is no such file. */
export function openIndexFile(path: string): number | undefined {
  try {
    return openSync(path, 'r')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw storageError(path, 'open', error)
  }
}

function guard<T>(path: string, what: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw storageError(path, what, error)
  }
}

function storageError(path: string, what: string, cause: unknown): StorageError {
  return new StorageError(`cannot ${what} the index: ${(cause as Error).message}`, { path, cause })
}
