import { InvalidRecordError } from '../../log/index.ts'
import type { RecordTarget } from './framing.ts'

export interface RecordRulesOptions {
  /** The key of every record. */
  key?: Buffer
  /** A record is split at the first of these: key before it, value behind it. */
  keyDelimiter?: Buffer
  /** A record without the key delimiter gets a null key; otherwise it is refused. */
  isKeyOptional?: boolean
  /** An empty value becomes null, a tombstone. */
  emptyIsTombstone?: boolean
}

/** Makes key and value of a record's bytes, for the framings whose records are bare bytes (`-k`, `-K`, `-Z`). */
export class RecordRules {
  /** A record's bytes are its value, and a framing may take many records in one call. */
  readonly isBare: boolean
  readonly emptyIsTombstone: boolean
  readonly #key: Buffer | null
  readonly #keyLength: number
  readonly #keyDelimiter: Buffer | undefined
  readonly #isKeyOptional: boolean

  constructor(options: RecordRulesOptions = {}) {
    this.#key = options.key ?? null
    this.#keyLength = options.key?.length ?? 0
    this.#keyDelimiter = options.keyDelimiter
    this.#isKeyOptional = options.isKeyOptional ?? false
    this.emptyIsTombstone = options.emptyIsTombstone ?? false
    this.isBare = this.#key === null && this.#keyDelimiter === undefined
  }

  /** Gives bytes[start, end) to the target as one record; false as the target's `append`. */
  append(target: RecordTarget, bytes: Buffer, start: number, end: number): boolean {
    if (this.#keyDelimiter === undefined) return this.#append(target, this.#key, 0, this.#keyLength, bytes, start, end)
    const keyEnd = indexWithin(bytes, start, end, this.#keyDelimiter)
    if (keyEnd >= 0) {
      return this.#append(target, bytes, start, keyEnd, bytes, keyEnd + this.#keyDelimiter.length, end)
    }
    if (this.#isKeyOptional) return this.#append(target, null, -1, -1, bytes, start, end)
    throw new InvalidRecordError(`no key delimiter ${JSON.stringify(this.#keyDelimiter.toString())} in the record`, {
      hint: '--key-optional gives such records a null key',
    })
  }

  #append(
    target: RecordTarget,
    key: Buffer | null,
    keyStart: number,
    keyEnd: number,
    value: Buffer,
    valueStart: number,
    valueEnd: number,
  ): boolean {
    if (this.emptyIsTombstone && valueStart === valueEnd) return target.append(key, keyStart, keyEnd, null, -1, -1)
    return target.append(key, keyStart, keyEnd, value, valueStart, valueEnd)
  }
}

/**
 * Where the wanted bytes begin in bytes[start, end), or -1. A plain loop: keys are short, and Buffer.indexOf knows no end,
 * so that a record without the delimiter would cost a search of the whole buffer.
 */
function indexWithin(bytes: Buffer, start: number, end: number, wanted: Buffer): number {
  const first = wanted[0]
  const last = end - wanted.length
  for (let at = start; at <= last; at++) {
    if (bytes[at] !== first) continue
    let matched = 1
    while (matched < wanted.length && bytes[at + matched] === wanted[matched]) matched++
    if (matched === wanted.length) return at
  }
  return -1
}
