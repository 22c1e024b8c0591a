import { existsSync } from 'node:fs'
import type { ReadBack } from '../chain-check.ts'
import { isWhole } from '../chain-check.ts'
import type { Payload } from '../payload.ts'
import { readBack } from '../read-back.ts'
import type { Side } from '../runs.ts'
import type { BenchSettings } from '../settings.ts'
import type { Workplace } from '../workplace.ts'

/** What a job has to work with. */
export interface Bench {
  settings: BenchSettings
  place: Workplace
  payload: Payload
  /** How to start this loglady as another process. */
  executable: readonly [string, ...string[]]
  signal: AbortSignal
  /** So many records more were gone through. */
  onRecords: (records: number) => void
  /** All jobs' checks of what the log gave back. */
  readBacks: ReadBack[]
}

/** One thing that a job measures, always beside a baseline. */
export interface Measurement {
  /** `append`, `seek by offset`. */
  name: string
  /** What was done with the records: `sent`, `read`. */
  verb: string
  loglady: Side
  baseline: Side
  /** Records that one run of either side goes through, for progress. */
  recordsInRun: number
}

/** Of the topics that the jobs make; none of them is there when a benchmark begins. */
export const topics = { append: 'bench', seek: 'bench-seek', tail: 'bench-tail', recover: 'bench-recover' } as const

/** Checks the topic's only partition; false: something is wrong with it. */
export async function checkTopic(bench: Bench, topic: string, records = bench.payload.records): Promise<boolean> {
  const found = await readBack(bench.place.directory.partition(topic, 0), records, bench.signal)
  bench.readBacks.push(found)
  return isWhole(found)
}

/** The paths of the `.log` files of a topic's only partition. */
export function logPaths(bench: Bench, topic: string): string[] {
  const { directory } = bench.place
  const paths = directory
    .partition(topic, 0)
    .segments()
    .map(segment => segment.logPath)
  return paths.filter(path => existsSync(path))
}
