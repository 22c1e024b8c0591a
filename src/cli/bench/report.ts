import { formatSize } from '../sizes.ts'
import type { ReadBack } from './chain-check.ts'
import type { LatencySummary } from './latencies.ts'
import { formatMachine, type MachineFacts } from './machine.ts'
import { mergedLatencies, type PairedRuns, type Run, type Runs, ratiosOf } from './runs.ts'
import { type BenchSettings, formatSync } from './settings.ts'
import { meanOf, medianOf, type Statistics, statisticsOf } from './statistics.ts'

/** What was measured, and beside what. */
export interface Measured {
  name: string
  verb: string
  paired: PairedRuns
}

/** As Kafka's tools count it: 1024 * 1024 bytes. */
const MB = 1024 * 1024

/** `5000000 records sent, 3100000 records/sec (295.6 MB/sec), 0.4 ms avg latency, …`: rates of the median run, all runs' latencies. */
export function formatRuns({ runs }: Runs, verb: string): string {
  const { records, bytes } = runs[0]!
  const seconds = medianOf(runs.map(run => run.seconds))
  const rate = `${Math.round(records / seconds)} records/sec (${(bytes / MB / seconds).toFixed(1)} MB/sec)`
  const { average, max, p50, p95, p99, p999 } = mergedLatencies(runs).summary()
  const latencies = [
    `${formatMs(average)} avg latency`,
    `${formatMs(max)} max latency`,
    `${formatMs(p50)} 50th`,
    `${formatMs(p95)} 95th`,
    `${formatMs(p99)} 99th`,
    `${formatMs(p999)} 99.9th`,
  ]
  return `${records} records ${verb}, ${rate}, ${latencies.join(', ')}`
}

/** Two lines: loglady's own, in the shape of kafka-producer-perf-test, and the baseline's with their ratio. */
export function formatMeasured({ verb, paired }: Measured): string {
  const ratios = statisticsOf(ratiosOf(paired))
  const range = paired.loglady.runs.length > 1 ? `, ${ratios.min.toFixed(2)} to ${ratios.max.toFixed(2)}` : ''
  const pairs = paired.loglady.runs.length === 1 ? 'one pair' : `median of ${paired.loglady.runs.length} pairs${range}`
  return [
    formatRuns(paired.loglady, verb),
    `baseline: ${formatRuns(paired.baseline, verb)} (${paired.baseline.command})`,
    `ratio: ${ratios.median.toFixed(2)} of the baseline's time (${pairs})`,
  ].join('\n')
}

export function formatSettings(settings: BenchSettings): string {
  const { records, recordSize, payloadFile, batchBytes, segmentBytes, sync, compression } = settings
  const size = recordSize === undefined ? `lines of ${payloadFile}` : `${recordSize} bytes`
  return [
    `${records} records of ${size}`,
    `batches of ${formatSize(batchBytes)}`,
    `sync ${formatSync(sync)}`,
    `compression ${compression}`,
    `segments of ${formatSize(segmentBytes)}`,
  ].join(', ')
}

export function formatFacts(machine: MachineFacts, settings: BenchSettings): string {
  return `${formatMachine(machine)}, warm cache, fsync: ${formatSync(settings.sync)}`
}

/** Of the first read-back that found something, else of the last. */
export function formatReadBack(found: ReadBack): string {
  const { records, lost, duplicated, outOfOrder, altered, problem } = found
  const counts = `${lost} lost, ${duplicated} duplicated, ${outOfOrder} out of order, ${altered} altered`
  return `read-back: ${records} records, ${counts}${problem === undefined ? '' : `: ${problem}`}`
}

/** One entry of hyperfine's `results`, with what a log's benchmark has beside it. */
export interface JsonResult extends Statistics {
  command: string
  /** Means, in seconds, as all times here. */
  user: number
  system: number
  times: number[]
  exit_codes: number[]
  job: string
  role: 'loglady' | 'baseline'
  records: number
  bytes: number
  records_per_second: number
  latency_ms: LatencySummary
  /** Median of loglady's time in times of the baseline's, pair by pair. */
  ratio?: number
}

export function jsonResults({ name, paired }: Measured): [JsonResult, JsonResult] {
  const ratio = medianOf(ratiosOf(paired))
  return [{ ...jsonOf(name, 'loglady', paired.loglady), ratio }, jsonOf(name, 'baseline', paired.baseline)]
}

function jsonOf(job: string, role: JsonResult['role'], { command, runs }: Runs): JsonResult {
  const times = runs.map(run => run.seconds)
  const { mean, stddev, median, min, max } = statisticsOf(times)
  const { records, bytes } = runs[0]!
  const meanTime = (of: (run: Run) => number): number => meanOf(runs.map(of))
  return {
    command,
    mean,
    stddev,
    median,
    user: meanTime(run => run.user),
    system: meanTime(run => run.system),
    min,
    max,
    times,
    exit_codes: runs.map(run => run.exitCode),
    job,
    role,
    records,
    bytes,
    records_per_second: records / median,
    latency_ms: mergedLatencies(runs).summary(),
  }
}

/** One decimal, three for what is below a tenth of a millisecond. */
function formatMs(milliseconds: number): string {
  return `${milliseconds.toFixed(milliseconds < 0.1 ? 3 : 1)} ms`
}
