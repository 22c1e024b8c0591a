import { fstatSync, write } from 'node:fs'
import { isatty } from 'node:tty'
import { bytesInPipe, pollWritableSync, StorageError, setPipeSize } from '../../log/index.ts'

/** Four of the kernel's default pipes; larger blocks brought nothing, smaller ones cost a thread hand-over more often. */
const BLOCK_BYTES = 256 * 1024
/** Room behind a full block, so that a record of ordinary size never makes a block grow. */
const SLACK_BYTES = 16 * 1024
/** One is filled, one is written, one waits: reading, writing and the reader of the pipe overlap. */
const BLOCK_COUNT = 3
/** A block that grew for a large record is used again up to this size, and dropped above it. */
const KEPT_BLOCK_BYTES = 2 * 1024 * 1024
/** Short outputs do not pay for the FFI that a larger pipe needs (6 ms). */
const LONG_OUTPUT_BYTES = 1024 * 1024
/** The most that the kernel gives without a privilege; it halves the wake-ups of both sides. */
const PIPE_BYTES = 1024 * 1024
/** What a blocking write is given at most where it matters how much of it has gone: a fourth of the default pipe. */
const COUNTED_PIECE_BYTES = 16 * 1024
const STDOUT = 1

export interface BlockSinkOptions {
  fd?: number
  /** `taken` shall be exact to 16 KiB: the pipe stays small, and is written in small pieces. */
  isCounted?: boolean
}

interface FilledBlock {
  bytes: Buffer
  length: number
}

/**
 * Standard output as blocks. A writer puts whole records at `position` of `block` (after `ensure`), and whoever drives it
 * calls `rotate` once the block `isFull`: the block goes to a thread that writes it, and filling goes on in another. The
 * event loop stays free, so signals are seen also while the reader of a pipe is slow. Never two writes at once, so the
 * bytes keep their order.
 *
 * A reader that has gone (EPIPE) is no error: `isClosed` becomes true and everything from then on is dropped. Any other
 * failure is thrown by the next `rotate` or `flush` as a StorageError.
 */
export class BlockSink {
  block: Buffer = Buffer.allocUnsafeSlow(BLOCK_BYTES + SLACK_BYTES)
  position = 0
  /** A write has found out that the reader is gone. */
  isClosed = false
  /** The same, known before there was anything to write; set by whoever watches for it. */
  isReaderGone = false
  readonly fd: number
  readonly isTerminal: boolean
  readonly isPipe: boolean
  /** Somebody else is at the other end, and can go away. */
  readonly hasReader: boolean
  /** Bytes that the kernel has taken. */
  written = 0
  /** Bytes of all blocks that were handed over, written or not. */
  #handedOver = 0
  readonly #free: Buffer[] = []
  #blockCount = 1
  readonly #filled: FilledBlock[] = []
  #writing: Promise<void> | undefined
  #error: StorageError | undefined
  /** Whoever waits for the writer to get on. */
  #waiting: (() => void)[] = []
  #isAbandoned = false
  #mayGrowPipe: boolean
  /** The most that one write is given. */
  readonly #pieceBytes: number

  constructor({ fd = STDOUT, isCounted = false }: BlockSinkOptions = {}) {
    this.fd = fd
    this.isTerminal = isatty(fd)
    const stats = fstatSync(fd)
    this.isPipe = stats.isFIFO()
    this.hasReader = this.isPipe || this.isTerminal || stats.isSocket()
    this.#mayGrowPipe = this.isPipe && !isCounted
    this.#pieceBytes = this.isPipe && isCounted ? COUNTED_PIECE_BYTES : Number.MAX_SAFE_INTEGER
    if (fd === STDOUT) makeBlocking()
  }

  get isFull(): boolean {
    return this.position >= BLOCK_BYTES
  }

  /** Bytes put in so far: where in the whole output the next one will stand. */
  get produced(): number {
    return this.#handedOver + this.position
  }

  /** Makes room for so many bytes behind `position`; `block` may be another buffer afterwards. */
  ensure(bytes: number): void {
    if (this.block.length - this.position >= bytes) return
    const larger = Buffer.allocUnsafeSlow(this.position + bytes + SLACK_BYTES)
    this.block.copy(larger, 0, 0, this.position)
    this.block = larger
  }

