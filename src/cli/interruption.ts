const signalNumbers = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const
export type InterruptionSignal = keyof typeof signalNumbers

/**
 * A clean finish on SIGINT, SIGTERM and SIGHUP. The first signal aborts `signal`, the second `again`; the third kills, as
 * nobody should have to reach for SIGKILL. The exit code is then 128 + the first signal's number: 129, 130, 143.
 */
export class Interruption {
  /** Aborted at the first signal: finish what was begun. */
  readonly signal: AbortSignal
  /** Aborted at the second: drop what can be dropped. */
  readonly again: AbortSignal
  #first: InterruptionSignal | undefined
  readonly #stop = new AbortController()
  readonly #drop = new AbortController()
  readonly #listener = (name: NodeJS.Signals): void => this.#receive(name as InterruptionSignal)

  constructor() {
    this.signal = this.#stop.signal
    this.again = this.#drop.signal
    for (const name of Object.keys(signalNumbers)) process.on(name, this.#listener)
  }

  /** The signal that came first, undefined if none has come. */
  get received(): InterruptionSignal | undefined {
    return this.#first
  }

  get exitCode(): number | undefined {
    return this.#first === undefined ? undefined : 128 + signalNumbers[this.#first]
  }

  /** Gives the signals back their default action. */
  release(): void {
    for (const name of Object.keys(signalNumbers)) process.off(name, this.#listener)
  }

  #receive(name: InterruptionSignal): void {
    if (this.#first === undefined) {
      this.#first = name
      this.#stop.abort()
      return
    }
    this.#drop.abort()
    this.release()
  }
}
