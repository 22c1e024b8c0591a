import { statfsSync } from 'node:fs'
import { StorageError } from '../../log/index.ts'
import { startProgress } from '../progress.ts'
import { formatSize } from '../sizes.ts'
import type { ReadBack } from './chain-check.ts'
import { defaultTailRecords } from './flags.ts'
import { appendJob } from './jobs/append.ts'
import { type Bench, type Measurement, topics } from './jobs/job.ts'
import { readJob } from './jobs/read.ts'
import { recoverJob } from './jobs/recover.ts'
import { reindexJob } from './jobs/reindex.ts'
import { seekJob } from './jobs/seek.ts'
import { tailJob } from './jobs/tail.ts'
import { Payload, readPayloadLines } from './payload.ts'
import type { Measured } from './report.ts'
import { runPairs } from './runs.ts'
import type { BenchSettings, JobName } from './settings.ts'
import { Workplace } from './workplace.ts'

export interface SessionOptions {
  settings: BenchSettings
  jobs: readonly JobName[]
  /** undefined: a temporary directory. */
  dir: string | undefined
  /** undefined: as many as are quick to follow. */
  tailRecords: number | undefined
  executable: readonly [string, ...string[]]
  quiet: boolean
  signal: AbortSignal
  onNote: (note: string) => void
}

const SEED = 20_110_111
/** The payload, the plain file and the log are there at once, and each job may leave a log. */
const COPIES = 5
const RECORD_OVERHEAD = 12

/** One call of `loglady bench`: the payload, and the jobs one after the other on it. */
export class BenchSession {
  readonly readBacks: ReadBack[] = []
  readonly #options: SessionOptions
  readonly #place: Workplace
  #onRecords: (records: number) => void = () => {}

  private constructor(options: SessionOptions, place: Workplace) {
    this.#options = options
    this.#place = place
  }

  /** `close` removes what was made, whatever happens in between. */
  static open(options: SessionOptions): BenchSession {
    return new BenchSession(options, Workplace.open(options.dir, Object.values(topics), options.onNote))
  }

  /** The data directory. */
  get path(): string {
    return this.#place.path
  }

  async *measure(): AsyncGenerator<Measured> {
    const { settings, jobs, executable, signal } = this.#options
    const bench: Bench = {
      settings,
      place: this.#place,
      payload: await this.#writePayload(),
      executable,
      signal,
      onRecords: records => this.#onRecords(records),
      readBacks: this.readBacks,
    }
    for (const job of jobs) {
      for (const measurement of await this.#prepare(job, bench)) yield await this.#run(measurement)
    }
  }

  close(): void {
    this.#place.remove()
  }

  #prepare(job: JobName, bench: Bench): Promise<Measurement[]> {
    const { records } = bench.payload
    switch (job) {
      case 'append':
        return appendJob(bench)
      case 'read':
        return readJob(bench)
      case 'tail':
        return tailJob(bench, Math.min(records, this.#options.tailRecords ?? defaultTailRecords))
      case 'seek':
        return seekJob(bench)
      case 'recover':
        return recoverJob(bench)
      case 'reindex':
        return reindexJob(bench)
    }
  }

  async #run({ name, verb, loglady, baseline, recordsInRun }: Measurement): Promise<Measured> {
    const { warmup, runs } = this.#options.settings
    const total = 2 * (warmup + runs) * recordsInRun
    const progress = this.#progress(name, total)
    try {
      const options = { warmup, runs, signal: this.#options.signal }
      return { name, verb, paired: await runPairs(loglady, baseline, options) }
    } finally {
      progress.end()
    }
  }

  #progress(label: string, total: number): { end(): void } {
    const progress = startProgress({ label, unit: 'records', total, quiet: this.#options.quiet })
    let done = 0
    this.#onRecords = records => {
      done += records
      progress.update(done)
    }
    return progress
  }

  async #writePayload(): Promise<Payload> {
    const { settings, signal } = this.#options
    const { records, recordSize, payloadFile } = settings
    const content = recordSize === undefined ? { lines: readPayloadLines(payloadFile!) } : { recordSize }
    if (recordSize !== undefined) this.#checkSpace(COPIES * records * (recordSize + RECORD_OVERHEAD))
    const progress = this.#progress('making the payload', records)
    const onRecords = (count: number): void => this.#onRecords(count)
    try {
      return await Payload.write(this.#place.payloadPath, { records, content, seed: SEED, signal, onRecords })
    } finally {
      progress.end()
    }
  }

  /** A benchmark that fills up a disk does more harm than good. */
  #checkSpace(needed: number): void {
    const { bavail, bsize } = statfsSync(this.path)
    const free = bavail * bsize
    if (free > needed) return
    throw new StorageError(`needs up to ${formatSize(needed)}, and ${formatSize(free)} are free`, {
      path: this.path,
      hint: '-d DIR or $TMPDIR names another place, --num-records makes it less',
    })
  }
}
