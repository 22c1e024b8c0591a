import { existsSync, statSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { type ErrorCode, type ErrorDetails, NotFoundError, StorageError, SyncFailedError } from '../errors.ts'
import type { SegmentContext } from './inspect-context.ts'
import { type ReindexOptions, type ReindexResult, reindexSegment } from './reindex.ts'

export interface ReindexAllOptions extends ReindexOptions {
  /** Segments at once; by default as many as seem to pay. */
  jobs?: number
  /** Stops before the next segment. */
  signal?: AbortSignal
  /** Each as soon as it is done, in the order of the segments. */
  onResult?: (result: ReindexResult) => Promise<void> | void
  /** Told of a segment that retention took meanwhile; without it that is an error. */
  onGone?: (segment: SegmentContext) => void
}

interface Settings {
  check: boolean | undefined
  all: boolean | undefined
  indexIntervalBytes: number | undefined
}

export interface ToThread {
  settings: Settings
  context: SegmentContext
}

export type FromThread =
  | { kind: 'wait'; holder: string }
  | { kind: 'progress'; bytes: number }
  | { kind: 'done'; result: ReindexResult }
  | { kind: 'failed'; code: ErrorCode; message: string; details: ErrorDetails }

/** One thread goes through 1 to 2 GB/s in the page cache, and another costs 50 ms to start. */
const BYTES_THAT_PAY_A_THREAD = 1 << 30
const MAX_DEFAULT_JOBS = 4

/** `reindexSegment` for many; for writing the caller holds a WriteGuard. After an error what runs is finished, nothing begun. */
export async function reindexAll(segments: readonly SegmentContext[], options: ReindexAllOptions = {}): Promise<void> {
  const jobs = Math.max(1, Math.min(options.jobs ?? defaultJobs(segments), segments.length))
  /** null for a segment that is gone. */
  const results: (ReindexResult | null | undefined)[] = []
  let begun = 0
  let told = 0
  let telling = Promise.resolve()
  let failure: unknown
  const tell = async (): Promise<void> => {
    for (let result = results[told]; result !== undefined; result = results[++told]) {
      if (result !== null) await options.onResult?.(result)
    }
  }
  const work = async (runner: Runner): Promise<void> => {
    try {
      while (failure === undefined && !options.signal?.aborted && begun < segments.length) {
        const number = begun++
        results[number] = await runOrSkip(runner, segments[number]!, options)
        telling = telling.then(tell)
        await telling
      }
    } catch (error) {
      failure ??= error
    } finally {
      await runner.close()
    }
  }
  await Promise.all(
    Array.from({ length: jobs }, () => work(jobs === 1 ? new InThisThread(options) : new InThread(options))),
  )
  if (failure !== undefined) throw failure
}

async function runOrSkip(
  runner: Runner,
  segment: SegmentContext,
  { onGone }: ReindexAllOptions,
): Promise<ReindexResult | null> {
  try {
    return await runner.run(segment)
  } catch (error) {
    if (!(error instanceof NotFoundError) || onGone === undefined || existsSync(segment.logPath)) throw error
    onGone(segment)
    return null
  }
}

function defaultJobs(segments: readonly SegmentContext[]): number {
  const bytes = segments.reduce(
    (sum, { logPath }) => sum + (statSync(logPath, { throwIfNoEntry: false })?.size ?? 0),
    0,
  )
  return Math.min(Math.ceil(bytes / BYTES_THAT_PAY_A_THREAD), availableParallelism(), MAX_DEFAULT_JOBS)
}

interface Runner {
  run(segment: SegmentContext): Promise<ReindexResult>
  close(): Promise<unknown>
}

class InThisThread implements Runner {
  readonly #options: ReindexOptions

  constructor(options: ReindexOptions) {
    this.#options = options
  }

  run(segment: SegmentContext): Promise<ReindexResult> {
    return reindexSegment(segment, this.#options)
  }

  async close(): Promise<void> {}
}

class InThread implements Runner {
  readonly #options: ReindexAllOptions
  readonly #worker: Worker

  constructor(options: ReindexAllOptions) {
    this.#options = options
    const { check, all, indexIntervalBytes } = options
    const settings: Settings = { check, all, indexIntervalBytes }
    // The sources run as they are, the published files as .js. Own streams: else a piped stdout becomes non-blocking.
    const file = new URL(`./reindex-worker${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url)
    this.#worker = new Worker(file, { workerData: settings, stdout: true, stderr: true })
  }

  run(context: SegmentContext): Promise<ReindexResult> {
    const worker = this.#worker
    return new Promise<ReindexResult>((resolve, reject) => {
      const receive = (message: FromThread): void => {
        if (message.kind === 'wait') this.#options.onWait?.(message.holder)
        else if (message.kind === 'progress') this.#options.onProgress?.(message.bytes)
        else {
          worker.off('message', receive)
          worker.off('error', reject)
          if (message.kind === 'done') resolve(message.result)
          else reject(errorFrom(message))
        }
      }
      worker.on('message', receive)
      worker.on('error', reject)
      worker.postMessage({ context })
    })
  }

  close(): Promise<number> {
    return this.#worker.terminate()
  }
}

function errorFrom({ code, message, details }: Extract<FromThread, { kind: 'failed' }>): Error {
  if (code === 'LOGLADY_SYNC_FAILED') return new SyncFailedError(message, details)
  if (code === 'LOGLADY_NOT_FOUND') return new NotFoundError(message, details)
  return new StorageError(message, details)
}
