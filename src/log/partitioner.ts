import { partitionForKey } from './record/murmur2.ts'

export const partitionerNames = ['murmur2', 'round-robin', 'sticky'] as const
export type PartitionerName = (typeof partitionerNames)[number]

/**
 * Which partition a record goes to.
 *
 * - `murmur2`: a key's hash modulo the partition count, as Kafka's Java client does; a null key (not an empty one) is sticky.
 * - `sticky`: whatever the key, one partition until its batch is written, then another one at random (KIP-794), so that
 *   batches are large however many partitions there are.
 * - `round-robin`: one record after the other, whatever the key.
 *
 * A fixed partition overrides all three. The others count on partitions 0 to n-1 being there.
 */
export class Partitioner {
  readonly #name: PartitionerName
  readonly #count: number
  readonly #fixed: number | undefined
  #next: number

  constructor(name: PartitionerName, partitionCount: number, fixed?: number) {
    this.#name = name
    this.#count = partitionCount
    this.#fixed = fixed
    this.#next = name === 'round-robin' ? 0 : Math.floor(Math.random() * partitionCount)
  }

  /** True if records without a key stay in one partition until its batch is written. */
  get staysForNullKeys(): boolean {
    return this.#fixed !== undefined || this.#count === 1 || this.#name !== 'round-robin'
  }

  /** The partition of the next record. Asking again without `taken()` gives the same answer. */
  choose(key: Buffer | null, keyStart: number, keyEnd: number): number {
    if (this.#fixed !== undefined) return this.#fixed
    if (key !== null && this.#name === 'murmur2') return partitionForKey(key, keyStart, keyEnd, this.#count)
    return this.#next
  }

  /** A record was put where `choose()` said. */
  taken(): void {
    if (this.#name === 'round-robin') this.#next = (this.#next + 1) % this.#count
  }

  /** A batch of `partition` was written: the sticky choice moves on to any of the others. */
  written(partition: number): void {
    if (this.#name === 'round-robin' || partition !== this.#next || this.#count === 1) return
    this.#next = (partition + 1 + Math.floor(Math.random() * (this.#count - 1))) % this.#count
  }
}
