import type { RecordView } from '../../log/index.ts'
import type { ValueMatcher } from '../output/grep.ts'

export interface FilterFlags {
  since?: number | undefined
  until?: number | undefined
  key?: Buffer | undefined
  grep?: ValueMatcher | undefined
}

/** -S, -U, --key and -g: each looks at one record by itself. */
export class RecordFilter {
  readonly since: number | undefined
  readonly #until: number | undefined
  readonly #key: Buffer | undefined
  readonly #grep: ValueMatcher | undefined

  constructor({ since, until, key, grep }: FilterFlags) {
    this.since = since
    this.#until = until
    this.#key = key
    this.#grep = grep
  }

  /** Nothing is asked for, so every record is accepted. */
  get isOpen(): boolean {
    return this.since === undefined && this.#until === undefined && this.#key === undefined && this.#grep === undefined
  }

  /** Bound, so that it can be handed on. */
  readonly accepts = (record: RecordView): boolean => {
    if (this.since !== undefined && record.timestamp < this.since) return false
    if (this.#until !== undefined && record.timestamp >= this.#until) return false
    if (this.#key !== undefined && !hasKey(record, this.#key)) return false
    return this.#grep === undefined || this.#grep.matches(record)
  }
}

function hasKey({ bytes, keyStart, keyEnd }: RecordView, key: Buffer): boolean {
  if (keyStart < 0 || keyEnd - keyStart !== key.length) return false
  return bytes.compare(key, 0, key.length, keyStart, keyEnd) === 0
}
