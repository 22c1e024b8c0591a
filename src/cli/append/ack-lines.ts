import type { Ack } from '../../log/index.ts'
import { BlockSink } from '../output/stdout.ts'

/** More than this waits for the reader of the acks, and the append waits with it: memory stays bounded. */
const WAITING_BYTES = 256 * 1024

/**
 * `--ack each`: one JSON line for each batch on stdout, written beside the append and as soon as the reader takes them. A
 * reader that leaves is no concern of the append: from then on acks are dropped.
 */
export class AckLines {
  #waiting = ''
  #writing: Promise<void> | undefined
  #error: unknown
  readonly #sink = new BlockSink()

  add(ack: Ack): void {
    if (this.#sink.isClosed || this.#error !== undefined) return
    this.#waiting += `${JSON.stringify(ack)}\n`
    this.#writing ??= this.#write()
  }

  /** Something to await if the reader is slow. */
  ready(): Promise<void> | undefined {
    return this.#waiting.length > WAITING_BYTES ? this.#writing : undefined
  }

  /** Until the reader has all of them, or has gone. Throws if stdout could not be written. */
  async end(): Promise<void> {
    await this.#writing
    if (this.#error !== undefined) throw this.#error
  }

  async #write(): Promise<void> {
    const sink = this.#sink
    try {
      while (this.#waiting !== '') {
        const bytes = Buffer.from(this.#waiting)
        this.#waiting = ''
        sink.ensure(bytes.length)
        sink.position += bytes.copy(sink.block, sink.position)
        await sink.flush()
      }
    } catch (error) {
      this.#error = error
      this.#waiting = ''
    } finally {
      this.#writing = undefined
    }
  }
}
