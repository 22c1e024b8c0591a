import { type DataDirectory, exitNow, type Isolation, type SkippedDamage } from '../../log/index.ts'
import { type ExitCode, exitCodes } from '../exit-codes.ts'
import type { Interruption } from '../interruption.ts'
import type { OffsetRange } from '../offset-grammar.ts'
import type { RecordOrigin } from '../output/record-writer.ts'
import { startProgress } from '../progress.ts'
import { Commits } from './commits.ts'
import { finishPrinting } from './finish.ts'
import type { TailFlags } from './flags.ts'
import { Follower, type OpenNew } from './follow.ts'
import type { OffsetStore } from './offset-store.ts'
import { chooseStyle } from './output-style.ts'
import { Printer } from './printer.ts'
import { openPartition, type ReadPartition } from './read-partition.ts'
import { Reading } from './reading.ts'
import { RecordFilter } from './record-filter.ts'
import { describeDamage, formatStatistics, statisticsOf } from './report.ts'

/** The flags that `read` and `tail` share. */
type SharedFlags = Omit<TailFlags, 'lines' | 'follow' | 'retry'> & { quiet?: boolean }

const PROGRESS_INTERVAL_MS = 200

export interface SessionOptions {
  directory: DataDirectory
  flags: SharedFlags
  interruption: Interruption
  /** Several topics: say where records come from. */
  withHeaders?: boolean
  store?: OffsetStore | undefined
  clamp?: boolean
  onNote: (note: string) => void
  /** For what must be told with -q too. */
  onWarning: (warning: string) => void
}

/** One run of `read` or `tail`: from the flags to the exit code. */
export class ReadSession {
  readonly printer: Printer
  readonly reading: Reading
  readonly #options: SessionOptions
  readonly #startedAt = performance.now()
  readonly #toldDamage = new Set<string>()
  #hasLost = false

  constructor(options: SessionOptions) {
    const { flags, interruption, store, withHeaders = false } = options
    this.#options = options
    const style = chooseStyle(flags)
    this.printer = new Printer({
      style,
      filter: new RecordFilter(flags),
      limit: flags.count,
      raw: flags.raw,
      // They would not be part of JSON, of a format, or of lengths.
      withHeaders: withHeaders && style.kind === 'delimited',
      isCounted: store !== undefined,
      signal: interruption.signal,
    })
    if (store !== undefined) this.printer.commits = new Commits(store, this.printer.sink)
    const order = flags['by-partition'] ? 'partition' : 'timestamp'
    this.reading = new Reading(this.printer, { order, onDamage: this.#onDamage, onRemoved: this.#onRemoved })
  }

  /** Opens a partition; what it delivers is committed, if anything is. */
  async open(origin: RecordOrigin, range: OffsetRange): Promise<ReadPartition> {
    const { directory, flags, clamp, store } = this.#options
    const partition = await openPartition(directory, origin, {
      range,
      clamp: clamp ?? false,
      isolation: flags.isolation as Isolation,
      skipCorrupt: flags['skip-corrupt'],
      since: flags.since,
      storedOffset: (topic, number) => store?.committed(topic, number),
    })
    this.printer.commits?.add(this.printer.target(origin).index, partition)
    return partition
  }

  follower(openNew: OpenNew, retry = false): Follower {
    const { directory, interruption, onNote } = this.#options
    const { printer } = this
    const losses = { onDamage: this.#onDamage, onRemoved: this.#onRemoved }
    return new Follower({ directory, printer, retry, openNew, ...losses, onNote, signal: interruption.signal })
  }

  /** Does the reading, then writes and commits what is left, also after a failure; what was printed before one is valid. */
  async run(work: () => Promise<void>): Promise<ExitCode> {
    const { flags, interruption } = this.#options
    let failure: unknown
    const progress = this.#showProgress()
    await work().catch(error => {
      failure = error
    })
    progress.end()
    const isSettled = await finishPrinting(this.printer, interruption)
    if (flags.stats) {
      const statistics = statisticsOf(this.printer, this.#startedAt)
      process.stderr.write(`${flags.json ? JSON.stringify(statistics) : formatStatistics(statistics)}\n`)
    }
    if (!isSettled) exitNow(interruption.exitCode ?? exitCodes.done)
    if (failure !== undefined) throw failure
    if (this.#hasLost) return exitCodes.damage
    return flags.grep !== undefined && this.printer.printed === 0 ? exitCodes.no : exitCodes.done
  }

  /** Only where the output goes to a file: whoever reads a pipe may be drawing on the terminal. */
  #showProgress(): { end(): void } {
    const { sink } = this.printer
    const { quiet } = this.#options.flags
    const progress = startProgress({ label: 'reading', unit: 'bytes', quiet: quiet || sink.hasReader })
    const timer = setInterval(() => progress.update(sink.produced), PROGRESS_INTERVAL_MS)
    timer.unref()
    return {
      end() {
        clearInterval(timer)
        progress.end()
      },
    }
  }

  get #onDamage(): ((damage: SkippedDamage) => void) | undefined {
    if (!this.#options.flags['skip-corrupt']) return undefined
    return damage => {
      this.#hasLost = true
      // Searching for the last N and printing them come by the same place.
      const place = `${damage.path} ${damage.position}`
      if (this.#toldDamage.has(place)) return
      this.#toldDamage.add(place)
      this.#options.onWarning(describeDamage(damage, this.#options.directory.path))
    }
  }

  readonly #onRemoved = ({ topic, partition }: ReadPartition, first: number, last: number): void => {
    this.#hasLost = true
    this.#options.onWarning(`${topic}/${partition}: offsets ${first}..${last} were removed before they were read`)
  }
}
