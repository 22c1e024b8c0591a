import type { BatchWriter } from '../../src/log/partition-appender.ts'
import { BatchHeader } from '../../src/log/record/batch-header.ts'
import { RecordCursor } from '../../src/log/record/record-cursor.ts'

export interface WrittenRecord {
  key: string | null
  value: string | null
  timestamp: number
  headers: [string, string | null][]
}

/**
 * A partition in memory that a TopicAppender can write to. It decodes what it gets when it gets it, as the bytes are only lent;
 * `delay` is awaited in every append and sync, and `failWith` makes the next one fail.
 */
export class MemoryPartition implements BatchWriter {
  readonly batches: { records: WrittenRecord[]; bytes: number; codecId: number; isLogAppendTime: boolean }[] = []
  nextOffset: number
  durableOffset: number
  syncs = 0
  isClosed = false
  delay: () => Promise<void> = async () => {}
  failWith: { onAppend?: Error; onSync?: Error } = {}
  #isBusy = false

  constructor(nextOffset = 0) {
    this.nextOffset = nextOffset
    this.durableOffset = nextOffset
  }

  get records(): WrittenRecord[] {
    return this.batches.flatMap(batch => batch.records)
  }

  get values(): (string | null)[] {
    return this.records.map(record => record.value)
  }

  async append(batch: Buffer): Promise<{ baseOffset: number; lastOffset: number }> {
    if (this.#isBusy) throw new Error('two appends at once')
    this.#isBusy = true
    const before = Buffer.from(batch)
    await this.delay()
    if (this.failWith.onAppend !== undefined) throw this.failWith.onAppend
    if (!batch.equals(before)) throw new Error('the batch changed while it was written')
    this.#isBusy = false
    const header = new BatchHeader()
    if (header.read(batch, 0, batch.length) !== 'whole' || !header.crcMatches()) throw new Error('no valid batch')
    if (header.sizeInBytes !== batch.length) throw new Error('more than one batch')
    const records = decode(header)
    this.batches.push({
      records,
      bytes: batch.length,
      codecId: header.codecId,
      isLogAppendTime: header.isLogAppendTime,
    })
    const baseOffset = this.nextOffset
    this.nextOffset += records.length
    return { baseOffset, lastOffset: this.nextOffset - 1 }
  }

  async sync(): Promise<number> {
    const covered = this.nextOffset
    await this.delay()
    if (this.failWith.onSync !== undefined) throw this.failWith.onSync
    this.syncs++
    this.durableOffset = covered
    return covered
  }

  async close(): Promise<void> {
    this.isClosed = true
  }
}

function decode(header: BatchHeader): WrittenRecord[] {
  const cursor = new RecordCursor()
  const text = (bytes: Buffer | null) => bytes?.toString('latin1') ?? null
  const records: WrittenRecord[] = []
  cursor.open(header)
  while (cursor.next()) {
    const headers = cursor.headers().map(([name, value]): [string, string | null] => [text(name)!, text(value)])
    records.push({ key: text(cursor.key()), value: text(cursor.value()), timestamp: cursor.timestamp, headers })
  }
  return records
}
