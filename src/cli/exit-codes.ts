import { type ErrorCode, LogladyError } from '../log/index.ts'

/** What a process says when it ends. 128 + n after signal n; see `Interruption`. */
export const exitCodes = {
  /** All was done, also when the reader of stdout went away early. */
  done: 0,
  /** An honest no: damage found by a check, nothing matched. */
  no: 1,
  /** Wrong use, a missing topic, a bad input record, a failed read or write. */
  usage: 2,
  /** Damage met while reading, or append to a damaged partition. */
  damage: 3,
  /** Another process holds the lock for its life. */
  locked: 4,
  /** Kept for expected offsets that do not hold. */
  condition: 5,
} as const
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]

// Typed by the closed set of codes, so that a new error does not compile until somebody has decided what it exits with.
const exitCodeOf: Record<ErrorCode, ExitCode> = {
  LOGLADY_CORRUPT_RECORD: exitCodes.damage,
  LOGLADY_CORRUPT_LOG: exitCodes.damage,
  LOGLADY_CORRUPT_FILE: exitCodes.damage,
  LOGLADY_TOO_LARGE_WHEN_DECOMPRESSED: exitCodes.damage,
  LOGLADY_NUMBER_TOO_LARGE: exitCodes.damage,
  LOGLADY_RECORD_TOO_LARGE: exitCodes.usage,
  LOGLADY_INVALID_RECORD: exitCodes.usage,
  LOGLADY_INVALID_ARGUMENT: exitCodes.usage,
  LOGLADY_OFFSET_OUT_OF_RANGE: exitCodes.usage,
  LOGLADY_NOT_FOUND: exitCodes.usage,
  LOGLADY_ALREADY_EXISTS: exitCodes.usage,
  LOGLADY_LOCKED: exitCodes.locked,
  LOGLADY_STORAGE: exitCodes.usage,
  LOGLADY_SYNC_FAILED: exitCodes.usage,
  LOGLADY_RECORDS_REMOVED: exitCodes.damage,
  LOGLADY_LOG_REPLACED: exitCodes.damage,
}

/** The exit code for anything that was thrown; what is not ours is a failed system call or a bug, and both are 2. */
export function exitCodeFor(error: unknown): ExitCode {
  if (isClosedPipe(error)) return exitCodes.done
  return error instanceof LogladyError ? exitCodeOf[error.code] : exitCodes.usage
}

/** The reader of our stdout has gone: no fault of anybody, as with `… | head -1`. */
export function isClosedPipe(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException | undefined)?.code
  return code === 'EPIPE' || code === 'ERR_STREAM_DESTROYED'
}
