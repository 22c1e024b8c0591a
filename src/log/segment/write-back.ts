import { startWriteback } from '../file/posix.ts'

/** Smaller steps gained nothing more, larger ones leave the disk idle at the beginning. */
const STEP_BYTES = 8 * 1024 * 1024

/** A full device queue holds the call up, and Node has four threads for everything: so one at a time in the whole process. */
let isRunning = false

/**
 * Lets the kernel write a long append back to the disk while it is still going on, so that the sync at its end has little left
 * to wait for: with 1 GB through a pipe that takes about a tenth off the time. A hint and no more: it promises nothing, and what it
 * skips the sync does.
 */
export class WriteBack {
  readonly #fd: number
  #from: number

  constructor(fd: number, position: number) {
    this.#fd = fd
    this.#from = position
  }

  /** The file was written up to `position`. A promise comes back when a step begins: the descriptor has to stay open till then. */
  writtenUpTo(position: number): Promise<void> | undefined {
    const from = this.#from
    if (isRunning || position - from < STEP_BYTES) return undefined
    this.#from = position
    isRunning = true
    return startWriteback(this.#fd, from, position - from).finally(() => {
      isRunning = false
    })
  }
}