  /** Hands the block over, and waits only while all blocks are on their way. */
  async rotate(): Promise<void> {
    this.#throwError()
    if (this.isClosed) this.position = 0
    if (this.position === 0) return
    this.#filled.push({ bytes: this.block, length: this.position })
    this.#handedOver += this.position
    this.position = 0
    this.#writing ??= this.#writeAll()
    while (!this.#takeFreeBlock()) await this.#writerMoves()
    this.#throwError()
  }

  /** Hands over what is there and waits until the kernel has all of it. */
  async flush(): Promise<void> {
    await this.rotate()
    while (this.#writing !== undefined && !this.#isAbandoned) await this.#writerMoves()
    this.#throwError()
  }

  /** From now on `rotate` and `flush` wait for nobody: a signal came, and the reader may never read again. */
  abandon(): void {
    this.#isAbandoned = true
    this.#wakeWaiting()
  }

  /** Resolves when nothing is being written any more, though the sink was abandoned. */
  async settled(): Promise<void> {
    await this.#writing
  }

  /**
   * How many bytes of the output its reader has in its own hands. Of a pipe: what was written less what is still inside;
   * bytes of a write that is going on count as not taken. Of anything else: what was written.
   */
  taken(): number {
    return this.isPipe ? Math.max(0, this.written - bytesInPipe(this.fd)) : this.written
  }

  #throwError(): void {
    if (this.#error !== undefined) throw this.#error
  }

  #takeFreeBlock(): boolean {
    const free = this.#free.pop()
    if (free === undefined && this.#blockCount >= BLOCK_COUNT && !this.#isAbandoned) return false
    if (free === undefined) this.#blockCount++
    this.block = free ?? Buffer.allocUnsafeSlow(BLOCK_BYTES + SLACK_BYTES)
    return true
  }

  #writerMoves(): Promise<void> {
    return new Promise(resolve => this.#waiting.push(resolve))
  }

  #wakeWaiting(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const resolve of waiting) resolve()
  }

  async #writeAll(): Promise<void> {
    for (let filled = this.#filled.shift(); filled !== undefined; filled = this.#filled.shift()) {
      if (!this.isClosed && this.#error === undefined) await this.#writeBlock(filled)
      const mayKeep = filled.bytes.length <= KEPT_BLOCK_BYTES
      this.#free.push(mayKeep ? filled.bytes : Buffer.allocUnsafeSlow(BLOCK_BYTES + SLACK_BYTES))
      this.#wakeWaiting()
    }
    this.#writing = undefined
    this.#wakeWaiting()
  }

  async #writeBlock({ bytes, length }: FilledBlock): Promise<void> {
    for (let at = 0; at < length; ) {
      try {
        const count = await writeSome(this.fd, bytes, at, Math.min(length - at, this.#pieceBytes))
        at += count
        this.written += count
      } catch (cause) {
        const { code } = cause as NodeJS.ErrnoException
        if (code === 'EAGAIN') {
          await this.#untilWritable()
          continue
        }
        if (code === 'EPIPE') this.isClosed = true
        else this.#error = new StorageError(`cannot write to stdout: ${(cause as Error).message}`, { cause })
        return
      }
    }
    if (this.#mayGrowPipe && this.written >= LONG_OUTPUT_BYTES) this.#growPipe()
  }

  #growPipe(): void {
    this.#mayGrowPipe = false
    // Refused (EPERM, above the system's limit) or unknown here: the pipe works as it is.
    try {
      setPipeSize(this.fd, PIPE_BYTES)
    } catch {}
  }

  /** Somebody who shares this pipe made it non-blocking. Short waits, so that signals are seen in between. */
  async #untilWritable(): Promise<void> {
    pollWritableSync(this.fd, 50)
    await new Promise(resolve => setImmediate(resolve))
  }
}

/**
 * Node makes a piped stdout non-blocking as soon as anything touches `process.stdout`, and with it the pipe of everybody
 * who shares it: `{ loglady read & cat file; } | …` would cut the cat short. A write on a thread may block, so undo it.
 */
function makeBlocking(): void {
  const { _handle: handle } = process.stdout as { _handle?: { setBlocking?: (isBlocking: boolean) => void } }
  handle?.setBlocking?.(true)
}

function writeSome(fd: number, bytes: Buffer, at: number, length: number): Promise<number> {
  return new Promise((resolve, reject) => {
    write(fd, bytes, at, length, null, (error, count) => (error === null ? resolve(count) : reject(error)))
  })
}
