import { setImmediate as eventLoopTurn } from 'node:timers/promises'
import { PartitionRecords, PartitionValues } from '../../../log/index.ts'
import { formatSize } from '../../sizes.ts'
import { Latencies } from '../latencies.ts'
import { readThrough } from '../plain-file.ts'
import { timed, type Work } from '../runs.ts'
import { ensureLog } from './append.ts'
import { type Bench, checkTopic, logPaths, type Measurement, topics } from './job.ts'

const BLOCK_BYTES = 256 * 1024
const delimiter = Buffer.from('\n')

/** All values into blocks, by the way that they go to stdout in `loglady read`. A latency is that of one block. */
export async function readJob(bench: Bench): Promise<Measurement[]> {
  await ensureLog(bench)
  const isWhole = await checkTopic(bench, topics.append)
  return [
    {
      name: 'read',
      verb: 'read',
      recordsInRun: bench.payload.records,
      loglady: {
        command: `loglady read, into blocks of ${formatSize(BLOCK_BYTES)} in memory`,
        run: async () => {
          const run = await timed(() => readValues(bench))
          if (!isWhole || run.records !== bench.payload.records || run.bytes !== bench.payload.bytes) run.exitCode = 1
          return run
        },
      },
      baseline: {
        command: `reading the .log files in blocks of ${formatSize(BLOCK_BYTES)}, looking at nothing`,
        run: async () => {
          const run = await timed(() => readFiles(bench, logPaths(bench, topics.append), 'block'))
          bench.onRecords(run.records)
          return run
        },
      },
    },
  ]
}

async function readValues({ place, signal, onRecords }: Bench): Promise<Work> {
  const log = place.directory.partition(topics.append, 0)
  const range = { from: log.logStartOffset(), until: log.logEndOffset() }
  const records = new PartitionRecords(log.reader(range), range)
  const values = new PartitionValues(records, delimiter)
  const latencies = new Latencies()
  let block = Buffer.allocUnsafeSlow(BLOCK_BYTES)
  let bytes = 0
  try {
    for (let outcome = 'full'; outcome === 'full'; ) {
      const began = performance.now()
      const before = values.count
      outcome = values.copy(block, 0)
      if (values.requiredSize > block.length) block = Buffer.allocUnsafeSlow(values.requiredSize)
      bytes += values.outputEnd
      latencies.add(performance.now() - began, values.count - before)
      onRecords(values.count - before)
      signal.throwIfAborted()
      await eventLoopTurn()
    }
  } finally {
    records.close()
  }
  return { records: values.count, bytes: bytes - values.count * delimiter.length, latencies }
}

/** Also for other jobs that have to look at every byte of a log, each as one thing: there is one latency then. */
export function readFiles({ payload }: Bench, paths: readonly string[], latencyOf: 'block' | 'all'): Work {
  const latencies = new Latencies()
  const block = Buffer.allocUnsafeSlow(BLOCK_BYTES)
  const start = performance.now()
  let began = start
  for (const path of paths) {
    readThrough(path, block, () => {
      const now = performance.now()
      if (latencyOf === 'block') latencies.add(now - began)
      began = now
    })
  }
  if (latencyOf === 'all') latencies.add(performance.now() - start)
  return { records: payload.records, bytes: payload.bytes, latencies }
}
