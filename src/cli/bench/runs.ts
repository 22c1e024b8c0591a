import { Latencies } from './latencies.ts'

/** What one timed run did. */
export interface Run {
  seconds: number
  /** Of the whole process, threads included; seconds. */
  user: number
  system: number
  records: number
  /** Of payload. */
  bytes: number
  latencies: Latencies
  /** 1: what came back was not what went in. */
  exitCode: 0 | 1
}

/** What the timed part of a run gives back. */
export interface Work {
  records: number
  bytes: number
  latencies: Latencies
}

/** One of the two that are compared. */
export interface Side {
  /** What it does, in a few words; `command` in the JSON. */
  command: string
  /** Everything outside `timed` costs it nothing. */
  run(): Promise<Run>
}

export interface Runs {
  command: string
  runs: Run[]
}

export interface PairedRuns {
  loglady: Runs
  baseline: Runs
}

/** By the monotonic clock and the process' own account of processor time. */
export async function timed(work: () => Promise<Work> | Work): Promise<Run> {
  const cpu = process.cpuUsage()
  const began = performance.now()
  const done = await work()
  const seconds = (performance.now() - began) / 1000
  const { user, system } = process.cpuUsage(cpu)
  return { ...done, seconds, user: user / 1e6, system: system / 1e6, exitCode: 0 }
}

export interface PairOptions {
  warmup: number
  runs: number
  signal: AbortSignal
}

/**
 * In turn with the baseline, so that what changes slowly on a machine changes both: ratios are then of neighbours in time.
 * The first rounds only warm up caches and the compiler.
 */
export async function runPairs(loglady: Side, baseline: Side, options: PairOptions): Promise<PairedRuns> {
  const { warmup, runs, signal } = options
  const paired: PairedRuns = {
    loglady: { command: loglady.command, runs: [] },
    baseline: { command: baseline.command, runs: [] },
  }
  for (let round = 1; round <= warmup + runs; round++) {
    signal.throwIfAborted()
    const plain = await baseline.run()
    signal.throwIfAborted()
    const own = await loglady.run()
    if (round <= warmup) continue
    paired.baseline.runs.push(plain)
    paired.loglady.runs.push(own)
  }
  return paired
}

/** Time of loglady in times of the baseline, run by run. */
export function ratiosOf({ loglady, baseline }: PairedRuns): number[] {
  return loglady.runs.map((run, i) => run.seconds / baseline.runs[i]!.seconds)
}

export function mergedLatencies(runs: readonly Run[]): Latencies {
  const merged = new Latencies()
  for (const run of runs) merged.merge(run.latencies)
  return merged
}
