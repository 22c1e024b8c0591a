import {
  type DataDirectory,
  formatOffsetCheckpoint,
  GroupCheckpoint,
  type PartitionOffsets,
  partitionKey,
  readOffsetCheckpoint,
  replaceFile,
} from '../../log/index.ts'

/** Where the offsets are that a later run goes on from: of each partition the next one to deliver. */
export interface OffsetStore {
  committed(topic: string, partition: number): number | undefined
  commit(offsets: PartitionOffsets): Promise<void>
  close(): void
}

/** A consumer group of the data directory. Throws LockedError if another process reads for it. */
export function openGroup(directory: DataDirectory, name: string): OffsetStore {
  const group = GroupCheckpoint.open(directory.path, name)
  group.join()
  return group
}

/**
 * A file of the user's own in the shape of Kafka's checkpoints: `0`, the number of lines, then `topic partition offset` a
 * line. It is made at the first commit and replaced by rename, so a crash leaves the old or the new one.
 */
export class CursorFile implements OffsetStore {
  readonly #path: string
  readonly #offsets: PartitionOffsets

  constructor(path: string) {
    this.#path = path
    this.#offsets = readOffsetCheckpoint(path)
  }

  committed(topic: string, partition: number): number | undefined {
    return this.#offsets.get(partitionKey(topic, partition))
  }

  async commit(offsets: PartitionOffsets): Promise<void> {
    for (const [key, offset] of offsets) this.#offsets.set(key, offset)
    replaceFile(this.#path, formatOffsetCheckpoint(this.#offsets), { durable: true })
  }

  close(): void {}
}
