/**
 * Every error that the engine raises on purpose. One class a condition; `code` comes from the class and is part of the
 * public API, as the names of the fields are. What a process exits with is decided by `src/cli/exit-codes.ts` alone.
 *
 * A message says what is wrong, with what was expected and what was found. Where it is wrong stands in the fields
 * `path` (a file or folder), `position` (byte in that file), `firstOffset` and `lastOffset` (the offsets it concerns), and
 * `hint` (what to do next); `describe()` puts them together in one line.
 */
export const errorCodes = [
  'LOGLADY_CORRUPT_RECORD',
  'LOGLADY_CORRUPT_LOG',
  'LOGLADY_CORRUPT_FILE',
  'LOGLADY_TOO_LARGE_WHEN_DECOMPRESSED',
  'LOGLADY_NUMBER_TOO_LARGE',
  'LOGLADY_RECORD_TOO_LARGE',
  'LOGLADY_INVALID_RECORD',
  'LOGLADY_INVALID_ARGUMENT',
  'LOGLADY_OFFSET_OUT_OF_RANGE',
  'LOGLADY_NOT_FOUND',
  'LOGLADY_ALREADY_EXISTS',
  'LOGLADY_LOCKED',
  'LOGLADY_STORAGE',
  'LOGLADY_SYNC_FAILED',
  'LOGLADY_RECORDS_REMOVED',
  'LOGLADY_LOG_REPLACED',
] as const
export type ErrorCode = (typeof errorCodes)[number]

export interface ErrorDetails {
  path?: string
  /** Byte in the file at `path`, or in the buffer that was given. */
  position?: number
  firstOffset?: number
  lastOffset?: number
  hint?: string
  cause?: unknown
}

export abstract class LogladyError extends Error {
  static readonly code: ErrorCode
  declare readonly path?: string
  declare readonly position?: number
  declare readonly firstOffset?: number
  declare readonly lastOffset?: number
  declare readonly hint?: string

  constructor(message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = new.target.name
    if (details.path !== undefined) this.path = details.path
    if (details.position !== undefined) this.position = details.position
    if (details.firstOffset !== undefined) this.firstOffset = details.firstOffset
    if (details.lastOffset !== undefined) this.lastOffset = details.lastOffset
    if (details.hint !== undefined) this.hint = details.hint
  }

  get code(): ErrorCode {
    return (this.constructor as typeof LogladyError).code
  }

  /** `path: message at byte N (offsets A-B)`, the shape that every command prints. */
  describe(): string {
    const where = this.path === undefined ? '' : `${this.path}: `
    const at = this.position === undefined ? '' : ` at byte ${this.position}`
    let offsets = ''
    if (this.firstOffset !== undefined) {
      const last = this.lastOffset ?? this.firstOffset
      offsets = last > this.firstOffset ? ` (offsets ${this.firstOffset}-${last})` : ` (offset ${this.firstOffset})`
    }
    return `${where}${this.message}${at}${offsets}`
  }
}

/** Bytes that are no valid record, batch or compressed payload; `position` counts from the start of the given buffer. */
export class CorruptRecordError extends LogladyError {
  static override readonly code = 'LOGLADY_CORRUPT_RECORD'
}

/** Damage in a `.log` file: bytes below the recovery point, or with valid batches behind them, that do not check out. */
export class CorruptLogError extends LogladyError {
  static override readonly code = 'LOGLADY_CORRUPT_LOG'
}

/** Damage in any other file: checkpoint, index, partition.metadata, loglady-topics.json. */
export class CorruptFileError extends LogladyError {
  static override readonly code = 'LOGLADY_CORRUPT_FILE'
}

/** A compressed payload that grows beyond the limit (bytes) that the reader was given. */
export class TooLargeWhenDecompressedError extends LogladyError {
  static override readonly code = 'LOGLADY_TOO_LARGE_WHEN_DECOMPRESSED'
}

/** An offset or timestamp of 2^53 or more, which a JavaScript number cannot hold exactly. */
export class NumberTooLargeError extends LogladyError {
  static override readonly code = 'LOGLADY_NUMBER_TOO_LARGE'
}

/** A record that does not fit into a batch of max.message.bytes. */
export class RecordTooLargeError extends LogladyError {
  static override readonly code = 'LOGLADY_RECORD_TOO_LARGE'
}

/** Input that cannot become a record; `position` is its first byte in the input. */
export class InvalidRecordError extends LogladyError {
  static override readonly code = 'LOGLADY_INVALID_RECORD'
}

/** A topic name, configuration value, partition number or other argument that is not acceptable. */
export class InvalidArgumentError extends LogladyError {
  static override readonly code = 'LOGLADY_INVALID_ARGUMENT'
}

/** An offset below the log start or above the log end; `nearest` is the closest one that can be read. */
export class OffsetOutOfRangeError extends LogladyError {
  static override readonly code = 'LOGLADY_OFFSET_OUT_OF_RANGE'
  readonly nearest: number

  constructor(message: string, nearest: number, details: ErrorDetails = {}) {
    super(message, details)
    this.nearest = nearest
  }
}

/** A data directory, topic, partition, group or file that is not there. */
export class NotFoundError extends LogladyError {
  static override readonly code = 'LOGLADY_NOT_FOUND'
}

export class AlreadyExistsError extends LogladyError {
  static override readonly code = 'LOGLADY_ALREADY_EXISTS'
}

/** A lock that another process holds for its life (a broker, a repair), so that waiting makes no sense. */
export class LockedError extends LogladyError {
  static override readonly code = 'LOGLADY_LOCKED'
}

/** A failed read, write, rename, open …; `firstOffset` and `lastOffset` name what is safe where that is known. */
export class StorageError extends LogladyError {
  static override readonly code = 'LOGLADY_STORAGE'
}

/** A failed fsync or fdatasync. Nothing that it covered may be trusted, and nobody may try it again. */
export class SyncFailedError extends LogladyError {
  static override readonly code = 'LOGLADY_SYNC_FAILED'
}

/** Retention took records before this reader came to them; it went on behind them and raises this at its end. */
export class RecordsRemovedError extends LogladyError {
  static override readonly code = 'LOGLADY_RECORDS_REMOVED'
}

/** The log was cut below the place that a follower had reached, or the topic was deleted and made anew. */
export class LogReplacedError extends LogladyError {
  static override readonly code = 'LOGLADY_LOG_REPLACED'
}
