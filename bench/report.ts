import type { MachineFacts } from '../src/cli/bench/machine.ts'
import { meanOf, medianOf, statisticsOf } from '../src/cli/bench/statistics.ts'
import type { Place } from './jobs.ts'
import type { JobRuns } from './pairs.ts'
import type { ShellRun } from './shell.ts'

const seconds = (value: number): string => `${value.toFixed(2)} s`
const timesOf = (runs: readonly ShellRun[]): number[] => runs.map(run => run.seconds)

/** The figure that counts: the median of loglady's time in times of the baseline's, pair by pair. */
export function ratiosOf({ loglady, baseline }: JobRuns): number[] {
  return loglady.map((run, i) => run.seconds / baseline[i]!.seconds)
}

/** Names are shortened: what a reader wants to see is the command, not our temporary folder. */
export function formatRuns(runs: JobRuns, place: Place): string {
  const { job, loglady, baseline, peakBytes } = runs
  const own = statisticsOf(timesOf(loglady))
  const plain = statisticsOf(timesOf(baseline))
  const ratio = statisticsOf(ratiosOf(runs))
  const rate = `${(place.bytes / own.median / 1e6).toFixed(0)} MB/s, ${Math.round(place.lines / own.median)} records/s`
  const memory = peakBytes === 0 ? '' : `, ${(peakBytes / 2 ** 20).toFixed(0)} MiB at most`
  return [
    `${job.name}: ${ratio.median.toFixed(2)} (${ratio.min.toFixed(2)} to ${ratio.max.toFixed(2)})`,
    `  ${seconds(own.median)}  ${shortened(job.loglady.text, place)}  (${rate}${memory})`,
    `  ${seconds(plain.median)}  ${shortened(job.baseline.text, place)}`,
  ].join('\n')
}

/** hyperfine's `--export-json`, each baseline's entry behind ours, with the pairs' ratios beside it. */
export function toJson(all: readonly JobRuns[], machine: MachineFacts, place: Place): unknown {
  const results = all.flatMap(runs => {
    const { job, loglady, baseline, peakBytes } = runs
    const own = { ratio: medianOf(ratiosOf(runs)), ratios: ratiosOf(runs), memory_usage_byte: peakBytes }
    return [
      { ...entry(shortened(job.loglady.text, place), loglady), job: job.name, role: 'loglady', ...own },
      { ...entry(shortened(job.baseline.text, place), baseline), job: job.name, role: 'baseline' },
    ]
  })
  return { results, machine, lines: place.lines, bytes: place.bytes }
}

function entry(command: string, runs: readonly ShellRun[]): Record<string, unknown> {
  const times = timesOf(runs)
  const { mean, stddev, median, min, max } = statisticsOf(times)
  return {
    command,
    mean,
    stddev,
    median,
    user: meanOf(runs.map(run => run.user)),
    system: meanOf(runs.map(run => run.system)),
    min,
    max,
    times,
    // Any other status ends the benchmark.
    exit_codes: runs.map(() => 0),
  }
}

function shortened(command: string, { folder, loglady }: Place): string {
  return command.replaceAll(loglady, 'loglady').replaceAll(`${folder}/`, '')
}
