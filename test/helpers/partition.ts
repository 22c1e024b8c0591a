import { cpSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DataDirectory } from '../../src/log/data-directory.ts'
import { CorruptLogError } from '../../src/log/errors.ts'
import type { PartitionLog } from '../../src/log/partition-log/partition-log.ts'
import type { PartitionWriter } from '../../src/log/partition-log/partition-writer.ts'
import { BatchBuilder } from '../../src/log/record/batch-builder.ts'
import { RecordCursor } from '../../src/log/record/record-cursor.ts'
import { temporaryFolder } from './temporary-folder.ts'

export interface ReadRecord {
  offset: number
  value: string | null
  timestamp: number
}

/** One topic `t` with one partition in a temporary data directory, written batch by batch. */
export class TestPartition {
  readonly path: string
  readonly notes: string[] = []
  #directory: DataDirectory

  constructor(path: string) {
    this.path = path
    this.#directory = DataDirectory.open(path, { create: true, onNote: note => this.notes.push(note) })
  }

  static async create(
    config: Record<string, string | number> = {},
    folder = temporaryFolder(),
  ): Promise<TestPartition> {
    const partition = new TestPartition(join(folder, 'data'))
    const entries = Object.entries(config).map(([key, value]): [string, string] => [key, String(value)])
    await partition.#directory.createTopic('t', { config: new Map(entries) })
    return partition
  }

  get folder(): string {
    return join(this.path, 't-0')
  }

  get directory(): DataDirectory {
    return this.#directory
  }

  get log(): PartitionLog {
    return this.#directory.partition('t', 0)
  }

  /** A copy that may be damaged. */
  copy(): TestPartition {
    const path = join(temporaryFolder(), 'data')
    cpSync(this.path, path, { recursive: true })
    return new TestPartition(path)
  }

  writer(): Promise<PartitionWriter> {
    return this.#directory.partitionWriter('t', 0)
  }

  /** Writes each group of values as one batch, with a new writer that ends cleanly and synced. */
  async append(batches: readonly (readonly string[])[], timestamp = 1_700_000_000_000): Promise<void> {
    const writer = await this.writer()
    for (const [i, values] of batches.entries()) await writer.append(batchOf(values, timestamp + i))
    await writer.sync()
    await writer.close()
  }

  /** Everything that a reader gets up to the end or to damage. */
  read(from = this.log.logStartOffset()): { records: ReadRecord[]; error?: CorruptLogError } {
    return readRecords(this.log, from)
  }

  file(name: string): string {
    return join(this.folder, name)
  }

  bytes(name: string): Buffer {
    return readFileSync(this.file(name))
  }

  /** Names of the `.log` files. */
  logs(): string[] {
    return readdirSync(this.folder)
      .filter(name => name.endsWith('.log'))
      .sort()
  }

  close(): void {
    this.#directory.close()
  }
}

/** A batch of records without keys, each with the same timestamp. */
export function batchOf(values: readonly (string | Buffer)[], timestamp = 1_700_000_000_000): Buffer {
  const builder = new BatchBuilder({ maxBytes: 1 << 24, targetBytes: 1 << 24, codec: 'none', logAppendTime: false })
  for (const value of values) {
    const bytes = Buffer.from(value as string)
    builder.append(timestamp, null, 0, 0, bytes, 0, bytes.length)
  }
  return Buffer.from(builder.build())
}

export function readRecords(log: PartitionLog, from: number): { records: ReadRecord[]; error?: CorruptLogError } {
  const reader = log.reader({ from, until: log.logEndOffset() })
  const cursor = new RecordCursor()
  const records: ReadRecord[] = []
  try {
    for (let header = reader.next(); header !== undefined; header = reader.next()) {
      cursor.open(header)
      while (cursor.next()) {
        if (cursor.offset < from) continue
        records.push({ offset: cursor.offset, value: cursor.value()?.toString() ?? null, timestamp: cursor.timestamp })
      }
    }
    return { records }
  } catch (error) {
    if (!(error instanceof CorruptLogError)) throw error
    return { records, error }
  } finally {
    reader.close()
  }
}
