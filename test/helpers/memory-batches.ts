import type { BackwardBatches } from '../../src/log/backward-records.ts'
import { CorruptLogError } from '../../src/log/errors.ts'
import { BatchBuilder, type BatchFields } from '../../src/log/record/batch-builder.ts'
import { BatchHeader } from '../../src/log/record/batch-header.ts'
import type { ForwardBatches, SkippedDamage } from '../../src/log/record-stream.ts'

/** What a MemoryBatches holds in place of a batch: a place that cannot be read. */
export const damagedPlace = Buffer.alloc(0)

/** Values (or [timestamp, value]) as one batch. */
export function makeBatch(baseOffset: number, values: (string | [number, string])[], fields: BatchFields = {}): Buffer {
  const builder = new BatchBuilder({ maxBytes: 1 << 20 })
  for (const [i, item] of values.entries()) {
    const [timestamp, text] = typeof item === 'string' ? [1000 + baseOffset + i, item] : item
    const value = Buffer.from(text)
    builder.append(timestamp, null, 0, 0, value, 0, value.length)
  }
  return Buffer.from(builder.build({ baseOffset, ...fields }))
}

/** The marker that ends a transaction. */
export function makeMarker(offset: number, producerId: bigint, type: 'ABORT' | 'COMMIT'): Buffer {
  const builder = new BatchBuilder({ maxBytes: 1 << 20 })
  const key = Buffer.from([0, 0, 0, type === 'COMMIT' ? 1 : 0])
  const value = Buffer.alloc(6)
  builder.append(1000, key, 0, 4, value, 0, 6)
  return Buffer.from(
    builder.build({ baseOffset: offset, producerId, producerEpoch: 0, isTransactional: true, isControl: true }),
  )
}

/** A log of batches in memory, which may grow while it is read; a reader of it is made by `forward` and `backward`. */
export class MemoryLog {
  readonly batches: Buffer[] = []

  constructor(...batches: Buffer[]) {
    this.batches.push(...batches)
  }

  forward(): ForwardBatches {
    return new MemoryBatches(this.batches)
  }

  backward(): BackwardBatches {
    const header = new BatchHeader()
    let left = this.batches.length
    const { batches } = this
    return {
      path: 'memory',
      filePosition: 0,
      next: () => (left === 0 ? undefined : readBatch(header, batches[--left]!)),
      close: () => {},
    }
  }
}

function readBatch(header: BatchHeader, batch: Buffer): BatchHeader {
  if (batch === damagedPlace) throw new CorruptLogError('damaged place', { path: 'memory' })
  if (header.read(batch, 0, batch.length) !== 'whole') throw new Error('not a batch')
  return header
}

class MemoryBatches implements ForwardBatches {
  readonly path = 'memory'
  readonly isAtEnd = false
  filePosition = 0
  position = 0
  readonly #batches: Buffer[]
  readonly #header = new BatchHeader()
  #index = 0

  constructor(batches: Buffer[]) {
    this.#batches = batches
  }

  next(): BatchHeader | undefined {
    const batch = this.#batches[this.#index]
    if (batch === undefined) return undefined
    const header = readBatch(this.#header, batch)
    this.#index++
    this.position = header.nextOffset
    return header
  }

  skipDamage(): SkippedDamage {
    this.#index++
    return {
      path: 'memory',
      position: 0,
      bytes: 0,
      firstOffset: this.position,
      lastOffset: this.position,
      reason: 'damaged',
    }
  }

  close(): void {}
}
