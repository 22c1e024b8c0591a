import { setImmediate as eventLoopTurn } from 'node:timers/promises'
import { formatSize } from '../../sizes.ts'
import { Acknowledgements, type Latencies } from '../latencies.ts'
import { NEWLINE } from '../payload.ts'
import { PlainFile } from '../plain-file.ts'
import { timed, type Work } from '../runs.ts'
import { describeSync, formatSync } from '../settings.ts'
import { type Bench, checkTopic, type Measurement, topics } from './job.ts'

/** Longer than any run: batches are written when they are full, as the setting says. */
const LINGER_MS = 2 ** 31 - 1
const DEFAULT_MAX_MESSAGE_BYTES = 1_048_588
/** The batch's header and at most so much in front of and behind one value. */
const BATCH_OVERHEAD = 100

/**
 * The payload to a new topic, by the way that the lines of `loglady append` go. A record's latency runs from the moment when it
 * is handed over to its ack, which waits for what --sync promises.
 */
export async function appendJob(bench: Bench): Promise<Measurement[]> {
  const { settings, place, payload } = bench
  const pieces = formatSize(settings.batchBytes)
  return [
    {
      name: 'append',
      verb: 'sent',
      recordsInRun: payload.records,
      loglady: {
        command: `loglady append, batches of ${pieces}, --sync ${formatSync(settings.sync)}, --compression ${settings.compression}`,
        run: async () => {
          await makeTopic(bench, topics.append)
          const run = await timed(() => appendPayload(bench, topics.append))
          if (!(await checkTopic(bench, topics.append))) run.exitCode = 1
          return run
        },
      },
      baseline: {
        command: `plain writes of ${pieces} to one file, ${describeSync(settings.sync)}`,
        run: async () => {
          const run = await timed(() => writePlain(bench))
          place.removePlain()
          return run
        },
      },
    },
  ]
}

/** The topic with the whole payload, from an earlier job or made now. */
export async function ensureLog(bench: Bench): Promise<void> {
  if (bench.place.hasTopic(topics.append)) return
  await makeTopic(bench, topics.append)
  await appendPayload(bench, topics.append)
}

export async function makeTopic(bench: Bench, topic: string): Promise<void> {
  const { segmentBytes, batchBytes } = bench.settings
  const largest = Math.max(DEFAULT_MAX_MESSAGE_BYTES, batchBytes, bench.payload.largestRecord + BATCH_OVERHEAD)
  const config = new Map([
    ['segment.bytes', String(segmentBytes)],
    ['max.message.bytes', String(largest)],
  ])
  await bench.place.freshTopic(topic, config)
}

async function appendPayload({ settings, place, payload, signal, onRecords }: Bench, topic: string): Promise<Work> {
  const acknowledgements = new Acknowledgements()
  let acknowledged = 0
  const appender = await place.directory.topicAppender(topic, {
    sync: settings.sync,
    compression: settings.compression,
    batchBytes: settings.batchBytes,
    lingerMs: LINGER_MS,
    onAck: ack => {
      acknowledged += ack.records
      acknowledgements.acknowledged(acknowledged, performance.now())
    },
  })
  try {
    for (const { bytes, start, end } of payload.blocks()) {
      const before = appender.records
      for (let at = start; at < end; ) {
        const now = performance.now()
        const reached = appender.appendDelimited(bytes, at, end, NEWLINE)
        if (reached > at) acknowledgements.handedOver(appender.records, now)
        at = reached
        if (at < end) await appender.flushFull()
      }
      onRecords(appender.records - before)
      signal.throwIfAborted()
      await eventLoopTurn()
    }
  } finally {
    await appender.close()
  }
  return work(appender.records, payload.bytes, acknowledgements.latencies)
}

async function writePlain({ settings, place, payload, signal, onRecords }: Bench): Promise<Work> {
  const file = new PlainFile(place.plainPath, settings.sync)
  // With its newline; of lines of many sizes the average stands for each.
  const recordBytes = payload.averageRecordBytes + 1
  let written = 0
  try {
    for (const { bytes, start, end } of payload.blocks()) {
      for (let at = start; at < end; ) {
        const to = pieceEnd(bytes, at, end, settings.batchBytes)
        written += to - at
        await file.write(bytes, at, to, Math.round(written / recordBytes))
        at = to
      }
      onRecords((end - start) / recordBytes)
      signal.throwIfAborted()
      await eventLoopTurn()
    }
  } finally {
    await file.close(payload.records)
  }
  return work(payload.records, payload.bytes, file.acknowledgements.latencies)
}

function work(records: number, bytes: number, latencies: Latencies): Work {
  return { records, bytes, latencies }
}

/** Behind the last whole record that fits into `limit` bytes, behind the first one if none does. */
function pieceEnd(bytes: Buffer, start: number, end: number, limit: number): number {
  if (end - start <= limit) return end
  const last = bytes.lastIndexOf(NEWLINE, start + limit - 1)
  return (last >= start ? last : bytes.indexOf(NEWLINE, start)) + 1
}
