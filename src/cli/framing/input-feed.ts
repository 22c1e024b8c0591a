import { setImmediate as eventLoopTurn } from 'node:timers/promises'
import {
  createWake,
  type ErrorDetails,
  InvalidArgumentError,
  InvalidRecordError,
  RecordTooLargeError,
} from '../../log/index.ts'
import type { Framing, RecordTarget, Taken } from './framing.ts'
import { Input } from './input.ts'

/** Reading and encoding may keep the event loop from signals, timers and acks for about this long. */
const TURN_MS = 4

export interface InputFeedOptions {
  /** FILEs in their order; `-` is stdin. */
  files: readonly string[]
  /** A framing for one input. */
  framing: () => Framing
  target: RecordTarget
  /** Awaited between chunks: a reader of acks that is slow holds up the input here, and memory stays small. */
  whenReady?: () => Promise<void> | undefined
}

/** How far an input was read when a signal ended the run. */
export interface Interruption {
  name: string
  /** Bytes of the input that became records. */
  position: number
  /** Bytes of an unfinished record behind them: read, but no record. */
  droppedBytes: number
}

/**
 * Feeds inputs, one after the other, through their framing into the target. Everything between two awaits is synchronous;
 * the event loop gets a turn every few milliseconds, and whenever there is nothing to read.
 *
 * `stop()` is for signal handlers, `abort()` for a target that has failed in the background.
 */
export class InputFeed {
  /** Bytes of input that became records. */
  bytes = 0
  interruption: Interruption | undefined
  /** Told from time to time how many bytes of all inputs were taken. */
  onProgress: ((bytes: number) => void) | undefined
  readonly #options: InputFeedOptions
  readonly #wake = createWake()
  #input: Input | undefined
  #stops = 0
  #isAborted = false
  #lastTurn = performance.now()

  constructor(options: InputFeedOptions) {
    this.#options = options
  }

  get readsStdin(): boolean {
    return this.#options.files.includes('-')
  }

  /** Until all inputs have ended, or were stopped. Errors name the input, the byte and the line or record. */
  async run(): Promise<void> {
    try {
      for (const [index, file] of this.#options.files.entries()) {
        // A signal that came before the first input was opened finds that one's pipe as full as any other.
        if ((this.#stops > 0 && index > 0) || this.#isAborted) return
        const input = Input.open(file, this.#wake.fd)
        this.#input = input
        for (let stops = 0; stops < this.#stops; stops++) input.stop()
        try {
          await this.#feed(input, this.#options.framing())
        } finally {
          this.bytes += input.position(input.start)
          input.close()
        }
        if (input.isStopped) {
          const { name, droppedBytes } = input
          this.interruption = { name, position: input.position(input.start) - droppedBytes, droppedBytes }
        }
      }
    } finally {
      this.#input = undefined
      this.#wake.close()
    }
  }

  /** Ends the run behind what the current pipe holds at this moment; called again, behind what was read. */
  stop(): void {
    this.#stops++
    this.#input?.stop()
    if (this.#input !== undefined) this.#wake.wake()
  }

  /** Ends the run where it is. */
  abort(): void {
    this.#isAborted = true
    if (this.#input !== undefined) this.#wake.wake()
  }

  async #feed(input: Input, framing: Framing): Promise<void> {
    const { target, whenReady } = this.#options
    while (!this.#isAborted) {
      if (this.#take(input, framing) === 'full') {
        await target.flushFull()
        await whenReady?.()
      } else if (input.hasEnded || (input.isStopped && input.isRegularFile)) {
        return
      } else if (!input.read()) {
        await input.wait()
      }
      if (performance.now() - this.#lastTurn > TURN_MS) {
        this.onProgress?.(this.bytes + input.position(input.start))
        await eventLoopTurn()
        this.#lastTurn = performance.now()
      }
    }
  }

  #take(input: Input, framing: Framing): Taken {
    try {
      return framing.take(input, this.#options.target)
    } catch (error) {
      throw located(error, input, framing)
    }
  }
}

/** The error of a record, with the input's name and the record's place in it; any other error as it is. */
function located(error: unknown, input: Input, framing: Framing): unknown {
  const isOfRecord =
    error instanceof InvalidRecordError || error instanceof RecordTooLargeError || error instanceof InvalidArgumentError
  if (!isOfRecord || error.path !== undefined) return error
  // Of a record that fits no batch the position may be one in a scratch buffer; which record it is says enough.
  const at = error instanceof RecordTooLargeError ? input.start : (error.position ?? input.start)
  const details: ErrorDetails = { path: input.name, position: input.position(at), cause: error }
  if (error.hint !== undefined) details.hint = error.hint
  const message = `${framing.unit} ${input.ordinal}: ${error.message}`
  if (error instanceof RecordTooLargeError) return new RecordTooLargeError(message, details)
  return new InvalidRecordError(message, details)
}
