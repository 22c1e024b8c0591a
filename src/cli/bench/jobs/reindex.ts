import { reindexAll, reindexTopicTargets, WriteGuard } from '../../../log/index.ts'
import { Latencies } from '../latencies.ts'
import { timed, type Work } from '../runs.ts'
import { ensureLog } from './append.ts'
import { type Bench, checkTopic, logPaths, type Measurement, topics } from './job.ts'
import { readFiles } from './read.ts'

/** `loglady reindex --all`: each batch is read and checked, both indexes of each segment are replaced. */
export async function reindexJob(bench: Bench): Promise<Measurement[]> {
  const { payload } = bench
  await ensureLog(bench)
  return [
    {
      name: 'reindex',
      verb: 'indexed',
      recordsInRun: payload.records,
      loglady: {
        command: 'loglady reindex --all',
        run: async () => {
          const run = await timed(() => reindex(bench))
          if (!(await checkTopic(bench, topics.append))) run.exitCode = 1
          return run
        },
      },
      baseline: {
        command: 'reading the .log files once, looking at nothing',
        run: async () => {
          const run = await timed(() => readFiles(bench, logPaths(bench, topics.append), 'all'))
          bench.onRecords(run.records)
          return run
        },
      },
    },
  ]
}

async function reindex({ place, payload, signal, onRecords }: Bench): Promise<Work> {
  const segments = reindexTopicTargets(place.path, topics.append)
  const guard = WriteGuard.take(segments)
  const latencies = new Latencies()
  const began = performance.now()
  try {
    await reindexAll(segments, { all: true, signal })
  } finally {
    guard.release()
  }
  latencies.add(performance.now() - began)
  onRecords(payload.records)
  return { records: payload.records, bytes: payload.bytes, latencies }
}
