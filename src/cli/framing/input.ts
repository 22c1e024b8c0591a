import { closeSync, constants, fstatSync, openSync, readSync, statSync } from 'node:fs'
import {
  bytesInPipe,
  type InvalidRecordError,
  NotFoundError,
  pollReadable,
  StorageError,
  setPipeSize,
} from '../../log/index.ts'
import type { InputWindow } from './framing.ts'

/** One read: large enough that its fixed cost vanishes, small enough that the bytes are still in cache when they are encoded. */
const READ_BYTES = 256 * 1024
/** A carried piece up to this size moves to the front before each read, so that the same (cached) memory is filled again. */
const CARRIED_BYTES = 16 * 1024
/** A pipe that has brought this much is worth a system call and a megabyte of the user's pipe memory. */
const LONG_INPUT_BYTES = 1024 * 1024
const LONG_PIPE_BYTES = 1024 * 1024

/**
 * The bytes of one FILE, or of stdin, as one contiguous buffer: `bytes[start, end)` are read and not taken yet. A record
 * that is not whole yet is carried to the front, and the buffer doubles only for a record that needs it.
 *
 *     bytes   [ taken ... | whole records | begin of the next one | room for one read ]
 *                         start                                   end
 *
 * Nothing here blocks but a regular file. A pipe, socket, terminal or device is read only when it has bytes (FIONREAD) or
 * after poll(2) said so, and poll waits on a thread, with a descriptor beside it that wakes it: a read blocked on a thread
 * would hold up signals, timers and even the end of the process, which joins its threads.
 */
export class Input implements InputWindow {
  /** As the user wrote it, `stdin` for standard input. */
  readonly name: string
  bytes = Buffer.allocUnsafeSlow(2 * READ_BYTES)
  start = 0
  end = 0
  /** Nothing will come behind `end`. */
  hasEnded = false
  /** `stop()` was called. */
  isStopped = false
  /** Number, from 1, of the record that begins at `start`. Framings count it. */
  ordinal = 1
  /** Bytes of an unfinished record that were read before `stop()` and that no record could be made of. */
  droppedBytes = 0
  readonly isRegularFile: boolean
  readonly #fd: number
  readonly #ownsDescriptor: boolean
  readonly #wakeFd: number
  /** Bytes of the input in front of `bytes[0]`. */
  #position = 0
  #readBytes = 0
  /** How much may still be read: all there is, until `stop()` sets an end. */
  #remaining = Number.POSITIVE_INFINITY
  /** poll said that a read will not block: bytes, the end or an error are there. */
  #isReadable = false
  #mayGrowPipe: boolean

  private constructor(name: string, fd: number, ownsDescriptor: boolean, wakeFd: number) {
    const stats = fstatSync(fd)
    this.name = name
    this.#fd = fd
    this.#ownsDescriptor = ownsDescriptor
    this.#wakeFd = wakeFd
    this.isRegularFile = stats.isFile()
    this.#mayGrowPipe = stats.isFIFO()
  }

  /** Opens a file, or stdin for `-`. Bytes written to `wakeFd`'s other end make `wait()` return. */
  static open(path: string, wakeFd: number): Input {
    if (path === '-') return new Input('stdin', 0, false, wakeFd)
    try {
      // A FIFO opened without O_NONBLOCK blocks this thread, signals with it, until somebody opens its other end.
      const isFifo = statSync(path).isFIFO()
      const fd = openSync(path, constants.O_RDONLY | (isFifo ? constants.O_NONBLOCK : 0))
      return new Input(path, fd, true, wakeFd)
    } catch (error) {
      throw readError(error, path)
    }
  }

  /** Where `bytes[at]` stands in the whole input. */
  position(at: number): number {
    return this.#position + at
  }

  /** Reads what is there now. False: nothing yet, `wait()`. True: there are more bytes, or the end was found. */
  read(): boolean {
    if (this.hasEnded) return true
    if (this.#remaining <= 0) {
      this.hasEnded = true
      return true
    }
    if (!this.isRegularFile && !this.#isReadable && bytesInPipe(this.#fd) <= 0) return false
    this.#isReadable = false
    this.#makeRoom()
    const room = Math.min(READ_BYTES, this.bytes.length - this.end, this.#remaining)
    const count = this.#readSome(room)
    if (count < 0) return false
    if (count === 0) this.hasEnded = true
    this.end += count
    this.#remaining -= count
    this.#readBytes += count
    if (this.#mayGrowPipe && this.#readBytes >= LONG_INPUT_BYTES) {
      this.#mayGrowPipe = false
      setPipeSize(this.#fd, LONG_PIPE_BYTES)
    }
    return true
  }

  /** Until there is something to read, or the wake descriptor is written to. */
  async wait(): Promise<void> {
    const result = await pollReadable(this.#fd, this.#wakeFd, -1)
    if (result === 'readable') this.#isReadable = true
  }

  /**
   * A signal came. The first time the input ends behind what its pipe holds at this moment, the second time at once. A
   * regular file ends at once in any case: what was not read of it is not lost.
   */
  stop(): void {
    const isFirst = !this.isStopped
    this.isStopped = true
    this.#remaining = isFirst && !this.isRegularFile ? Math.max(0, bytesInPipe(this.#fd)) : 0
  }

  /**
   * The input ends inside a record: an error, but not when a signal cut it there. Then the bytes are dropped and counted.
   */
  endsInside(error: InvalidRecordError): void {
    if (!this.isStopped) throw error
    this.droppedBytes = this.end - this.start
    this.start = this.end
  }

  close(): void {
    if (this.#ownsDescriptor) closeSync(this.#fd)
  }

  #readSome(room: number): number {
    try {
      return readSync(this.#fd, this.bytes, this.end, room, null)
    } catch (error) {
      // Somebody set O_NONBLOCK on the descriptor that we share, or another process took the bytes first.
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return -1
      throw readError(error, this.name)
    }
  }

  #makeRoom(): void {
    const carried = this.end - this.start
    if (this.start > 0 && (carried <= CARRIED_BYTES || this.bytes.length - this.end < READ_BYTES)) {
      this.bytes.copyWithin(0, this.start, this.end)
      this.#position += this.start
      this.start = 0
      this.end = carried
    }
    if (this.bytes.length - this.end >= READ_BYTES) return
    const larger = Buffer.allocUnsafeSlow(this.bytes.length * 2)
    this.bytes.copy(larger, 0, 0, this.end)
    this.bytes = larger
  }
}

function readError(error: unknown, path: string): Error {
  const { code } = error as NodeJS.ErrnoException
  if (code === 'ENOENT') return new NotFoundError('no such file', { path, cause: error })
  if (code === 'EISDIR') return new StorageError('is a folder, not a file', { path, cause: error })
  return new StorageError(`cannot be read (${code ?? (error as Error).message})`, { path, cause: error })
}
