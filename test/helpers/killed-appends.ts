import { once } from 'node:events'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { Ack } from '../../src/log/index.ts'
import { numberedLines } from './numbered-lines.ts'
import { type RunningLoglady, startLoglady } from './run-loglady.ts'
import type { SmallRandom } from './small-random.ts'

export interface AppendLifeOptions {
  dir: string
  args: readonly string[]
  random: SmallRandom
  /** Most lines that go into its stdin at once. */
  burstLines: number
}

/**
 * When the appender is to be killed: so many ms after its start; or after the burst that follows an ack, so many µs later, or
 * in the moment in which the log begins to grow, which is in the middle of a write if that is large.
 */
export type KillMoment =
  | { afterMs: number }
  | { afterAcks: number; micros: number }
  | { afterAcks: number; atGrowth: true }

/** No write takes that long to begin; if one does, the kill comes without it. */
const GROWTH_MS = 20

/**
 * One process `append t --sync batch --ack each`, from start to its end, which mostly is SIGKILL. It is fed with numbered
 * lines, one burst for each of its acks, so that at any moment after the first ack it has work to do.
 */
export class AppendLife {
  readonly number: number
  /** Lines that were put into its stdin. */
  fed = 0
  readonly acks: Ack[] = []
  /** Acks that had come when the signal was sent; -1 if it ended by itself. */
  acksAtKill = -1
  stderr = ''
  readonly #process: RunningLoglady
  readonly #ended: Promise<unknown>
  readonly #options: AppendLifeOptions
  #halfLine = ''
  #moment: KillMoment | undefined
  #isEnding = false

  constructor(number: number, options: AppendLifeOptions, moment?: KillMoment) {
    this.number = number
    this.#options = options
    this.#moment = moment
    const args = ['append', 't', '--sync', 'batch', '--ack', 'each', '--linger', '0', ...options.args]
    const child = startLoglady(args, { dir: options.dir })
    this.#process = child
    onTestFinished(() => void child.kill('SIGKILL'))
    child.stdin!.on('error', () => {}) // it was killed with lines in the pipe
    child.stderr!.on('data', bytes => {
      this.stderr += bytes
    })
    child.stdout!.on('data', bytes => this.#acknowledged(`${bytes}`))
    this.#ended = once(child.stdout!, 'end')
    if (moment !== undefined && 'afterMs' in moment) setTimeout(() => this.#kill(), moment.afterMs)
    // Two, so that there is input in the pipe also while an ack is on its way here.
    this.#feed()
    this.#feed()
  }

  /** Lines that the acks name. */
  get acknowledged(): number {
    return this.acks.reduce((lines, ack) => lines + ack.records, 0)
  }

  get wasKilledBetweenAcks(): boolean {
    return this.acksAtKill > 0 && this.acknowledged < this.fed
  }

  /** No more input, and no kill. */
  finish(): void {
    this.#isEnding = true
    this.#moment = undefined
    this.#process.stdin!.end()
  }

  /** Undefined for one that was killed. */
  async exitCode(): Promise<number | undefined> {
    const { exitCode } = await this.#process
    await this.#ended
    return exitCode
  }

  /** Before its kill at once; one that is to live has time, and shall not write gigabytes meanwhile. */
  #feedNext(): void {
    if (this.#moment === undefined) setTimeout(() => this.#feed(), this.#options.random.below(30))
    else this.#feed()
  }

  #feed(): void {
    if (this.#isEnding) return
    const { burstLines, random } = this.#options
    const until = this.fed + 1 + random.below(random.below(burstLines) + 1)
    this.#process.stdin!.write(numberedLines(this.number, this.fed, until))
    this.fed = until
  }

  #acknowledged(text: string): void {
    const lines = (this.#halfLine + text).split('\n')
    this.#halfLine = lines.pop()!
    for (const line of lines) {
      this.acks.push(JSON.parse(line))
      this.#feedNext()
    }
    const moment = this.#moment
    if (moment === undefined || !('afterAcks' in moment) || this.acks.length < moment.afterAcks) return
    // Both wait by turning round: a timer would come a millisecond late, and other tests can wait for so long.
    if ('micros' in moment) for (const end = performance.now() + moment.micros / 1000; performance.now() < end; );
    else this.#turnUntilTheLogGrows()
    this.#kill()
  }

  #turnUntilTheLogGrows(): void {
    const folder = join(this.#options.dir, 't-0')
    const logs = readdirSync(folder).filter(name => name.endsWith('.log'))
    const newest = join(folder, logs.sort().at(-1)!)
    const { size } = statSync(newest)
    const end = performance.now() + GROWTH_MS
    while (statSync(newest).size === size && performance.now() < end);
  }

  #kill(): void {
    if (this.#moment === undefined) return
    this.#moment = undefined
    this.#isEnding = true
    this.acksAtKill = this.acks.length
    this.#process.kill('SIGKILL')
  }
}
