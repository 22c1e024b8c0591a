import { closeSync, openSync, readFileSync, readSync } from 'node:fs'
import { setImmediate as eventLoopTurn } from 'node:timers/promises'
import { InvalidArgumentError, NotFoundError, StorageError } from '../../log/index.ts'
import { ChainHash, HEAD_BYTES, putHead } from './chain.ts'
import { writeFully } from './plain-file.ts'
import { Random } from './random.ts'

export interface PayloadOptions {
  records: number
  /** Bytes of each record, or else the lines of which their bodies are. */
  content: { recordSize: number } | { lines: readonly Buffer[] }
  seed: number
  signal: AbortSignal
  /** So many records more were written. */
  onRecords?: (records: number) => void
}

/** Whole records of the payload, each with its newline, in `bytes[start, end)`; overwritten by the next ones. */
export interface PayloadBlock {
  bytes: Buffer
  start: number
  end: number
}

export const NEWLINE = 0x0a
const BLOCK_BYTES = 256 * 1024
/** For a newline, and for letters that come five at a time. */
const SLACK_BYTES = 8
/** 64 characters, so that six random bits make one. */
const LETTERS = Buffer.from('abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 /', 'latin1')

/**
 * What a benchmark appends: a file with one record a line, made before any clock runs, that loglady and the baseline then
 * both read. So both pay the same for the data's way into memory, and neither for making it up.
 */
export class Payload {
  readonly path: string
  readonly records: number
  /** Without the newlines. */
  readonly bytes: number
  /** Bytes of the largest record that there can be in it. */
  readonly largestRecord: number

  private constructor(path: string, { records, content }: PayloadOptions, bytes: number) {
    this.path = path
    this.records = records
    this.bytes = bytes
    this.largestRecord = largestRecord(content)
  }

  static async write(path: string, options: PayloadOptions): Promise<Payload> {
    const fd = openForWriting(path)
    try {
      return new Payload(path, options, await writeRecords(fd, options))
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).syscall === undefined) throw cause
      throw new StorageError(`cannot write the payload: ${(cause as Error).message}`, { path, cause })
    } finally {
      closeSync(fd)
    }
  }

  get averageRecordBytes(): number {
    return this.bytes / this.records
  }

  /** All of it, in blocks of 256 KiB, larger ones only for larger records. */
  *blocks(): Generator<PayloadBlock> {
    const fd = openSync(this.path, 'r')
    try {
      let bytes = Buffer.allocUnsafeSlow(2 * BLOCK_BYTES)
      let carried = 0
      for (;;) {
        const read = readSync(fd, bytes, carried, bytes.length - carried, null)
        if (read === 0) return
        const filled = carried + read
        const end = bytes.subarray(0, filled).lastIndexOf(NEWLINE) + 1
        if (end > 0) yield { bytes, start: 0, end }
        carried = filled - end
        if (carried < bytes.length) {
          bytes.copyWithin(0, end, filled)
        } else {
          const larger = Buffer.allocUnsafeSlow(2 * bytes.length)
          bytes.copy(larger)
          bytes = larger
        }
      }
    } finally {
      closeSync(fd)
    }
  }

  /** Where in the file the records with these numbers (rising) lie, without their newlines. */
  locate(numbers: readonly number[]): { position: number; size: number }[] {
    const found: { position: number; size: number }[] = []
    let number = 0
    let blockPosition = 0
    for (const { bytes, start, end } of this.blocks()) {
      for (let at = start; at < end && found.length < numbers.length; number++) {
        const newline = bytes.indexOf(NEWLINE, at)
        while (numbers[found.length] === number) found.push({ position: blockPosition + at, size: newline - at })
        at = newline + 1
      }
      blockPosition += end
    }
    return found
  }
}

/** The lines of a file that the user brings. */
export function readPayloadLines(path: string): Buffer[] {
  const bytes = readUserFile(path)
  const lines: Buffer[] = []
  for (let at = 0; at < bytes.length; ) {
    const newline = bytes.indexOf(NEWLINE, at)
    const end = newline < 0 ? bytes.length : newline
    lines.push(bytes.subarray(at, end))
    at = end + 1
  }
  if (lines.length === 0) throw new InvalidArgumentError('the payload file is empty', { path })
  return lines
}

function readUserFile(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT') throw new NotFoundError('no such payload file', { path, cause })
    throw new StorageError(`cannot read the payload file: ${(cause as Error).message}`, { path, cause })
  }
}

function openForWriting(path: string): number {
  try {
    return openSync(path, 'wx', 0o600)
  } catch (cause) {
    throw new StorageError(`cannot write the payload: ${(cause as Error).message}`, { path, cause })
  }
}

/** Returns the bytes of all records. */
async function writeRecords(
  fd: number,
  { records, content, seed, signal, onRecords }: PayloadOptions,
): Promise<number> {
  const random = new Random(seed)
  const hash = new ChainHash()
  const sizeOfNext = 'lines' in content ? 0 : content.recordSize
  const block = Buffer.allocUnsafeSlow(BLOCK_BYTES + largestRecord(content) + SLACK_BYTES)
  let total = 0
  let told = 0
  let at = 0
  for (let sequence = 0; sequence < records; sequence++) {
    const start = at
    if ('lines' in content) {
      const line = content.lines[random.below(content.lines.length)]!
      at = start + HEAD_BYTES + line.copy(block, start + HEAD_BYTES)
    } else {
      at = start + sizeOfNext
      for (let i = start + HEAD_BYTES; i < at; i += 5) putLetters(block, i, random.next())
    }
    putHead(hash, sequence, block, start, at)
    total += at - start
    block[at++] = NEWLINE
    if (at < BLOCK_BYTES && sequence < records - 1) continue
    writeFully(fd, block, 0, at)
    at = 0
    onRecords?.(sequence + 1 - told)
    told = sequence + 1
    signal.throwIfAborted()
    await eventLoopTurn()
  }
  return total
}

function largestRecord(content: PayloadOptions['content']): number {
  if ('recordSize' in content) return content.recordSize
  return content.lines.reduce((largest, line) => Math.max(largest, HEAD_BYTES + line.length), 0)
}

/** Five letters of 32 random bits; those behind the record's end are overwritten by what comes next. */
function putLetters(bytes: Buffer, at: number, bits: number): void {
  bytes[at] = LETTERS[bits & 63]!
  bytes[at + 1] = LETTERS[(bits >>> 6) & 63]!
  bytes[at + 2] = LETTERS[(bits >>> 12) & 63]!
  bytes[at + 3] = LETTERS[(bits >>> 18) & 63]!
  bytes[at + 4] = LETTERS[(bits >>> 24) & 63]!
}
