import { closeSync, openSync, readSync, watch } from 'node:fs'
import { PartitionRecords } from '../../../log/index.ts'
import { ChainCheck, isWhole } from '../chain-check.ts'
import { Latencies } from '../latencies.ts'
import { NEWLINE } from '../payload.ts'
import { writeFully } from '../plain-file.ts'
import { type Run, timed } from '../runs.ts'
import { makeTopic } from './append.ts'
import { type Bench, type Measurement, topics } from './job.ts'

const WAIT_MS = 1000

/**
 * One record after the other, each appended when the follower has the one before it. A latency runs from the moment before
 * the append to the one at which the follower, woken by the kernel, has the record in its hands.
 */
export async function tailJob(bench: Bench, count: number): Promise<Measurement[]> {
  const records = firstRecords(bench, count)
  return [
    {
      name: 'tail',
      verb: 'followed',
      recordsInRun: records.length,
      loglady: {
        command: 'loglady append of single records, followed by loglady tail -f',
        run: async () => {
          await makeTopic(bench, topics.tail)
          return followLog(bench, records)
        },
      },
      baseline: {
        command: 'plain writes of single lines, followed by fs.watch and read',
        run: async () => {
          const run = await followPlain(bench, records)
          bench.place.removePlain()
          return run
        },
      },
    },
  ]
}

function firstRecords({ payload }: Bench, count: number): Buffer[] {
  const records: Buffer[] = []
  for (const { bytes, start, end } of payload.blocks()) {
    for (let at = start; at < end && records.length < count; ) {
      const newline = bytes.indexOf(NEWLINE, at)
      records.push(Buffer.from(bytes.subarray(at, newline)))
      at = newline + 1
    }
    if (records.length >= count) break
  }
  return records
}

/** Who appends and who follows take turns; each waits for the other here. */
class Turns {
  readonly latencies = new Latencies()
  #sentAt = 0
  #taken: (() => void) | undefined

  /** Appends by `send` and waits until the follower has the record. */
  async send(send: () => Promise<void> | void): Promise<void> {
    const taken = new Promise<void>(resolve => {
      this.#taken = resolve
    })
    this.#sentAt = performance.now()
    await send()
    await taken
  }

  taken(): void {
    this.latencies.add(performance.now() - this.#sentAt)
    this.#taken?.()
  }
}

function bytesOf(records: readonly Buffer[]): number {
  return records.reduce((sum, record) => sum + record.length, 0)
}

async function followLog({ settings, place, signal, onRecords, readBacks }: Bench, wanted: Buffer[]): Promise<Run> {
  const appender = await place.directory.topicAppender(topics.tail, { sync: settings.sync, lingerMs: 0 })
  const log = place.directory.partition(topics.tail, 0)
  const watcher = log.watch()
  const records = new PartitionRecords(log.reader({ from: 0 }))
  const check = new ChainCheck(wanted.length)
  const turns = new Turns()
  let isOver = false
  const follow = async (): Promise<void> => {
    for (let count = 0; count < wanted.length && !isOver; ) {
      for (; records.next(); count++) {
        const { bytes, valueStart, valueEnd } = records.record
        check.accept(bytes, valueStart, valueEnd)
        turns.taken()
      }
      if (count < wanted.length && !isOver) await watcher.wait(WAIT_MS)
    }
  }
  const append = async (): Promise<void> => {
    for (const record of wanted) {
      signal.throwIfAborted()
      await turns.send(async () => {
        while (!appender.append(null, -1, -1, record, 0, record.length)) await appender.flushFull()
        await appender.flush()
      })
      onRecords(1)
    }
  }
  try {
    const run = await timed(async () => {
      await Promise.all([follow(), append()])
      return { records: wanted.length, bytes: bytesOf(wanted), latencies: turns.latencies }
    })
    const found = check.finish()
    readBacks.push(found)
    if (!isWhole(found)) run.exitCode = 1
    return run
  } finally {
    isOver = true
    watcher.close()
    await appender.close()
    records.close()
  }
}

async function followPlain({ place, signal, onRecords }: Bench, wanted: Buffer[]): Promise<Run> {
  const writer = openSync(place.plainPath, 'w')
  const reader = openSync(place.plainPath, 'r')
  const turns = new Turns()
  const block = Buffer.allocUnsafe(64 * 1024)
  let expected = 0
  const watcher = watch(place.plainPath, { persistent: true }, () => {
    for (let read = readSync(reader, block); read > 0; read = readSync(reader, block)) expected -= read
    if (expected === 0) turns.taken()
  })
  try {
    return await timed(async () => {
      for (const record of wanted) {
        signal.throwIfAborted()
        await turns.send(() => {
          expected = record.length
          writeFully(writer, record, 0, record.length)
        })
        onRecords(1)
      }
      return { records: wanted.length, bytes: bytesOf(wanted), latencies: turns.latencies }
    })
  } finally {
    watcher.close()
    closeSync(reader)
    closeSync(writer)
  }
}
