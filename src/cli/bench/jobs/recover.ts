import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { StorageError } from '../../../log/index.ts'
import { Latencies } from '../latencies.ts'
import { timed, type Work } from '../runs.ts'
import { makeTopic } from './append.ts'
import { type Bench, checkTopic, logPaths, type Measurement, topics } from './job.ts'
import { readFiles } from './read.ts'

const LOOK_MS = 5

/**
 * Opening a log for appending after its writer was killed (SIGKILL) with everything written: what lies above the recovery
 * point is read and checked. The latency is that of the whole opening.
 */
export async function recoverJob(bench: Bench): Promise<Measurement[]> {
  const { payload } = bench
  return [
    {
      name: 'recover',
      verb: 'recovered',
      recordsInRun: payload.records,
      loglady: {
        command: 'opening the log after its writer was killed',
        run: async () => {
          await leaveCrashed(bench)
          const run = await timed(() => recover(bench))
          if (!(await checkTopic(bench, topics.recover))) run.exitCode = 1
          return run
        },
      },
      baseline: {
        command: 'reading the .log files once, looking at nothing',
        run: async () => {
          if (!bench.place.hasTopic(topics.recover)) await leaveCrashed(bench)
          const run = await timed(() => readFiles(bench, logPaths(bench, topics.recover), 'all'))
          bench.onRecords(run.records)
          return run
        },
      },
    },
  ]
}

async function recover({ place, payload, onRecords }: Bench): Promise<Work> {
  const log = place.directory.partition(topics.recover, 0)
  const records = log.logEndOffset() - log.recoveryPoint()
  const latencies = new Latencies()
  const began = performance.now()
  const writer = await place.directory.partitionWriter(topics.recover, 0)
  latencies.add(performance.now() - began)
  await writer.close()
  onRecords(records)
  return { records, bytes: Math.round(records * payload.averageRecordBytes), latencies }
}

/** Another process appends the payload, waits for more, and is killed. */
async function leaveCrashed(bench: Bench): Promise<void> {
  const { place, payload, settings, executable, signal } = bench
  await makeTopic(bench, topics.recover)
  const [file, ...words] = executable
  const flags = ['-q', '-d', place.path, '--compression', settings.compression]
  const child = spawn(file, [...words, 'append', ...flags, topics.recover, payload.path, '-'], {
    stdio: ['pipe', 'ignore', 'inherit'],
  })
  const ended = once(child, 'exit')
  let hasEnded = false
  child.once('exit', () => {
    hasEnded = true
  })
  try {
    const log = place.directory.partition(topics.recover, 0)
    while (log.logEndOffset() < payload.records) {
      signal.throwIfAborted()
      if (hasEnded) throw new StorageError('the append that was to be killed ended by itself', { path: place.path })
      await sleep(LOOK_MS)
    }
  } finally {
    child.kill('SIGKILL')
    await ended
  }
}
