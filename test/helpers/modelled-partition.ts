import { appendFileSync, cpSync, existsSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { DataDirectory } from '../../src/log/data-directory.ts'
import { CorruptLogError } from '../../src/log/errors.ts'
import { logStartOffsetCheckpointFile, recoveryPointCheckpointFile } from '../../src/log/file/names.ts'
import { partitionKey, updateOffsetCheckpoint } from '../../src/log/file/offset-checkpoint.ts'
import { inspect } from '../../src/log/maintenance/inspect.ts'
import type { BatchReader } from '../../src/log/partition-log/batch-reader.ts'
import type { PartitionLog } from '../../src/log/partition-log/partition-log.ts'
import type { PartitionWriter } from '../../src/log/partition-log/partition-writer.ts'
import { BatchBuilder, stampBatch } from '../../src/log/record/batch-builder.ts'
import { BatchHeader } from '../../src/log/record/batch-header.ts'
import type { Codec } from '../../src/log/record/compression/index.ts'
import { RecordCursor } from '../../src/log/record/record-cursor.ts'
import type { SegmentFiles } from '../../src/log/segment/segment-files.ts'
import { freshIndexes, readIndexes } from './raw-segment.ts'

export interface ModelRecord {
  timestamp: number
  key: string | null
  value: string | null
}

export interface BatchShape {
  /** Lengths of the values; -1 for null. */
  lengths: number[]
  /** Timestamps in ms, one a record, -1 for none. */
  timestamps: number[]
  codec: Codec
  logAppendTime: boolean
}

export interface IndexDamage {
  /** Which segment, in thousandths of them. */
  segment: number
  file: 'index' | 'timeindex'
  how: 'lost' | 'short' | 'padded' | 'wrong' | 'garbage'
  /** How much of it, in thousandths. */
  amount: number
}

export interface Crash {
  /** How much of the bytes that nobody synced is lost, in thousandths. */
  lost: number
  tail: 'nothing' | 'zeros' | 'random' | 'hole'
  indexes: IndexDamage[]
  checkpoint: 'kept' | 'older' | 'lost' | 'unreadable'
}

const TOPIC = 't'

/**
 * A partition on disk beside a plain array of what must be in it. Every method does something to both, or compares them.
 * A crash is a copy of the directory in which is lost what may be lost; the writers go on with the copy.
 */
export class ModelledPartition {
  /** By offset. Those below `start` are gone. */
  readonly records: ModelRecord[] = []
  start = 0
  /** Everything below was acknowledged as synced. */
  durable = 0
  readonly #folder: string
  readonly #interval: number
  #directory: DataDirectory
  readonly #writers: (PartitionWriter | undefined)[] = []
  #copies = 0
  #values = 0
  /** Contents that the checkpoint of recovery points had, the oldest first; undefined: no file. */
  #checkpoints: (string | undefined)[] = [undefined]
  /** Base offsets of segments that no writer opens any more, and whose indexes a crash has damaged. */
  readonly #damaged = new Set<number>()
  #follower: { reader: BatchReader; position: number } | undefined
  /** What the last batch in the file would hold if it were whole. */
  #halfWritten: ModelRecord[] = []
  /** Valid batches stand behind bad bytes, and no writer has cut them yet. */
  #hasHole = false

  private constructor(folder: string, directory: DataDirectory, interval: number) {
    this.#folder = folder
    this.#directory = directory
    this.#interval = interval
  }

  static async create(folder: string, config: Record<string, number>): Promise<ModelledPartition> {
    const directory = DataDirectory.open(join(folder, 'data-0'), { create: true })
    await directory.createTopic(TOPIC, { config })
    return new ModelledPartition(folder, directory, config['index.interval.bytes'] ?? 4096)
  }

  get end(): number {
    return this.records.length
  }

  get log(): PartitionLog {
    return this.#directory.partition(TOPIC, 0)
  }

  async append(number: number, shapes: BatchShape[]): Promise<void> {
    const writer = await this.#writer(number)
    const added: ModelRecord[] = []
    const batches = shapes.map(shape => this.#build(shape, added))
    const { baseOffset, lastOffset } = await writer.append(Buffer.concat(batches))
    expect([baseOffset, lastOffset]).toEqual([this.end, this.end + added.length - 1])
    this.records.push(...added)
    this.#noteCheckpoint()
  }

  async sync(number: number): Promise<void> {
    const writer = await this.#writer(number)
    const durable = await writer.sync()
    expect(durable).toBeLessThanOrEqual(this.end)
    this.durable = Math.max(this.durable, durable)
    this.#noteCheckpoint()
  }

  async close(number: number): Promise<void> {
    await this.#writers[number]?.close()
    this.#writers[number] = undefined
    this.#noteCheckpoint()
  }

  /** Another process dies in its write: its batch is there whole, without index entries, or only a beginning of it. */
  dieInWrite(shape: BatchShape, written: number): void {
    const added: ModelRecord[] = []
    const batch = this.#build(shape, added)
    stampBatch(batch, 0, this.end, 0)
    const bytes = Math.ceil((batch.length * written) / 1000)
    // As every writer does, it has cut what an earlier one had left half done.
    const path = this.#newestLog()
    truncateSync(path, validPrefix(readFileSync(path)).end)
    this.#hasHole = false
    appendFileSync(path, batch.subarray(0, bytes))
    if (bytes === batch.length) this.records.push(...added)
    else this.#halfWritten = added
  }

  /** Retention: the first segments go, or the checkpoint says that the log starts inside one. */
  async dropBefore(wanted: number): Promise<void> {
    // As Kafka's high watermark: what may still be lost is not dropped.
    const offset = Math.max(this.start, Math.min(wanted, this.durable))
    const segments = this.log.segments()
    const first = segments.findLastIndex(segment => segment.baseOffset <= offset)
    for (const { logPath } of segments.slice(0, Math.max(first, 0))) {
      for (const ending of ['.log', '.index', '.timeindex']) rmSync(logPath.replace('.log', ending), { force: true })
    }
    this.start = offset
    const changes = new Map([[partitionKey(TOPIC, 0), this.start]])
    await updateOffsetCheckpoint(this.#directory.path, logStartOffsetCheckpointFile, changes, { durable: false })
  }

  /** The machine stops, and is up again. */
  async crash({ lost, tail, indexes, checkpoint }: Crash): Promise<void> {
    const path = join(this.#folder, `data-${++this.#copies}`)
    cpSync(this.#directory.path, path, { recursive: true })
    await this.dispose()
    this.#directory = DataDirectory.open(path)
    this.#restoreCheckpoint(checkpoint)
    this.#hasHole = this.#loseBytes(lost, tail)
    for (const damage of indexes) this.#damageIndex(damage)
    this.check()
  }

  /** True if valid batches are left behind bad bytes. */
  #loseBytes(lost: number, tail: Crash['tail']): boolean {
    const path = this.#newestLog()
    const bytes = readFileSync(path)
    const from = this.#firstUnsyncedByte(bytes)
    const cut = bytes.length - Math.floor(((bytes.length - from) * lost) / 1000)
    if (tail === 'hole') bytes.fill(0, from + Math.floor((cut - from) / 3), cut - Math.floor((cut - from) / 3))
    const kept = bytes.subarray(0, cut)
    const more = tail === 'zeros' ? Buffer.alloc(300) : tail === 'random' ? noise(200) : Buffer.alloc(0)
    writeFileSync(path, Buffer.concat([kept, more]))
    const { nextOffset, hasMore } = validPrefix(Buffer.concat([kept, more]))
    const end = nextOffset ?? Number.parseInt(path.slice(-24), 10)
    // A batch most often ends with a zero byte, which zeros behind half of it can make whole.
    if (end > this.end) this.records.push(...this.#halfWritten)
    this.records.length = end
    expect(this.end).toBeGreaterThanOrEqual(this.durable)
    return hasMore
  }

  #firstUnsyncedByte(bytes: Buffer): number {
    const header = new BatchHeader()
    for (let at = 0; at < bytes.length; at += header.sizeInBytes) {
      if (header.read(bytes, at, bytes.length) !== 'whole' || header.baseOffset >= this.durable) return at
    }
    return bytes.length
  }

  #damageIndex({ segment: place, file, how, amount }: IndexDamage): void {
    const segments = this.log.segments()
    const i = Math.floor((segments.length * place) / 1000)
    const segment = segments[i]!
    const path = segment.logPath.replace('.log', `.${file}`)
    if (!existsSync(path)) return
    if (i < segments.length - 1) this.#damaged.add(segment.baseOffset)
    const bytes = readFileSync(path)
    if (how === 'lost') rmSync(path)
    else if (how === 'short') truncateSync(path, Math.floor((bytes.length * amount) / 1000))
    else if (how === 'padded') truncateSync(path, bytes.length + 12 * amount)
    else if (how === 'wrong') writeFileSync(path, pointingElsewhere(bytes, file === 'index' ? 8 : 12, 1 + (amount % 7)))
    else writeFileSync(path, noise(bytes.length))
  }

  #restoreCheckpoint(how: Crash['checkpoint']): void {
    const path = join(this.#directory.path, recoveryPointCheckpointFile)
    const older = this.#checkpoints[Math.floor(this.#checkpoints.length / 2)]
    if (how === 'unreadable') writeFileSync(path, '0\n1\n')
    else if (how === 'lost' || (how === 'older' && older === undefined)) rmSync(path, { force: true })
    else if (how === 'older') writeFileSync(path, older!)
  }

  #noteCheckpoint(): void {
    const path = join(this.#directory.path, recoveryPointCheckpointFile)
    const content = existsSync(path) ? readFileSync(path, 'latin1') : undefined
    if (this.#checkpoints.at(-1) !== content) this.#checkpoints.push(content)
  }

  /** Compares offsets, a read of everything in both directions, and what a follower has got since the last time. */
  check(): void {
    const { log } = this
    if (!this.#hasHole) expect([log.logStartOffset(), log.logEndOffset()]).toEqual([this.start, this.end])
    this.read(this.start, this.end)
    this.readBackward(this.start, this.end)
    this.follow()
    // But for the newest one they are finished.
    this.#checkIndexes(log.segments().slice(0, -1))
  }

  read(from: number, until: number): void {
    const found = recordsOf(this.log.reader({ from, until }), from, until)
    expect(found.records).toEqual(this.records.slice(from, until))
    if (!this.#hasHole) expect(found.error).toBeUndefined()
  }

  readBackward(from: number, before: number): void {
    if (this.#hasHole) return
    const reader = this.log.backwardReader({ from, before })
    const cursor = new RecordCursor()
    let next = before
    for (let header = reader.next(); header !== undefined; header = reader.next()) {
      cursor.open(header)
      const found: ModelRecord[] = []
      while (cursor.next()) if (cursor.offset >= from && cursor.offset < before) found.push(recordOf(cursor))
      expect(found).toEqual(this.records.slice(Math.max(from, header.baseOffset), next))
      next = Math.max(from, header.baseOffset)
    }
    reader.close()
    expect(next).toBe(Math.min(from, before))
  }

  /** What there is since the last time, by one and the same reader. */
  follow(): void {
    if (this.#hasHole) return
    this.#follower ??= { reader: this.log.reader({ from: this.start }), position: this.start }
    const { reader } = this.#follower
    const cursor = new RecordCursor()
    for (let header = reader.next(); header !== undefined; header = reader.next()) {
      // Retention may have overtaken it, by as much as is gone.
      if (header.baseOffset > this.#follower.position) expect(header.baseOffset).toBeLessThanOrEqual(this.start)
      cursor.open(header)
      while (cursor.next()) expect(recordOf(cursor)).toEqual(this.records[cursor.offset])
      this.#follower.position = header.nextOffset
    }
    if (this.end > this.start) expect(this.#follower.position).toBe(this.end)
  }

  findTimes(timestamp: number): void {
    if (this.#hasHole) return
    const { log } = this
    const readable = this.records.slice(this.start)
    for (let time = timestamp; time <= 5100; time += 500) {
      const first = readable.findIndex(record => record.timestamp >= time)
      expect(log.offsetForTimestamp(time), `offset for time ${time}`).toEqual(this.#placeOf(first))
    }
    const largest = Math.max(-1, ...readable.map(record => record.timestamp))
    const last = largest < 0 ? -1 : readable.findIndex(record => record.timestamp === largest)
    expect(log.maxTimestamp(), 'largest timestamp').toEqual(this.#placeOf(last))
  }

  #placeOf(index: number): { offset: number; timestamp: number } | undefined {
    if (index < 0) return undefined
    return { offset: this.start + index, timestamp: this.records[this.start + index]!.timestamp }
  }

  /** After a clean end of all writers each index is the one that a rebuild makes. */
  async finish(): Promise<void> {
    // A last writer mends what the last crash did to the newest segment.
    await this.append(0, [{ lengths: [1], timestamps: [5000], codec: 'none', logAppendTime: false }])
    for (const i of this.#writers.keys()) await this.close(i)
    this.check()
    this.#checkIndexes(this.log.segments())
    await this.#inspect()
  }

  #checkIndexes(segments: readonly SegmentFiles[]): void {
    for (const { logPath, baseOffset } of segments) {
      if (this.#damaged.has(baseOffset)) continue
      expect(readIndexes(logPath), logPath).toEqual(freshIndexes(logPath, baseOffset, this.#interval))
    }
  }

  async #inspect(): Promise<void> {
    for await (const report of inspect(join(this.#directory.path, `${TOPIC}-0`))) {
      if (report.kind !== 'log' || this.#damaged.has(report.baseOffset)) continue
      expect([report.verdict, report.findings]).toEqual(['clean', []])
    }
  }

  async dispose(): Promise<void> {
    this.#follower?.reader.close()
    this.#follower = undefined
    for (const writer of this.#writers) await writer?.close().catch(() => {})
    this.#writers.length = 0
    this.#directory.close()
    rmSync(this.#directory.path, { recursive: true })
  }

  async #writer(number: number): Promise<PartitionWriter> {
    const existing = this.#writers[number]
    if (existing !== undefined) return existing
    const writer = await this.#directory.partitionWriter(TOPIC, 0)
    this.#writers[number] = writer
    // Recovery ends with a sync of what it has found.
    this.#hasHole = false
    expect(writer.nextOffset).toBe(this.end)
    this.durable = this.end
    return writer
  }

  #build({ lengths, timestamps, codec, logAppendTime }: BatchShape, added: ModelRecord[]): Buffer {
    const builder = new BatchBuilder({ maxBytes: 1 << 20, codec, logAppendTime })
    const largest = Math.max(...timestamps)
    for (const [i, length] of lengths.entries()) {
      const text = `${this.#values++} `
      const value = length < 0 ? null : Buffer.from(text.padEnd(length, '0123456789'))
      const key = i % 3 === 0 ? null : Buffer.from(text)
      const timestamp = timestamps[i]!
      builder.append(timestamp, key, 0, key?.length ?? 0, value, 0, value?.length ?? 0)
      added.push({
        timestamp: logAppendTime ? largest : timestamp,
        key: key && `${key}`,
        value: value && `${value}`,
      })
    }
    return Buffer.from(builder.build())
  }

  #newestLog(): string {
    return this.log.segments().at(-1)!.logPath
  }
}

function recordOf(cursor: RecordCursor): ModelRecord {
  return {
    timestamp: cursor.timestamp,
    key: cursor.key()?.toString() ?? null,
    value: cursor.value()?.toString() ?? null,
  }
}

function recordsOf(
  reader: BatchReader,
  from: number,
  until: number,
): { records: ModelRecord[]; error?: CorruptLogError } {
  const cursor = new RecordCursor()
  const records: ModelRecord[] = []
  try {
    for (let header = reader.next(); header !== undefined; header = reader.next()) {
      cursor.open(header)
      while (cursor.next()) if (cursor.offset >= from && cursor.offset < until) records.push(recordOf(cursor))
    }
    return { records }
  } catch (error) {
    if (error instanceof CorruptLogError) return { records, error }
    throw error
  } finally {
    reader.close()
  }
}

/** Where valid batches end in the bytes of a segment, by nothing but the record format; is there one behind that end? */
function validPrefix(bytes: Buffer): { nextOffset: number | undefined; end: number; hasMore: boolean } {
  const header = new BatchHeader()
  let nextOffset: number | undefined
  let at = 0
  while (at < bytes.length && header.read(bytes, at, bytes.length) === 'whole' && header.crcMatches()) {
    nextOffset = header.nextOffset
    at += header.sizeInBytes
  }
  for (let behind = at + 1; behind < bytes.length; behind++) {
    if (header.read(bytes, behind, bytes.length) === 'whole' && header.magic === 2 && header.crcMatches()) {
      return { nextOffset, end: at, hasMore: true }
    }
  }
  return { nextOffset, end: at, hasMore: false }
}

/** The entries with another position, or offset, in each. */
function pointingElsewhere(bytes: Buffer, entrySize: number, by: number): Buffer {
  const copy = Buffer.from(bytes)
  for (let end = entrySize; end <= copy.length; end += entrySize) copy[end - 1] = (copy[end - 1]! + by) & 0xff
  return copy
}

/** Bytes that look like nothing, the same ones each time. */
function noise(length: number): Buffer {
  return Buffer.from(Array.from({ length }, (_, i) => (Math.imul(i + 1, 2_654_435_761) >>> 13) & 0xff))
}
