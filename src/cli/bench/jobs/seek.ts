import { closeSync, openSync, readSync } from 'node:fs'
import { setImmediate as eventLoopTurn } from 'node:timers/promises'
import { type PartitionLog, PartitionRecords } from '../../../log/index.ts'
import { Latencies } from '../latencies.ts'
import { NEWLINE } from '../payload.ts'
import { Random } from '../random.ts'
import { type Run, timed, type Work } from '../runs.ts'
import { makeTopic } from './append.ts'
import { type Bench, checkTopic, type Measurement, topics } from './job.ts'

const SEEKS = 1000
const SEEKS_A_TURN = 50
const SEED = 1

interface Wanted {
  offset: number
  /** Of the record in the payload. */
  position: number
  size: number
}

/**
 * One record at a random place, found by its offset or by its timestamp: each record has its own, a millisecond after the
 * one before it. The baseline is told the byte at which the record lies in the payload's file, and opens, reads, closes.
 */
export async function seekJob(bench: Bench): Promise<Measurement[]> {
  const firstTimestamp = Date.now() - bench.payload.records
  await makeTopic(bench, topics.seek)
  await appendWithTimestamps(bench, firstTimestamp)
  const isWhole = await checkTopic(bench, topics.seek)
  const log = bench.place.directory.partition(topics.seek, 0)
  const wanted = chooseRecords(bench)
  const measure = (by: string, offsetOf: (want: Wanted) => number | undefined): Measurement => ({
    name: `seek by ${by}`,
    verb: `found by ${by}`,
    recordsInRun: SEEKS,
    loglady: {
      command: `loglady read, one record by ${by}`,
      run: async () => {
        const run = await seekAll(bench, wanted, want => readOne(log, offsetOf(want)))
        if (!isWhole) run.exitCode = 1
        return run
      },
    },
    baseline: {
      command: 'one record at a known byte of a plain file: open, read, close',
      run: () => seekAll(bench, wanted, want => readPlain(bench, want)),
    },
  })
  return [
    measure('offset', want => want.offset),
    measure('time', want => log.offsetForTimestamp(firstTimestamp + want.offset)?.offset),
  ]
}

async function appendWithTimestamps({ settings, place, payload, signal }: Bench, first: number): Promise<void> {
  const appender = await place.directory.topicAppender(topics.seek, {
    compression: settings.compression,
    batchBytes: settings.batchBytes,
  })
  try {
    for (const { bytes, start, end } of payload.blocks()) {
      for (let at = start; at < end; ) {
        const newline = bytes.indexOf(NEWLINE, at)
        const fields = { timestamp: first + appender.records }
        while (!appender.append(null, -1, -1, bytes, at, newline, fields)) await appender.flushFull()
        at = newline + 1
      }
      signal.throwIfAborted()
      await eventLoopTurn()
    }
  } finally {
    await appender.close()
  }
}

function chooseRecords({ payload }: Bench): Wanted[] {
  const random = new Random(SEED)
  const offsets = Array.from({ length: SEEKS }, () => random.below(payload.records))
  const sorted = [...offsets].sort((a, b) => a - b)
  const places = new Map(payload.locate(sorted).map((place, i) => [sorted[i]!, place]))
  return offsets.map(offset => ({ offset, ...places.get(offset)! }))
}

/** Each answer is held against what the payload's file has there, outside of the clock. */
async function seekAll(bench: Bench, wanted: readonly Wanted[], seek: (want: Wanted) => Buffer | null): Promise<Run> {
  const answers: (Buffer | null)[] = []
  const run = await timed(async (): Promise<Work> => {
    const latencies = new Latencies()
    let bytes = 0
    for (const [i, want] of wanted.entries()) {
      const began = performance.now()
      answers.push(seek(want))
      latencies.add(performance.now() - began)
      bytes += want.size
      if (i % SEEKS_A_TURN !== 0) continue
      bench.signal.throwIfAborted()
      await eventLoopTurn()
    }
    return { records: wanted.length, bytes, latencies }
  })
  bench.onRecords(wanted.length)
  const isRight = wanted.every((want, i) => answers[i]?.equals(readPlain(bench, want)) === true)
  if (!isRight) run.exitCode = 1
  return run
}

function readOne(log: PartitionLog, offset: number | undefined): Buffer | null {
  if (offset === undefined) return null
  const range = { from: offset, until: offset + 1 }
  const records = new PartitionRecords(log.reader(range), range)
  try {
    if (!records.next()) return null
    const { bytes, valueStart, valueEnd } = records.record
    return Buffer.from(bytes.subarray(valueStart, valueEnd))
  } finally {
    records.close()
  }
}

function readPlain({ payload }: Bench, { position, size }: Wanted): Buffer {
  const bytes = Buffer.allocUnsafe(size)
  const fd = openSync(payload.path, 'r')
  try {
    readSync(fd, bytes, 0, size, position)
    return bytes
  } finally {
    closeSync(fd)
  }
}
